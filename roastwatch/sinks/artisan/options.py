"""Where Artisan connects to, and what it may do."""

import ipaddress
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from roastwatch.option_types import Host
from roastwatch.options import Options

_SHORTEST_TOKEN = 16


class ArtisanOptions(Options):
    """A server for Artisan's WebSocket device."""

    host: Host = Field("127.0.0.1", description="Address to serve on; 0.0.0.0: every network.")
    port: int = Field(8098, description="TCP port to serve on.", ge=1, le=65535)
    token: SecretStr | None = Field(
        None,
        description="What Artisan's path must end with, as `?token=…`; required beyond this "
        "machine. At least 16 letters, digits, - or _.",
    )
    mark_first_crack: Literal["possible", "first_crack", "certain"] = Field(
        "first_crack",
        description="Level from which first crack is marked in Artisan, which can't date a mark "
        "back: possible marks it earlier, but also marks what turns out to be none.",
    )
    control: bool = Field(
        True,
        description="Whether Artisan's buttons and sliders may drive the roaster and the roast; "
        "false: it only reads and gets marks.",
    )

    @model_validator(mode="after")
    def _guarded_beyond_this_machine(self) -> Self:
        if self.token is None:
            if not _is_loopback(self.host):
                raise ValueError(
                    f"set a token (token_file) to serve on {self.host}, or host 127.0.0.1"
                )
            return self
        token = self.token.get_secret_value()
        plain = token.isascii() and token.replace("-", "").replace("_", "").isalnum()
        if len(token) < _SHORTEST_TOKEN or not plain:
            raise ValueError(
                f"token: use at least {_SHORTEST_TOKEN} letters, digits, - or _, because it is "
                "part of an address"
            )
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
