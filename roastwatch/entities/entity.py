"""One row: something that is shown or set, described in Home Assistant's terms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from roastwatch.vocabulary import Actuator, InstructionKind, Snapshot

Value: TypeAlias = str | float | bool | datetime | None


class Platform(StrEnum):
    """The Home Assistant platform of a row."""

    SENSOR = "sensor"
    BINARY_SENSOR = "binary_sensor"
    EVENT = "event"
    SWITCH = "switch"
    NUMBER = "number"
    BUTTON = "button"
    VALVE = "valve"
    TEXT = "text"
    IMAGE = "image"
    UPDATE = "update"
    SELECT = "select"


class Needs(StrEnum):
    """The part of a station without which a row has nothing to show."""

    SOUND = "sound"
    ROASTER = "roaster"
    ARMING = "arming"
    """A request to arm that waits for its confirmation; only the sink that got it knows."""

    def available(self, snapshot: Snapshot) -> bool:
        """Whether that part is there now."""
        if self is Needs.SOUND:
            return snapshot.level is not None
        if self is Needs.ARMING:
            return False
        return snapshot.roaster is None or snapshot.roaster.connected


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a changing value is worth a row in somebody's database.

    Smaller changes than `step` and earlier ones than `roast_s` (until the drop) or `idle_s`
    (without a roast) are left out; a value that becomes known or unknown is always shown.
    """

    step: float
    roast_s: float
    idle_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing that is shown or set. `value_of` gives None for unknown; percent is 0 to 100."""

    key: str
    platform: Platform
    name: tuple[str, str]
    """English, German."""
    help: tuple[str, str]
    """One sentence, English and German."""
    value_of: Callable[[Snapshot], Value] | None = None
    offered: Callable[[Snapshot], bool | None] = lambda _snapshot: True
    """Whether the station has it; None: unknown from this snapshot."""
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None
    category: str | None = None
    icon: str | None = None
    precision: int | None = None
    options: tuple[str, ...] = ()
    options_of: Callable[[Snapshot], tuple[str, ...]] | None = None
    """The options at a station, where they differ between stations."""
    minimum: float = 0.0
    maximum: float = 100.0
    step: float = 1.0
    needs: Needs | None = None
    hidden: bool = False
    """Disabled in Home Assistant until a person enables it."""
    attributes_of: Callable[[Snapshot], dict[str, str]] | None = None
    """What is said of the value besides, by name."""
    pace: Pace | None = None
    """None: each change is shown."""
    sentence: bool = False
    """Whether the value is a sentence for people."""
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Value → what people call it, in English and German."""
    asks: tuple[InstructionKind, ...] = ()
    """The instruction that pressing or setting it requests, or those for on and off."""
    actuator: Actuator | None = None
    """The actuator that it sets, in percent (on and open: 100)."""

    def title(self, language: str) -> str:
        """Its name in a language; English where there is no other."""
        return self.name[1 if language == "de" else 0]

    @property
    def is_difference(self) -> bool:
        """Whether it is a difference or a rate of temperatures: 1 °C of it is 1.8 °F."""
        return self.unit == "°C/min" or self.device_class == "temperature_delta"

    def word(self, value: str, language: str) -> str:
        """What people call a value; the value itself if it has no other name."""
        return self.words.get(value, (value, value))[1 if language == "de" else 0]

    def value(self, snapshot: Snapshot) -> Value:
        """The value now, rounded to `precision` decimals."""
        found = self.value_of(snapshot) if self.value_of else None
        if isinstance(found, float) and self.precision is not None:
            return round(found, self.precision)
        return found
