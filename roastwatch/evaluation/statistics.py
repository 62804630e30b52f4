"""The numbers of an evaluation: intervals, curves, delays, paired comparisons. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]
EARLY_S = 20.0
"""A report more than this long before the onset is early: nobody would call it first crack."""
CRACKS, WITHIN_S = 5, 20.0
"""First crack has begun with the first of this many cracks within this many seconds."""
POP_APART_S = 0.1
"""A reported pop is true if a true pop lies within this time."""


def poisson_interval(count: int, sure: float = 0.95) -> tuple[float, float]:
    """Exact interval of a Poisson mean (Garwood, "Fiducial limits for the Poisson
    distribution", Biometrika 28, 1936), found by bisection.
    """
    tail = (1 - sure) / 2

    def below(mean: float, most: int) -> float:
        """Probability of at most `most` events."""
        term = total = math.exp(-mean)
        for index in range(1, most + 1):
            term *= mean / index
            total += term
        return min(total, 1.0)

    def solve(found: int, wanted: float) -> float:
        low, high = 0.0, 10.0 + 3.0 * (found + 1)
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if below(middle, found) > wanted else (low, middle)
        return low

    if count > 500:  # the exponential underflows; the normal approximation suffices
        return count - 1.96 * math.sqrt(count), count + 1.96 * math.sqrt(count) + 2
    return (0.0 if count == 0 else solve(count - 1, 1 - tail)), solve(count, tail)


def wilson_interval(count: int, total: int, sure: float = 0.95) -> tuple[float, float]:
    """Interval of a share, from 0 to 1.

    Wilson, "Probable inference", Journal of the American Statistical Association 22, 1927. It
    stays sensible for few trials, and for none or all of them. Without trials it is (0, 1).
    """
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + sure / 2)
    share, spread = count / total, z * z / total
    middle = share + spread / 2
    reach = z * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    low, high = (middle - reach) / (1 + spread), (middle + reach) / (1 + spread)
    return (0.0 if count == 0 else low), (1.0 if count == total else high)


def quantile_interval(
    values: Sequence[float], quantile: float, sure: float = 0.95
) -> tuple[float | None, float | None]:
    """Interval of a quantile between two of the values, whatever their distribution.

    The number of values below the quantile is binomial. A bound is None where there are too few
    values to give one.
    """
    ordered, count = sorted(values), len(values)
    tail, below = (1 - sure) / 2, 0.0
    low = high = None
    for index in range(count + 1):  # `below` is the chance of fewer than `index` values below it
        if below <= tail and index > 0:
            low = ordered[index - 1]
        if below >= 1 - tail and high is None and index > 0:
            high = ordered[index - 1]
        below += math.comb(count, index) * quantile**index * (1 - quantile) ** (count - index)
    return low, high


@dataclass(frozen=True, slots=True)
class Rate:
    """Events per hour with their interval."""

    count: int
    hours: float

    def as_json(self) -> dict[str, float | int | None]:
        """Rate and 95 % interval; null if no time passed."""
        low, high = poisson_interval(self.count)
        hours = self.hours
        return {
            "count": self.count,
            "hours": round(hours, 3),
            "per_hour": round(self.count / hours, 4) if hours else None,
            "low": round(low / hours, 4) if hours else None,
            "high": round(high / hours, 4) if hours else None,
        }


def rate_text(rate: dict[str, float | int | None]) -> str:
    """`0.12 (0.050–0.30)`."""
    if rate["per_hour"] is None:
        return "–"
    shown = (float(rate[key] or 0.0) for key in ("per_hour", "low", "high"))
    middle, low, high = (f"{value:.3f}" if value < 0.1 else f"{value:.2f}" for value in shown)
    return f"{middle} ({low}–{high})"


def begins(cracks_s: Sequence[float]) -> tuple[float, float] | None:
    """The first and the last of the first `CRACKS` cracks within `WITHIN_S`, in seconds, or None.

    With the first of them, first crack begins for a person who listens.
    """
    for first, last in zip(cracks_s, cracks_s[CRACKS - 1 :], strict=False):
        if last - first <= WITHIN_S:
            return first, last
    return None


@dataclass(frozen=True, slots=True)
class Judged:
    """One roast: the true onset, and the decision."""

    name: str
    onset_s: float
    decided_s: float | None
    happened_s: float | None
    begins_s: float | None = None
    """The crack that the dated onset is compared with, see `begins`; None: the true onset."""
    warned: bool | None = None
    """Whether it was announced in time that first crack may not be heard; None: not examined."""

    @property
    def missed(self) -> bool:
        """First crack was never reported."""
        return self.decided_s is None

    @property
    def early(self) -> bool:
        """First crack was reported before anything was audible."""
        return self.decided_s is not None and self.decided_s < self.onset_s - EARLY_S

    @property
    def delay_s(self) -> float | None:
        """Delay of the report, unless missed or early."""
        return None if self.decided_s is None or self.early else self.decided_s - self.onset_s

    @property
    def error_s(self) -> float | None:
        """Error of the dated onset; positive is late."""
        if self.happened_s is None or self.early:
            return None
        return self.happened_s - (self.onset_s if self.begins_s is None else self.begins_s)


def judged(
    name: str,
    onset_s: float,
    cracks_s: Sequence[float],
    found: tuple[float, float] | None,
) -> Judged:
    """The result of a roast with known cracks from what was found: (decided, happened) or None."""
    begun = begins(cracks_s)
    decided_s, happened_s = found or (None, None)
    return Judged(name, onset_s, decided_s, happened_s, begins_s=begun[0] if begun else None)


def summary(judged: Sequence[Judged]) -> dict[str, float | int | None]:
    """Missed and early reports, delay and onset error over roasts."""
    delays = [j.delay_s for j in judged if j.delay_s is not None]
    errors = [j.error_s for j in judged if j.error_s is not None]
    total = len(judged)

    def share(count: int) -> float | None:
        return round(100 * count / total, 2) if total else None

    def of(values: Sequence[float], percent: float) -> float | None:
        return round(float(np.percentile(values, percent)), 2) if len(values) else None

    return {
        "roasts": total,
        "missed": sum(j.missed for j in judged),
        "missed_percent": share(sum(j.missed for j in judged)),
        "early": sum(j.early for j in judged),
        "early_percent": share(sum(j.early for j in judged)),
        "delay_median_s": of(delays, 50),
        "delay_p90_s": of(delays, 90),
        "onset_error_median_s": of(errors, 50),
        "onset_error_absolute_median_s": of(np.abs(errors).tolist(), 50),
        "onset_error_absolute_p90_s": of(np.abs(errors).tolist(), 90),
    }


def early_rate(judged: Sequence[Judged]) -> Rate:
    """Early reports per hour of sound before first crack or before the report."""
    armed_s = sum(
        one.decided_s if one.early and one.decided_s is not None else one.onset_s for one in judged
    )
    return Rate(sum(one.early for one in judged), armed_s / 3600)


def match(true_s: Sequence[float], found_s: Sequence[float]) -> tuple[list[int], list[int]]:
    """Pair true and reported pops; return indices of (found true pops, false reports)."""
    left = list(range(len(true_s)))
    hit, false = [], []
    for index, at_s in enumerate(found_s):
        near = [i for i in left if abs(true_s[i] - at_s) <= POP_APART_S]
        if near:
            best = min(near, key=lambda i: abs(true_s[i] - at_s))
            left.remove(best)
            hit.append(best)
        elif not any(abs(t - at_s) <= POP_APART_S for t in true_s):
            false.append(index)
    return sorted(hit), false


@dataclass(frozen=True, slots=True)
class PopCurve:
    """Recall, precision and false pops a minute over thresholds, shape (n,) each."""

    threshold: Float64Array
    recall: Float64Array
    precision: Float64Array
    false_per_min: Float64Array


def pop_curve(
    hits: Sequence[float], false: Sequence[float], truths: int, minutes: float
) -> PopCurve:
    """The curve from the probabilities of true and false reports."""
    thresholds = np.round(np.concatenate([np.arange(0.1, 0.96, 0.05), [0.97, 0.98, 0.99]]), 3)
    right = np.array([sum(p >= t for p in hits) for t in thresholds], dtype=np.float64)
    wrong = np.array([sum(p >= t for p in false) for t in thresholds], dtype=np.float64)
    return PopCurve(
        thresholds,
        right / max(truths, 1),
        right / np.maximum(right + wrong, 1),
        wrong / max(minutes, 1e-9),
    )


def compare(a: Sequence[Judged], b: Sequence[Judged]) -> dict[str, float | int | None]:
    """Compare two detectors on the same roasts: a missed or early report loses to a correct one.

    The p value is that of the sign test: the probability of such a count if both were equal.
    """
    better = worse = 0
    gains = []
    for one, two in zip(a, b, strict=True):
        first = math.inf if one.delay_s is None else one.delay_s
        second = math.inf if two.delay_s is None else two.delay_s
        better += first < second
        worse += second < first
        if math.isfinite(first) and math.isfinite(second):
            gains.append(second - first)
    total = better + worse
    tail = sum(math.comb(total, k) for k in range(min(better, worse) + 1)) / 2**total
    return {
        "pairs": len(a),
        "first_better": better,
        "second_better": worse,
        "seconds_gained_median": round(float(np.median(gains)), 2) if gains else None,
        "p_sign_test": round(min(1.0, 2 * tail), 4),
    }


def k_of_n(
    pops_s: Sequence[float], k: int = 4, window_s: float = 30.0
) -> tuple[float, float] | None:
    """A plain rule: k pops in distinct seconds within a window. (decided, happened) or None."""
    seconds: list[float] = []
    for at_s in pops_s:
        if seconds and at_s - seconds[-1] < 1.0:
            continue
        seconds.append(at_s)
        if len(seconds) >= k and at_s - seconds[-k] <= window_s:
            return at_s, seconds[-k]
    return None


def cusum(
    pops_s: Sequence[float], bar: float = 6.0, quiet: float = 0.02, crack: float = 0.25
) -> tuple[float, float] | None:
    """A plain sum (Page 1954) that counts at most one pop per second."""
    total, began, last, counted = 0.0, 0.0, 0.0, -math.inf
    for at_s in pops_s:
        if at_s - counted < 1.0:
            continue
        total = max(0.0, total - (crack - quiet) * (at_s - last))
        began = at_s if total == 0.0 else began
        total += math.log(crack / quiet)
        last = counted = at_s
        if total >= bar:
            return at_s, began
    return None


RULES: dict[str, Callable[[Sequence[float]], tuple[float, float] | None]] = {
    "4 of 30 s": k_of_n,
    "CUSUM h=6": cusum,
    "CUSUM h=8": lambda pops: cusum(pops, 8.0),
}
"""Baseline rules on the same pops."""


def alarms(rule: str, pops_s: Sequence[float], rearm_s: float = 60.0) -> int:
    """Number of alarms of a baseline without cracks, re-armed after each."""
    found, left = 0, list(pops_s)
    while (decided := RULES[rule](left)) is not None:
        found += 1
        left = [at_s for at_s in left if at_s > decided[0] + rearm_s]
    return found
