"""Write Artisan's .alog as Artisan itself would, with our pops and decision as curves.

A profile that was read from an .alog is written with all its data (alarms, flavours, energy),
changed only where the roast was edited here.
"""

import hashlib
import json
import math
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from roastwatch import __version__
from roastwatch.records.formats import alog, alog_curves, alog_parts
from roastwatch.records.formats.literal import escape
from roastwatch.records.formats.tables import nearest
from roastwatch.records.record import Column, ExtraCurve, RecordedControl, RoastRecord

# Our events that Artisan has no place for become notes on the curve.
_ETYPES = ["Air", "Drum", "Damper", "Burner", "--"]
_SLOTS = {"fan": 0, "drum": 1, "damper": 2, "heater": 3}
_REMARK = 4
_VIRTUAL_DEVICE = 25
"""Artisan's number for a curve without an instrument."""
POP_WINDOW_S = 30.0
_IN_ONE_UNIT = ("computed", "phases", "ymin", "ymax", "zmin", "zmax")
"""Artisan's default degrees for a profile without any."""
_VISIBLE = 10
"""The least number of entries in Artisan's lists of curve options."""


def profile(record: RoastRecord, *, fahrenheit: bool | None = None) -> dict[str, Any]:
    """The roast as Artisan's dictionary.

    Args:
        record: the roast.
        fahrenheit: the unit to write; None = as its source had it.
    """
    in_f = record.fahrenheit if fahrenheit is None else fahrenheit
    if record.source_format == "alog" and record.foreign:
        return _given_back(record, in_f)
    record = alog_curves.sampled(record)
    record = alog_curves.with_samples(record, alog_curves.event_times(record))
    curves = alog_curves.made_anew(replace(record, extras=()), 0.0, in_f)
    tree = _defaults(record, in_f) | {key: curves[key] for key in ("timex", "temp1", "temp2")}
    tree["timeindex"] = _timeindex(record, [-1, 0, 0, 0, 0, 0, 0, 0])
    tree |= _properties(record, {}, in_f)
    tree |= _special_events(record)
    return tree | _extra_curves(record, in_f)


def _given_back(record: RoastRecord, in_f: bool) -> dict[str, Any]:
    """A profile that was read from Artisan: identical to the last digit except for edits.

    With the first edit its `hash` is dropped, since it would claim that the file was tampered with.
    """
    came, exact = alog_curves.as_it_came(record)
    first_s = float(record.foreign.get("first_timex", 0.0))
    tree = dict(came)
    events = alog.events(record, came, first_s, [])
    if _marks(replace(record, events=events)) != _marks(record):
        at = [e.at_s for e in record.events if not e.revoked and e.kind in alog.PLACES.values()]
        wanted = [t for t in alog_curves.event_times(replace(record, controls=())) if t in at]
        longer = alog_curves.with_samples(record, wanted)
        tree |= _lengthened(came, record, longer, wanted)
        record = longer
        tree["timeindex"] = _timeindex(record, tree.get("timeindex"))
        tree.pop("computed", None)  # Artisan recomputes it when it loads the file
    tree |= _properties(record, came, in_f)
    if alog_parts.controls(came, record.at_s) != record.controls and not _lonely(tree, record):
        tree |= _special_events(record)
    if in_f != alog_curves.in_f_of(came):
        made = alog_curves.made_anew(record, first_s, in_f)
        tree |= {key: made[key] for key in alog_curves.CURVES if key in came and "temp" in key}
        tree["mode"] = "F" if in_f else "C"
        for key in _IN_ONE_UNIT:
            tree.pop(key, None)
    if tree != came or not exact:
        tree.pop("hash", None)
    return tree


def _marks(record: RoastRecord) -> dict[str, float]:
    """The events that are not revoked and have a place in a profile, by kind."""
    return {
        kind.value: round(event.at_s, 3)
        for kind in alog.PLACES.values()
        if (event := record.event(kind)) is not None
    }


def _lonely(tree: dict[str, Any], record: RoastRecord) -> bool:
    """Whether a profile's settings are those of the record with its added samples."""
    return alog_parts.controls(tree, record.at_s) == record.controls


def _lengthened(
    came: dict[str, Any], record: RoastRecord, longer: RoastRecord, at: list[float]
) -> dict[str, Any]:
    """A profile's lists with added samples; the others stay identical to the last digit."""
    if not at:
        return {}
    size = len(record.at_s)
    first_s = float(record.foreign.get("first_timex", 0.0))
    made = alog_curves.made_anew(longer, first_s, alog_curves.in_f_of(came))
    places = np.searchsorted(record.at_s, at)
    fresh = [int(place) + number for number, place in enumerate(places)]

    def joined(old: Any, new: Any) -> Any:
        if not isinstance(old, list) or len(old) < size or len(new) != len(longer.at_s):
            return old
        out = list(old)
        for place in fresh:
            out.insert(place, new[place])
        return out

    tree: dict[str, Any] = {
        key: joined(came[key], made[key]) for key in ("timex", "temp1", "temp2") if key in came
    }
    for key in ("extratimex", "extratemp1", "extratemp2"):
        old, new = came.get(key), made[key]
        if isinstance(old, list) and len(old) == len(new):
            tree[key] = [joined(one, other) for one, other in zip(old, new, strict=True)]

    def shifted(index: Any) -> Any:
        if not isinstance(index, int) or index <= 0:
            return index
        return index + int(np.searchsorted(places, index, "right"))

    for key in ("timeindex", "specialevents"):
        if isinstance(came.get(key), list):
            tree[key] = [shifted(index) for index in came[key]]
    return tree


def write(record: RoastRecord, *, fahrenheit: bool | None = None) -> str:
    """The roast as the text of an .alog (a Python literal)."""
    return repr(profile(record, fahrenheit=fahrenheit))


def write_json(record: RoastRecord, *, fahrenheit: bool | None = None) -> str:
    """The roast as Artisan's JSON."""
    return json.dumps(profile(record, fahrenheit=fahrenheit))


def _timeindex(record: RoastRecord, kept: Any) -> list[int]:
    """Each event's sample; a derived dry end stays unmarked, as do ends of second crack here."""
    places = [-1, 0, 0, 0, 0, 0, 0, 0]
    if isinstance(kept, list) and len(kept) > 5 and isinstance(kept[5], int):
        places[5] = kept[5]  # the end of second crack, which we don't name
    for place, kind in alog.PLACES.items():
        event = record.event(kind)
        if event is not None:
            index = nearest(record.at_s, event.at_s)
            places[place] = index if place == 0 else max(1, index)
    return places


def _defaults(record: RoastRecord, in_f: bool) -> dict[str, Any]:
    """The entries that Artisan requires in a profile that it did not write."""
    tree: dict[str, Any] = {
        "mode": "F" if in_f else "C",
        "version": "4.0.2",
        "revision": "",
        "build": "0",
        "viewerMode": False,
        "locale": "en",
        "etypes": _ETYPES,
        "default_etypes": [True] * 5,
        "default_etypes_set": [0] * 5,
        "roastUUID": _uuid(record.roast_id),
        "samplinginterval": _interval(record.at_s),
        "phases": [212, 302, 392, 446] if in_f else [100, 150, 200, 230],
        "zmin": 0,
        "zmax": 25,
        "ymin": 0,
        "ymax": 530 if in_f else 275,
        "xmin": -30.0,
        "xmax": 900.0,
        "devices": ["roastwatch " + __version__],
        "roastertype": "",
        "operator": "",
        "beans": "",
        "weight": [0.0, 0.0, "g"],
        "volume": [0.0, 0.0, "l"],
        "density": [0.0, "g", 1.0, "l"],
        "density_roasted": [0.0, "g", 1.0, "l"],
        "moisture_greens": 0.0,
        "moisture_roasted": 0.0,
        "whole_color": 0,
        "ground_color": 0,
        "color_system": "",
        "ambientTemp": 0.0,
        "ambient_humidity": 0.0,
        "ambient_pressure": 0.0,
        "roastingnotes": "",
        "cuppingnotes": "",
        "title": "",
        "specialevents": [],
        "specialeventstype": [],
        "specialeventsvalue": [],
        "specialeventsStrings": [],
        "computed": {},
    }
    if record.roast_id != tree["roastUUID"]:
        tree["roastwatch_id"] = record.roast_id
    if record.started_at is not None:
        local = record.started_at.astimezone()  # Artisan shows local time
        west = -(local.utcoffset() or timedelta())
        tree |= {
            "roastdate": f"{local:%a %b} {local.day} {local.year}",
            "roastisodate": f"{local:%Y-%m-%d}",
            "roasttime": f"{local:%H:%M:%S}",
            "roastepoch": int(local.timestamp()),
            "roasttzoffset": int(west.total_seconds()),
        }
    return tree


def _uuid(roast_id: str) -> str:
    """32 hexadecimal digits, like Artisan's ids."""
    plain = roast_id.replace("-", "")
    if re.fullmatch(r"[0-9a-fA-F]{32}", plain):
        return plain
    return hashlib.sha256(roast_id.encode()).hexdigest()[:32]


def _interval(at_s: Column) -> float:
    return float(round(float(np.median(np.diff(at_s))), 3)) if len(at_s) > 2 else 1.0


def _properties(record: RoastRecord, kept: dict[str, Any], in_f: bool) -> dict[str, Any]:
    """Only what differs from the source, whose own words and units stay."""
    ours, theirs = record.properties, alog_parts.properties(kept)
    changed: dict[str, Any] = {}
    if alog_parts.text(kept, "title") != record.title:
        changed["title"] = escape(record.title)
    for name, key in (
        ("notes", "roastingnotes"),
        ("cupping_notes", "cuppingnotes"),
        ("roaster", "roastertype"),
        ("operator", "operator"),
        ("colour_system", "color_system"),
        ("bean_name", "beans"),
    ):
        value = getattr(ours, name)
        if value != getattr(theirs, name):
            changed[key] = escape(value)
    if (ours.green_weight_g, ours.roasted_weight_g) != (
        theirs.green_weight_g,
        theirs.roasted_weight_g,
    ):
        changed["weight"] = [ours.green_weight_g or 0.0, ours.roasted_weight_g or 0.0, "g"]
    for name, key in (
        ("moisture_green_percent", "moisture_greens"),
        ("moisture_roasted_percent", "moisture_roasted"),
        ("colour_whole", "whole_color"),
        ("colour_ground", "ground_color"),
        ("ambient_humidity_percent", "ambient_humidity"),
        ("ambient_pressure_hpa", "ambient_pressure"),
    ):
        if getattr(ours, name) != getattr(theirs, name):
            changed[key] = getattr(ours, name) or 0.0
    if ours.density_g_per_l != theirs.density_g_per_l:
        changed["density"] = [ours.density_g_per_l or 0.0, "g", 1.0, "l"]
    was_f = str(kept.get("mode", "C")).upper().startswith("F")
    if ours.ambient_temp_c != theirs.ambient_temp_c or (kept and in_f != was_f):
        celsius = ours.ambient_temp_c
        shown = celsius * 1.8 + 32.0 if celsius is not None and in_f else celsius
        changed["ambientTemp"] = round(shown, 2) if shown is not None else 0.0
    return changed


def _special_events(record: RoastRecord) -> dict[str, Any]:
    controls = list(record.controls) or _from_columns(record)
    placed = {event.kind for event in record.events} & set(alog.PLACES.values())
    controls += [
        RecordedControl(
            event.at_s, "note", None, event.message or event.kind.value.replace("_", " ")
        )
        for event in record.events
        if event.kind not in placed and not event.revoked
    ]
    controls.sort(key=lambda control: control.at_s)
    return {
        "etypes": _ETYPES,
        "specialevents": [nearest(record.at_s, control.at_s) for control in controls],
        "specialeventstype": [_SLOTS.get(control.what, _REMARK) for control in controls],
        "specialeventsvalue": [
            0.0 if control.value is None else (control.value + 10.0) / 10.0 for control in controls
        ],
        "specialeventsStrings": [escape(control.text) for control in controls],
    }


def _from_columns(record: RoastRecord) -> list[RecordedControl]:
    """The changes of settings by the readings."""
    found = []
    for what in ("heater", "fan", "drum"):
        column = record.columns.get(f"{what}_percent")
        last = math.nan
        for at_s, value in zip(
            record.at_s.tolist(), [] if column is None else column.tolist(), strict=False
        ):
            if math.isfinite(value) and value != last:
                found.append(RecordedControl(at_s, what, value))
                last = value
    return found


def _extra_curves(record: RoastRecord, in_f: bool) -> dict[str, Any]:
    curves = [*record.extras, *_heard(record, record.at_s)]
    if len(curves) % 2:
        curves.append(ExtraCurve("", curves[-1].at_s, np.full(len(curves[-1].at_s), np.nan)))
    pairs = [
        (curves[n], curves[n + 1])
        if len(curves[n].at_s) == len(curves[n + 1].at_s)
        else (curves[n], _onto(curves[n + 1], curves[n].at_s))
        for n in range(0, len(curves), 2)
    ]
    count = len(pairs)
    made = alog_curves.made_anew(
        replace(record, extras=tuple(curve for pair in pairs for curve in pair)), 0.0, in_f
    )
    tree: dict[str, Any] = {
        "extradevices": [_VIRTUAL_DEVICE] * count,
        **{key: made[key] for key in ("extratimex", "extratemp1", "extratemp2")},
    }
    for number, place in (("1", 0), ("2", 1)):
        tree |= {
            f"extraname{number}": [escape(pair[place].name) for pair in pairs],
            f"extramathexpression{number}": [""] * count,
            f"extradevicecolor{number}": ["#b05a2c" if place else "#5a6b8c"] * count,
            f"extraLCDvisibility{number}": [False] * max(_VISIBLE, count),
            f"extraCurveVisibility{number}": [True] * max(_VISIBLE, count),
            f"extraDelta{number}": [True] * max(_VISIBLE, count),
            f"extraFill{number}": [0] * max(_VISIBLE, count),
            f"extramarkersizes{number}": [6.0] * count,
            f"extramarkers{number}": ["None"] * count,
            f"extralinewidths{number}": [1.0] * count,
            f"extralinestyles{number}": ["-"] * count,
            f"extradrawstyles{number}": ["default"] * count,
            f"extraNoneTempHint{number}": [not pair[place].temperature for pair in pairs],
        }
    return tree


def _onto(curve: ExtraCurve, at_s: Column) -> ExtraCurve:
    return replace(curve, at_s=at_s, values=np.interp(at_s, curve.at_s, curve.values))


def _heard(record: RoastRecord, at_s: Column) -> list[ExtraCurve]:
    """Pops per minute and the decision, if there was sound and the source has no such curve."""
    names = {curve.name for curve in record.extras}
    curves = []
    if record.pops and "Pops/min" not in names:
        curves.append(ExtraCurve("Pops/min", at_s, pops_per_minute(record, at_s)))
    if record.scores and "Decision %" not in names:
        times, _, decisions = np.array(record.scores).T
        shown = np.interp(at_s, times, decisions * 100.0, left=0.0)
        curves.append(ExtraCurve("Decision %", at_s, shown))
    return curves


def pops_per_minute(record: RoastRecord, at_s: Column, window_s: float = POP_WINDOW_S) -> Column:
    """The rate of pops in the window before each time; shape as `at_s`."""
    times = np.sort(np.array([pop[0] for pop in record.pops]))
    counts = np.searchsorted(times, at_s, "right") - np.searchsorted(times, at_s - window_s)
    return np.asarray(counts * (60.0 / window_s), dtype=np.float64)
