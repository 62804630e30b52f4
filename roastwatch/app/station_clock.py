"""A station's clock: UTC that never jumps during a roast.

UTC is stamped once and carried on by the monotonic clock, so that no difference between two of its
times knows of an NTP step, of a person who sets the clock, or of a Raspberry Pi without a battery.
It is set right between roasts only.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

_NOTICED_S = 0.25
"""What a network's time service corrects day by day is no jump."""


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
        """The moment."""
        return self._from + timedelta(seconds=self._monotonic() - self._from_s)

    def of_wall(self, at: datetime) -> datetime:
        """A time that was stamped by the computer's clock of late; never in the future."""
        now = self()
        return min(now, now - (self._wall() - at))

    def settle(self) -> float:
        """Go by the computer's clock again; by how many seconds that moves this one.

        Call it between roasts: what was stamped before can't be compared with what follows.
        """
        off_s = (self._wall() - self()).total_seconds()
        if abs(off_s) < _NOTICED_S:
            return 0.0
        self._from, self._from_s = self._wall(), self._monotonic()
        return off_s
