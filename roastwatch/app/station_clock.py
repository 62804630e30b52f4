"""A station's clock: UTC that never jumps during a roast.

UTC is stamped once and continued by the monotonic clock. So no difference between two of its times
contains an NTP step, a clock set by hand, or the wrong time of a Raspberry Pi without a battery.
It is corrected between roasts only.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

_NOTICED_S = 0.25
"""Daily corrections of a time service are smaller, and no jump."""


class StationClock:
    """Called for the present. `wall` is the computer's clock; `monotonic` never jumps."""

    def __init__(
        self,
        wall: Callable[[], datetime],
        monotonic: Callable[[], float] = lambda: time.monotonic(),
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._from, self._from_s = wall(), monotonic()

    def __call__(self) -> datetime:
        """The present."""
        return self._from + timedelta(seconds=self._monotonic() - self._from_s)

    def of_wall(self, at: datetime) -> datetime:
        """A recent time of the computer's clock, on this clock; never in the future."""
        now = self()
        return min(now, now - (self._wall() - at))

    def settle(self) -> float:
        """Follow the computer's clock again; returns by how many seconds that moves this one.

        Call it between roasts: earlier times can't be compared with later ones.
        """
        off_s = (self._wall() - self()).total_seconds()
        if abs(off_s) < _NOTICED_S:
            return 0.0
        self._from, self._from_s = self._wall(), self._monotonic()
        return off_s
