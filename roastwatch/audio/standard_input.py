"""The source `stdin`: raw PCM that another program pipes in."""

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

from roastwatch.audio.channel_selector import ChannelSelector, main_channel
from roastwatch.audio.pcm import (
    PcmFormat,
    decode,
    frame_bytes,
    header_kind,
    silence_what_is_no_number,
)
from roastwatch.audio.resample import Resampler, rate_to_judge
from roastwatch.errors import BadInputError, EndedError
from roastwatch.option_types import Channel, ReferenceChannel
from roastwatch.options import Options
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import AudioBlock, ComponentState

_BLOCK_S = 0.1
_OPEN_AGAIN_S = 0.5
_BURST_S = 1.0
"""Late sound arrives faster than real time; if it has not caught up after this, it is lost."""
_DRIFT = 2e-4
"""Upper bound of the relative drift of two clocks."""


class StandardInputOptions(Options):
    """Raw samples from a pipe, for example from arecord, ffmpeg or SoX."""

    format: PcmFormat = Field("s16le", description="Encoding: s16le, s32le or f32le.")
    sample_rate_hz: int = Field(
        48_000,
        description="Sample rate in Hz, 16000 or more (8000 for the model transients).",
        gt=0,
    )
    channels: int = Field(1, description="Number of interleaved channels.", ge=1, le=64)
    channel: Channel = None
    reference_channel: ReferenceChannel = None
    live: bool = Field(
        True,
        description="Live sound: its end is an error (exit 1), so that the service is restarted; "
        "false: a recording, whose end is normal.",
    )
    lost_after_s: float = Field(
        2.0, description="Seconds without sound after which it is considered lost.", ge=0.2
    )


class StandardInput:
    """Reads what another program writes, at its pace.

    On a named pipe it waits for the next writer; any other stream ends with its writer.
    """

    Options = StandardInputOptions

    def __init__(
        self, options: StandardInputOptions, part: ComponentHealth, pipe: BinaryIO | None = None
    ) -> None:
        """`pipe` replaces standard input."""
        self._options = options
        self._part = part
        self._pipe = pipe
        self._rate = rate_to_judge(options.sample_rate_hz, "The sound from standard input")
        if options.channel is not None and options.channel > options.channels:
            raise BadInputError(
                f"channel is {options.channel}, but the sound has {options.channels} channel(s)."
            )
        self._channel = main_channel(
            options.channels, options.channel, options.reference_channel, "The sound"
        )

    @property
    def sample_rate_hz(self) -> int:
        """As set, at most 48 kHz."""
        return self._rate

    @property
    def live(self) -> bool:
        """As set for a pipe or a socket; a regular file is a recording."""
        return self._options.live and (self._pipe is None or self._streams())

    async def __aenter__(self) -> "StandardInput":
        """Refuse a terminal as input."""
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
        """Do nothing: the pipe belongs to the process."""

    async def blocks(self) -> AsyncIterator[AudioBlock]:
        """The sound as it arrives, until the other program closes the pipe.

        Raises:
            BadInputError: the stream starts with the header of a file, or a recording is empty.
            EndedError: live sound has ended.
        """
        options = self._options
        size = frame_bytes(options.format, options.channels)
        mixdown = ChannelSelector(options.channels, options.sample_rate_hz, self._channel)
        resampler = Resampler(options.sample_rate_hz, self._rate)
        reference = options.reference_channel
        beside = Resampler(options.sample_rate_hz, self._rate)
        pace = _Pace(self._rate, options.lost_after_s) if self.live else None
        rest = b""
        end = 0
        first = True
        async for raw in self._raw(max(1, round(options.sample_rate_hz * _BLOCK_S)) * size):
            rest = rest + raw if raw else b""  # another writer starts with a whole frame
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
            other = beside.push(frames[:, reference - 1].copy()) if reference else None
            if not len(samples):
                continue
            self._part.running()
            waiting_s = self._waiting_bytes() / size / options.sample_rate_hz
            captured_s = time.monotonic() - waiting_s
            lost = pace.missing(captured_s, end + len(samples), waiting_s) if pace else 0
            if lost:
                self._part.count("samples_missed", lost)
            block = AudioBlock(end + lost, samples, captured_s, lost, other)
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
                "The sound from standard input has ended: check why the program that writes to the "
                "pipe stopped."
            )
        if not end:
            raise BadInputError(
                "No sound came from standard input: check the program that writes to the pipe."
            )

    async def _raw(self, size: int) -> AsyncIterator[bytes]:
        """Bytes as they arrive; empty bytes if another writer starts.

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
            self._lost("The program that writes to the pipe has ended: waiting for the next one.")
            await asyncio.sleep(_OPEN_AGAIN_S)
            yield b""

    async def _piped(self, size: int) -> AsyncIterator[bytes]:
        """Bytes of a pipe or a socket until its last writer has closed it."""
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
                        f"No sound from standard input for {lost_after_s:g} s: check that the "
                        "program that writes to the pipe is still recording."
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
        """Whether another program writes the bytes now."""
        assert self._pipe is not None
        mode = os.fstat(self._pipe.fileno()).st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)

    def _has_a_name(self) -> bool:
        """Whether it is a named pipe, which another program can open."""
        assert self._pipe is not None
        try:
            return Path(f"/proc/self/fd/{self._pipe.fileno()}").readlink().is_absolute()
        except OSError:
            return False

    def _waiting_bytes(self) -> int:
        """Number of unread bytes in the pipe."""
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
    """Computes by the clock how much live sound is missing, because a pipe does not report that.

    The smallest delay seen is the normal one. Late sound is expected to catch up (a stalled network
    delivers everything at once); if it has not after one second, it is lost.
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
            end: in samples, as if nothing had been lost before the block.
            waiting_s: sound after the block that has arrived but was not read yet.
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
            return 1  # marks a gap now; its length is not known yet
        if now_s - self._late_since_s < _BURST_S or waiting_s > _BLOCK_S:
            return 0
        self._late_since_s = None
        return round(late_s * self._rate)


def _refuse_a_header(first: bytes) -> None:
    kind = header_kind(first)
    if kind:
        raise BadInputError(
            f"Standard input is a {kind} stream, not raw samples: write raw PCM (`-t raw` for "
            "arecord and sox, `-f s16le` for ffmpeg), or give the file with --file."
        )
