"""Sound between the network, which delivers when it likes, and its reader."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from roastwatch.errors import LostError
from roastwatch.vocabulary import Float32Array

_SKIP_AFTER_S = 5.0
"""Seconds of delay after which the reader skips to the newest sound, as at a microphone."""
_KEPT_S = 0.2


@dataclass(frozen=True, slots=True)
class Piece:
    """Frames that arrived together."""

    frames: Float32Array
    """Shape (n, channels), ±1."""
    arrived_s: float
    """Monotonic."""
    missing: int = 0
    """Frames that were lost before it, by the numbers that the sender gives."""
    doubtful: bool = False
    """Whether more may be missing before it, because the sender gives no numbers."""


class Arrivals:
    """Pieces in their order. Of a reader that is too late, the oldest are dropped and counted."""

    def __init__(self, rate_hz: int, count: Callable[[str, float], None]) -> None:
        """`count` is called with the name of a counter and how much to add to it."""
        self._rate = rate_hz
        self._count = count
        self._pieces: deque[Piece] = deque()
        self._frames = 0
        self._ended: str | None = None
        self._changed = asyncio.Event()

    def put(self, piece: Piece) -> None:
        """Add a piece; in the thread of the event loop."""
        self._pieces.append(piece)
        self._frames += len(piece.frames)
        if self._frames > _SKIP_AFTER_S * self._rate:
            self._skip()
        self._changed.set()

    def end(self, reason: str) -> None:
        """No more will come; `reason` is a sentence for people."""
        self._ended = self._ended or reason
        self._changed.set()

    async def next(self, within_s: float) -> Piece:
        """The oldest piece.

        Raises:
            LostError: the sound has ended.
            TimeoutError: nothing arrived in this time.
        """
        while not self._pieces:
            if self._ended is not None:
                raise LostError(self._ended)
            self._changed.clear()
            async with asyncio.timeout(within_s):
                await self._changed.wait()
        piece = self._pieces.popleft()
        self._frames -= len(piece.frames)
        return piece

    def _skip(self) -> None:
        lost = skipped = 0
        while len(self._pieces) > 1 and self._frames > _KEPT_S * self._rate:
            oldest = self._pieces.popleft()
            self._frames -= len(oldest.frames)
            skipped += len(oldest.frames)
            lost += len(oldest.frames) + oldest.missing
        first = self._pieces[0]
        self._pieces[0] = replace(first, missing=first.missing + lost)
        self._count("samples_skipped", skipped)
