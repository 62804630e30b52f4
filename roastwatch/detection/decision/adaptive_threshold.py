"""How loud this place's stray pops are: the level from which a pop stands out here.

Roasters differ a thousandfold in how many faint pops their noise makes, and those pops thin out
quickly with level (a constant-false-alarm-rate detector; Finn and Johnson, "Adaptive detection mode
with threshold control", RCA Review 29, 1968). Where nothing strays in, faint cracks may count;
where much does, only clear ones. A level is a distance to the model's own threshold, in logits.
"""

import math

import numpy as np

LOWEST, HIGHEST, STEP = -1.4, 2.4, 0.2
"""Levels that are tried. The highest leaves only the surest pops: where even those stray in, no
crack can be told from them, and a false one would silence the true one."""
SPAN_S = 300.0
"""What is looked back over."""
LAG_S = 90.0
"""The latest seconds are left out, so that a beginning crack is not taken for noise."""
SLOT_S = 5.0
"""A level holds so long."""
KEPT_SLOTS = 200
LOWERED = 0.5
"""Of the stray pops that are allowed, so many may be let in by a level below the model's own."""


class AdaptiveThreshold:
    """The level at any time, from all candidates before. Pure."""

    def __init__(
        self, allowed_per_s: float, sample_rate_hz: int, began: int, still_s: float = 0.0
    ) -> None:
        """Know nothing yet: the level is 0, the model's own.

        Args:
            allowed_per_s: stray pops a second that may lie over the level.
            sample_rate_hz: of the samples that pops are stamped with.
            began: the sample from which pops are heard.
            still_s: so long after it nothing can crack: what is heard is noise, without a lag.
        """
        self._allowed, self._slot = allowed_per_s, SLOT_S * sample_rate_hz
        self._began = began
        self.knows_charge = still_s > 0
        """Whether the beginning is known to be noise."""
        self._still = int(still_s / SLOT_S)
        self._held: int | None = None  # the slot at whose level it stays
        self._highest: dict[int, int] = {}  # slot → steps over LOWEST: a clatter counts once
        self._last = began - 1
        self._levels: dict[int, float] = {}

    def note(self, sample: int, over: float) -> None:
        """A candidate, `over` logits over the threshold. One that was noted before is ignored."""
        if sample <= self._last:
            return
        self._last = sample
        index, steps = self._index(sample), min(math.floor((over - LOWEST) / STEP), TRIED - 1)
        if steps >= 0:
            self._highest[index] = max(steps, self._highest.get(index, 0))

    def hold(self, sample: int | None) -> None:
        """Stay at the level of a sample, because what comes is no noise; None: go on learning."""
        self._held = None if sample is None else self._index(sample)

    def level(self, sample: int) -> float:
        """The level for a pop at a sample: from what was noted before its slot of 5 s."""
        index = self._index(sample)
        if self._held is not None:
            index = min(index, self._held)
        if index not in self._levels:
            self._levels[index] = self._find(index)
            if len(self._levels) > KEPT_SLOTS:
                self._forget(index - KEPT_SLOTS)
        return self._levels[index]

    def _index(self, sample: int) -> int:
        return int((sample - self._began) / self._slot)

    def _forget(self, before: int) -> None:
        for kept in (self._levels, self._highest):
            for slot in [slot for slot in kept if slot < before]:
                del kept[slot]

    def _find(self, now: int) -> float:
        lag, span = round(LAG_S / SLOT_S), round(SPAN_S / SLOT_S)
        until = max(0, now - lag, min(now, self._still))
        slots = range(max(0, until - span), until)
        highest = [self._highest[slot] for slot in slots if slot in self._highest]
        at_level = np.bincount(np.array(highest, dtype=int), minlength=TRIED)
        over = np.cumsum(at_level[::-1])[::-1]  # slots with stray pops at or over each level
        seconds = len(slots) * SLOT_S
        # A short time proves little: to lower the level one more is counted than was seen, and to
        # raise it one less.
        lowers = np.arange(TRIED) < ZERO
        allowed = self._allowed * max(seconds, 1 / self._allowed)
        enough = np.where(lowers, over + 1 <= LOWERED * allowed, over - 1 <= allowed)
        level = STEP * (int(np.argmax(enough)) - ZERO) if enough.any() else HIGHEST
        return level if seconds >= 1 / self._allowed else max(level, 0.0)


TRIED = round((HIGHEST - LOWEST) / STEP) + 1
ZERO = round(-LOWEST / STEP)
