"""The source `wyoming`: a Wyoming satellite, or a Wyoming microphone service."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from pydantic import Field

from roastwatch.audio.network.arrivals import Arrivals, Piece
from roastwatch.audio.network.raw import address_text
from roastwatch.audio.network.source import NetworkOptions, NetworkSource
from roastwatch.audio.pcm import decode, frame_bytes
from roastwatch.errors import LostError, MissingExtraError
from roastwatch.supervise import NEAR, Backoff, ComponentHealth


class WyomingOptions(NetworkOptions):
    """A Wyoming satellite that streams always, or wyoming-mic-external."""

    host: str = Field(
        "localhost",
        description="Name or address of the satellite, from `roastwatch devices`.",
        min_length=1,
    )
    port: int = Field(10_700, description="Port of the satellite.", ge=1, le=65535)


class _Satellite:
    """A connection to a satellite, read by one task."""

    def __init__(self, peer: Any, widths: Any, name: str, count: Callable[[str, float], None]):
        self.silent_text = (
            f"{name}: it is connected, but sends no sound; let the satellite stream always "
            "(without wake word and voice detection), and check its microphone."
        )
        self._peer = peer
        self._widths = widths
        self._name = name
        self._count = count
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.rate_hz = self.channels = 0
        self.arrivals: Arrivals
        self._reading = asyncio.create_task(self._read(), name="wyoming")

    async def open(self) -> None:
        """Wait for the first sound, which says its form.

        Raises:
            LostError: the satellite has closed the connection.
        """
        await self._opened

    async def close(self) -> None:
        """See `source.Connection`."""
        self._reading.cancel()
        await asyncio.wait([self._reading])
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(0.5):
                await self._peer.stop()
        await self._peer.close()

    async def _read(self) -> None:
        try:
            await self._peer.start()
            while True:
                chunk = await self._peer.chunk()
                if chunk is not None:
                    self._take(chunk)
        except (OSError, EOFError, ValueError) as error:
            self._end(f"{self._name}: {_reason(error)}.")

    def _take(self, chunk: Any) -> None:
        form = (chunk.rate, chunk.channels)
        if chunk.width not in self._widths:
            raise ValueError(f"samples of {chunk.width} bytes can't be read")
        if not self._opened.done():
            self.rate_hz, self.channels = form
            self.arrivals = Arrivals(self.rate_hz, self._count)
            self._opened.set_result(None)
        if form != (self.rate_hz, self.channels):
            raise ValueError("the form of its sound has changed")
        encoding = self._widths[chunk.width]
        size = frame_bytes(encoding, self.channels)
        raw = chunk.audio[: len(chunk.audio) // size * size]
        if raw:
            frames = decode(raw, encoding, self.channels)
            self.arrivals.put(Piece(frames, time.monotonic()))

    def _end(self, reason: str) -> None:
        if not self._opened.done():
            self._opened.set_exception(LostError(reason))
        else:
            self.arrivals.end(reason)


class WyomingMicrophone(NetworkSource):
    """The microphone of a Wyoming satellite. See `source.NetworkSource`."""

    Options = WyomingOptions

    def __init__(
        self, options: WyomingOptions, part: ComponentHealth, backoff: Backoff = NEAR
    ) -> None:
        """Nothing is opened before the context is entered."""
        super().__init__(options, part, backoff)
        self._options = options
        self.name = f"The Wyoming microphone {address_text(options.host, options.port)}"

    async def _connect(self) -> _Satellite:
        try:
            from roastwatch.audio.network.wyoming_client import WIDTHS, WyomingPeer
        except ModuleNotFoundError as error:
            raise MissingExtraError("The source `wyoming`", "network") from error
        within_s = self._options.lost_after_s
        try:
            async with asyncio.timeout(within_s):
                peer = await WyomingPeer.connect(self._options.host, self._options.port)
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "strerror", None) or str(error) or "no answer"
            raise LostError(
                f"{self.name}: no connection ({reason}); start the satellite, and check `host` "
                "and `port`."
            ) from error
        satellite = _Satellite(peer, WIDTHS, self.name, self._part.count)
        try:
            async with asyncio.timeout(within_s):
                await satellite.open()
        except TimeoutError:
            await satellite.close()
            raise LostError(satellite.silent_text) from None
        except BaseException:
            await satellite.close()
            raise
        return satellite


def _reason(error: BaseException) -> str:
    """Why a satellite was lost, and what helps."""
    if isinstance(error, ConnectionError | asyncio.IncompleteReadError):
        return (
            "it closed the connection; check that no other program, such as Home Assistant, uses "
            "this satellite"
        )
    return f"{error}; check that it is a Wyoming satellite"
