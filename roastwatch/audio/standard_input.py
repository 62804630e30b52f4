"""The source `stdin`: raw PCM from another program through a pipe."""

import asyncio
import os
import stat
import sys
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import BinaryIO

from pydantic import Field

from roastwatch.audio.mixdown import Mixdown
from roastwatch.audio.pcm import PcmFormat, decode, frame_bytes, silence_what_is_no_number
from roastwatch.audio.resample import Resampler, rate_to_judge
from roastwatch.errors import BadInputError
from roastwatch.options import Options
from roastwatch.supervise import Part
from roastwatch.vocabulary import AudioBlock

_BLOCK_S = 0.1
_HEADERS = {b"RIFF": "WAV", b"fLaC": "FLAC", b"OggS": "OGG", b"ID3\x03": "MP3", b"ID3\x04": "MP3"}


class StandardInputOptions(Options):
    """Raw samples from a pipe, such as arecord's, ffmpeg's or SoX's."""

    format: PcmFormat = Field("s16le", description="Encoding: s16le, s32le or f32le.")
    sample_rate_hz: int = Field(48_000, description="Samples a second (8000 or more).", gt=0)
    channels: int = Field(1, description="Interleaved channels.", ge=1, le=64)
    channel: int | None = Field(
        None, description="Channel to hear, from 1; empty: the strongest above 3 kHz.", ge=1
    )


class StandardInput:
    """Hears what another program writes; ends when it ends. Its pace is the other's."""

    Options = StandardInputOptions

    def __init__(
        self, options: StandardInputOptions, part: Part, pipe: BinaryIO | None = None
    ) -> None:
        """`pipe` stands for standard input where another file is meant."""
        self._options = options
        self._part = part
        self._pipe = pipe
        self._rate = rate_to_judge(options.sample_rate_hz, "The sound from standard input")
        if options.channel is not None and options.channel > options.channels:
            raise BadInputError(
                f"There is no channel {options.channel} in sound of {options.channels} channel(s)."
            )

    @property
    def sample_rate_hz(self) -> int:
        """As set, or 48 kHz where that is higher."""
        return self._rate

    @property
    def live(self) -> bool:
        """Whether it is live can't be known, so nothing of it is skipped."""
        return False

    async def __aenter__(self) -> "StandardInput":
        """Refuse a terminal: nobody types PCM."""
        if self._pipe is None:
            self._pipe = sys.stdin.buffer
        if self._pipe.isatty():
            raise BadInputError(
                "Standard input is a terminal: pipe raw sound into it, for example "
                "`arecord -f S16_LE -r 48000 -c 1 -t raw | roastwatch listen --stdin`."
            )
        self._part.running()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The pipe belongs to whoever opened it."""

    async def blocks(self) -> AsyncIterator[AudioBlock]:
        """The sound as it arrives, until the other program closes the pipe.

        Raises:
            BadInputError: the stream has a file's header, or holds nothing at all.
        """
        options = self._options
        size = frame_bytes(options.format, options.channels)
        mixdown = Mixdown(options.channels, options.sample_rate_hz, options.channel)
        resampler = Resampler(options.sample_rate_hz, self._rate)
        rest = b""
        end = 0
        first = True
        async for raw in self._raw(max(1, round(options.sample_rate_hz * _BLOCK_S)) * size):
            rest += raw
            if first and len(rest) >= 4:
                _refuse_a_header(rest[:4])
                first = False
            whole = len(rest) // size * size
            frames = decode(rest[:whole], options.format, options.channels)
            rest = rest[whole:]
            replaced = silence_what_is_no_number(frames)
            if replaced:
                self._part.count("samples_replaced", replaced)
            samples = resampler.push(mixdown.push(frames))
            if len(samples):
                yield AudioBlock(end, samples, time.monotonic())
                end += len(samples)
        if rest:
            self._part.count("bytes_left_over", len(rest))
        for samples in (resampler.push(mixdown.finish()), resampler.finish()):
            if len(samples):
                yield AudioBlock(end, samples, time.monotonic())
                end += len(samples)
        if not end:
            raise BadInputError(
                "Nothing came through standard input: check the program before the pipe."
            )

    async def _raw(self, size: int) -> AsyncIterator[bytes]:
        """Bytes as they come. A pipe is awaited; a regular file is read in a thread."""
        assert self._pipe is not None
        mode = os.fstat(self._pipe.fileno()).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            while raw := await asyncio.to_thread(self._pipe.read, size):
                yield raw
            return
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=size)
        duplicate = os.fdopen(os.dup(self._pipe.fileno()), "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), duplicate
        )
        try:
            while raw := await reader.read(size):
                yield raw
        finally:
            transport.close()


def _refuse_a_header(first: bytes) -> None:
    kind = _HEADERS.get(first)
    if kind:
        raise BadInputError(
            f"Standard input is a {kind} stream, not raw samples: write raw PCM (`-t raw` for "
            "arecord and sox, `-f s16le` for ffmpeg), or give the file with --file."
        )
