"""Read the CSV of an IKAWA, from the older machines as from the PRO X.

The beans' probe is the one above them (`exaust temp`, as older files spell it, or `temp above`),
the air's the inlet. `state` gives charge and drop. A PRO X detects first crack by itself and writes
it in the last row, as `adfc_timestamp` in seconds from the charge.
"""

import re
from datetime import datetime, timedelta

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
    nearest,
    utc,
)
from roastwatch.records.record import Properties, RecordedEvent, RoastRecord
from roastwatch.vocabulary import EventKind, Origin

_STATES = (("doser open", EventKind.CHARGE), ("cooling", EventKind.DROP))
_NAMED = re.compile(r"IKAWA (\d{4}-\d\d-\d\d \d{6})")


def looks_like(text: str) -> bool:
    """Whether a text is such a CSV."""
    names = set(header(text))
    return "state" in names and bool(names & {"exaust temp", "temp above"})


def read(text: str, name: str) -> RoastRecord:
    """Read a roast from such a CSV.

    Raises:
        BadInputError: no sample can be read from it.
    """
    table = headed(text, name)
    count = len(table["state"])
    at_s = clock(first_of(table, "time"), count, name)
    columns = known_columns(
        {
            "bean_temp_c": celsius(first_of(table, "exaust temp", "temp above"), False),
            "environment_temp_c": celsius(first_of(table, "inlet temp", "temp below"), False),
            "heater_percent": first_of(table, "heater power (%)", "heater"),
            "fan_percent": first_of(table, "fan set (%)", "fan set"),
        }
    )
    states = [state.lower() for state in table["state"]]
    events: list[RecordedEvent] = []
    for state, kind in _STATES:
        if state in states:
            events.append(event_at(kind, states.index(state), at_s, columns, Origin.ROASTER))
    charge_s = events[0].at_s if events and events[0].kind is EventKind.CHARGE else None
    crack_s = first_of(table, "adfc_timestamp")
    if charge_s is not None and len(crack_s) and crack_s[-1] > 0:
        crack_s = charge_s + crack_s[-1]
        if crack_s <= at_s[-1]:
            index = nearest(at_s, float(crack_s))
            events.append(event_at(EventKind.FIRST_CRACK, index, at_s, columns, Origin.ROASTER))
    more = {
        "setpoint": celsius(first_of(table, "temp set", "setpoint"), False),
        "fan rpm": first_of(table, "fan speed (rpm)", "fan speed"),
        "humidity": first_of(table, "abs_humidity"),
        "pressure": first_of(table, "pressure"),
    }
    return RoastRecord(
        roast_id="",
        title=name.rsplit(".", 1)[0],
        started_at=_started_at(name, charge_s),
        at_s=at_s,
        columns=columns,
        events=tuple(sorted(events, key=lambda event: event.at_s)),
        controls=control_changes(at_s, columns),
        extras=extras(at_s, more, ("setpoint",)),
        properties=Properties(roaster="IKAWA"),
        source_file=name,
        source_format="ikawa",
    )


def _started_at(name: str, charge_s: float | None) -> datetime | None:
    """The app names a file after the time at which its record began."""
    named = _NAMED.search(name)
    if named is None:
        return None
    try:
        began = utc(datetime.strptime(named[1], "%Y-%m-%d %H%M%S"))
    except ValueError:
        return None
    return None if began is None else began + timedelta(seconds=charge_s or 0.0)
