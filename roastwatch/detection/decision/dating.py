"""The pops by which first crack is dated: its onset and its end.

A person dates first crack by what they hear and see: the first displayed pop of the group that led
to the decision. Positions are samples.
"""

import math
from collections import deque
from collections.abc import Sequence, Set
from itertools import pairwise
from typing import NamedTuple

PAUSE_S = 15.0
"""A pause longer than this separates one group of pops from the next. Fainter ones do not bridge
it: they come all the time."""
JOINS = 6.0
"""A group before a pause belongs to the crack if it raises the evidence by at least this, in nats.
A few stray pops do not."""
REACH_S = 5.0
"""The onset is at most this long before the filter's estimate, however dense the pops are. Without
stray pops that estimate is some seconds before the first pop."""
APART_S = 1.0
"""Pops closer than this count as one: clatter is no crack."""


class DatedPop(NamedTuple):
    """A pop that counted."""

    sample: int
    tick: int
    """The filter's tick that it was counted in."""
    displayed: bool
    """Whether a person can see it: it is at least as probable as the model's threshold."""


class Dating:
    """Dates a crack by its pops. Pure."""

    def __init__(self, sample_rate_hz: int, quiet_rate: float) -> None:
        """Start without pops; `quiet_rate` stray pops a second come while nothing cracks."""
        self._rate, self._quiet = sample_rate_hz, quiet_rate
        self.pops: deque[DatedPop] = deque(maxlen=2000)
        """Those that count, in order."""

    def add(self, sample: int, tick: int, *, displayed: bool) -> None:
        """Add the next pop that counted."""
        self.pops.append(DatedPop(sample, tick, displayed))

    def withdraw(self, ticks: Set[int]) -> None:
        """Remove the pops of some ticks: they were periodic."""
        kept = [pop for pop in self.pops if pop.tick not in ticks]
        if len(kept) < len(self.pops):
            self.pops = deque(kept, maxlen=self.pops.maxlen)

    def since(self, onset: int) -> list[int]:
        """Samples of the displayed pops from a sample on; of all pops if none is displayed."""
        pops = [pop for pop in self.pops if pop.sample >= onset]
        return [pop.sample for pop in pops if pop.displayed] or [pop.sample for pop in pops]

    def onset(self, estimate: int, end_sample: int) -> int:
        """The first displayed pop of the group that led to the decision.

        If none is displayed, all pops count.

        Args:
            estimate: the filter's estimate, in samples.
            end_sample: the end of the processed sound; a crack has been detected.
        """
        earliest = estimate - REACH_S * self._rate
        pops = [pop for pop in self.pops if pop.sample >= earliest] or list(self.pops)[-1:]
        if not pops:
            return min(estimate, end_sample)
        pops = [pop for pop in pops if pop.displayed] or pops
        first = self._group(pops, len(pops) - 1)
        best = self._evidence(pops[first:], end_sample)
        before = first
        while before > 0:
            before = self._group(pops, before - 1)
            if (evidence := self._evidence(pops[before:], end_sample)) >= best + JOINS:
                first, best = before, evidence
        return pops[first].sample

    def _group(self, pops: list[DatedPop], last: int) -> int:
        """Index of the first pop of the group that a pop belongs to."""
        first = last
        while first > 0 and pops[first].sample - pops[first - 1].sample <= PAUSE_S * self._rate:
            first -= 1
        return first

    def _evidence(self, pops: list[DatedPop], end_sample: int) -> float:
        """Log-likelihood ratio of a steady crack from the first of these pops on, in nats."""
        count, last = 0, -math.inf
        for pop in pops:
            if pop.sample - last >= APART_S * self._rate:
                count, last = count + 1, pop.sample
        lasted_s = max((end_sample - pops[0].sample) / self._rate, APART_S)
        rate = max(count / lasted_s, self._quiet)
        return count * math.log(rate / self._quiet) - (rate - self._quiet) * lasted_s


def last_in_company(samples: Sequence[int], sample_rate_hz: int) -> int | None:
    """The last pop that comes no more than a pause after another; None: all are isolated.

    A stray pop after the crack is ignored.
    """
    pause = PAUSE_S * sample_rate_hz
    return max((pop for before, pop in pairwise(samples) if pop - before <= pause), default=None)
