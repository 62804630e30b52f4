"""What all network microphones share: watchdog, reconnection, gaps, and time by the clock."""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from pydantic import Field

from roastwatch.audio.channel_selector import ChannelSelector, main_channel
from roastwatch.audio.network.arrivals import Arrivals
from roastwatch.audio.network.steady import SteadySound
from roastwatch.audio.pcm import silence_what_is_no_number
from roastwatch.audio.resample import Resampler, rate_to_judge
from roastwatch.errors import BadInputError, LostError
from roastwatch.option_types import Channel, ReferenceChannel
from roastwatch.options import Options
from roastwatch.supervise import Backoff, ComponentHealth
from roastwatch.vocabulary import AudioBlock, ComponentState, Float32Array

_log = logging.getLogger(__name__)
_BLOCK_S = 0.1


class NetworkOptions(Options):
    """What every network microphone has."""

    channel: Channel = None
    reference_channel: ReferenceChannel = None
    wait: bool = Field(
        True,
        description="If no sound comes at startup, wait for it; false: exit with an error.",
    )
    lost_after_s: float = Field(
        2.0, description="Seconds without sound after which it is considered lost.", ge=0.2
    )


class Connection(Protocol):
    """One open way by which sound arrives."""

    @property
    def rate_hz(self) -> int:
        """Samples per second."""
        ...

    @property
    def channels(self) -> int:
        """Number of channels."""
        ...

    @property
    def arrivals(self) -> Arrivals:
        """Where the sound arrives."""
        ...

    @property
    def silent_text(self) -> str:
        """What to check if it sends nothing: a sentence without a number that changes."""
        ...

    async def close(self) -> None:
        """Close it; called once."""
        ...


class NetworkSource(ABC):
    """Live sound that reconnects for as long as it takes. See `source.AudioSource`.

    A subclass opens connections. `name` is the subject of sentences about it.
    """

    name: str

    def __init__(self, options: NetworkOptions, part: ComponentHealth, backoff: Backoff) -> None:
        self._common = options
        self._part = part
        self._backoff = backoff
        self._connection: Connection | None = None
        self._rate: int | None = None
        self._next = 0
        self._steady = SteadySound(part.count)
        self._again = False
        """Whether the next sound comes after a loss."""

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the first connection, at most 48 kHz; later ones are resampled to it."""
        assert self._rate is not None, "enter the source first"
        return self._rate

    @property
    def live(self) -> bool:
        """A microphone somewhere."""
        return True

    @abstractmethod
    async def _connect(self) -> Connection:
        """Open a connection.

        Raises:
            LostError: it can't be opened now.
            BadInputError: it can't be opened with these options.
        """

    async def __aenter__(self) -> Self:
        """Open the first connection, which says the rate.

        Raises:
            BadInputError: the options do not fit the sound; or `wait` is false and nothing is
                there.
        """
        failures = 0
        while self._connection is None:
            try:
                await self._open()
            except LostError as error:
                if not self._common.wait:
                    raise BadInputError(str(error)) from error
                failures += 1
                self._part.trouble(ComponentState.RETRYING, str(error))
                await asyncio.sleep(self._backoff.wait_s(failures))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        await self._close()

    async def blocks(self) -> AsyncIterator[AudioBlock]:
        """The sound as it arrives; never ends."""
        failures = 0
        while True:
            try:
                if self._connection is None:
                    await self._open()
                assert self._connection is not None
                async with contextlib.aclosing(self._hear(self._connection)) as heard:
                    async for block in heard:
                        failures = 0
                        yield block
            except (LostError, BadInputError) as lost:
                failures += 1
                if self._part.state is not ComponentState.RETRYING:
                    self._part.count("times_lost")
                self._part.trouble(ComponentState.RETRYING, str(lost))
                self._again = self._next > 0
                await self._close()
                await asyncio.sleep(self._backoff.wait_s(failures))

    async def _open(self) -> None:
        connection = await self._connect()
        try:
            rate = self._check_form(connection.rate_hz, connection.channels)
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        self._rate = self._rate or rate
        _log.info("%s: %d Hz, %d channel(s)", self.name, connection.rate_hz, connection.channels)

    def _check_form(self, rate_hz: int, channels: int) -> int:
        """The rate at which such sound is analysed.

        Raises:
            BadInputError: the rate is too low, or a channel that is set does not exist.
        """
        options = self._common
        main_channel(channels, options.channel, options.reference_channel, self.name)
        return rate_to_judge(rate_hz, self.name)

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.shield(connection.close())

    async def _hear(self, connection: Connection) -> AsyncGenerator[AudioBlock]:
        """Blocks of 0.1 s or more until the connection ends.

        Raises:
            LostError: it has ended, or nothing has arrived for `lost_after_s`.
        """
        options, rate = self._common, connection.rate_hz
        channel = main_channel(
            connection.channels, options.channel, options.reference_channel, self.name
        )
        selector = ChannelSelector(connection.channels, rate, channel)
        resampler = Resampler(rate, self.sample_rate_hz)
        beside = Resampler(rate, self.sample_rate_hz)
        step, scale, gap = max(1, round(_BLOCK_S * rate)), self.sample_rate_hz / rate, 0
        self._steady.open(rate, again=self._again)
        self._again = False
        async for lost, frames in _joined(self._pieces(connection), step):
            gap += lost
            other = None
            if options.reference_channel:
                other = beside.push(frames[:, options.reference_channel - 1].copy())
            samples = resampler.push(selector.push(frames))
            if not len(samples):
                continue
            self._report(rate)
            missing = round(gap * scale) or (1 if gap else 0)
            gap = 0
            block = AudioBlock(
                self._next + missing, samples, self._steady.captured_s, missing, other
            )
            self._next = block.end_sample
            yield block

    async def _pieces(self, connection: Connection) -> AsyncIterator[tuple[int, Float32Array]]:
        """Frames that were lost, and the frames after them."""
        while True:
            try:
                piece = await connection.arrivals.next(self._common.lost_after_s)
            except TimeoutError:
                raise LostError(connection.silent_text) from None
            replaced = silence_what_is_no_number(piece.frames)
            if replaced:
                self._part.count("samples_replaced", replaced)
            lost, frames = self._steady.push(piece)
            if lost or len(frames):
                yield lost, frames

    def _report(self, rate_hz: int) -> None:
        """The sound has arrived: it is well, or it is not the sound that is set."""
        problem = self._steady.problem(rate_hz)
        if problem is None:
            self._part.running()
        else:
            self._part.trouble(ComponentState.DEGRADED, f"{self.name}: {problem}")


async def _joined(
    pieces: AsyncIterator[tuple[int, Float32Array]], step: int
) -> AsyncGenerator[tuple[int, Float32Array]]:
    """Pieces joined to `step` frames or more; a loss is always at the start."""
    lost, waiting = 0, list[Float32Array]()
    try:
        async for missing, frames in pieces:
            if missing and waiting:
                yield lost, np.concatenate(waiting)
                lost, waiting = 0, []
            lost += missing
            waiting.append(frames)
            if sum(map(len, waiting)) >= step:
                yield lost, np.concatenate(waiting)
                lost, waiting = 0, []
    except LostError:
        if waiting:
            yield lost, np.concatenate(waiting)
        raise
