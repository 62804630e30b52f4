"""What was requested of a station before there was sound to relate it to."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator

from roastwatch.vocabulary import Instruction

_SIZE = 64
"""Instructions kept; the oldest go first."""
_WAITS_S = 20 * 60.0
"""For how long: a roast that was charged earlier is over, and must not begin now."""
_log = logging.getLogger("roastwatch.app.station")


class WaitingInstructions:
    """Kept by the monotonic clock: the computer's clock may be set while they wait."""

    def __init__(self, station: str, clock: Callable[[], float] = lambda: time.monotonic()) -> None:
        self._station = station
        self._clock = clock
        self._waiting: deque[tuple[float, Instruction]] = deque(maxlen=_SIZE)
        """Monotonic time of the request, and what was requested."""

    def add(self, instruction: Instruction, age_s: float) -> None:
        """Keep one that was made `age_s` ago, in s."""
        _log.info(
            "%s: %s (%s) waits for sound",
            self._station,
            instruction.kind,
            instruction.by or instruction.origin,
        )
        self._waiting.append((self._clock() - age_s, instruction))

    def take(self) -> Iterator[tuple[float, Instruction]]:
        """Each with how long ago it was made, in s; those that are too old are left out."""
        waiting = list(self._waiting)
        self._waiting.clear()
        for asked_s, instruction in waiting:
            waited_s = self._clock() - asked_s
            if waited_s <= _WAITS_S:
                yield waited_s, instruction
                continue
            _log.warning(
                "%s: ignored %s, requested %.0f minutes before there was sound",
                self._station,
                instruction.kind,
                waited_s / 60,
            )
