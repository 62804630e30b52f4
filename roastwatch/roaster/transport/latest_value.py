"""The newest reading, handed from a driver's task to its reader once."""

import asyncio
import logging
from collections import deque
from contextlib import suppress

from roastwatch.errors import LostError
from roastwatch.vocabulary import Reading

log = logging.getLogger(__name__)


def defect(machine: str, error: Exception) -> LostError:
    """Log the error that ended a driver's task, and return the error that makes it reconnect."""
    log.error("The driver of the %s failed", machine, exc_info=error)
    name = type(error).__name__
    return LostError(
        f"The driver of the {machine} failed ({name}: {error}). Please report this as a bug."
    )


class LatestValue:
    """The newest reading that was not taken yet, or the error that ended them."""

    def __init__(self) -> None:
        self._reading: Reading | None = None
        self._lost: LostError | None = None
        self._news = asyncio.Event()
        self.untouched = True
        """Whether no reading has arrived yet."""

    def put(self, reading: Reading) -> None:
        """Store a reading; an older one that was not taken is dropped."""
        self.untouched = False
        self._reading = reading
        self._news.set()

    def lose(self, why: LostError) -> None:
        """Record why there will be no more readings."""
        self._lost = why
        self._news.set()

    def clear(self) -> None:
        """Start again, for a new connection."""
        self.untouched = True
        self._reading = self._lost = None
        self._news.clear()

    def check(self) -> None:
        """Raise the error that `lose` was given, if any."""
        if self._lost is not None:
            raise LostError(str(self._lost))

    async def take(self, within_s: float, machine: str) -> Reading:
        """The newest reading; waits for one if necessary. May be cancelled at any time.

        Raises:
            LostError: the link is gone, or nothing valid arrived within `within_s`.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._reading is None and self._lost is None:
                    self._news.clear()
                    await self._news.wait()
        self.check()
        if self._reading is None:
            raise LostError(f"The {machine} has sent nothing valid for {within_s:g} s.")
        reading, self._reading = self._reading, None
        return reading


class PendingRequests:
    """Matches replies without numbers to requests, so that no reading looks fresher than it is.

    Replies arrive in the order of the requests. A request without a reply is dropped after
    `late_s`, and a reply without a request is ignored.
    """

    def __init__(self, late_s: float = 5.0) -> None:
        self._late_s = late_s
        self._open: deque[float] = deque(maxlen=8)
        self.answers = 0

    def clear(self) -> None:
        """Start again, for a new connection."""
        self._open.clear()

    def ask(self, now_s: float) -> int:
        """A request is sent; returns the number of replies so far."""
        self._open.append(now_s)
        return self.answers

    def answer(self, now_s: float) -> float | None:
        """A reply arrived; returns when it was requested, None if nothing is outstanding."""
        while self._open and now_s - self._open[0] > self._late_s:
            self._open.popleft()
        if not self._open:
            return None
        self.answers += 1
        return self._open.popleft()
