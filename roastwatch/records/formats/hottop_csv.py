"""Read the CSV of coffee-roaster-mcp (a Hottop driven over its serial port).

One line per reading with its UTC; an event has a line of its own, named in the column `event`.
"""

from datetime import UTC, datetime

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.records.formats.tables import event_at, known_columns, number
from roastwatch.records.formats.tables import rows as table_rows
from roastwatch.records.record import Properties, RecordedEvent, RoastRecord
from roastwatch.vocabulary import EventKind, Origin

_EVENTS = {
    "beans_added": (EventKind.CHARGE, Origin.PERSON),
    "first_crack_detected": (EventKind.FIRST_CRACK, Origin.SOUND),
    "beans_dropped": (EventKind.DROP, Origin.ROASTER),
    "cooling_stopped": (EventKind.COOL_END, Origin.ROASTER),
}
_COLUMNS = {
    "bean_temp_c": "bean_temp_c",
    "env_temp_c": "environment_temp_c",
    "heat_level_percent": "heater_percent",
    "fan_level_percent": "fan_percent",
}


def looks_like(text: str) -> bool:
    """Whether a text is such a CSV."""
    first = text.lstrip("\ufeff").split("\n", 1)[0]
    return "timestamp_utc" in first and "bean_temp_c" in first


def read(text: str, name: str) -> RoastRecord:
    """Read a roast from such a CSV.

    Raises:
        BadInputError: no sample can be read from it.
    """
    head, *lines = table_rows(text, ",", name)
    rows = [dict(zip(head, line, strict=False)) for line in lines]
    try:
        times = [datetime.fromisoformat(row.get("timestamp_utc", "")) for row in rows]
    except (ValueError, TypeError) as error:
        raise BadInputError(
            f"{name}: the column timestamp_utc contains a value that is not a time."
        ) from error
    if not times:
        raise BadInputError(f"{name} contains no samples.")
    times = [when if when.tzinfo else when.replace(tzinfo=UTC) for when in times]
    at_s = np.array([(when - times[0]).total_seconds() for when in times])
    if np.any(np.diff(at_s) < 0):
        raise BadInputError(f"{name}: the time runs backwards in column timestamp_utc.")
    columns = known_columns(
        {
            ours: np.array([number(row.get(theirs)) for row in rows])
            for theirs, ours in _COLUMNS.items()
        }
    )
    events: dict[EventKind, RecordedEvent] = {}
    for index, row in enumerate(rows):
        if row.get("event") in _EVENTS:
            kind, origin = _EVENTS[row["event"]]
            events.setdefault(kind, event_at(kind, index, at_s, columns, origin))
    charge = events.get(EventKind.CHARGE)
    started = times[0] if charge is None else times[int(np.searchsorted(at_s, charge.at_s))]
    return RoastRecord(
        roast_id="",
        title=name.rsplit(".", 1)[0],
        started_at=started,
        at_s=at_s,
        columns=columns,
        events=tuple(sorted(events.values(), key=lambda event: event.at_s)),
        properties=Properties(roaster="Hottop"),
        source_file=name,
        source_format="coffee_roaster_mcp",
    )
