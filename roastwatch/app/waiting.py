"""A station before its first sound: it keeps what people request until there is sound."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from roastwatch.app.station_clock import StationClock
from roastwatch.detection.model import CrackModel
from roastwatch.vocabulary import Instruction

_SIZE = 64
"""Instructions kept; the oldest are discarded first."""
_WAITS_S = 20 * 60.0
"""Older instructions are discarded: a roast that was charged before is over by now."""
_log = logging.getLogger(__name__)


class WaitingForSound:
    """Keeps instructions by the monotonic clock: the computer's clock may be set meanwhile."""

    def __init__(
        self,
        station: str,
        now: StationClock,
        clock: Callable[[], float] = lambda: time.monotonic(),
    ) -> None:
        self.now = now
        self.lag_s = 0.0
        self._station = station
        self._clock = clock
        self._waiting: deque[tuple[float, Instruction]] = deque(maxlen=_SIZE)
        """Monotonic time of the request, and what was requested."""

    def check(self, model: CrackModel) -> None:
        """Nothing is known yet of the sound that a model must be able to judge."""

    def shown(self) -> dict[str, Any]:
        """What a snapshot shows of the sound."""
        return {"listening": False}

    def keep(self, instruction: Instruction) -> None:
        """Keep an instruction for the first sound."""
        age_s = (self.now() - self.now.of_wall(instruction.at)).total_seconds()
        _log.info(
            "%s: %s (%s) waits for sound",
            self._station,
            instruction.kind,
            instruction.by or instruction.origin,
        )
        self._waiting.append((self._clock() - age_s, instruction))

    def take(self) -> Iterator[tuple[float, Instruction]]:
        """Each instruction and its age in seconds; those that are too old are discarded."""
        waiting = list(self._waiting)
        self._waiting.clear()
        for requested_s, instruction in waiting:
            age_s = self._clock() - requested_s
            if age_s <= _WAITS_S:
                yield age_s, instruction
                continue
            _log.warning(
                "%s: ignored %s, requested %.0f minutes before there was sound",
                self._station,
                instruction.kind,
                age_s / 60,
            )
