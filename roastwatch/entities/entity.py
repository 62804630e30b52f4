"""What one row is: a thing shown anywhere, with Home Assistant's words for what sort it is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from roastwatch.vocabulary import Actuator, InstructionKind, Snapshot

Value: TypeAlias = str | float | bool | datetime | None


class Platform(StrEnum):
    """What sort of thing a row is."""

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

    def available(self, snapshot: Snapshot) -> bool:
        """Whether that part is there now."""
        if self is Needs.SOUND:
            return snapshot.level is not None
        return snapshot.roaster is None or snapshot.roaster.connected


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing shown. `value_of` gives None for unknown, percent as 0 to 100."""

    key: str
    platform: Platform
    name: tuple[str, str]
    """English, German."""
    help: tuple[str, str]
    """One sentence, English and German."""
    value_of: Callable[[Snapshot], Value] | None = None
    offered: Callable[[Snapshot], bool | None] = lambda _snapshot: True
    """Whether the station has it; None: can't be told from this snapshot."""
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None
    category: str | None = None
    icon: str | None = None
    precision: int | None = None
    options: tuple[str, ...] = ()
    options_of: Callable[[Snapshot], tuple[str, ...]] | None = None
    """What can be chosen at a station, where that is not the same everywhere."""
    minimum: float = 0.0
    maximum: float = 100.0
    step: float = 1.0
    needs: Needs | None = None
    hidden: bool = False
    """Switched off until a person wants it."""
    asks: tuple[InstructionKind, ...] = ()
    """What pressing or setting it asks: one instruction, or those for on and off."""
    actuator: Actuator | None = None
    """What of the roaster setting it commands, in percent (on and open: 100)."""

    def title(self, language: str) -> str:
        """Its name in a language; English where there is none."""
        return self.name[1 if language == "de" else 0]

    def value(self, snapshot: Snapshot) -> Value:
        """The value now, rounded to the precision that is worth showing."""
        found = self.value_of(snapshot) if self.value_of else None
        if isinstance(found, float) and self.precision is not None:
            return round(found, self.precision)
        return found
