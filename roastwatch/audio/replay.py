"""The source `file`: a recording in place of a microphone, as fast as asked."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType

from pydantic import Field

from roastwatch.audio.file import FileReader, open_file
from roastwatch.errors import RoastwatchError
from roastwatch.options import Options
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import AudioBlock, Float32Array

_log = logging.getLogger("roastwatch.file")
_BLOCK_S = 0.1
_LONGEST_BLOCK_S = 2.0
_LONGEST_S = 7200.0
"""Stands for a length that the file doesn't say."""
_LENGTH_OFF_S = 1.0
"""A file may last so much longer than it says."""


class FileOptions(Options):
    """A recording to replay."""

    path: Path = Field(
        description="Sound file: WAV, FLAC, OGG, MP3; with FFmpeg also M4A, MP4 and others. Any "
        "rate from 16 kHz (8 kHz for the model transients), any channels."
    )
    speed: float = Field(
        1.0, description="1 plays in real time, 10 ten times as fast, 0 as fast as possible.", ge=0
    )
    channel: int | None = Field(
        None, description="Channel to hear, from 1; empty: the strongest above 3 kHz.", ge=1
    )


class FileSource:
    """Plays a file once, paced; nothing of it is ever skipped."""

    Options = FileOptions

    def __init__(self, options: FileOptions, part: ComponentHealth) -> None:
        """Nothing is opened before the context is entered."""
        self._options = options
        self._part = part
        self._reader: FileReader | None = None

    @property
    def sample_rate_hz(self) -> int:
        """The file's, or 48 kHz where that is higher."""
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
            BadInputError: it can't be heard; one sentence says why.
        """
        self._reader = await asyncio.to_thread(open_file, self._options.path, self._options.channel)
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

    async def blocks(self) -> AsyncIterator[AudioBlock]:
        """The sound in blocks of a tenth of a second of the listener's time."""
        speed = self._options.speed
        length_s = min(_LONGEST_BLOCK_S, _BLOCK_S * speed) if speed else _LONGEST_BLOCK_S
        pieces = self._open.blocks(seconds=length_s)
        began_s = time.monotonic()
        end = 0
        while (samples := await _next(pieces)) is not None:
            if speed:
                due_s = began_s + (end + len(samples)) / self.sample_rate_hz / speed
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            block = AudioBlock(end, samples, time.monotonic())
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
    """The next piece, decoded off the loop; a cancellation waits for the decoder to let go."""
    reading = asyncio.ensure_future(asyncio.to_thread(next, pieces, None))
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        await asyncio.wait([reading])
        raise
