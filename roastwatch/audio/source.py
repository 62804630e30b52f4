"""The protocol of sources of sound."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import AudioBlock


class AudioSource(Protocol):
    """Mono sound at one rate. Created by `Source(options, part)`; entered before it is read.

    `blocks()` yields contiguous `AudioBlock`s: `first_sample` counts at `sample_rate_hz` from 0
    over the whole life of the source. `samples_lost_before` reports a gap, and `first_sample` jumps
    by it. It ends at the end of a file. A live source never ends: without sound for 2 s it reports
    that in `part` (retrying) and continues by itself, or raises `EndedError` if it can't.
    """

    @property
    def sample_rate_hz(self) -> int:
        """Known when the source is entered, and constant from then on."""
        ...

    @property
    def live(self) -> bool:
        """Whether the sound is being made now. Live sound that is too late is skipped."""
        ...

    def blocks(self) -> AsyncIterator[AudioBlock]:
        """The sound, as it arrives."""
        ...


@runtime_checkable
class ReplaySource(Protocol):
    """A source of recorded or synthesised sound, which can be played at any speed."""

    @property
    def length_s(self) -> float:
        """Length of the sound in seconds; the maximum if it is unknown."""
        ...

    @property
    def replay_speed(self) -> float:
        """Multiple of real time; 0: as fast as possible."""
        ...


def began_before_s(source: object, heard_s: float) -> float:
    """Seconds since the sound began, by the clock, when its first `heard_s` seconds have arrived.

    A replay faster than real time is dated to end at the present, so that nothing is in the future.
    """
    if not isinstance(source, ReplaySource):
        return heard_s
    if not source.replay_speed:
        return source.length_s
    # The first sound may be late, and the rest catches up: count its delay in full.
    return heard_s + max(0.0, source.length_s * (1.0 - 1.0 / source.replay_speed))


class SourceFactory(Protocol):
    """The class of a source plugin."""

    def __call__(
        self, options: object, part: ComponentHealth
    ) -> AbstractAsyncContextManager[AudioSource]:
        """Create the source; it is opened when the context is entered."""
        ...
