"""A driver's own task reads the wire; whoever asks gets the newest reading, once."""

import asyncio
import logging
from collections import deque
from contextlib import suppress

from roastwatch.errors import LostError
from roastwatch.vocabulary import Reading

log = logging.getLogger("roastwatch.roaster")


def defect(machine: str, error: Exception) -> LostError:
    """Log what ended a driver's own task; what the guardian gets, so that it connects anew."""
    log.error("the driver of the %s failed", machine, exc_info=error)
    name = type(error).__name__
    return LostError(f"The driver of the {machine} failed ({name}: {error}): please report it.")


class LatestValue:
    """The newest reading that nobody has taken yet, or why there will be no more."""

    def __init__(self) -> None:
        self._reading: Reading | None = None
        self._lost: LostError | None = None
        self._news = asyncio.Event()
        self.untouched = True
        """Whether no reading has come yet."""

    def put(self, reading: Reading) -> None:
        """A reading arrived; an older one that nobody took is forgotten."""
        self.untouched = False
        self._reading = reading
        self._news.set()

    def lose(self, why: LostError) -> None:
        """There will be no more readings."""
        self._lost = why
        self._news.set()

    def clear(self) -> None:
        """Begin again."""
        self.untouched = True
        self._reading = self._lost = None
        self._news.clear()

    def check(self) -> None:
        """Raise what `lose` was given."""
        if self._lost is not None:
            raise LostError(str(self._lost))

    async def take(self, within_s: float, machine: str) -> Reading:
        """The newest reading, waiting for one if need be. May be cancelled at any time.

        Raises:
            LostError: the link is gone, or nothing valid came within `within_s`.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._reading is None and self._lost is None:
                    self._news.clear()
                    await self._news.wait()
        self.check()
        if self._reading is None:
            raise LostError(f"The {machine} has answered nothing valid for {within_s:g} s.")
        reading, self._reading = self._reading, None
        return reading


class PendingRequests:
    """Which question an answer without a number belongs to, so that none looks fresher than it is.

    Answers come in the order of the questions; a question whose answer was lost is forgotten
    after `late_s`, and so is an answer to nothing.
    """

    def __init__(self, late_s: float = 5.0) -> None:
        self._late_s = late_s
        self._open: deque[float] = deque(maxlen=8)
        self.answers = 0

    def clear(self) -> None:
        """Begin again."""
        self._open.clear()

    def ask(self, now_s: float) -> int:
        """A question goes out; returns how many were answered before it."""
        self._open.append(now_s)
        return self.answers

    def answer(self, now_s: float) -> float | None:
        """An answer came: when its question was asked; None if none is open."""
        while self._open and now_s - self._open[0] > self._late_s:
            self._open.popleft()
        if not self._open:
            return None
        self.answers += 1
        return self._open.popleft()
