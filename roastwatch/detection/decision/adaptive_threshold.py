"""The threshold of a pop, adapted to the stray pops of a roaster and its room.

Roasters differ a thousandfold in how many faint pops their noise makes, and fewer of those pops are
clear (a constant-false-alarm-rate detector; Finn and Johnson, "Adaptive detection mode with
threshold control", RCA Review 29, 1968). Without stray pops, faint cracks count; with many, only
clear ones do. A level is the distance to the model's own threshold, in logits.
"""

import math

import numpy as np

LOWEST, HIGHEST, STEP = -1.4, 2.4, 0.2
"""Range and spacing of levels. The highest leaves only the clearest pops. If even those are stray,
a crack cannot be distinguished, and a false report would suppress the true one."""
SPAN_S = 300.0
"""Stray pops of this long are counted, in seconds."""
LAG_S = 90.0
"""The latest seconds are excluded, so that a beginning crack does not count as noise."""
SLOT_S = 5.0
"""A level lasts this long, in seconds."""
KEPT_SLOTS = 200
LOWERED = 0.5
"""The share of the allowed stray pops that a level below the model's own may admit."""


class AdaptiveThreshold:
    """The level at any time, from all earlier candidates. Pure."""

    def __init__(
        self, allowed_per_s: float, sample_rate_hz: int, began: int, still_s: float = 0.0
    ) -> None:
        """Start at level 0, the model's own threshold.

        Args:
            allowed_per_s: stray pops per second that may exceed the level.
            sample_rate_hz: rate at which samples of pops count.
            began: sample of the beginning.
            still_s: seconds after it in which nothing can crack, so that all pops are noise.
        """
        self._allowed, self._slot = allowed_per_s, SLOT_S * sample_rate_hz
        self._began = began
        self.knows_charge = still_s > 0
        """Whether the charge, and so the noise after it, is known."""
        self._still = int(still_s / SLOT_S)
        self._held: int | None = None  # the slot whose level is held
        self._highest: dict[int, int] = {}  # slot → steps above LOWEST: clatter counts once
        self._last = began - 1
        self._levels: dict[int, float] = {}

    def note(self, sample: int, over: float) -> None:
        """Add a candidate, `over` logits above the threshold; ignore one added before."""
        if sample <= self._last:
            return
        self._last = sample
        index, steps = self._index(sample), min(math.floor((over - LOWEST) / STEP), TRIED - 1)
        if steps >= 0:
            self._highest[index] = max(steps, self._highest.get(index, 0))

    def hold(self, sample: int | None) -> None:
        """Hold the level of a sample, because what follows is not noise; None: resume learning."""
        self._held = None if sample is None else self._index(sample)

    def level(self, sample: int) -> float:
        """The level for a pop at a sample, from candidates before its slot of 5 s."""
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
        over = np.cumsum(at_level[::-1])[::-1]  # slots with stray pops at or above each level
        seconds = len(slots) * SLOT_S
        # A short time proves little: one more pop than seen is assumed to lower the level, one
        # fewer to raise it.
        lowers = np.arange(TRIED) < ZERO
        allowed = self._allowed * max(seconds, 1 / self._allowed)
        enough = np.where(lowers, over + 1 <= LOWERED * allowed, over - 1 <= allowed)
        level = STEP * (int(np.argmax(enough)) - ZERO) if enough.any() else HIGHEST
        return level if seconds >= 1 / self._allowed else max(level, 0.0)


TRIED = round((HIGHEST - LOWEST) / STEP) + 1
ZERO = round(-LOWEST / STEP)
