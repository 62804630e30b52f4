"""The boards that speak the TC4's protocol, and how they differ."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Actuator


class DialectName(StrEnum):
    """The choices in the settings."""

    AARTISAN = "aartisan"
    SKYWALKER = "skywalker"
    HTRI = "htri"
    CYBERROASTER = "cyberroaster"


class FanOutput(StrEnum):
    """An output that a fan or a drum motor may be connected to."""

    OT2 = "ot2"
    IO3 = "io3"
    DCFAN = "dcfan"


@dataclass(frozen=True, slots=True)
class Tc4Output:
    """One command with a number. A number other than 0 is clamped to `low` and `high`."""

    word: str
    separator: str = ";"
    low: int = 0
    high: int = 100

    def command(self, percent: float) -> str:
        """The line for 0 to 100 percent."""
        value = 0 if percent <= 0 else min(self.high, max(self.low, round(percent)))
        return f"{self.word}{self.separator}{value}"


@dataclass(frozen=True, slots=True)
class Dialect:
    """The commands of one kind of machine."""

    machine: str
    outputs: Mapping[Actuator, Tc4Output]
    heat_off: tuple[str, ...]
    """Commands that turn heat off."""
    safe: tuple[str, ...]
    """What `make_safe` writes, in order."""
    when_host_is_gone: Literal["off", "ejects", "holds", "unknown"]
    channels: str = "CHAN;1200"
    units: str = "UNITS;C"
    has_environment: bool = True
    keep_alive_s: float | None = None
    heat_off_first: bool = False
    """Whether heat 0 must be the first command."""
    five_fields: bool = False
    """Whether a READ reply has no set value."""
    greeting: str = ""
    """Its reply to `channels`, which no other board gives; empty: none is known."""

    def wired(self, fan: FanOutput | None, drum: FanOutput | None) -> "Dialect":
        """The same dialect with the fan, and a drum motor if any, on these outputs.

        Raises:
            BadInputError: both are on the same output.
        """
        outputs, safe = dict(self.outputs), self.safe
        if fan is not None:
            old = outputs[Actuator.FAN]
            new = outputs[Actuator.FAN] = replace(old, word=fan.value.upper())
            safe = tuple(new.command(100) if c == old.command(100) else c for c in safe)
        if drum is not None:
            motor = outputs[Actuator.DRUM] = replace(outputs[Actuator.FAN], word=drum.value.upper())
            if motor.word == outputs[Actuator.FAN].word:
                raise BadInputError(
                    f"Fan and drum can't both be on {drum.value}: set fan_output or drum_output to "
                    "another output."
                )
            safe += (motor.command(100),)
        return replace(self, outputs=outputs, safe=safe)


_TC4 = Dialect(
    machine="TC4",
    outputs={Actuator.HEATER: Tc4Output("OT1"), Actuator.FAN: Tc4Output("OT2")},
    # The board's own PID would turn the heater on again.
    heat_off=("OT1;0", "PID;OFF", "OT1;0"),
    safe=("OT1;0", "PID;OFF", "OT1;0", "OT2;100"),
    when_host_is_gone="holds",
)

DIALECTS: Mapping[DialectName, Dialect] = {
    DialectName.AARTISAN: _TC4,
    # Both probes of a Skywalker show the same temperature. After 10 s without READ it turns all
    # outputs off, the drum too.
    DialectName.SKYWALKER: Dialect(
        machine="Skywalker",
        outputs={
            Actuator.HEATER: Tc4Output("OT1"),
            Actuator.FAN: Tc4Output("OT2"),
            Actuator.DRUM: Tc4Output("DRUM"),
            Actuator.COOLING: Tc4Output("COOL"),
        },
        heat_off=("OT1;0",),
        safe=("OT1;0", "DRUM;100", "COOL;100", "OT2;100"),
        when_host_is_gone="off",
        has_environment=False,
        keep_alive_s=10.0,
        greeting="# Active channels set to 0200",
    ),
    DialectName.HTRI: replace(
        _TC4,
        machine="Hottop with HTRI",
        outputs={Actuator.HEATER: Tc4Output("OT1"), Actuator.FAN: Tc4Output("DCFAN")},
        safe=("OT1;0", "PID;OFF", "OT1;0", "DCFAN;100"),
    ),
    # Connecting turns the burner up, so heat 0 comes first. Without a link it turns the burner
    # off, cooling and drum on.
    DialectName.CYBERROASTER: Dialect(
        machine="Cyberroaster",
        outputs={
            Actuator.HEATER: Tc4Output("OT1", ","),
            Actuator.FAN: Tc4Output("OT2", ","),
            Actuator.DRUM: Tc4Output("OT3", ",", low=60),
        },
        heat_off=("OT1,0",),
        safe=("OT1,0", "OT3,100", "OT2,100"),
        when_host_is_gone="off",
        heat_off_first=True,
        five_fields=True,
    ),
}
