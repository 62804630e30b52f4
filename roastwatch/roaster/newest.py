"""A driver's own task reads the wire; whoever asks gets the newest reading, once."""

import asyncio
from contextlib import suppress

from roastwatch.errors import LostError
from roastwatch.vocabulary import Reading


class Newest:
    """The newest reading that nobody has taken yet, or why there will be no more."""

    def __init__(self) -> None:
        self._reading: Reading | None = None
        self._lost: LostError | None = None
        self._news = asyncio.Event()

    def put(self, reading: Reading) -> None:
        """A reading arrived; an older one that nobody took is forgotten."""
        self._reading = reading
        self._news.set()

    def lose(self, why: LostError) -> None:
        """There will be no more readings."""
        self._lost = why
        self._news.set()

    def clear(self) -> None:
        """Begin again."""
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
