"""Pops in step with a rhythm: a scrape or a lodged bean in the drum, or the beat of music.

Such pops come at one phase of a lasting period, though not in every turn or at every beat.
Cracks come at any phase. The test is Rayleigh's for a direction (Fisher, "Statistical Analysis of
Circular Data", 1993), applied to the best of many periods.
"""

from collections import deque
from functools import cache
from typing import NamedTuple

import numpy as np

from roastwatch.vocabulary import Float32Array


class Range(NamedTuple):
    """Rhythms that are searched for."""

    slowest_hz: float
    fastest_hz: float
    span_s: float
    """Pops of this long are examined."""
    every_s: float
    """Time between searches."""


DRUM = Range(0.35, 3.2, 60.0, 5.0)
"""Drums, and a hand that stirs a pan. A longer span would be more precise, but motors drift."""
MUSIC = Range(0.7, 8.5, 20.0, 2.0)
"""Beats and sixteenths of music, whose hits come at divisions of a bar."""
MOST_POPS = 40
"""At most this many pops are examined, which bounds the cost of a clattering drum."""
APART_S = 0.15
"""Pops closer than this are one sound."""
SURE = 14.0
"""Least Rayleigh statistic: pops times the squared length of their mean direction. For random pops,
the best of about 350 distinguishable periods reaches it three times in ten thousand."""
GOES_ON = 4.0
"""Least statistic of a known period: reached by chance one time in twenty."""
WIDTH = 0.1
"""Pops within this share of a turn around the mean direction are in step."""

_LOBE = 4
"""Searched periods between two that can be distinguished."""


class Rhythm:
    """One rhythm, found from earlier pops. Pure."""

    def __init__(self, sample_rate_hz: int, searched: Range = DRUM) -> None:
        """Start without a rhythm."""
        self._searched = searched
        self._hz = _frequencies(searched)
        self._rate = sample_rate_hz
        self._times_s: deque[float] = deque(maxlen=MOST_POPS)
        self._looked_s = 0.0
        self._found: tuple[float, float] | None = (
            None  # Hz, and a time at which the pops come, in s
        )

    @property
    def found(self) -> bool:
        """Whether pops are in step with a rhythm."""
        return self._found is not None

    def note(self, sample: int) -> None:
        """Add a pop; ignore one added before or one that belongs to the previous sound."""
        at_s, times = sample / self._rate, self._times_s
        if times and at_s - times[-1] < APART_S:
            return
        times.append(at_s)
        while times[0] < at_s - self._searched.span_s:
            times.popleft()
        # fewer cannot reach the statistic, even at one and the same phase
        if len(times) <= (GOES_ON if self._found else SURE):
            self._found = None
        elif at_s - self._looked_s >= self._searched.every_s:
            self._looked_s = at_s
            self._found = self._look(at_s)

    def brings(self, sample: int) -> bool:
        """Whether a sample is in step with the rhythm."""
        if self._found is None:
            return False
        hz, comes_s = self._found
        turns = (sample / self._rate - comes_s) * hz
        return abs(turns - round(turns)) <= WIDTH

    def _look(self, now_s: float) -> tuple[float, float] | None:
        ago_s = np.array(self._times_s, np.float64) - now_s
        turns = np.outer(self._hz, ago_s.astype(np.float32))
        turns -= np.rint(turns)
        angles = np.float32(2 * np.pi) * turns
        along, across = np.cos(angles).sum(axis=1), np.sin(angles).sum(axis=1)
        squares = along * along + across * across
        best = self._best(squares, len(ago_s))
        if best is None:
            return None
        hz = float(self._hz[best])
        return hz, now_s + float(np.arctan2(across[best], along[best])) / (2 * np.pi * hz)

    def _best(self, squares: Float32Array, pops: int) -> int | None:
        """Index of the searched period, or None."""
        most = float(squares.max())
        if self._found is not None:
            known = int(np.abs(self._hz - self._found[0]).argmin())
            first = max(known - _LOBE, 0)
            near = squares[first : known + _LOBE + 1]
            if near.max() >= max(GOES_ON * pops, 0.5 * most):
                return first + int(near.argmax())
        if most < SURE * pops:
            return None
        # pops once a turn also fit half a turn: the slowest period explains them best
        first = int((squares > 0.85 * most).argmax())
        return first + int(squares[first : first + _LOBE].argmax())


@cache
def _frequencies(searched: Range) -> Float32Array:
    step_hz = 1 / (_LOBE * searched.span_s)
    return np.arange(searched.slowest_hz, searched.fastest_hz, step_hz, dtype=np.float32)
