"""Read the CSV of a Giesen: one row a second with `beans`, `air`, `power`, `speed`, `pressure`.

The record begins with the charge; the file names no other event.
"""

import numpy as np

from roastwatch.records.formats.tables import (
    celsius,
    control_changes,
    event_at,
    extras,
    first_of,
    headed,
    header,
    known_columns,
)
from roastwatch.records.record import Properties, RoastRecord
from roastwatch.vocabulary import EventKind, Origin


def looks_like(text: str) -> bool:
    """Whether a text is such a CSV."""
    names = set(header(text))
    return {"beans", "air"} <= names and bool(names & {"power", "speed", "pressure"})


def read(text: str, name: str) -> RoastRecord:
    """Read a roast from such a CSV.

    Raises:
        BadInputError: no sample can be read from it.
    """
    table = headed(text, name)
    at_s = np.arange(len(table["beans"]), dtype=np.float64)
    columns = known_columns(
        {
            "bean_temp_c": celsius(first_of(table, "beans"), False),
            "environment_temp_c": celsius(first_of(table, "air"), False),
            "heater_percent": first_of(table, "power"),
            "drum_percent": first_of(table, "speed"),
        }
    )
    more = {"pressure": first_of(table, "pressure"), "ror": first_of(table, "ror")}
    return RoastRecord(
        roast_id="",
        title=name.rsplit(".", 1)[0],
        started_at=None,
        at_s=at_s,
        columns=columns,
        events=(event_at(EventKind.CHARGE, 0, at_s, columns, Origin.ROASTER),),
        controls=control_changes(at_s, columns),
        extras=extras(at_s, more),
        properties=Properties(roaster="Giesen"),
        source_file=name,
        source_format="giesen",
    )
