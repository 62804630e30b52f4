"""Rate of rise: Artisan's definition, and a robust one that is our default. Pure.

Artisan: the difference of two readings a span apart, per minute (its delta span; 20 s here by
default). It shows every step of a whole-degree probe and every dropout. Ours is the median of the
slopes of all pairs of readings in the last 45 s that lie at least a third of that apart
(Theil 1950, Sen 1968): up to 29 % of the readings may be wrong without moving it far, and a
whole-degree probe's steps average out.
"""

import numpy as np

from roastwatch.records.record import Column

ARTISAN_SPAN_S = 20.0
WINDOW_S = 45.0
LEVEL_S = 20.0


def artisan(at_s: Column, temp_c: Column, span_s: float = ARTISAN_SPAN_S) -> Column:
    """Artisan's rate of rise in °C/min, shape as `at_s`; NaN until a span is full."""
    result = np.full(len(at_s), np.nan)
    before = np.searchsorted(at_s, at_s - span_s + 1e-9, "right") - 1
    valid = (before >= 0) & (np.arange(len(at_s)) > before)
    now, then = np.flatnonzero(valid), before[valid]
    step_s = at_s[now] - at_s[then]
    result[now] = np.where(step_s > 0, (temp_c[now] - temp_c[then]) / step_s * 60.0, np.nan)
    return result


def slope_c_per_min(at_s: Column, temp_c: Column, window_s: float = WINDOW_S) -> float | None:
    """The robust slope of readings within one window; None if there are too few.

    Args:
        at_s: times within one window, ascending.
        temp_c: temperatures, NaN = dropout.
        window_s: the window's length; pairs closer than a third of it say nothing.
    """
    known = np.isfinite(temp_c)
    times, temps = at_s[known], temp_c[known]
    if len(times) < 4 or times[-1] - times[0] < window_s / 3.0:
        return None
    if len(times) > 60:
        chosen = np.linspace(0, len(times) - 1, 60).astype(int)
        times, temps = times[chosen], temps[chosen]
    apart_s = times[None, :] - times[:, None]
    pairs = apart_s >= window_s / 3.0
    slopes = (temps[None, :] - temps[:, None])[pairs] / apart_s[pairs]
    return float(np.median(slopes)) * 60.0


def level_c(at_s: Column, temp_c: Column, ror: float, window_s: float = LEVEL_S) -> float | None:
    """The temperature now: the median of the last readings, each carried forward at the slope."""
    recent = np.isfinite(temp_c) & (at_s > at_s[-1] - window_s)
    if not np.any(recent):
        return None
    return float(np.median(temp_c[recent] + ror / 60.0 * (at_s[-1] - at_s[recent])))


def robust(
    at_s: Column, temp_c: Column, window_s: float = WINDOW_S, *, centred: bool = False
) -> Column:
    """Our rate of rise in °C/min at each sample, shape as `at_s`; NaN where unknown.

    Args:
        at_s: times, ascending.
        temp_c: temperatures, NaN = dropout.
        window_s: length of the window.
        centred: look equally far ahead and back (for plots), not only back (as live).
    """
    result = np.full(len(at_s), np.nan)
    ahead_s = window_s / 2.0 if centred else 0.0
    back_s = window_s - ahead_s
    starts = np.searchsorted(at_s, at_s - back_s)
    ends = np.searchsorted(at_s, at_s + ahead_s, "right")
    # A slope over a minute can't show more than one value per second.
    last_s, last = -np.inf, np.nan
    for index, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        if at_s[index] - last_s >= 1.0 - 1e-6:
            slope = slope_c_per_min(at_s[start:end], temp_c[start:end], window_s)
            last_s, last = float(at_s[index]), np.nan if slope is None else slope
        result[index] = last
    return result
