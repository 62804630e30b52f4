"""Crack rates: seeded curves of first and second crack, and their pops.

First crack is sparse, rises over tens of seconds, holds and fades. Second crack follows minutes
later, quieter and faster (Wilson, "Coffee roasting acoustics", JASA Express Letters 135,
2014). Measured on recordings: 1 to 9 audible pops in 10 s at the height of first crack, single
stray pops as early as 50 s before it. The default ranges cover more than that, for other machines
and batches. They were not tuned.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CrackPhase:
    """One crack: a rate that rises from zero at `onset_s`, holds, and falls back to zero."""

    onset_s: float
    rise_s: float
    hold_s: float
    fall_s: float
    peak_per_s: float
    """Pops per second while it holds."""
    steepness: float = 1.0
    """Exponent of rise and fall: 1 a straight ramp, below 1 sudden, above 1 hesitant."""

    @property
    def end_s(self) -> float:
        """Time at which the rate returns to zero."""
        return self.onset_s + self.rise_s + self.hold_s + self.fall_s

    def rate_per_s(self, at_s: Float64Array) -> Float64Array:
        """Pops per second at times of shape (n,); shape (n,)."""
        since = np.asarray(at_s, dtype=np.float64) - self.onset_s
        rising = np.clip(since / max(self.rise_s, 1e-9), 0.0, 1.0)
        left = self.rise_s + self.hold_s + self.fall_s - since
        falling = np.clip(left / max(self.fall_s, 1e-9), 0.0, 1.0)
        shape: Float64Array = (rising * falling) ** self.steepness
        return self.peak_per_s * shape


@dataclass(frozen=True, slots=True)
class RateRanges:
    """Ranges of random values: uniform, but log-uniform for rates."""

    first_onset_s: Range = (330.0, 780.0)
    first_rise_s: Range = (10.0, 60.0)
    first_hold_s: Range = (20.0, 80.0)
    first_fall_s: Range = (20.0, 80.0)
    first_peak_per_s: Range = (0.25, 4.0)
    steepness: Range = (0.7, 1.5)
    second_probability: float = 0.25
    second_gap_s: Range = (20.0, 120.0)
    """From the end of first crack to the onset of second."""
    second_rise_s: Range = (8.0, 30.0)
    second_hold_s: Range = (15.0, 60.0)
    second_peak_per_s: Range = (2.0, 10.0)
    stray_per_min: Range = (0.02, 0.5)
    """Single pops before first crack, most frequent in the last minute."""
    tail_s: Range = (10.0, 90.0)
    """Sound after the last crack, to the drop."""


@dataclass(frozen=True, slots=True)
class RoastRates:
    """The cracks of one roast, from the charge at 0 s."""

    duration_s: float
    first: CrackPhase | None
    second: CrackPhase | None = None
    stray_per_s: float = 0.0

    def stray_rate_per_s(self, at_s: Float64Array) -> Float64Array:
        """Stray pops per second before first crack: nine times more frequent in the last minute."""
        at_s = np.asarray(at_s, dtype=np.float64)
        onset_s = self.first.onset_s if self.first else self.duration_s
        late = (at_s > onset_s - 60.0) & (at_s <= onset_s)
        rate: Float64Array = self.stray_per_s * np.where(late, 3.0, 1.0 / 3.0) * (at_s <= onset_s)
        return rate

    def pops(self, rng: np.random.Generator) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Draw the times in seconds of the pops of first crack, of second crack, and of stray pops.

        Each is sorted, an inhomogeneous Poisson process thinned from its highest rate.
        """

        def thinned(phase: CrackPhase | None) -> Float64Array:
            if phase is None:
                return np.empty(0)
            return _poisson(
                rng, phase.onset_s, min(phase.end_s, self.duration_s), phase.peak_per_s, phase
            )

        end_s = self.first.onset_s if self.first else self.duration_s
        count = rng.poisson(self.stray_per_s * 3.0 * end_s)
        at_s = np.sort(rng.uniform(0.0, end_s, count))
        keep = rng.uniform(size=count) * 3.0 * max(self.stray_per_s, 1e-12)
        strays = at_s[keep < self.stray_rate_per_s(at_s)]
        return thinned(self.first), thinned(self.second), strays


def _poisson(
    rng: np.random.Generator, start_s: float, end_s: float, highest: float, phase: CrackPhase
) -> Float64Array:
    if end_s <= start_s or highest <= 0:
        return np.empty(0)
    at_s = np.sort(rng.uniform(start_s, end_s, rng.poisson(highest * (end_s - start_s))))
    return at_s[rng.uniform(0.0, highest, len(at_s)) < phase.rate_per_s(at_s)]


def draw_rates(
    rng: np.random.Generator, ranges: RateRanges | None = None, *, second: bool | None = None
) -> RoastRates:
    """Draw the crack rates of one roast.

    `second` forces or forbids a second crack; None uses `ranges.second_probability`.
    The same generator state gives the same roast.
    """
    ranges = ranges or RateRanges()

    def uniform(bounds: Range) -> float:
        return float(rng.uniform(*bounds))

    def log_uniform(bounds: Range) -> float:
        return float(np.exp(rng.uniform(*np.log(bounds))))

    first = CrackPhase(
        onset_s=uniform(ranges.first_onset_s),
        rise_s=uniform(ranges.first_rise_s),
        hold_s=uniform(ranges.first_hold_s),
        fall_s=uniform(ranges.first_fall_s),
        peak_per_s=log_uniform(ranges.first_peak_per_s),
        steepness=uniform(ranges.steepness),
    )
    has_second = rng.uniform() < ranges.second_probability if second is None else second
    later = None
    if has_second:
        later = CrackPhase(
            onset_s=first.end_s + uniform(ranges.second_gap_s),
            rise_s=uniform(ranges.second_rise_s),
            hold_s=uniform(ranges.second_hold_s),
            fall_s=uniform(ranges.second_rise_s),
            peak_per_s=log_uniform(ranges.second_peak_per_s),
        )
    last = later or first
    return RoastRates(
        duration_s=last.end_s + uniform(ranges.tail_s),
        first=first,
        second=later,
        stray_per_s=log_uniform(ranges.stray_per_min) / 60.0,
    )
