"""Which temperatures to believe on a line without checksums."""

import math

PLAUSIBLE_C = (1.0, 350.0)
"""A probe in a running roaster shows nothing outside; an open or unused input often shows 0."""
JUMP_C = 40.0
JUMP_C_PER_S = 20.0
"""Beans at charge pull a quick probe down by about 10 °C/s; more is a broken digit."""


class Believed:
    """One probe's values, with those left out that a probe can't show.

    A lost digit (201.3 → 21.3) can't be told from a value except by its jump: a jump is believed
    once a second value agrees with it.
    """

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._doubted: tuple[float, float] | None = None
        self.doubts = 0

    def take(self, value_c: float | None, at_s: float) -> float | None:
        """The value in °C if it can be believed, else None. `at_s` is monotonic seconds."""
        if value_c is None or not math.isfinite(value_c):
            return None
        if not PLAUSIBLE_C[0] <= value_c <= PLAUSIBLE_C[1]:
            self.doubts += 1
            return None
        here = (value_c, at_s)
        if self._last is None or _agree(self._last, here):
            self._last, self._doubted = here, None
            return value_c
        if self._doubted is not None and _agree(self._doubted, here):
            self._last, self._doubted = here, None
            return value_c
        self._doubted = here
        self.doubts += 1
        return None


def _agree(before: tuple[float, float], now: tuple[float, float]) -> bool:
    return abs(now[0] - before[0]) <= JUMP_C + JUMP_C_PER_S * max(0.0, now[1] - before[1])
