"""Export a profile's curves: exactly as they were read, or recomputed.

Times and °F can't always be recomputed to the last digit, and Artisan 4.2 detects that by its
`hash`. Such values are kept as they were read (`exact` in a record's foreign data).
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from roastwatch.records.record import Column, ExtraCurve, RoastRecord

CURVES = ("timex", "temp1", "temp2", "extratimex", "extratemp1", "extratemp2")
NEAR_S = 0.01
"""An event this near to a sample needs no sample of its own."""
FAR_S = 2.0
"""A setting or note farther from a sample than this gets a sample of its own."""


def kept(raw: dict[str, Any], record: RoastRecord, first_s: float) -> dict[str, Any]:
    """The data that an export needs to restore a profile, in its order; curves only if necessary.

    Args:
        raw: the parsed profile.
        record: the record that was read from it.
        first_s: its first sample's time.
    """
    made = made_anew(record, first_s, record.fahrenheit)
    exact = {key: raw[key] for key in CURVES if key in raw and not _same(raw[key], made.get(key))}
    places = {key: None if key in CURVES else value for key, value in raw.items()}
    return places | {"first_timex": first_s, "exact": exact}


def as_it_came(record: RoastRecord) -> tuple[dict[str, Any], bool]:
    """The profile that a record was read from, and whether its curves are exact."""
    places = dict(record.foreign)
    first_s = float(places.pop("first_timex", 0.0))
    exact = places.pop("exact", None)
    known = made_anew(record, first_s, in_f_of(places)) | (exact or {})
    if exact is None:  # kept before exactness was
        return places | known, False
    return {k: known.get(k) if k in CURVES else value for k, value in places.items()}, True


def in_f_of(tree: dict[str, Any]) -> bool:
    """Whether a profile's temperatures are in °F."""
    return str(tree.get("mode", "C")).strip().upper().startswith("F")


def made_anew(record: RoastRecord, first_s: float, in_f: bool) -> dict[str, Any]:
    """The six lists of curves, from a record's values."""
    missing = np.full(len(record.at_s), np.nan)
    columns = record.columns
    tree: dict[str, Any] = {
        "timex": times(record.at_s, first_s),
        "temp1": temperatures(columns.get("environment_temp_c", missing), in_f),
        "temp2": temperatures(columns.get("bean_temp_c", missing), in_f),
    }
    pairs = [(record.extras[n], record.extras[n + 1]) for n in range(0, len(record.extras) - 1, 2)]
    tree["extratimex"] = [times(one.at_s, first_s) for one, _ in pairs]
    for key, place in (("extratemp1", 0), ("extratemp2", 1)):
        tree[key] = [values(pair[place], in_f) for pair in pairs]
    return tree


def times(at_s: Column, first_s: float) -> list[float]:
    """Times as Artisan writes them."""
    return [round(value + first_s, 9) for value in at_s.tolist()]


def temperatures(column: Column, in_f: bool) -> list[float]:
    """°C as a profile's list, in its unit; −1 for unknown."""
    shown = np.round(column * 1.8 + 32.0, 6) if in_f else column
    return [float(v) if math.isfinite(v) else -1.0 for v in shown.tolist()]


def values(curve: ExtraCurve, in_f: bool) -> list[float]:
    """An extra curve as a profile's list."""
    return temperatures(curve.values, in_f and curve.temperature)


def _same(one: Any, other: Any) -> bool:
    """Whether two lists would be written identically: 215 and 215.0 are not."""
    return one == other and repr(one) == repr(other)


def sampled(record: RoastRecord) -> RoastRecord:
    """The record; if it has no readings, with one sample per second, all dropouts."""
    if len(record.at_s):
        return record
    last = max((event.at_s for event in record.events), default=0.0)
    last = max([last, *(pop[0] for pop in record.pops), *(s[0] for s in record.scores)])
    first = min((event.at_s for event in record.events), default=0.0)
    at_s = np.arange(min(0.0, math.floor(first)), math.ceil(last) + 1.0)
    return replace(record, at_s=at_s, columns={})


def event_times(record: RoastRecord) -> list[float]:
    """The times of missing samples: at events, and at settings far from any sample."""
    if not len(record.at_s):
        return []
    wanted = [(event.at_s, NEAR_S) for event in record.events if not event.revoked]
    wanted += [(control.at_s, FAR_S) for control in record.controls]
    first, last = float(record.at_s[0]) - 60.0, float(record.at_s[-1]) + 60.0
    return sorted(
        {
            at_s
            for at_s, near_s in wanted
            if first <= at_s <= last and np.min(np.abs(record.at_s - at_s)) > near_s
        }
    )


def with_samples(record: RoastRecord, at: list[float]) -> RoastRecord:
    """The record with added samples: interpolated temperatures, settings as they were."""
    if not at:
        return record
    places = np.searchsorted(record.at_s, at)
    at_s = np.insert(record.at_s, places, at)
    columns = {}
    for name, column in record.columns.items():
        known = [
            _between(record, name, when) if name.endswith("_temp_c") else column[max(0, place - 1)]
            for when, place in zip(at, places, strict=True)
        ]
        columns[name] = np.insert(column, places, known)
    extras = [
        replace(
            curve,
            at_s=at_s,
            values=np.insert(curve.values, places, np.interp(at, curve.at_s, curve.values)),
        )
        if np.array_equal(curve.at_s, record.at_s)
        else curve
        for curve in record.extras
    ]
    return replace(record, at_s=at_s, columns=columns, extras=tuple(extras))


def _between(record: RoastRecord, name: str, at_s: float) -> float:
    """A temperature between two readings: an event's own, else interpolated."""
    for event in record.events:
        had = event.bean_temp_c if name == "bean_temp_c" else event.environment_temp_c
        if event.at_s == at_s and had is not None:
            return had
    column = record.columns[name]
    after = int(np.searchsorted(record.at_s, at_s))
    if 0 < after < len(column):
        line = np.interp(at_s, record.at_s[after - 1 : after + 1], column[after - 1 : after + 1])
        return float(line)
    return float(column[min(after, len(column) - 1)])
