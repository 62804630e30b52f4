"""The end of first crack: almost no pops for as long as several came before."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from roastwatch.detection.decision.dating import last_in_company

END_POPS, LONGEST_END_S = 6.0, 60.0
"""First crack has ended when the time that took this many pops before brings fewer than two."""


@dataclass(frozen=True, slots=True)
class CrackEnd:
    """Finds the end of a reported crack. Samples count at `rate_hz`."""

    rate_hz: int
    least_s: float
    """Least time almost without a pop, in seconds."""
    hop_s: float | None
    """Hop of a model that judges windows, in seconds; None if single pops are counted."""

    def has_ended(self, counted: deque[int], onset: int, now: int, missed: int) -> bool:
        """Whether the crack is over.

        Args:
            counted: samples of its pops (of its windows' ends) in order, and perhaps earlier ones.
            onset: sample at which it began.
            now: end of the processed sound, in samples.
            missed: samples lost since then.
        """
        if now < self.earliest(counted, onset, missed):
            return False
        inside = [sample for sample in counted if sample >= onset]
        lasted_s = max(1.0, (now - missed - onset) / self.rate_hz)
        if self.hop_s is None:
            pace_s = END_POPS * lasted_s / max(1, len(inside))
            window_s = max(self.least_s, min(pace_s, LONGEST_END_S))
        else:
            window_s = max(self.least_s, 3 * self.hop_s)
        since = now - window_s * self.rate_hz - missed
        return lasted_s >= window_s and sum(sample > since for sample in inside) < self._alive

    def dated(self, pops: Sequence[int], onset: int) -> int:
        """The sample of its last pop (window), once it has ended.

        A stray pop after the others is ignored.

        Args:
            pops: samples of all pops that date the crack, in order. There are more than clear ones,
                of which few remain near the end, or if no charge was reported.
            onset: sample at which it began.
        """
        near = None if self.hop_s is not None else last_in_company(pops, self.rate_hz)
        return near if near is not None else max(pops, default=onset)

    def earliest(self, counted: deque[int], onset: int, missed: int) -> float:
        """A sample before which the crack cannot have ended, whatever follows.

        The bound needs only the latest pops: `has_ended` waits for as many seconds as `END_POPS` of
        them took, which grows with the length of the crack.
        """
        latest = list(islice(reversed(counted), self._alive))
        if len(latest) < self._alive or min(latest) <= onset:
            return -math.inf
        least, longest = self.least_s * self.rate_hz, LONGEST_END_S * self.rate_hz
        share = END_POPS / len(counted) if self.hop_s is None else 0.0
        since_onset = min(latest) - onset
        pace = since_onset * share / (1 - share) if share < 1 else longest
        return min(latest) + max(least, min(pace, longest)) + missed

    @property
    def _alive(self) -> int:
        """This many recent pops (windows) show that the crack continues."""
        return 2 if self.hop_s is None else 1
