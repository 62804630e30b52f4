"""Crash and flick: a rate of rise that collapses at first crack, or jumps after it.

A crash is a fall of at least 4 °C/min within a minute from half a minute before first crack on; a
flick a rise of at least 2 °C/min from a low after first crack, before the drop. Pure.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from roastwatch.records.record import RoastRecord
from roastwatch.roast.curve import rate_of_rise as curve_ror
from roastwatch.vocabulary import EventKind

CRASH_C_PER_MIN = 4.0
FLICK_C_PER_MIN = 2.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a rate of rise."""

    kind: Literal["crash", "flick"]
    at_s: float
    """On the record's clock: where it was lowest (crash) or highest (flick)."""
    by_c_per_min: float


def faults(record: RoastRecord) -> list[Fault]:
    """The crash and the flick of a roast; none without first crack, drop and a probe."""
    crack, drop = record.event(EventKind.FIRST_CRACK), record.event(EventKind.DROP)
    if crack is None or drop is None or "bean_temp_c" not in record.columns:
        return []
    inside = (record.at_s >= crack.at_s - 75.0) & (record.at_s <= drop.at_s)
    times = record.at_s[inside]
    ror = curve_ror.robust(times, record.bean_temp_c[inside], 30.0, centred=True)
    known = np.isfinite(ror)
    times, ror = times[known], ror[known]
    # At the window's edges the beans fall out, which says nothing about the roast.
    keep = times <= drop.at_s - 15.0
    times, ror = times[keep], ror[keep]
    if len(times) < 10:
        return []
    found: list[Fault] = []
    deepest = (0.0, 0.0)
    for index in np.flatnonzero(times >= crack.at_s - 30.0).tolist():
        before = ror[(times >= times[index] - 60.0) & (times <= times[index])]
        deepest = max(deepest, (float(np.max(before) - ror[index]), float(times[index])))
    if deepest[0] >= CRASH_C_PER_MIN:
        found.append(Fault("crash", deepest[1], round(deepest[0], 1)))
    after = times >= crack.at_s
    if after.sum() > 5:
        low = np.minimum.accumulate(ror[after])
        leap = ror[after] - low
        peak = int(np.argmax(leap))
        if leap[peak] >= FLICK_C_PER_MIN:
            found.append(Fault("flick", float(times[after][peak]), round(float(leap[peak]), 1)))
    return found
