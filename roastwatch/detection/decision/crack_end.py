"""When first crack has ended: when hardly a pop comes for as long as many came before."""

import math
from collections import deque
from dataclasses import dataclass
from itertools import islice

END_POPS, LONGEST_END_S = 6.0, 60.0
"""A crack is over when, for as long as it had this many pops before, it has fewer than two."""


@dataclass(frozen=True, slots=True)
class CrackEnd:
    """How the end of a crack that was told shows itself. Samples count at `rate_hz`."""

    rate_hz: int
    least_s: float
    """At least so long nearly without a pop."""
    hop_s: float | None
    """Of a model that judges windows; None where single pops are counted."""

    def found(self, counted: deque[int], onset: int, now: int, missed: int) -> int | None:
        """Its last pop, as a sample, if it has ended by now; None while it goes on.

        Args:
            counted: its pops (the ends of its windows) in order, and perhaps earlier ones.
            onset: when it began.
            now: the end of what was heard.
            missed: samples of it that were lost.
        """
        if now < self.earliest(counted, onset, missed):
            return None
        inside = [sample for sample in counted if sample >= onset]
        lasted_s = max(1.0, (now - missed - onset) / self.rate_hz)
        if self.hop_s is None:
            pace_s = END_POPS * lasted_s / max(1, len(inside))
            window_s = max(self.least_s, min(pace_s, LONGEST_END_S))
        else:
            window_s = max(self.least_s, 3 * self.hop_s)
        since = now - window_s * self.rate_hz - missed
        if lasted_s < window_s or sum(sample > since for sample in inside) >= self._alive:
            return None
        # Of pops, one that strays in behind the others is left out; of windows, the last counts.
        before = since if self.hop_s is None else now
        return max((sample for sample in inside if sample <= before), default=onset)

    def earliest(self, counted: deque[int], onset: int, missed: int) -> float:
        """Before this sample it has not ended, whatever comes till then.

        A bound by the latest pops, found without going through the others: `found` asks for as
        many seconds as `END_POPS` of them took, which is longer the longer the crack lasts.
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
        """So many pops (windows) of late, and a crack has not ended."""
        return 2 if self.hop_s is None else 1
