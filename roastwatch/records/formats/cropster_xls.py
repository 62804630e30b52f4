"""Read the workbook (.xls) that Cropster exports, in English or German.

Its first sheet names the roast in two rows. The second, the comments, has a row for each mark or
setting: seconds, temperature, kind, value. Each curve is a sheet of two columns. Time 0 is the
charge.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.records.formats.tables import (
    celsius,
    event_at,
    extras,
    known_columns,
    nearest,
    number,
    utc,
)
from roastwatch.records.record import (
    Column,
    Properties,
    RecordedControl,
    RecordedEvent,
    RoastRecord,
)
from roastwatch.vocabulary import EventKind, Origin

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The first bytes of a workbook, and of any other old file of Office."""
_CURVE = ("curve - ", "kurve - ")
_BEANS = ("bean temp", "bohnentemp")
_AROUND = ("env. temp", "umgebungstemp", "exhaust temp", "ablufttemp", "return temp",
           "rücklauftemp", "inlet temp", "einlasstemp", "burner temp", "brennertemp")  # fmt: skip
"""The first of these that is there is the environment temperature."""
_MARKS = {
    "turning point": EventKind.TURNING_POINT,
    "wendepunkt": EventKind.TURNING_POINT,
    "color change": EventKind.DRY_END,
    "farbänderung": EventKind.DRY_END,
    "first crack": EventKind.FIRST_CRACK,
    "1. crack": EventKind.FIRST_CRACK,
    "first crack end": EventKind.FIRST_CRACK_END,
    "second crack": EventKind.SECOND_CRACK,
    "2. crack": EventKind.SECOND_CRACK,
    "duration": EventKind.DROP,
}
_SETTINGS = ("gas", "airflow")
_REMARKS = ("comment", "kommentar")
_GRAMS = {"G": 1.0, "KG": 1000.0, "LBS": 453.59237, "OZ": 28.349523125}
_LARGEST_BYTES = 8 * 1024 * 1024
"""An hour with 20 curves has some 2 MB."""
_MOST_SHEETS, _MOST_COLUMNS, _MOST_COMMENTS = 60, 64, 2000
Rows = list[list[Any]]
"""The cells of a sheet: text or numbers."""


@dataclass(frozen=True, slots=True)
class _Curve:
    """A sheet of a curve."""

    name: str
    at_s: Column
    values: Column
    fahrenheit: bool | None
    """None: it is no temperature."""


def read(content: bytes, name: str) -> RoastRecord:
    """Read a roast from the bytes of such a workbook.

    Raises:
        BadInputError: it is damaged, or not one of Cropster's.
    """
    if len(content) > _LARGEST_BYTES:
        raise BadInputError(f"{name} has more than {_LARGEST_BYTES >> 20} MB.")
    try:
        sheets, datemode = _sheets(content)
        return _roast(sheets, datemode, name)
    except BadInputError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise BadInputError(
            f"{name} is no readable workbook ({said}). Export it again, or save the sheet of the "
            "bean temperature as CSV."
        ) from error


def _sheets(content: bytes) -> tuple[dict[str, Rows], int]:
    """The sheets that are read, in their order, and how the workbook counts days."""
    import xlrd

    book = xlrd.open_workbook(
        file_contents=content, logfile=io.StringIO(), on_demand=True, ragged_rows=True
    )
    found = {}
    for place, title in enumerate(book.sheet_names()[:_MOST_SHEETS]):
        if place > 1 and not title.lower().startswith(_CURVE):
            continue
        sheet = book.sheet_by_index(place)
        found[title] = [
            sheet.row_values(row, 0, min(sheet.row_len(row), _MOST_COLUMNS))
            for row in range(sheet.nrows)
        ]
        book.unload_sheet(place)
    return found, book.datemode


def _roast(sheets: Mapping[str, Rows], datemode: int, name: str) -> RoastRecord:
    curves = [
        _curve(title[len(_CURVE[0]) :].strip(), rows)
        for title, rows in sheets.items()
        if title.lower().startswith(_CURVE)
    ]
    beans = next((one for one in curves if one.name.lower().startswith(_BEANS)), None)
    if beans is None or not len(beans.at_s):
        raise BadInputError(
            f"{name} has no sheet `Curve - Bean temperature`: only Cropster's workbooks in English "
            "or German are read. Save its sheet of the bean temperature as CSV."
        )
    if not np.all(np.isfinite(beans.at_s)) or np.any(np.diff(beans.at_s) < 0):
        raise BadInputError(f"{name}: the times of the samples are missing or run backwards.")
    from_s = float(beans.at_s[0])
    at_s = beans.at_s - from_s
    around = next(
        (one for begins in _AROUND for one in curves if one.name.lower().startswith(begins)), None
    )
    others = {one.name: _on(beans.at_s, one) for one in curves if one not in (beans, around)}
    columns = known_columns(
        {"bean_temp_c": _on(beans.at_s, beans)}
        | ({} if around is None else {"environment_temp_c": _on(beans.at_s, around)})
    )
    first: Rows
    second: Rows
    first, second, *_ = [*sheets.values(), [], []]
    general = _general(first)
    events, controls = _comments(second, at_s, from_s, columns)
    started_at = _started(general, datemode)
    return RoastRecord(
        roast_id="",
        title=str(general.get("profile") or general.get("profil") or name.rsplit(".", 1)[0]),
        started_at=started_at,
        at_s=at_s,
        columns=columns,
        events=events,
        controls=controls,
        extras=extras(
            at_s, others, tuple(one.name for one in curves if one.fahrenheit is not None)
        ),
        properties=_properties(general, bool(beans.fahrenheit)),
        source_file=name,
        source_format="cropster",
        fahrenheit=bool(beans.fahrenheit),
    )


def _curve(title: str, rows: Rows) -> _Curve:
    unit = str(rows[0][1]).upper() if rows and len(rows[0]) > 1 else ""
    cells = [[number(str(cell)) for cell in row[:2]] for row in rows[1:] if len(row) > 1]
    at_s, values = np.array(cells, dtype=np.float64).reshape(-1, 2).T
    fahrenheit = True if "FAHRENHEIT" in unit else False if "CELSIUS" in unit else None
    if fahrenheit is not None:
        values = celsius(values, fahrenheit)
    return _Curve(title, at_s, values, fahrenheit)


def _on(at_s: Column, curve: _Curve) -> Column:
    """A curve at the times of another; unknown outside its own."""
    known = np.isfinite(curve.at_s)
    times, values = curve.at_s[known], curve.values[known]
    if len(times) == len(at_s) and np.array_equal(times, at_s):
        return values
    if not len(times) or np.any(np.diff(times) < 0):
        return np.full(len(at_s), np.nan)
    return np.interp(at_s, times, values, left=np.nan, right=np.nan)


def _general(rows: Rows) -> dict[str, Any]:
    """What the first sheet says of the roast, by the names of its columns in lower case."""
    if len(rows) < 2:
        return {}
    names = [str(cell).strip().lower() for cell in rows[0]]
    return {name: cell for name, cell in zip(names, rows[1], strict=False) if name and cell != ""}


def _comments(
    rows: Rows, at_s: Column, from_s: float, columns: dict[str, Column]
) -> tuple[tuple[RecordedEvent, ...], tuple[RecordedControl, ...]]:
    """Marks, and what else was noted. Without a mark of it, the drop is the last sample."""
    marks: dict[EventKind, float] = {}
    if at_s[-1] + from_s >= 0:
        marks[EventKind.CHARGE] = max(0.0, -from_s)
    noted: list[RecordedControl] = []
    for row in rows[1:_MOST_COMMENTS]:
        cells = [*row, "", "", "", ""]
        since_s, kind, value = number(str(cells[0])), str(cells[2]).strip(), cells[3]
        if not np.isfinite(since_s) or not 0 <= since_s - from_s <= at_s[-1] + 1:
            continue
        mark = _MARKS.get(kind.lower())
        if mark is not None:
            marks.setdefault(mark, since_s - from_s)
        elif kind:
            noted.append(_noted(since_s - from_s, kind, value))
    marks.setdefault(EventKind.DROP, float(at_s[-1]))
    events = [
        event_at(kind, nearest(at_s, when_s), at_s, columns, Origin.ROASTER)
        for kind, when_s in marks.items()
    ]
    return tuple(sorted(events, key=lambda one: one.at_s)), tuple(noted)


def _noted(at_s: float, kind: str, value: Any) -> RecordedControl:
    text = f"{value:g}" if isinstance(value, float) else str(value).strip()
    if kind.lower() in _SETTINGS:
        amount = number(text)
        return RecordedControl(at_s, kind.lower(), amount if np.isfinite(amount) else None, text)
    remark = text if kind.lower() in _REMARKS else f"{kind}: {text}".rstrip(": ")
    return RecordedControl(at_s, "note", None, remark)


def _started(general: Mapping[str, Any], datemode: int) -> datetime | None:
    """UTC of the charge; None: unknown."""
    import xlrd

    days = general.get("date", general.get("datum"))
    if not isinstance(days, float):
        return None
    try:
        found: datetime = xlrd.xldate_as_datetime(days, datemode)
    except (ValueError, OverflowError, xlrd.xldate.XLDateError):
        return None
    return utc((found + timedelta(microseconds=500)).replace(microsecond=0))


def _properties(general: Mapping[str, Any], fahrenheit: bool) -> Properties:
    def text(*names: str) -> str:
        found = next((general[name] for name in names if name in general), "")
        return f"{found:g}" if isinstance(found, float) else str(found).strip()

    def figure(*names: str) -> float | None:
        found = number(text(*names))
        return found if np.isfinite(found) else None

    def grams(weight: float | None, unit: str) -> float | None:
        return None if not weight else weight * _GRAMS.get(unit.upper(), 1.0)

    ambient = figure("ambient temp.", "raumtemp.")
    score = figure("sensorial score", "sensorisches ergebnis")
    unit = text("start weight unit", "einheit startgewicht")
    return Properties(
        bean_name=text("lot name", "chargenname"),
        green_weight_g=grams(figure("start weight", "startgewicht"), unit),
        roasted_weight_g=grams(
            figure("end weight", "endgewicht"),
            text("end weight unit", "einheit endgewicht") or unit,
        ),
        colour_whole=figure("roast value", "röstwert"),
        colour_ground=figure("roast value 2", "röstwert 2"),
        roaster=text("machine", "maschine"),
        operator=text("roast technician", "rösttechniker"),
        batch=text("id-tag"),
        ambient_temp_c=(ambient - 32) / 1.8 if ambient is not None and fahrenheit else ambient,
        rating=score if score is not None and 0 <= score <= 100 else None,
        notes=text("roasting notes", "röst-notizen"),
        cupping_notes=text("sensorial notes", "sensorische notizen"),
    )
