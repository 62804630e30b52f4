"""Read HiBean's JSON.

`dataList` holds a point a sample: `duration` (s), `bt`, `et`, perhaps `event` (1 charge, 3 dry end,
4 and 5 first crack's begin and end, 6 second crack, 8 drop) and `roasterParams` (FC fan, HP heater,
RC drum, each in percent).
"""

import math
from datetime import datetime
from typing import Any

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.records.formats.tables import celsius, event_at, known_columns, utc
from roastwatch.records.record import Column, Properties, RecordedControl, RoastRecord
from roastwatch.vocabulary import EventKind

_EVENTS = {
    1: EventKind.CHARGE,
    3: EventKind.DRY_END,
    4: EventKind.FIRST_CRACK,
    5: EventKind.FIRST_CRACK_END,
    6: EventKind.SECOND_CRACK,
    8: EventKind.DROP,
}
_PARAMS = {"HP": ("heater", "heater_percent"), "FC": ("fan", "fan_percent"),
           "RC": ("drum", "drum_percent")}  # fmt: skip
_WEIGHTS_G = {"g": 1.0, "kg": 1000.0, "lb": 453.59237, "lbs": 453.59237, "oz": 28.349523125}


def looks_like(raw: Any) -> bool:
    """Whether a parsed file is HiBean's."""
    return isinstance(raw, dict) and isinstance(raw.get("dataList"), list)


def read(raw: dict[str, Any], name: str) -> RoastRecord:
    """Read a roast from a HiBean file.

    Raises:
        BadInputError: it contains no samples, or a value that is not a number.
    """
    points = [point for point in raw["dataList"] if isinstance(point, dict)]
    if not points:
        raise BadInputError(f"{name} contains no samples.")
    fahrenheit = str(raw.get("temperatureUnit", "C")).upper().startswith("F")
    at_s = _column(points, "duration", name)
    if not np.all(np.isfinite(at_s)) or np.any(np.diff(at_s) < 0):
        raise BadInputError(f"{name}: the samples' 'duration' is missing or runs backwards.")
    columns = {
        "bean_temp_c": celsius(_column(points, "bt", name), fahrenheit),
        "environment_temp_c": celsius(_column(points, "et", name), fahrenheit),
    }
    controls: list[RecordedControl] = []
    for key, (what, column) in _PARAMS.items():
        values = np.array([_param(point, key) for point in points])
        columns[column] = values
        last = math.nan
        for when, value in zip(at_s.tolist(), values.tolist(), strict=True):
            if math.isfinite(value) and value != last:
                controls.append(RecordedControl(when, what, value))
                last = value
    columns = known_columns(columns)
    marked: dict[EventKind, int] = {}
    for index, point in enumerate(points):
        try:
            kind = _EVENTS.get(int(point.get("event") or 0))
        except (TypeError, ValueError):
            continue
        if kind is not None:
            marked[kind] = index
    context = raw.get("roastContext")
    context = context if isinstance(context, dict) else {}
    device = raw.get("deviceInfo")
    return RoastRecord(
        roast_id=str(raw.get("id") or raw.get("uuid") or ""),
        title=str(context.get("name") or ""),
        started_at=_when(raw.get("dateTime")),
        at_s=at_s - at_s[0],
        columns=columns,
        events=tuple(
            sorted(
                (event_at(kind, index, at_s - at_s[0], columns) for kind, index in marked.items()),
                key=lambda event: event.at_s,
            )
        ),
        controls=tuple(sorted(controls, key=lambda control: control.at_s)),
        properties=Properties(
            green_weight_g=_weight(context.get("greenBeanWeight")),
            roasted_weight_g=_weight(context.get("roastedBeanWeight")),
            ambient_temp_c=_temperature(context.get("envTemp"), fahrenheit),
            ambient_humidity_percent=_positive(context.get("envHumidity")),
            ambient_pressure_hpa=_positive(context.get("pressure")),
            roaster=str(device.get("name") or "") if isinstance(device, dict) else "",
            notes=str(raw.get("notes") or ""),
        ),
        source_file=name,
        source_format="hibean",
        fahrenheit=fahrenheit,
        foreign={key: value for key, value in raw.items() if key != "dataList"},
    )


def _column(points: list[dict[str, Any]], key: str, name: str) -> Column:
    try:
        return np.array([math.nan if p.get(key) is None else float(p[key]) for p in points])
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInputError(f"{name}: '{key}' of a sample is not a number.") from error


def _param(point: dict[str, Any], key: str) -> float:
    for param in point.get("roasterParams") or []:
        if isinstance(param, dict) and param.get("key") == key:
            try:
                return float(param["value"])
            except (KeyError, TypeError, ValueError):
                return math.nan
    return math.nan


def _weight(raw: Any) -> float | None:
    if not isinstance(raw, dict):
        return None
    value = _positive(raw.get("value"))
    return value * _WEIGHTS_G.get(str(raw.get("unit", "g")).lower(), 1.0) if value else None


def _temperature(raw: Any, fahrenheit: bool) -> float | None:
    """A value with its unit (by default the file's), in °C; 0 means unknown."""
    value, unit = (raw.get("value"), raw.get("unit")) if isinstance(raw, dict) else (raw, None)
    known = _positive(value)
    if known is None:
        return None
    in_f = str(unit).upper().startswith("F") if unit else fahrenheit
    return (known - 32.0) / 1.8 if in_f else known


def _positive(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return float(value) if good and math.isfinite(value) else None


def _when(text: Any) -> datetime | None:
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return when if when.tzinfo else utc(when)
