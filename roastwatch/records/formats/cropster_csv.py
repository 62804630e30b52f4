"""Read one sheet of Cropster's workbook that was saved as CSV: `Time (s)`, `Value (CELSIUS)`.

Cropster exports a workbook for Excel; its sheet `Curve - Bean temperature` has two columns. Time 0
is the charge. Events are in a sheet of their own, so a sheet of a curve has none of them.
"""

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.records.formats.tables import (
    celsius,
    event_at,
    first_of,
    headed,
    header,
    known_columns,
)
from roastwatch.records.record import RoastRecord
from roastwatch.vocabulary import EventKind, Origin

_VALUES = ("value (celsius)", "value (fahrenheit)")


def looks_like(text: str) -> bool:
    """Whether a text is such a sheet."""
    names = header(text)
    return names[0] == "time (s)" and bool(set(names) & set(_VALUES))


def read(text: str, name: str) -> RoastRecord:
    """Read a roast's bean temperature from such a sheet.

    Raises:
        BadInputError: no sample can be read from it.
    """
    table = headed(text, name)
    fahrenheit = _VALUES[1] in table
    times = first_of(table, "time (s)")
    if not np.all(np.isfinite(times)) or np.any(np.diff(times) < 0):
        raise BadInputError(f"{name}: the times of the samples are missing or run backwards.")
    at_s = times - times[0]
    columns = known_columns({"bean_temp_c": celsius(first_of(table, *_VALUES), fahrenheit)})
    charged = np.flatnonzero(times >= 0)
    events = (
        (event_at(EventKind.CHARGE, int(charged[0]), at_s, columns, Origin.ROASTER),)
        if len(charged)
        else ()
    )
    return RoastRecord(
        roast_id="",
        title=name.rsplit(".", 1)[0],
        started_at=None,
        at_s=at_s,
        columns=columns,
        events=events,
        source_file=name,
        source_format="cropster",
        fahrenheit=fahrenheit,
    )
