"""The source `stdin`: raw PCM from another program through a pipe."""

import array
import asyncio
import fcntl
import os
import stat
import sys
import termios
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from pydantic import Field

from roastwatch.audio.channel_selector import ChannelSelector
from roastwatch.audio.pcm import PcmFormat, decode, frame_bytes, silence_what_is_no_number
from roastwatch.audio.resample import Resampler, rate_to_judge
from roastwatch.errors import BadInputError, EndedError
from roastwatch.options import Options
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import AudioBlock, ComponentState

_BLOCK_S = 0.1
_OPEN_AGAIN_S = 0.5
_BURST_S = 1.0
"""Late sound still comes, faster than it was made; after this without catching up it is lost."""
_DRIFT = 2e-4
"""Two clocks differ by less than this."""
_HEADERS = {b"RIFF": "WAV", b"fLaC": "FLAC", b"OggS": "OGG", b"ID3\x03": "MP3", b"ID3\x04": "MP3"}


class StandardInputOptions(Options):
    """Raw samples from a pipe, such as arecord's, ffmpeg's or SoX's."""

    format: PcmFormat = Field("s16le", description="Encoding: s16le, s32le or f32le.")
    sample_rate_hz: int = Field(
        48_000, description="Samples a second: 16000 or more (8000 for the model transients).", gt=0
    )
    channels: int = Field(1, description="Interleaved channels.", ge=1, le=64)
    channel: int | None = Field(
        None, description="Channel to hear, from 1; empty: the strongest above 3 kHz.", ge=1
    )
    live: bool = Field(
        True,
        description="Sound that is being made now: its end is an error (exit 1), so that the "
        "service is started again. false: a recording, whose end is normal.",
    )
    lost_after_s: float = Field(
        2.0, description="Seconds without sound after which it counts as lost.", ge=0.2
    )


class StandardInput:
    """Hears what another program writes, at its pace.

    A named pipe waits for the next writer; any other stream ends with its writer.
    """

    Options = StandardInputOptions

    def __init__(
        self, options: StandardInputOptions, part: ComponentHealth, pipe: BinaryIO | None = None
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
        """As set for a pipe or a socket; a regular file is a recording."""
        return self._options.live and (self._pipe is None or self._streams())

    async def __aenter__(self) -> "StandardInput":
        """Refuse a terminal: nobody types PCM."""
        if self._pipe is None:
            self._pipe = sys.stdin.buffer
        if self._pipe.isatty():
            raise BadInputError(
                "Standard input is a terminal: pipe raw sound into it, for example "
                "`arecord -f S16_LE -r 48000 -c 1 -t raw | roastwatch listen --stdin`."
            )
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
            BadInputError: the stream has a file's header, or a recording holds nothing at all.
            EndedError: live sound has ended.
        """
        options = self._options
        size = frame_bytes(options.format, options.channels)
        mixdown = ChannelSelector(options.channels, options.sample_rate_hz, options.channel)
        resampler = Resampler(options.sample_rate_hz, self._rate)
        pace = _Pace(self._rate, options.lost_after_s) if self.live else None
        rest = b""
        end = 0
        first = True
        async for raw in self._raw(max(1, round(options.sample_rate_hz * _BLOCK_S)) * size):
            rest = rest + raw if raw else b""  # another writer begins with a whole frame
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
            if not len(samples):
                continue
            self._part.running()
            waiting_s = self._waiting_bytes() / size / options.sample_rate_hz
            captured_s = time.monotonic() - waiting_s
            lost = pace.missing(captured_s, end + len(samples), waiting_s) if pace else 0
            if lost:
                self._part.count("samples_missed", lost)
            block = AudioBlock(end + lost, samples, captured_s, lost)
            end = block.end_sample
            yield block
        if rest:
            self._part.count("bytes_left_over", len(rest))
        for samples in (resampler.push(mixdown.finish()), resampler.finish()):
            if len(samples):
                yield AudioBlock(end, samples, time.monotonic())
                end += len(samples)
        if self.live:
            raise EndedError(
                "The sound through standard input has ended: see why the program before the pipe "
                "stopped."
            )
        if not end:
            raise BadInputError(
                "Nothing came through standard input: check the program before the pipe."
            )

    async def _raw(self, size: int) -> AsyncIterator[bytes]:
        """Bytes as they come; none where another writer begins.

        A pipe is awaited; a regular file is read in a thread.
        """
        assert self._pipe is not None
        if not self._streams():
            while raw := await asyncio.to_thread(self._pipe.read, size):
                yield raw
            return
        while True:
            async for raw in self._piped(size):
                yield raw
            if not (self.live and self._has_a_name()):
                return
            self._lost("The program that writes into the pipe ended: waiting for the next one.")
            await asyncio.sleep(_OPEN_AGAIN_S)
            yield b""

    async def _piped(self, size: int) -> AsyncIterator[bytes]:
        """Bytes of a pipe or a socket, until there is no writer any more."""
        assert self._pipe is not None
        lost_after_s = self._options.lost_after_s
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=size)
        duplicate = os.fdopen(os.dup(self._pipe.fileno()), "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), duplicate
        )
        try:
            while True:
                try:
                    async with asyncio.timeout(lost_after_s):
                        raw = await reader.read(size)
                except TimeoutError:
                    self._lost(
                        f"No sound has come through standard input for {lost_after_s:g} s: see "
                        "that the program before the pipe still records."
                    )
                    continue
                if not raw:
                    return
                yield raw
        finally:
            transport.close()

    def _lost(self, problem: str) -> None:
        if self._part.state is not ComponentState.RETRYING:
            self._part.count("times_lost")
        self._part.trouble(ComponentState.RETRYING, problem)

    def _streams(self) -> bool:
        """Whether the bytes come from another program now."""
        assert self._pipe is not None
        mode = os.fstat(self._pipe.fileno()).st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)

    def _has_a_name(self) -> bool:
        """Whether it is a named pipe: another program can open that."""
        assert self._pipe is not None
        try:
            return Path(f"/proc/self/fd/{self._pipe.fileno()}").readlink().is_absolute()
        except OSError:
            return False

    def _waiting_bytes(self) -> int:
        """What the pipe holds that was not read yet."""
        assert self._pipe is not None
        if not self._streams():
            return 0
        count = array.array("i", [0])
        try:
            fcntl.ioctl(self._pipe.fileno(), termios.FIONREAD, count)
        except OSError:
            return 0
        return count[0]


class _Pace:
    """How much of live sound is missing, by the clock: a pipe doesn't say what it lost.

    The least delay that was seen is the usual one. Later sound is expected to catch up (a network
    that stood still delivers all at once); what has not after a second never will.
    """

    def __init__(self, rate_hz: int, tolerated_s: float) -> None:
        self._rate = rate_hz
        self._tolerated_s = tolerated_s
        self._began_s: float | None = None
        """Monotonic time of sample 0."""
        self._late_since_s: float | None = None
        self._last_s = 0.0

    def missing(self, now_s: float, end: int, waiting_s: float = 0.0) -> int:
        """Samples lost before a block that ends at sample `end`, captured at `now_s`.

        Args:
            now_s: monotonic seconds.
            end: in samples, as if nothing was lost before the block.
            waiting_s: sound behind the block that has arrived, but was not read yet.
        """
        began_s = now_s - end / self._rate
        if self._began_s is None or began_s < self._began_s:
            self._began_s = began_s
        late_s = began_s - self._began_s
        drift_s, self._last_s = (now_s - self._last_s) * _DRIFT, now_s
        if late_s <= self._tolerated_s:
            self._late_since_s = None
            self._began_s += min(late_s, drift_s)
            return 0
        if self._late_since_s is None:
            self._late_since_s = now_s
            return 1  # it is no longer continuous; how much is missing shows itself
        if now_s - self._late_since_s < _BURST_S or waiting_s > _BLOCK_S:
            return 0
        self._late_since_s = None
        return round(late_s * self._rate)


def _refuse_a_header(first: bytes) -> None:
    kind = _HEADERS.get(first)
    if kind:
        raise BadInputError(
            f"Standard input is a {kind} stream, not raw samples: write raw PCM (`-t raw` for "
            "arecord and sox, `-f s16le` for ffmpeg), or give the file with --file."
        )
