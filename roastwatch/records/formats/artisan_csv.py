"""Read and write Artisan's CSV.

A first line of twelve `key:value` cells, which Artisan reads by position (Date, Unit, CHARGE, TP,
DRYe, FCs, FCe, SCs, SCe, DROP, COOL: seconds of the recording as mm:ss, and Time: the clock time of
its start, on the computer that it ran on), a line of column names (Time1 since the recording's
start, Time2 since charge, ET, BT, Event, then extra curves), one line a second; tabs between cells.
Artisan finds a row's cells by their names, takes extra curves in pairs, at most ten, and leaves
out a row that has another number of cells.
"""

import csv
import io
import re
from datetime import datetime

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.records.formats import alog_curves
from roastwatch.records.formats.tables import (
    celsius,
    event_at,
    known_columns,
    nearest,
    number,
    rows,
    seconds,
    utc,
)
from roastwatch.records.metrics import turning_point_index
from roastwatch.records.record import Column, ExtraCurve, RoastRecord
from roastwatch.vocabulary import EventKind

# The cells of the first line by position, between Unit and Time; None = without a kind of ours.
_HEAD = {
    "CHARGE": EventKind.CHARGE,
    "TP": EventKind.TURNING_POINT,
    "DRYe": EventKind.DRY_END,
    "FCs": EventKind.FIRST_CRACK,
    "FCe": EventKind.FIRST_CRACK_END,
    "SCs": EventKind.SECOND_CRACK,
    "SCe": None,
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
_NAMES = {"CHARGE": "CHARGE", "DRYe": "DRY End"}
_COLUMNS = ("Time1", "Time2", "ET", "BT", "Event")
MOST_EXTRAS = 20
# Names that only a temperature's curve has; Artisan's CSV does not say which are temperatures.
_TEMPERATURE = re.compile(
    r"temp|exhaust|inlet|outlet|probe|stack|^(et|bt|dt|at|rt)\d?$|^t\d$", re.IGNORECASE
)


def looks_like(text: str) -> bool:
    """Whether a text is Artisan's CSV."""
    head = [cell.strip().strip('"') for cell in re.split(r"[\t,;]", _lines(text)[1])]
    return {"Time1", "ET", "BT"} <= set(head)


def _lines(text: str) -> list[str]:
    return [*text.splitlines()[:2], "", ""][:2]


def read(text: str, name: str) -> RoastRecord:
    """Read a roast from Artisan's CSV.

    Raises:
        BadInputError: no sample can be read from it.
    """
    delimiter = next((d for d in "\t;" if d in _lines(text)[1]), ",")
    first, names, *lines = rows(text, delimiter, name)
    head = dict(cell.split(":", 1) for cell in first if ":" in cell)
    names = [cell.strip() for cell in names]
    fahrenheit = head.get("Unit", "C").strip().upper().startswith("F")
    # Equal names are columns of their own, each with its numbers: places and not names tell them.
    place = {column: names.index(column) for column in _COLUMNS if column in names}
    samples = [row for row in lines if np.isfinite(seconds(_cell_of(row, place["Time1"])))]
    if not samples:
        raise BadInputError(f"{name} contains no samples.")
    time_s = np.array([seconds(row[place["Time1"]]) for row in samples])
    if np.any(np.diff(time_s) < 0):
        raise BadInputError(f"{name}: the time runs backwards in column Time1.")

    def numbers(index: int) -> Column:
        return np.array([number(_cell_of(row, index)) for row in samples])

    at_s = time_s - time_s[0]
    columns = known_columns(
        {
            "bean_temp_c": celsius(numbers(place["BT"]), fahrenheit),
            "environment_temp_c": celsius(numbers(place["ET"]), fahrenheit),
        }
    )
    marked: dict[EventKind, int] = {}
    if "Event" in place:
        for index, row in enumerate(samples):
            # Artisan adds what else happened behind a comma.
            marked_as = _cell_of(row, place["Event"]).split(",")[0].strip().lower()
            if marked_as in _CELLS:
                marked.setdefault(_CELLS[marked_as], index)
    for key, kind in _HEAD.items():
        wanted_s = seconds(head.get(key))
        if np.isfinite(wanted_s) and kind is not None and kind is not EventKind.TURNING_POINT:
            marked.setdefault(kind, nearest(time_s, wanted_s))
    events = [event_at(kind, index, at_s, columns) for kind, index in marked.items()]
    extras = []
    for index, column in enumerate(names):
        if index in place.values() or not column:
            continue
        temperature = bool(_TEMPERATURE.search(column))
        values = numbers(index)
        values = celsius(values, fahrenheit and temperature)
        extras.append(ExtraCurve(column, at_s, values, temperature))
    return RoastRecord(
        roast_id="",
        title=head.get("Title", "").strip() or name.rsplit(".", 1)[0],
        started_at=_started(head.get("Date", ""), head.get("Time", "")),
        at_s=at_s,
        columns=columns,
        events=tuple(sorted(events, key=lambda event: event.at_s)),
        extras=tuple(extras),
        source_file=name,
        source_format="artisan_csv",
        fahrenheit=fahrenheit,
    )


def _cell_of(row: list[str], index: int) -> str:
    return row[index] if index < len(row) else ""


def _started(day: str, clock: str) -> datetime | None:
    """UTC of a day and a clock time; without a clock time of the day's midnight."""
    for pattern in ("%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y"):
        try:
            date = datetime.strptime(day.strip(), pattern)
        except ValueError:
            continue
        for form in ("%H:%M:%S", "%H:%M"):
            try:
                return utc(datetime.combine(date, datetime.strptime(clock.strip(), form).time()))
            except ValueError:
                continue
        return utc(date)
    return None


def write(record: RoastRecord, *, fahrenheit: bool | None = None) -> str:
    """A roast as Artisan's CSV.

    Args:
        record: the roast.
        fahrenheit: write °F; None = °C.
    """
    in_f = bool(fahrenheit)
    record = alog_curves.sampled(record)
    record = alog_curves.with_samples(record, alog_curves.event_times(record))
    first_s = float(record.at_s[0]) if len(record.at_s) else 0.0
    local = record.started_at.astimezone() if record.started_at else None
    head = [f"Date:{local:%d.%m.%Y}" if local else "Date:", f"Unit:{'F' if in_f else 'C'}"]
    marks: dict[int, str] = {}
    for key, kind in _HEAD.items():
        at_s = _event_s(record, kind)
        head.append(f"{key}:{'' if at_s is None else _clock(at_s - first_s)}")
        if at_s is not None and kind is not EventKind.TURNING_POINT:
            marks.setdefault(round(at_s - first_s), _NAMES.get(key, key))
    head.append(f"Time:{local:%H:%M}" if local else "Time:")
    extras = _extras(record, in_f)
    names = _distinct([curve.name for curve in extras])
    out = io.StringIO()
    table = csv.writer(out, delimiter="\t", lineterminator="\n")
    table.writerow(head)
    table.writerow([*_COLUMNS, *names])
    empty = np.full(len(record.at_s), np.nan)
    around = alog_curves.temperatures(record.columns.get("environment_temp_c", empty), in_f)
    beans = alog_curves.temperatures(record.bean_temp_c, in_f)
    columns = [np.interp(record.at_s, curve.at_s, curve.values) for curve in extras]
    charge_s = record.charge_s
    seconds_seen: set[int] = set()
    for index, at_s in enumerate(record.at_s.tolist()):
        second = round(at_s - first_s)
        if second in seconds_seen:
            continue  # Artisan leaves out what has no second of its own
        seconds_seen.add(second)
        since = None if charge_s is None or at_s < charge_s else at_s - charge_s
        table.writerow(
            [
                _clock(second),
                "" if since is None else _clock(since),
                _cell(around[index]),
                _cell(beans[index]),
                marks.pop(second, ""),
                *(_cell(column[index]) for column in columns),
            ]
        )
    return out.getvalue()


def _event_s(record: RoastRecord, kind: EventKind | None) -> float | None:
    """The time of an event on the record's clock."""
    event = record.event(kind) if kind else None
    if event is None and kind is EventKind.TURNING_POINT:
        index = turning_point_index(record)
        return None if index is None else float(record.at_s[index])
    return event.at_s if event else None


def _extras(record: RoastRecord, in_f: bool) -> list[ExtraCurve]:
    """The extra curves in the file's unit, in pairs, as many as Artisan accepts."""
    curves = [curve for curve in record.extras if len(curve.at_s)][:MOST_EXTRAS]
    shown = [
        ExtraCurve(curve.name, curve.at_s, np.array(alog_curves.values(curve, in_f)))
        for curve in curves
    ]
    if len(shown) % 2:
        shown.append(ExtraCurve("", shown[-1].at_s, np.full(len(shown[-1].at_s), -1.0)))
    return shown


def _distinct(names: list[str]) -> list[str]:
    """One-line names that differ from each other and from Artisan's own columns."""
    used = set(_COLUMNS)
    found = []
    for number_, name in enumerate(names, start=1):
        plain = " ".join(name.split()) or f"Extra {number_}"
        fresh, count = plain, 2
        while fresh in used:
            fresh, count = f"{plain} ({count})", count + 1
        used.add(fresh)
        found.append(fresh)
    return found


def _clock(at_s: float) -> str:
    whole = round(at_s)
    return f"{whole // 60:02d}:{whole % 60:02d}"


def _cell(value: float) -> str:
    return f"{round(float(value), 3)}" if np.isfinite(value) else "-1"
