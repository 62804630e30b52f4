"""Read the CSV of a ROEST: time in milliseconds, and an event in a column of its own.

The record begins with the charge and ends with the drop.
"""

import re

from roastwatch.records.formats.tables import (
    celsius,
    clock,
    control_changes,
    event_at,
    extras,
    first_of,
    headed,
    header,
    known_columns,
)
from roastwatch.records.record import Column, Properties, RecordedEvent, RoastRecord
from roastwatch.vocabulary import EventKind, Origin

_MARKS = {"yellowing": EventKind.DRY_END, "firstcrack": EventKind.FIRST_CRACK}
_NAMED = re.compile(r"(.*?) - Batch (\d{1,6})\.csv", re.IGNORECASE)


def looks_like(text: str) -> bool:
    """Whether a text is such a CSV."""
    names = set(header(text))
    return "event" in names and bool(names & {"bean temp (°c)", "bean temp (°f)"})


def read(text: str, name: str) -> RoastRecord:
    """Read a roast from such a CSV.

    Raises:
        BadInputError: no sample can be read from it.
    """
    table = headed(text, name)
    count = len(table["event"])
    at_s = clock(first_of(table, "time") / 1000.0, count, name)
    fahrenheit = "bean temp (°f)" in table
    unit = "f" if fahrenheit else "c"

    def temperature(what: str) -> Column:
        return celsius(first_of(table, f"{what} (°{unit})"), fahrenheit)

    cracks = next((column for column in table if column.startswith("total cracks")), "")
    columns = known_columns(
        {
            "bean_temp_c": temperature("bean temp"),
            "environment_temp_c": temperature("air temp"),
            "heater_percent": first_of(table, "power (%)"),
            "fan_percent": first_of(table, "fan (%)"),
            "crack_count": first_of(table, cracks),
        }
    )
    marked: dict[EventKind, int] = {EventKind.CHARGE: 0, EventKind.DROP: count - 1}
    for index, cell in enumerate(table["event"]):
        kind = _MARKS.get(cell.lower().replace(" ", ""))
        if kind is not None:
            marked.setdefault(kind, index)
    events: list[RecordedEvent] = [
        event_at(kind, index, at_s, columns, Origin.ROASTER) for kind, index in marked.items()
    ]
    temperatures = {
        "drum": temperature("drum temp"),
        "inlet": temperature("inlet temp"),
        "exhaust": temperature("exhaust temp"),
        "target": temperature("target"),
    }
    named = _NAMED.fullmatch(name)
    return RoastRecord(
        roast_id="",
        title=named[1] if named else name.rsplit(".", 1)[0],
        started_at=None,
        at_s=at_s,
        columns=columns,
        events=tuple(sorted(events, key=lambda event: event.at_s)),
        controls=control_changes(at_s, columns),
        extras=extras(at_s, temperatures | {"rpm": first_of(table, "rpm (rpm)")},
                      tuple(temperatures)),
        properties=Properties(roaster="ROEST", batch=named[2] if named else ""),
        source_file=name,
        source_format="roest",
        fahrenheit=fahrenheit,
    )  # fmt: skip
