"""Predict dry end, first crack and drop, with an interval. Pure.

Dry end and drop: the time to the target temperature at the present slope. First crack: the time to
the temperature of this person's earlier first cracks, seconds = a + b·D/r + c·D (D the degrees
still to go, r the rate of rise), with a, b, c fitted robustly to the person's earlier roasts and
the interval from their residuals. `leave_one_out` measures it on roasts that were held out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roastwatch.records.record import Column, RoastRecord
from roastwatch.roast.curve import rate_of_rise as curve_ror
from roastwatch.vocabulary import EventKind

FEWEST_ROASTS = 4
FROM_S = 150.0
EVERY_S = 10.0
SLOWEST_C_PER_MIN = 2.0
COVERED = 0.8
"""The fraction of cases that the interval should contain."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A predicted time, in seconds from the charge."""

    at_s: float
    half_width_s: float
    """The interval `at_s ± half_width_s` should contain it in 8 cases of 10."""


@dataclass(frozen=True, slots=True, eq=False)
class PastRoast:
    """The data of one roast for a prediction; times from the charge."""

    times: Column
    beans: Column
    first_crack_s: float
    first_crack_c: float
    bean_name: str = ""


def past(record: RoastRecord) -> PastRoast | None:
    """The data of a record; None without charge, first crack or temperatures."""
    crack, charge_s = record.event(EventKind.FIRST_CRACK), record.charge_s
    if crack is None or charge_s is None or crack.at_s <= charge_s:
        return None
    crack_c = record.temperature_at(crack.at_s)
    if crack_c is None:
        return None
    return PastRoast(
        record.at_s - charge_s,
        record.bean_temp_c,
        crack.at_s - charge_s,
        crack_c,
        record.properties.bean_name,
    )


def state(times: Column, beans: Column, now_s: float) -> tuple[float, float] | None:
    """Bean temperature and rate of rise at a time, from what was known then."""
    window = (times > now_s - curve_ror.WINDOW_S) & (times <= now_s)
    slope = curve_ror.slope_c_per_min(times[window], beans[window])
    if slope is None:
        return None
    level = curve_ror.level_c(times[window], beans[window], slope)
    if level is None:
        return None
    # The newest reading may be a little old.
    return level + slope / 60.0 * (now_s - float(times[window][-1])), slope


@dataclass(frozen=True, slots=True)
class FirstCrackModel:
    """A fit to a person's earlier roasts."""

    crack_c: float
    """Median bean temperature at first crack."""
    spread_c: float
    """Its robust standard deviation (1.48 times the median deviation), at least 1 °C."""
    crack_s: float
    """Median time of first crack."""
    coefficients: tuple[float, float, float]
    near_s: float
    """Half width of the interval at the end…"""
    per_s: float
    """…and what every second still to go adds."""
    roasts: int

    @classmethod
    def fit(cls, roasts: Sequence[PastRoast]) -> "FirstCrackModel | None":
        """Fit to earlier roasts; None if there are fewer than four."""
        return cls._fit(roasts, [_rows(roast) for roast in roasts])

    @classmethod
    def _fit(
        cls, roasts: Sequence[PastRoast], tables: Sequence[Column]
    ) -> "FirstCrackModel | None":
        if len(roasts) < FEWEST_ROASTS:
            return None
        temps = np.array([roast.first_crack_c for roast in roasts])
        crack_c = float(np.median(temps))
        spread_c = max(1.0, 1.4826 * float(np.median(np.abs(temps - crack_c))))
        crack_s = float(np.median([roast.first_crack_s for roast in roasts]))
        table = np.concatenate(tables)
        if len(table) < 20:
            return None
        design, wanted = _design(crack_c, table[:, 0], table[:, 1]), table[:, 2]
        # Near times matter more, and later changes of the roaster are unknown.
        weights = 1.0 / np.maximum(wanted, 40.0)
        coefficients = _robust_fit(design, wanted, weights)
        errors = np.abs(design @ coefficients - wanted)
        near = errors[wanted <= 60.0]
        far = (wanted > 90.0) & (wanted <= 240.0)
        near_s = float(np.quantile(near, COVERED)) if len(near) > 5 else 30.0
        per_s = 0.0
        if far.sum() > 5:
            excess = np.maximum(errors[far] - near_s, 0.0) / wanted[far]
            per_s = float(np.quantile(excess, COVERED))
        a, b, c = coefficients.tolist()
        return cls(crack_c, spread_c, crack_s, (a, b, c), near_s, per_s, len(roasts))

    def predict(self, now_s: float, bean_c: float, ror: float) -> Prediction | None:
        """When first crack will come; None while the beans do not warm."""
        if ror < SLOWEST_C_PER_MIN:
            return None
        row = _design(self.crack_c, np.array([bean_c]), np.array([ror]))[0]
        to_go_s = max(0.0, float(row @ np.array(self.coefficients)))
        return Prediction(now_s + to_go_s, self.near_s + self.per_s * to_go_s)


def _rows(roast: PastRoast) -> Column:
    """Bean temperature, rate of rise, seconds still to go: one row each 10 s; shape (n, 3)."""
    rows = []
    for now_s in np.arange(FROM_S, roast.first_crack_s - 5.0, EVERY_S).tolist():
        known = state(roast.times, roast.beans, now_s)
        if known is not None:
            rows.append((*known, roast.first_crack_s - now_s))
    return np.array(rows, dtype=np.float64).reshape(len(rows), 3)


def _design(crack_c: float, bean_c: Column, ror: Column) -> Column:
    degrees = crack_c - bean_c
    seconds = np.clip(degrees / np.maximum(ror, SLOWEST_C_PER_MIN) * 60.0, -60.0, 600.0)
    return np.stack([np.ones_like(degrees), seconds, degrees], axis=-1)


def _robust_fit(design: Column, wanted: Column, weights: Column) -> Column:
    """Least squares, reweighted after Huber (1964) so that odd roasts pull less."""
    scaled = weights
    for _ in range(4):
        fitted, *_ = np.linalg.lstsq(design * scaled[:, None], wanted * scaled, rcond=None)
        errors = np.abs(design @ fitted - wanted) * weights
        typical = 1.5 * max(float(np.median(errors)), 1e-9)
        scaled = weights / np.sqrt(np.maximum(1.0, errors / typical))
    return np.asarray(fitted, dtype=np.float64)


def reach(
    now_s: float, bean_c: float | None, ror: float | None, wanted_c: float
) -> Prediction | None:
    """When a temperature will be reached at the present slope; None while the beans do not warm.

    The interval is a fifth of the time, at least 5 s: rates of rise fall by 5–15 % a minute.
    """
    if bean_c is None or ror is None or ror < SLOWEST_C_PER_MIN or bean_c >= wanted_c:
        return None
    to_go_s = (wanted_c - bean_c) / ror * 60.0
    return Prediction(now_s + to_go_s, max(5.0, 0.2 * to_go_s))


def drop_for_ratio(first_crack_s: float, ratio_percent: float) -> float:
    """When to drop, in seconds from the charge, for a target development ratio."""
    return first_crack_s / (1.0 - ratio_percent / 100.0)


def countdown_s(
    now_s: float,
    first_crack_s: float,
    *,
    ratio_percent: float | None = None,
    development_s: float | None = None,
) -> float | None:
    """Seconds until the target development is reached (below 0: since); None without a target."""
    if development_s is not None:
        return first_crack_s + development_s - now_s
    if ratio_percent is not None:
        return drop_for_ratio(first_crack_s, ratio_percent) - now_s
    return None


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """The errors of the prediction of first crack on roasts that were held out."""

    before_s: float
    roasts: int
    median_error_s: float
    worst_tenth_s: float
    naive_median_error_s: float
    """The error of guessing the other roasts' median time."""
    held_percent: float
    """How often the interval contained it."""


def leave_one_out(roasts: Sequence[PastRoast], before_s: float = 120.0) -> LeaveOneOut | None:
    """Predict each roast's first crack, `before_s` ahead of it, from all the others."""
    tables = [_rows(roast) for roast in roasts]
    errors, naive, held = [], [], []
    for place, roast in enumerate(roasts):
        now_s = roast.first_crack_s - before_s
        others = [r for n, r in enumerate(roasts) if n != place]
        model = FirstCrackModel._fit(others, [t for n, t in enumerate(tables) if n != place])
        known = state(roast.times, roast.beans, now_s)
        if model is None or known is None or now_s < 60.0:
            continue
        predicted = model.predict(now_s, *known)
        if predicted is None:
            continue
        error = abs(predicted.at_s - roast.first_crack_s)
        errors.append(error)
        naive.append(abs(model.crack_s - roast.first_crack_s))
        held.append(error <= predicted.half_width_s)
    if not errors:
        return None
    return LeaveOneOut(
        before_s,
        len(errors),
        float(np.median(errors)),
        float(np.quantile(errors, 0.9)),
        float(np.median(naive)),
        100.0 * float(np.mean(held)),
    )
