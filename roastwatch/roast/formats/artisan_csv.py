"""Artisan's CSV, read and written.

A first line of `key:value` cells (Date, Unit and the events' times), a line of column names (Time1
since the recording's start, Time2 since charge, ET, BT, Event, then extra curves), one line a
sample; tabs between cells. Times are whole seconds.
"""

import csv
import io
import re
from datetime import UTC, datetime

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.roast.formats.tables import (
    celsius,
    event_at,
    known_columns,
    nearest,
    number,
    seconds,
)
from roastwatch.roast.record import ExtraCurve, RecordedEvent, RoastRecord
from roastwatch.vocabulary import EventKind

_HEAD = {
    "CHARGE": EventKind.CHARGE,
    "DRYe": EventKind.DRY_END,
    "FCs": EventKind.FIRST_CRACK,
    "FCe": EventKind.FIRST_CRACK_END,
    "SCs": EventKind.SECOND_CRACK,
    "DROP": EventKind.DROP,
    "COOL": EventKind.COOL_END,
}
_CELLS = {
    "charge": EventKind.CHARGE,
    "dry end": EventKind.DRY_END,
    "drye": EventKind.DRY_END,
    "dry": EventKind.DRY_END,
    "fcs": EventKind.FIRST_CRACK,
    "fce": EventKind.FIRST_CRACK_END,
    "scs": EventKind.SECOND_CRACK,
    "drop": EventKind.DROP,
    "cool": EventKind.COOL_END,
    "cool end": EventKind.COOL_END,
}


def looks_like(text: str) -> bool:
    """Whether a text is Artisan's CSV."""
    head = [cell.strip().strip('"') for cell in re.split(r"[\t,;]", _lines(text)[1])]
    return {"Time1", "ET", "BT"} <= set(head)


def _lines(text: str) -> list[str]:
    return [*text.splitlines()[:2], "", ""][:2]


def read(text: str, name: str) -> RoastRecord:
    """The roast in Artisan's CSV.

    Raises:
        BadInputError: no sample can be read from it.
    """
    delimiter = next((d for d in "\t;" if d in _lines(text)[1]), ",")
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    head = dict(cell.split(":", 1) for cell in rows[0] if ":" in cell)
    names = [cell.strip() for cell in rows[1]]
    fahrenheit = head.get("Unit", "C").strip().upper().startswith("F")
    samples = [row for row in rows[2:] if np.isfinite(seconds(row[0]))]
    if not samples:
        raise BadInputError(f"{name} holds no samples: there is no roast in it.")
    place = {column: index for index, column in reversed(list(enumerate(names)))}

    def cells(column: str) -> list[str]:
        index = place[column]
        return [row[index] if index < len(row) else "" for row in samples]

    time_s = np.array([seconds(cell) for cell in cells("Time1")])
    if np.any(np.diff(time_s) < 0):
        raise BadInputError(f"{name}: the time runs backwards in column Time1.")
    at_s = time_s - time_s[0]
    columns = known_columns(
        {
            "bean_temp_c": celsius(np.array([number(c) for c in cells("BT")]), fahrenheit),
            "environment_temp_c": celsius(np.array([number(c) for c in cells("ET")]), fahrenheit),
        }
    )
    marked: dict[EventKind, int] = {}
    if "Event" in place:
        for index, cell in enumerate(cells("Event")):
            kind = _CELLS.get(cell.strip().lower())
            if kind is not None:
                marked.setdefault(kind, index)
    for key, kind in _HEAD.items():
        wanted_s = seconds(head.get(key))
        if np.isfinite(wanted_s):
            marked.setdefault(kind, nearest(time_s, wanted_s))
    events = [event_at(kind, index, at_s, columns) for kind, index in marked.items()]
    extras = [
        ExtraCurve(column, at_s, np.array([number(cell) for cell in cells(column)]))
        for column in names
        if column not in ("Time1", "Time2", "ET", "BT", "Event", "")
    ]
    return RoastRecord(
        roast_id="",
        title=head.get("Title", "").strip() or name.rsplit(".", 1)[0],
        started_at=_date(head.get("Date", "")),
        at_s=at_s,
        columns=columns,
        events=tuple(sorted(events, key=lambda event: event.at_s)),
        extras=tuple(extras),
        source_file=name,
        source_format="artisan_csv",
        fahrenheit=fahrenheit,
    )


def _date(text: str) -> datetime | None:
    for pattern in ("%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y"):
        try:
            return datetime.strptime(text.strip(), pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def write(record: RoastRecord) -> str:
    """A roast as Artisan's CSV, in °C."""
    charge_s = record.charge_s
    marks: dict[int, RecordedEvent] = {}
    head = [f"Date:{record.started_at:%d.%m.%Y}" if record.started_at else "Date:", "Unit:C"]
    for key, kind in _HEAD.items():
        event = record.event(kind)
        head.append(f"{key}:{_clock(event.at_s) if event else ''}")
        if event is not None and len(record.at_s):
            marks[nearest(record.at_s, event.at_s)] = event
    end_s = float(record.at_s[-1]) if len(record.at_s) else 0.0
    head.append(f"Time:{_clock(end_s)}")
    names = {kind: key for key, kind in _HEAD.items()}
    names |= {EventKind.CHARGE: "Charge", EventKind.DRY_END: "Dry End", EventKind.DROP: "Drop"}
    beans = record.bean_temp_c
    empty = np.full(len(beans), np.nan)
    around = record.columns.get("environment_temp_c", empty)
    extras = [curve for curve in record.extras if len(curve.at_s)]
    out = io.StringIO()
    table = csv.writer(out, delimiter="\t", lineterminator="\n")
    table.writerow(head)
    table.writerow(["Time1", "Time2", "ET", "BT", "Event", *(curve.name for curve in extras)])
    resampled = [np.interp(record.at_s, curve.at_s, curve.values) for curve in extras]
    for index, at_s in enumerate(record.at_s.tolist()):
        since = None if charge_s is None or at_s < charge_s else at_s - charge_s
        event = marks.get(index)
        table.writerow(
            [
                _clock(at_s),
                "" if since is None else _clock(since),
                _cell(around[index]),
                _cell(beans[index]),
                names[event.kind] if event else "",
                *(_cell(values[index]) for values in resampled),
            ]
        )
    return out.getvalue()


def _clock(at_s: float) -> str:
    whole = round(at_s)
    return f"{whole // 60:02d}:{whole % 60:02d}"


def _cell(value: float) -> str:
    return f"{round(float(value), 3):g}" if np.isfinite(value) else "-1"
