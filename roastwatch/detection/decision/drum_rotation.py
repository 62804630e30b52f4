"""What comes with the drum's turn: a scrape, a squeak or a bean lodged at one place.

Such pops come at one phase of a period that lasts for minutes, though not at every turn; cracks
come at any. The test is Rayleigh's for a direction (Fisher, "Statistical Analysis of Circular
Data", 1993), of the best of many periods.
"""

from collections import deque

import numpy as np

from roastwatch.vocabulary import Float32Array

SLOWEST_HZ, FASTEST_HZ = 0.35, 3.2
"""Turns a second: of drums, and of a hand that stirs a pan."""
SPAN_S = 60.0
"""What is looked back over: longer would know the period better, but motors drift."""
MOST_POPS = 40
"""Only the latest are looked at, so that a clattering drum costs no more."""
APART_S = 0.15
"""Pops nearer than that are one sound."""
EVERY_S = 5.0
"""It is looked for so often."""
SURE = 14.0
"""Pops times the square of the length of their mean direction. Of pops at random the best of the
some 350 periods that a minute tells apart is as good three times in ten thousand."""
GOES_ON = 4.0
"""The same of one that is known already, at its own period: by chance one time in twenty."""
WIDTH = 0.1
"""Pops at most so much of a turn before or after the mean direction come with it."""

_LOBE = 4
"""Periods are tried so closely that this many lie between two that a look tells apart."""
_SEARCHED_HZ = np.arange(SLOWEST_HZ, FASTEST_HZ, 1 / (_LOBE * SPAN_S), dtype=np.float32)


class DrumRotation:
    """A drum's turn, found from the pops before that could be shown. Pure."""

    def __init__(self, sample_rate_hz: int) -> None:
        """Nothing turns yet."""
        self._rate = sample_rate_hz
        self._times_s: deque[float] = deque(maxlen=MOST_POPS)
        self._looked_s = 0.0
        self._found: tuple[float, float] | None = None  # Hz, and when it comes, in s

    @property
    def found(self) -> bool:
        """Whether something comes with a turn."""
        return self._found is not None

    def note(self, sample: int) -> None:
        """A pop. One that was noted before, or belongs to the one before, is ignored."""
        at_s, times = sample / self._rate, self._times_s
        if times and at_s - times[-1] < APART_S:
            return
        times.append(at_s)
        while times[0] < at_s - SPAN_S:
            times.popleft()
        # fewer can't be sure, even if all come at the very same phase
        if len(times) <= (GOES_ON if self._found else SURE):
            self._found = None
        elif at_s - self._looked_s >= EVERY_S:
            self._looked_s = at_s
            self._found = self._look(at_s)

    def brings(self, sample: int) -> bool:
        """Whether what is heard at a sample comes with the turn."""
        if self._found is None:
            return False
        hz, comes_s = self._found
        turns = (sample / self._rate - comes_s) * hz
        return abs(turns - round(turns)) <= WIDTH

    def _look(self, now_s: float) -> tuple[float, float] | None:
        ago_s = np.array(self._times_s, np.float64) - now_s
        turns = np.outer(_SEARCHED_HZ, ago_s.astype(np.float32))
        turns -= np.rint(turns)
        angles = np.float32(2 * np.pi) * turns
        along, across = np.cos(angles).sum(axis=1), np.sin(angles).sum(axis=1)
        squares = along * along + across * across
        best = self._best(squares, len(ago_s))
        if best is None:
            return None
        hz = float(_SEARCHED_HZ[best])
        return hz, now_s + float(np.arctan2(across[best], along[best])) / (2 * np.pi * hz)

    def _best(self, squares: Float32Array, pops: int) -> int | None:
        """Which of the searched periods it is, if it is one."""
        most = float(squares.max())
        if self._found is not None:
            known = int(np.abs(_SEARCHED_HZ - self._found[0]).argmin())
            first = max(known - _LOBE, 0)
            near = squares[first : known + _LOBE + 1]
            if near.max() >= max(GOES_ON * pops, 0.5 * most):
                return first + int(near.argmax())
        if most < SURE * pops:
            return None
        # what comes once a turn comes once in each half turn, too: the slowest explains it best
        first = int((squares > 0.85 * most).argmax())
        return first + int(squares[first : first + _LOBE].argmax())
