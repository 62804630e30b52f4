"""Read the CSV of a Kaleido: parts with a name in `[{…}]`, one of them the table of samples.

A part of an event holds `temperature@mm:ss`. The table has the time in milliseconds, BT and ET in
°C, and HP (heat), SM (fan) and RL (drum) in percent.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.records.formats.tables import (
    celsius,
    clock,
    control_changes,
    event_at,
    extras,
    first_of,
    headed,
    known_columns,
    nearest,
    seconds,
    utc,
)
from roastwatch.records.record import Properties, RoastRecord
from roastwatch.vocabulary import EventKind, Origin

_EVENTS = {
    "StartBeansIn": EventKind.CHARGE,
    "TemperBack": EventKind.TURNING_POINT,
    "TurntoYellow": EventKind.DRY_END,
    "1stBoomStart": EventKind.FIRST_CRACK,
    "1stBoomEnd": EventKind.FIRST_CRACK_END,
    "2ndBoomStart": EventKind.SECOND_CRACK,
    "BeansColdDown": EventKind.DROP,
}
_PART = re.compile(r"^\[\{(.{1,40}?)\}\]\s*$", re.MULTILINE)


def looks_like(text: str) -> bool:
    """Whether a text is such a CSV."""
    return "[{DATA}]" in text


def read(text: str, name: str) -> RoastRecord:
    """Read a roast from such a CSV.

    Raises:
        BadInputError: no sample can be read from it.
    """
    _, *found = _PART.split(text)
    parts = {part: body.strip() for part, body in zip(found[::2], found[1::2], strict=True)}
    if not parts["DATA"]:
        raise BadInputError(f"{name} contains no samples.")
    table = headed(parts["DATA"], name)
    count = len(next(iter(table.values())))
    at_s = clock(first_of(table, "time") / 1000.0, count, name)
    columns = known_columns(
        {
            "bean_temp_c": celsius(first_of(table, "bt"), False),
            "environment_temp_c": celsius(first_of(table, "et"), False),
            "heater_percent": first_of(table, "hp"),
            "fan_percent": first_of(table, "sm"),
            "drum_percent": first_of(table, "rl"),
        }
    )
    events = []
    for part, kind in _EVENTS.items():
        when = seconds(parts.get(part, "").partition("@")[2])
        if np.isfinite(when):
            index = nearest(at_s, when)
            events.append(event_at(kind, index, at_s, columns, Origin.ROASTER))
    charge_s = next((event.at_s for event in events if event.kind is EventKind.CHARGE), 0.0)
    return RoastRecord(
        roast_id="",
        title=parts.get("Comment") or name.rsplit(".", 1)[0],
        started_at=_started_at(parts, charge_s),
        at_s=at_s,
        columns=columns,
        events=tuple(sorted(events, key=lambda event: event.at_s)),
        controls=control_changes(at_s, columns),
        extras=extras(at_s, {"set": celsius(first_of(table, "sv"), False)}, ("set",)),
        properties=Properties(roaster="Kaleido"),
        source_file=name,
        source_format="kaleido",
    )


def _started_at(parts: Mapping[str, str], charge_s: float) -> datetime | None:
    try:
        began = datetime.strptime(parts.get("CookDate", ""), "%y-%m-%d %H:%M:%S")
    except ValueError:
        return None
    known = utc(began)
    return None if known is None else known + timedelta(seconds=charge_s)
