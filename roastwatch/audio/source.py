"""Where sound comes from: one small protocol."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from roastwatch.supervise import Part
from roastwatch.vocabulary import AudioBlock


def dated_back_s(length_s: float, speed: float) -> float:
    """How long before its first sound is played a replay begins on the clock, in s.

    A replay faster than real time ends at the present, so that nothing in it is in the future.
    `speed` 0 is as fast as possible.
    """
    return max(0.0, length_s * (1.0 - 1.0 / speed)) if speed else length_s


class AudioSource(Protocol):
    """Mono sound at one rate. Made by `Source(options, part)`; entered before it is read.

    `blocks()` yields contiguous `AudioBlock`s: `first_sample` counts at `sample_rate_hz` from 0
    over the source's whole life, a gap is told by `samples_lost_before` (and `first_sample` jumps
    by it). It ends at the end of a file. A live source never ends: without sound for 2 s it says
    so in `part` (retrying) and goes on by itself, or raises `EndedError` where that can't be.
    """

    @property
    def sample_rate_hz(self) -> int:
        """Known once the source is entered, and constant from then on."""
        ...

    @property
    def live(self) -> bool:
        """Whether the sound is being made now: live sound that is late is skipped."""
        ...

    def blocks(self) -> AsyncIterator[AudioBlock]:
        """The sound, as it arrives."""
        ...


class SourceFactory(Protocol):
    """A source plugin's class."""

    def __call__(self, options: object, part: Part) -> AbstractAsyncContextManager[AudioSource]:
        """Nothing is opened before the context is entered."""
        ...
