"""How to reach an MQTT broker; combinations that would be unsafe are refused."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from roastwatch.option_types import Host
from roastwatch.options import Options
from roastwatch.sinks.mqtt.topics import DISCOVERY_PREFIX

Protocol = Annotated[Literal["auto", "5", "3.1.1"], BeforeValidator(str)]


class MqttOptions(Options):
    """How to reach the broker."""

    host: Host = Field("localhost", description="Name or address of the MQTT broker.")
    port: int = Field(1883, description="Its port; 8883 is usual with TLS.", ge=1, le=65535)
    protocol: Protocol = Field(
        "auto", description="MQTT version: 5, 3.1.1, or auto: 3.1.1 if the broker refuses 5."
    )
    username: str | None = Field(None, description="User name at the broker.")
    password: SecretStr | None = Field(
        None, description="Password at the broker; better `password_file: PATH`."
    )
    tls: bool = Field(False, description="Whether the connection is encrypted.")
    tls_strict: bool = Field(
        True,
        description="false: also accept certificates with missing or wrong extensions (RFC 5280), "
        "which Python 3.13 and newer refuse; they are verified all the same.",
    )
    ca_file: Path | None = Field(
        None, description="Certificate authority of the broker (PEM); none: the system's."
    )
    client_cert_file: Path | None = Field(None, description="Certificate of this client (PEM).")
    client_key_file: Path | None = Field(None, description="Its private key (PEM).")
    discovery_prefix: str = Field(
        DISCOVERY_PREFIX, description="Where Home Assistant looks for devices."
    )
    keepalive_s: int = Field(15, description="Keep-alive interval in seconds.", ge=5, le=600)
    birth_settle_s: float = Field(
        3.0,
        description="Seconds from the start of Home Assistant, or from the announcement of a new "
        "station, until the events that it missed are sent again.",
        ge=0,
    )
    artisan: bool = Field(
        False,
        description="Also publishes each station's values as one JSON object a second, for "
        "Artisan's MQTT device.",
    )
    update_url: str = Field(
        "",
        description="Package index (JSON, such as https://pypi.org/pypi/roastwatch/json) that is "
        "checked once a day for a newer version; empty: never.",
    )

    words: bool = Field(
        True,
        description="Home Assistant shows phases, levels and event types as words of `language` "
        "(their keys stay in the attributes `key` and `type`); false: as keys such as first_crack.",
    )

    @field_validator("discovery_prefix")
    @classmethod
    def _is_a_topic(cls, prefix: str) -> str:
        if not prefix.strip("/ ") or set("#+\0") & set(prefix):
            raise ValueError("write a topic without # and +, such as homeassistant")
        return prefix

    @model_validator(mode="after")
    def _nothing_for_security_is_ignored(self) -> Self:
        names = ("ca_file", "client_cert_file", "client_key_file")
        files = [name for name in names if getattr(self, name) is not None]
        if files and not self.tls:
            raise ValueError(
                f"{' and '.join(files)} without `tls: true` would do nothing, and the password "
                "would be sent unencrypted: add `tls: true` and the broker's TLS port (usually "
                f"`port: 8883`), or remove {' and '.join(files)}"
            )
        if self.client_key_file is not None and self.client_cert_file is None:
            raise ValueError("client_key_file needs its certificate: add client_cert_file")
        refuse_password_alone(self.username, self.password)
        return self


def refuse_password_alone(
    username: str | None, password: SecretStr | None, prefix: str = ""
) -> None:
    """A password without a user name is never sent.

    Raises:
        ValueError: the user name is missing.
    """
    if password is not None and not username:
        raise ValueError(f"{prefix}password is not sent without a user name: add {prefix}username")
