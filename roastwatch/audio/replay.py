"""The source `file`: a recording instead of a microphone, at any speed."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType

from pydantic import Field

from roastwatch.audio.file import FileReader, open_channels
from roastwatch.errors import RoastwatchError
from roastwatch.option_types import Channel, ReferenceChannel
from roastwatch.options import Options
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import AudioBlock, Float32Array

_log = logging.getLogger(__name__)
_BLOCK_S = 0.1
_LONGEST_BLOCK_S = 2.0
_LONGEST_S = 7200.0
"""Assumed length if the file does not state it."""
_LENGTH_OFF_S = 1.0
"""A file may be longer than stated by this much."""


class FileOptions(Options):
    """A recording to replay."""

    path: Path = Field(
        description="Sound file: WAV, FLAC, OGG, MP3; with FFmpeg also M4A, MP4 and others. The "
        "sample rate must be 16000 Hz or more (8000 Hz for the model transients)."
    )
    speed: float = Field(
        1.0,
        description="Speed: 1 is real time, 10 is 10 × real time, 0 is as fast as possible.",
        ge=0,
    )
    channel: Channel = None
    reference_channel: ReferenceChannel = None


class FileSource:
    """Plays a file once at a set speed; never skips anything."""

    Options = FileOptions

    def __init__(self, options: FileOptions, part: ComponentHealth) -> None:
        """Create the source; the file is opened when the context is entered."""
        self._options = options
        self._part = part
        self._reader: FileReader | None = None
        self._beside: FileReader | None = None

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the file, at most 48 kHz."""
        return self._open.sample_rate_hz

    @property
    def length_s(self) -> float:
        """See `source.ReplaySource`."""
        length_s = self._open.duration_s
        return _LONGEST_S if length_s is None else length_s + _LENGTH_OFF_S

    @property
    def replay_speed(self) -> float:
        """As set."""
        return self._options.speed

    @property
    def live(self) -> bool:
        """A file is a replay."""
        return False

    async def __aenter__(self) -> "FileSource":
        """Open the file.

        Raises:
            BadInputError: it can't be read.
        """
        options = self._options
        self._reader, self._beside = await asyncio.to_thread(
            open_channels, options.path, options.channel, options.reference_channel
        )
        self._part.running()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._open.__exit__(kind, error, trace)
        if self._beside is not None:
            self._beside.__exit__(kind, error, trace)

    async def blocks(self) -> AsyncIterator[AudioBlock]:
        """The sound in blocks that take 0.1 s each to play."""
        speed = self._options.speed
        length_s = min(_LONGEST_BLOCK_S, _BLOCK_S * speed) if speed else _LONGEST_BLOCK_S
        pieces = self._open.blocks(seconds=length_s)
        beside = self._beside.blocks(seconds=length_s) if self._beside else iter(())
        began_s = time.monotonic()
        end = 0
        while (samples := await _next(pieces)) is not None:
            other = await _next(beside) if self._beside else None
            if speed:
                due_s = began_s + (end + len(samples)) / self.sample_rate_hz / speed
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            block = AudioBlock(end, samples, time.monotonic(), reference=other)
            end = block.end_sample
            yield block
        for warning in self._open.warnings:
            _log.warning("%s: %s", self._options.path, warning)

    @property
    def _open(self) -> FileReader:
        if self._reader is None:
            raise RoastwatchError("The file is not open yet: enter the source first.")
        return self._reader


async def _next(pieces: Iterator[Float32Array]) -> Float32Array | None:
    """The next piece, decoded in a thread; a cancellation waits for the decoder to finish."""
    reading = asyncio.ensure_future(asyncio.to_thread(next, pieces, None))
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        await asyncio.wait([reading])
        raise
