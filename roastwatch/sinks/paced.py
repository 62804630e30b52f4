"""Holds values back that change too little or too often to be worth a row in a database. Pure."""

from datetime import datetime
from typing import TypeAlias

from roastwatch.entities import Entity, Pace, Value
from roastwatch.vocabulary import Phase, Snapshot

_ENDED = (Phase.DROPPED, Phase.COOLING)
_COOLING_TIMES = 3.0
"""While beans cool, values are shown this many times less often than in the roast."""
_IDLE_STEPS = 3.0
"""Without a roast, a value must change by this many steps."""
_JUMP_STEPS = 10.0
"""A change by this many steps is shown at once: somebody did something."""

Held: TypeAlias = tuple[Value, dict[str, str]]


class PacedValues:
    """What each entity of each station shows, and since when."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], tuple[Held, float]] = {}
        self._stage: dict[str, tuple[object, ...]] = {}

    def forget(self, station: str | None = None, key: str | None = None) -> None:
        """Show the present value of an entity next (or of all), whatever was shown before."""
        for held in list(self._held):
            if station is None or held == (station, key):
                del self._held[held]

    def begin(self, snapshot: Snapshot) -> None:
        """Before the values of a snapshot: what happened in a roast is shown at once."""
        roaster = snapshot.roaster
        trouble = (roaster.emergency, bool(roaster.alarm), roaster.stop) if roaster else None
        stage = (snapshot.roast_id, _stage(snapshot.phase), trouble)
        if self._stage.get(snapshot.station) != stage:
            self._stage[snapshot.station] = stage
            for station, key in list(self._held):
                if station == snapshot.station:
                    del self._held[station, key]

    def shown(self, entity: Entity, snapshot: Snapshot, now_s: float) -> Held:
        """The value and attributes to show now; taking them marks them as shown at `now_s`."""
        attributes = entity.attributes_of(snapshot) if entity.attributes_of else {}
        new = (entity.value(snapshot), attributes)
        if entity.pace is None:
            return new
        held = self._held.get((snapshot.station, entity.key))
        if held is not None and not _due(entity.pace, held, new, snapshot, now_s):
            return held[0]
        if held is None or held[0] != new:
            self._held[snapshot.station, entity.key] = (new, now_s)
        return new


def _stage(phase: Phase) -> int:
    if phase is Phase.IDLE:
        return 0
    if phase in _ENDED:
        return 2
    return 3 if phase in (Phase.FIRST_CRACK, Phase.DEVELOPMENT) else 1


def _due(pace: Pace, held: tuple[Held, float], new: Held, snapshot: Snapshot, now_s: float) -> bool:
    (value, attributes), at_s = held
    if (value is None) != (new[0] is None) or _jumps(value, new[0], pace.step):
        return True
    every_s, step = pace.roast_s, pace.step
    if snapshot.phase is Phase.IDLE and not _heats(snapshot):
        every_s, step = pace.idle_s, step * _IDLE_STEPS
    elif snapshot.phase in _ENDED:
        every_s *= _COOLING_TIMES
    changed = attributes != new[1] or _differs(value, new[0], step)
    return changed and now_s - at_s >= every_s


def _heats(snapshot: Snapshot) -> bool:
    """Whether the machine is being heated up for a roast: somebody waits for a temperature."""
    armed = snapshot.roaster is not None and snapshot.roaster.armed
    heater = snapshot.reading.heater_percent if snapshot.reading else None
    return armed or (heater or 0.0) > 0.0


def _jumps(value: Value, new: Value, step: float) -> bool:
    numbers = isinstance(value, float | int) and isinstance(new, float | int)
    return numbers and step > 0.0 and _differs(value, new, _JUMP_STEPS * step)


def _differs(value: Value, new: Value, step: float) -> bool:
    if isinstance(value, datetime) and isinstance(new, datetime):
        return abs((new - value).total_seconds()) >= step
    if isinstance(value, float | int) and isinstance(new, float | int):
        return abs(new - value) >= step
    return True
