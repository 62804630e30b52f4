"""Artisan's .alog, read. Meanings of its keys: Artisan's documentation and files of 3.2 to 4.2.

A profile is one dictionary, written as a Python literal (`.alog`) or as JSON (`.json`). `timeindex`
names the samples of CHARGE, DRY, FCs, FCe, SCs, SCe, DROP and COOL; CHARGE is unset at −1, the
others at 0 (third parties write −1 there too). −1 in a temperature is a dropout. `temp1` is the
environment, `temp2` the beans, both in the unit that `mode` names.
"""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.roast.formats.literal import unescape
from roastwatch.roast.record import (
    Column,
    Control,
    ExtraCurve,
    Properties,
    RecordedEvent,
    RoastRecord,
)
from roastwatch.vocabulary import EventKind, Origin

# The place in `timeindex` of each event; SCe (5) has no name here and is kept in `foreign`.
PLACES = {
    0: EventKind.CHARGE,
    1: EventKind.DRY_END,
    2: EventKind.FIRST_CRACK,
    3: EventKind.FIRST_CRACK_END,
    4: EventKind.SECOND_CRACK,
    6: EventKind.DROP,
    7: EventKind.COOL_END,
}
_CURVES = {"timex", "temp1", "temp2", "extratimex", "extratemp1", "extratemp2"}
_WEIGHTS_G = {"g": 1.0, "kg": 1000.0, "lb": 453.59237, "oz": 28.349523125}
_ACTUATORS = {
    "air": "fan",
    "fan": "fan",
    "burner": "heater",
    "heater": "heater",
    "gas": "heater",
    "power": "heater",
    "drum": "drum",
    "damper": "damper",
}
_CONTROL_COLUMNS = {"fan": "fan_percent", "heater": "heater_percent", "drum": "drum_percent"}


def looks_like(raw: Any) -> bool:
    """Whether a parsed file is an Artisan profile."""
    return isinstance(raw, dict) and "timex" in raw and ("temp2" in raw or "temp1" in raw)


def read(raw: dict[str, Any], name: str) -> RoastRecord:
    """The roast in a profile.

    Args:
        raw: the parsed dictionary.
        name: what to call the file in a failure.

    Raises:
        BadInputError: it is not a profile, or its curves don't fit together.
    """
    fahrenheit = _in_fahrenheit(raw)
    at_s = _numbers(raw, "timex", name)
    if not len(at_s):
        raise BadInputError(f"{name} holds no samples ('timex' is empty): there is no roast in it.")
    if not np.all(np.isfinite(at_s)):
        raise BadInputError(f"{name}: 'timex' holds what is not a time.")
    if np.any(np.diff(at_s) < 0):
        where = int(np.argmax(np.diff(at_s) < 0)) + 1
        raise BadInputError(f"{name}: the time runs backwards at sample {where} of 'timex'.")
    columns: dict[str, Column] = {}
    for key, column in (("temp2", "bean_temp_c"), ("temp1", "environment_temp_c")):
        values = _temperatures(_numbers(raw, key, name), fahrenheit) if key in raw else np.empty(0)
        if len(values) == 0:
            continue
        if len(values) != len(at_s):
            raise BadInputError(
                f"{name}: '{key}' has {len(values)} samples and 'timex' {len(at_s)}: the file is "
                "damaged."
            )
        if np.any(np.isfinite(values)):
            columns[column] = values
    clock_s = at_s - at_s[0]
    changes = controls(raw, clock_s)
    columns |= _control_columns(changes, clock_s)
    record = RoastRecord(
        roast_id=str(raw.get("roastwatch_id") or raw.get("roastUUID") or "").strip(),
        title=text(raw, "title"),
        started_at=_started(raw),
        at_s=clock_s,
        columns=columns,
        controls=changes,
        extras=_extras(raw, at_s[0]),
        properties=properties(raw),
        source_file=name,
        source_format="alog",
        fahrenheit=fahrenheit,
        foreign={key: value for key, value in raw.items() if key not in _CURVES}
        | {"first_timex": float(at_s[0])},
    )
    return _with_events(record, raw, name)


def _with_events(record: RoastRecord, raw: dict[str, Any], name: str) -> RoastRecord:
    places = raw.get("timeindex")
    places = [] if places is None else places
    if isinstance(places, list):
        places = [-1 if place is None else place for place in places]
    if not isinstance(places, list) or not all(_is_number(place) for place in places):
        raise BadInputError(f"{name}: 'timeindex' is not a list of sample numbers.")
    events = []
    for place, kind in PLACES.items():
        index = int(places[place]) if place < len(places) else -1
        if index < 0 or (index == 0 and place > 0):
            continue
        if index >= len(record.at_s):
            raise BadInputError(
                f"{name}: 'timeindex' sets {kind.value} at sample {index}, but there are only "
                f"{len(record.at_s)}: the file is damaged."
            )
        at_s = float(record.at_s[index])
        events.append(
            RecordedEvent(
                kind=kind,
                at_s=at_s,
                origin=Origin.PERSON,
                bean_temp_c=_known(record.columns.get("bean_temp_c"), index),
                environment_temp_c=_known(record.columns.get("environment_temp_c"), index),
            )
        )
    return replace(record, events=tuple(sorted(events, key=lambda event: event.at_s)))


def _known(column: Column | None, index: int) -> float | None:
    if column is None or not math.isfinite(column[index]):
        return None
    return float(column[index])


def _is_number(value: Any) -> bool:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return good and math.isfinite(value)


def _numbers(raw: dict[str, Any], key: str, name: str) -> Column:
    values = raw.get(key)
    if values is None:
        return np.empty(0)
    if not isinstance(values, list):
        raise BadInputError(f"{name}: '{key}' is not a list of numbers.")
    try:
        return np.array([math.nan if v is None else float(v) for v in values], dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInputError(f"{name}: '{key}' holds what is not a number.") from error


def _temperatures(values: Column, fahrenheit: bool) -> Column:
    values = np.where(values == -1, np.nan, values)
    values = np.where(np.isfinite(values), values, np.nan)
    return (values - 32.0) / 1.8 if fahrenheit else values


def _in_fahrenheit(raw: dict[str, Any]) -> bool:
    return str(raw.get("mode", "C")).strip().upper().startswith("F")


def text(raw: dict[str, Any], key: str) -> str:
    """A text of a profile without its escapes, empty where there is none."""
    value = raw.get(key)
    return unescape(value) if isinstance(value, str) else ""


def _positive(value: Any) -> float | None:
    return float(value) if _is_number(value) and value > 0 else None


def _started(raw: dict[str, Any]) -> datetime | None:
    epoch = raw.get("roastepoch")
    if _is_number(epoch) and 0 < float(epoch or 0) < 32503680000:
        return datetime.fromtimestamp(float(epoch or 0), UTC)
    try:
        day = f"{raw['roastisodate']}T{raw.get('roasttime') or '00:00:00'}"
        # Artisan's offset counts westwards, as C's `timezone` does.
        west_s = raw.get("roasttzoffset")
        offset = timedelta(seconds=float(west_s or 0) if _is_number(west_s) else 0.0)
        return datetime.fromisoformat(day).replace(tzinfo=UTC) + offset
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def properties(raw: dict[str, Any]) -> Properties:
    """What a person wrote into a profile."""

    def weight(place: int) -> float | None:
        weights = raw.get("weight")
        if not isinstance(weights, list) or len(weights) < 3:
            return None
        known = _positive(weights[place])
        return known * _WEIGHTS_G.get(str(weights[2]).lower(), 1.0) if known else None

    density = raw.get("density")
    grams = _positive(density[0]) if isinstance(density, list) and len(density) >= 4 else None
    if grams and isinstance(density, list):
        volume = _positive(density[2]) or 1.0
        volume_l = {"l": 1.0, "ml": 0.001}.get(str(density[3]).lower(), 1.0) * volume
        grams = grams * _WEIGHTS_G.get(str(density[1]).lower(), 1.0) / volume_l
    ambient = raw.get("ambientTemp")
    ambient = float(ambient) if _is_number(ambient) and ambient else None
    if ambient is not None and _in_fahrenheit(raw):
        ambient = (ambient - 32.0) / 1.8
    number = raw.get("roastbatchnr")
    batch = f"{text(raw, 'roastbatchprefix')}{int(number or 0)}" if _positive(number) else ""
    return Properties(
        bean_name=(text(raw, "beans").strip().splitlines() or [""])[0].strip(),
        green_weight_g=weight(0),
        roasted_weight_g=weight(1),
        moisture_green_percent=_positive(raw.get("moisture_greens")),
        moisture_roasted_percent=_positive(raw.get("moisture_roasted")),
        density_g_per_l=grams,
        colour_whole=_positive(raw.get("whole_color")),
        colour_ground=_positive(raw.get("ground_color")),
        colour_system=text(raw, "color_system"),
        roaster=text(raw, "roastertype"),
        operator=text(raw, "operator"),
        batch=batch,
        ambient_temp_c=ambient,
        ambient_humidity_percent=_positive(raw.get("ambient_humidity")),
        ambient_pressure_hpa=_positive(raw.get("ambient_pressure")),
        notes=text(raw, "roastingnotes"),
        cupping_notes=text(raw, "cuppingnotes"),
    )


def percent(value: float) -> float:
    """A special event's stored value as percent (1 is 0 %, 11 is 100 %, 0 is no value)."""
    if value >= 1:
        return round(value * 10) - 10.0
    return round(value * 10) + 10.0 if value <= -1 else 0.0


def controls(raw: dict[str, Any], clock_s: Column) -> tuple[Control, ...]:
    """A profile's special events on the record's clock."""
    lists = [
        raw.get(key)
        for key in (
            "specialevents",
            "specialeventstype",
            "specialeventsvalue",
            "specialeventsStrings",
        )
    ]
    places, types, values, texts = (item if isinstance(item, list) else [] for item in lists)
    labels = raw.get("etypes")
    labels = labels if isinstance(labels, list) else []
    found = []
    for number, place in enumerate(places):
        if not _is_number(place) or not 0 <= int(place) < len(clock_s):
            continue
        kind = types[number] if number < len(types) and _is_number(types[number]) else 4
        value = values[number] if number < len(values) and _is_number(values[number]) else 0.0
        remark = texts[number] if number < len(texts) and isinstance(texts[number], str) else ""
        label = unescape(str(labels[int(kind)])) if 0 <= int(kind) < len(labels) else ""
        what = "note" if int(kind) >= 4 or label in ("", "--") else label.lower()
        found.append(
            Control(
                at_s=float(clock_s[int(place)]),
                what=_ACTUATORS.get(what, what),
                value=percent(float(value)) if value else None,
                text=unescape(remark),
            )
        )
    return tuple(found)


def _control_columns(settings: tuple[Control, ...], clock_s: Column) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for what, column in _CONTROL_COLUMNS.items():
        changes = sorted(
            ((c.at_s, c.value) for c in settings if c.what == what and c.value is not None),
            key=lambda change: change[0],
        )
        if not changes:
            continue
        values = np.full(len(clock_s), np.nan)
        for at_s, value in changes:
            values[clock_s >= at_s] = value
        columns[column] = values
    return columns


def _extras(raw: dict[str, Any], first_s: float) -> tuple[ExtraCurve, ...]:
    times = raw.get("extratimex")
    found = []
    for number, at in enumerate(times if isinstance(times, list) else []):
        for names_key, values_key in (("extraname1", "extratemp1"), ("extraname2", "extratemp2")):
            try:
                at_s = np.array(at, dtype=np.float64) - first_s
                values = np.array(raw[values_key][number], dtype=np.float64)
            except (KeyError, IndexError, TypeError, ValueError):
                continue
            if len(at_s) != len(values) or not len(values):
                continue
            names = raw.get(names_key)
            label = names[number] if isinstance(names, list) and number < len(names) else ""
            values = np.where(values == -1, np.nan, values)
            found.append(ExtraCurve(unescape(str(label)), at_s, values))
    return tuple(found)
