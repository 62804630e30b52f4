"""The columns of the events table, spelled once for everything that writes or reads them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from roastwatch.records.record import RecordedEvent
from roastwatch.vocabulary import EventKind, Level, Origin, RoastEvent

_COLUMNS = (
    "event_id", "station", "kind", "level", "at_s", "happened_at", "decided_at", "happened_sample",
    "decided_sample", "origin", "confidence", "message", "bean_temp_c", "environment_temp_c",
    "revoked", "unlogged",
)  # fmt: skip
COLUMNS = ", ".join(_COLUMNS)
"""To select; `fields` reads the rows."""
VALUES = ", ".join(f":{name}" for name in _COLUMNS)
"""To insert with what `values` makes of an event."""
INSERT = f"INSERT INTO events (roast_no, {COLUMNS}) VALUES (:roast_no, {VALUES})"
_OF_EVENT = frozenset(_COLUMNS) - {"at_s", "environment_temp_c"}


def stamp(at: datetime | None) -> str | None:
    """UTC in ISO 8601, as the log and its JSON write it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds") if at else None


def unstamp(text: str | None) -> datetime | None:
    """The inverse of `stamp`."""
    return datetime.fromisoformat(text) if text else None


def values(event: RoastEvent | RecordedEvent, **given: object) -> dict[str, object]:
    """An event as the values of its row, by column; `given` adds columns or replaces values."""
    found = {name: getattr(event, name, None) for name in _COLUMNS}
    return found | {
        "kind": event.kind.value,
        "level": event.level.value if event.level else None,
        "origin": event.origin.value,
        "happened_at": stamp(event.happened_at),
        "decided_at": stamp(event.decided_at),
        "revoked": int(event.revoked),
        "unlogged": int(event.unlogged),
        **given,
    }


def fields(row: Sequence[Any]) -> dict[str, Any]:
    """A row of `COLUMNS` as an event's fields, `station` included."""
    found = dict(zip(_COLUMNS, row, strict=True))
    return found | {
        "kind": EventKind(found["kind"]),
        "level": Level(found["level"]) if found["level"] else None,
        "origin": Origin(found["origin"]),
        "happened_at": unstamp(found["happened_at"]),
        "decided_at": unstamp(found["decided_at"]),
        "revoked": bool(found["revoked"]),
        "unlogged": bool(found["unlogged"]),
    }


def recorded_event(row: Sequence[Any]) -> RecordedEvent:
    """A row of `COLUMNS` as an event of a record."""
    found = fields(row)
    del found["station"]
    return RecordedEvent(**found | {"at_s": float(found["at_s"] or 0.0)})


def roast_event(
    row: Sequence[Any], roast_id: str, happened_at: datetime, decided_at: datetime
) -> RoastEvent:
    """A row of `COLUMNS` as an event of a roast in progress, with these times."""
    found = {name: value for name, value in fields(row).items() if name in _OF_EVENT}
    times = {"happened_at": happened_at, "decided_at": decided_at}
    return RoastEvent(**found | times, roast_id=roast_id)
