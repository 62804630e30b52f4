"""How to reach Home Assistant without a broker: an address and a token."""

import os

from pydantic import Field, SecretStr

from roastwatch.errors import SettingsError
from roastwatch.options import Options

SUPERVISOR = "http://supervisor/core"


class HomeAssistantOptions(Options):
    """Where Home Assistant is, and the token that opens it."""

    url: str = Field(
        "http://homeassistant.local:8123",
        description="Address of Home Assistant; inside an app (add-on) it is set automatically.",
        pattern=r"^https?://[^/\s]+",
    )
    token: SecretStr | None = Field(
        None,
        description="Long-lived access token (or token_file); inside an app none is needed.",
    )
    verify_tls: bool = Field(True, description="Whether its certificate must be valid.")

    def door(self) -> tuple[str, str]:
        """Address of the API and token.

        Raises:
            SettingsError: no token is given and none comes from the Supervisor.
        """
        supervisor = os.environ.get("SUPERVISOR_TOKEN")
        if self.token is not None:
            return self.url.rstrip("/") + "/api", self.token.get_secret_value()
        if supervisor:
            return f"{SUPERVISOR}/api", supervisor
        raise SettingsError(
            f"Home Assistant at {self.url} needs a token: create a long-lived access token on your "
            "profile page there, and set token_file to its file."
        )
