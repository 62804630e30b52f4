"""The parts of an Artisan profile besides its curves: properties, settings, extra curves."""

import math
from typing import Any

import numpy as np

from roastwatch.records.formats.literal import unescape
from roastwatch.records.record import Column, ExtraCurve, Properties, RecordedControl

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


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return good and abs(value) < 1e300 and math.isfinite(value)


def positive(value: Any) -> float | None:
    """A number above 0; None for anything else, because 0 means unknown."""
    return float(value) if is_number(value) and value > 0 else None


def in_fahrenheit(raw: dict[str, Any]) -> bool:
    """Whether a profile's temperatures are in °F."""
    return str(raw.get("mode", "C")).strip().upper().startswith("F")


def text(raw: dict[str, Any], key: str) -> str:
    """A text of a profile without its escapes; empty if there is none."""
    value = raw.get(key)
    return unescape(value) if isinstance(value, str) else ""


def properties(raw: dict[str, Any]) -> Properties:
    """The properties that a person entered in a profile."""

    def weight(place: int) -> float | None:
        weights = raw.get("weight")
        if not isinstance(weights, list) or len(weights) < 3:
            return None
        known = positive(weights[place])
        return known * _WEIGHTS_G.get(str(weights[2]).lower(), 1.0) if known else None

    density = raw.get("density")
    grams = positive(density[0]) if isinstance(density, list) and len(density) >= 4 else None
    if grams and isinstance(density, list):
        volume = positive(density[2]) or 1.0
        volume_l = {"l": 1.0, "ml": 0.001}.get(str(density[3]).lower(), 1.0) * volume
        grams = grams * _WEIGHTS_G.get(str(density[1]).lower(), 1.0) / volume_l
    ambient = raw.get("ambientTemp")
    ambient = float(ambient) if is_number(ambient) and ambient else None
    if ambient is not None and in_fahrenheit(raw):
        ambient = (ambient - 32.0) / 1.8
    number = raw.get("roastbatchnr")
    batch = f"{text(raw, 'roastbatchprefix')}{int(number or 0)}" if positive(number) else ""
    return Properties(
        bean_name=(text(raw, "beans").strip().splitlines() or [""])[0].strip(),
        green_weight_g=weight(0),
        roasted_weight_g=weight(1),
        moisture_green_percent=positive(raw.get("moisture_greens")),
        moisture_roasted_percent=positive(raw.get("moisture_roasted")),
        density_g_per_l=grams,
        colour_whole=positive(raw.get("whole_color")),
        colour_ground=positive(raw.get("ground_color")),
        colour_system=text(raw, "color_system"),
        roaster=text(raw, "roastertype"),
        operator=text(raw, "operator"),
        batch=batch,
        ambient_temp_c=ambient,
        ambient_humidity_percent=positive(raw.get("ambient_humidity")),
        ambient_pressure_hpa=positive(raw.get("ambient_pressure")),
        notes=text(raw, "roastingnotes"),
        cupping_notes=text(raw, "cuppingnotes"),
    )


def percent(value: float) -> float:
    """A special event's stored value as percent (1 is 0 %, 11 is 100 %, 0 is no value)."""
    if value >= 1:
        return round(value * 10) - 10.0
    return round(value * 10) + 10.0 if value <= -1 else 0.0


def controls(raw: dict[str, Any], clock_s: Column) -> tuple[RecordedControl, ...]:
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
        if not is_number(place) or not 0 <= int(place) < len(clock_s):
            continue
        kind = types[number] if number < len(types) and is_number(types[number]) else 4
        value = values[number] if number < len(values) and is_number(values[number]) else 0.0
        remark = texts[number] if number < len(texts) and isinstance(texts[number], str) else ""
        label = unescape(str(labels[int(kind)])) if 0 <= int(kind) < len(labels) else ""
        what = "note" if int(kind) >= 4 or label in ("", "--") else label.lower()
        found.append(
            RecordedControl(
                at_s=float(clock_s[int(place)]),
                what=_ACTUATORS.get(what, what),
                value=percent(float(value)) if value else None,
                text=unescape(remark),
            )
        )
    return tuple(found)


def control_columns(settings: tuple[RecordedControl, ...], clock_s: Column) -> dict[str, Column]:
    """Heater, fan and drum at each sample, by the latest settings."""
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


def extras(raw: dict[str, Any], first_s: float) -> tuple[ExtraCurve, ...]:
    """A profile's extra curves on the record's clock, temperatures in °C.

    For Artisan an extra curve is a temperature unless its hint says otherwise.
    """
    times = raw.get("extratimex")
    found = []
    for number, at in enumerate(times if isinstance(times, list) else []):
        for side in ("1", "2"):
            try:
                at_s = np.array(at, dtype=np.float64) - first_s
                values = np.array(raw[f"extratemp{side}"][number], dtype=np.float64)
            except (KeyError, IndexError, TypeError, ValueError, OverflowError):
                continue
            if at_s.ndim != 1 or at_s.shape != values.shape or not len(values):
                continue
            if not np.all(np.isfinite(at_s)):
                continue
            temperature = not _listed(raw, f"extraNoneTempHint{side}", number)
            values = np.where((values == -1) | ~np.isfinite(values), np.nan, values)
            if temperature and in_fahrenheit(raw):
                values = (values - 32.0) / 1.8
            name = _listed(raw, f"extraname{side}", number)
            found.append(ExtraCurve(unescape(str(name or "")), at_s, values, temperature))
    return tuple(found)


def _listed(raw: dict[str, Any], key: str, place: int) -> Any:
    values = raw.get(key)
    return values[place] if isinstance(values, list) and place < len(values) else None
