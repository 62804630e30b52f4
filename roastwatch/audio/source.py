"""Where sound comes from: one small protocol."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import AudioBlock


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


@runtime_checkable
class ReplaySource(Protocol):
    """A source whose sound was made before, or is made up: it may be played at any speed."""

    @property
    def length_s(self) -> float:
        """How long its sound lasts, s; where that is unknown the most that it can."""
        ...

    @property
    def replay_speed(self) -> float:
        """How many times as fast as real time; 0 is as fast as possible."""
        ...


def began_before_s(source: object, heard_s: float) -> float:
    """How long ago, on the clock, the sound began whose first `heard_s` seconds are just there.

    A replay faster than real time ends at the present, so that nothing in it is in the future.
    """
    if not isinstance(source, ReplaySource):
        return heard_s
    if not source.replay_speed:
        return source.length_s
    # The first sound may be late and what follows catches up: what it took counts in full.
    return heard_s + max(0.0, source.length_s * (1.0 - 1.0 / source.replay_speed))


class SourceFactory(Protocol):
    """A source plugin's class."""

    def __call__(
        self, options: object, part: ComponentHealth
    ) -> AbstractAsyncContextManager[AudioSource]:
        """Nothing is opened before the context is entered."""
        ...
