"""The topics of a roaster of smart plugs, ESPHome or Tasmota, and what they mean."""

import math
from enum import StrEnum
from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator

from roastwatch import inbound
from roastwatch.errors import BadInputError
from roastwatch.options import Options
from roastwatch.roaster.driver import HostGone
from roastwatch.roaster.transport.serial import PortOptions


class MqttTempUnit(StrEnum):
    """The unit of a temperature."""

    C = "C"
    F = "F"


class Temperature(Options):
    """The topic of one temperature."""

    topic: str = Field(description="Topic, such as tele/roaster/SENSOR.", min_length=1)
    path: str = Field(
        "",
        description="Path in a JSON message, such as DS18B20.Temperature; empty: all of it.",
    )
    unit: MqttTempUnit = Field(MqttTempUnit.C, description="Unit: C or F.")

    def value_c(self, payload: bytes) -> float | None:
        """The temperature in °C; None if the message holds none."""
        value = number(payload, self.path)
        if value is None:
            return None
        return (value - 32) / 1.8 if self.unit is MqttTempUnit.F else value


class ControlTopics(Options):
    """The topics that set one actuator and report its state."""

    command_topic: str = Field(
        description="Topic that sets it, such as cmnd/roaster/POWER1.", min_length=1
    )
    on: str | None = Field(
        None,
        description="Payload for on. With `on` and `off` it is a switch, else it takes percent.",
    )
    off: str | None = Field(None, description="Payload for off.")
    full: float = Field(100.0, description="The number that means 100 %.", gt=0)
    payload: str = Field("{value}", description="Payload for a number; {value} is the number.")
    state_topic: str | None = Field(None, description="Topic on which it reports its state.")
    state_path: str = Field("", description="Path in a JSON message; empty: all of it.")

    @field_validator("on", "off", mode="before")
    @classmethod
    def _yaml_words(cls, raw: object) -> object:
        # YAML reads a bare ON or OFF as true or false.
        return {True: "ON", False: "OFF"}.get(raw) if isinstance(raw, bool) else raw

    @model_validator(mode="after")
    def _whole(self) -> "ControlTopics":
        if (self.on is None) != (self.off is None):
            raise ValueError("give both `on` and `off`, or neither")
        if self.on is None and "{value}" not in self.payload:
            raise ValueError("payload must contain {value}")
        return self

    @property
    def is_switch(self) -> bool:
        """Whether it has only on and off."""
        return self.on is not None

    def payload_of(self, percent: float, *, down: bool) -> str:
        """The payload for 0 to 100 percent, rounded `down` or up."""
        if self.on is not None and self.off is not None:
            return self.on if percent > 0 else self.off
        raw = percent * self.full / 100
        if self.full >= 10:
            raw = math.floor(raw) if down else math.ceil(raw - 1e-6)
        return self.payload.replace("{value}", f"{raw:g}")

    def percent_of(self, payload: bytes) -> float | None:
        """The percentage in a state message; None for anything else."""
        text = word(payload, self.state_path)
        if text is None:
            return None
        if self.on is not None and self.off is not None:
            known = {self.on.casefold(): 100.0, self.off.casefold(): 0.0}
            return known.get(text.casefold())
        value = number(payload, self.state_path)
        if value is None:
            return None
        percent = value / self.full * 100
        return percent if 0 <= percent <= 100.5 else None


class MqttRoasterOptions(PortOptions):
    """The broker and the topics of a roaster."""

    port: str = Field(
        "mqtt://localhost:1883",
        description="Address of the broker: mqtt://host:1883 or mqtts://host:8883.",
    )
    username: str | None = Field(None, description="User name at the broker.")
    password: SecretStr | None = Field(None, description="Password at the broker.")
    bean_temp: Temperature | None = Field(None, description="Bean temperature.")
    environment_temp: Temperature | None = Field(None, description="Environment temperature.")
    heater: ControlTopics | None = Field(None, description="Heater.")
    fan: ControlTopics | None = Field(None, description="Fan.")
    drum: ControlTopics | None = Field(None, description="Drum.")
    cooling: ControlTopics | None = Field(None, description="Cooler.")
    availability_topic: str | None = Field(
        None, description="Topic on which the device reports online and offline (its last will)."
    )
    offline: str = Field("offline", description="Payload there when the device is gone.")
    when_host_is_gone: HostGone = Field(
        "unknown",
        description="What the device does without roastwatch and broker: off, ejects, holds or "
        "unknown. A plain smart plug holds.",
    )
    stale_s: float = Field(
        5.0, description="Seconds after which a temperature is too old to use.", gt=0, le=30
    )
    silence_s: float = Field(
        2.5,
        description="Seconds without a temperature after which the roaster is lost.",
        gt=0,
        le=60,
    )

    @property
    def wire(self) -> str:
        """Address and topic: several roasters may share one broker."""
        topic = self.heater.command_topic if self.heater else repr(self.bean_temp)
        return f"{self.port} {topic}"

    @field_validator("when_host_is_gone", mode="before")
    @classmethod
    def _yaml_off(cls, raw: object) -> object:
        return "off" if raw is False else raw

    @field_validator("port")
    @classmethod
    def _no_login_in_the_address(cls, port: str) -> str:
        if "@" in port:
            raise ValueError(
                "put the user name and password into username and password_file, and write only "
                "mqtt://host:1883"
            )
        return port

    @model_validator(mode="after")
    def _no_password_is_left_out(self) -> "MqttRoasterOptions":
        if self.password is not None and not self.username:
            raise ValueError("a password needs a user name: add username")
        return self

    @model_validator(mode="after")
    def _reads_something(self) -> "MqttRoasterOptions":
        if self.bean_temp is None and self.environment_temp is None:
            raise ValueError("name the topic of bean_temp or environment_temp")
        return self


def word(payload: bytes, path: str) -> str | None:
    """A value in a message as text; `path` leads into JSON by names and list indexes."""
    try:
        text = inbound.utf8(payload, "A message").strip()
        found: Any = inbound.json_value(text, "A message") if path else text
    except BadInputError:
        return None
    for step in filter(None, path.split(".")):
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif (
            isinstance(found, list)
            and len(step) < 6
            and step.isdecimal()
            and int(step) < len(found)
        ):
            found = found[int(step)]
        else:
            return None
    if isinstance(found, dict | list) or found is None:
        return None
    return str(found)


def number(payload: bytes, path: str) -> float | None:
    """The number in a message; None if there is none."""
    text = word(payload, path)
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
