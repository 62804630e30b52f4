"""Events and snapshots for tests."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from roastwatch.vocabulary import (
    Actuator,
    AudioLevel,
    EventKind,
    Level,
    Origin,
    Reading,
    RoasterState,
    RoastEvent,
    Snapshot,
)


def event(
    event_id: str = "e1",
    kind: EventKind = EventKind.FIRST_CRACK,
    level: Level | None = Level.FIRST_CRACK,
    station: str = "roaster",
    **more: Any,
) -> RoastEvent:
    now = datetime.now(UTC)
    found = RoastEvent(event_id, station, "r1", kind, now, now, Origin.SOUND, level, confidence=0.9)
    return replace(found, **more)


def snapshot(station: str = "roaster", **more: Any) -> Snapshot:
    level = AudioLevel(-12.0, -30.4, 0.0)
    return replace(Snapshot(station, datetime.now(UTC), level=level), **more)


def roaster(*actuators: Actuator, **more: Any) -> RoasterState:
    return replace(RoasterState(connected=True, armed=False, actuators=actuators), **more)


def reading(station: str = "roaster", **more: Any) -> Reading:
    return replace(Reading(station, 0.0), **more)
