"""The source `tcp`: raw PCM over TCP, from a server or from a sender that connects."""

import asyncio
from types import TracebackType
from typing import Any, Self, cast

from pydantic import Field

from roastwatch.audio.network.arrivals import Arrivals
from roastwatch.audio.network.raw import EAGER, RawOptions, RawSound, address_text, same_host
from roastwatch.audio.network.source import NetworkSource
from roastwatch.errors import BadInputError, LostError
from roastwatch.supervise import NEAR, Backoff, ComponentHealth


class TcpOptions(RawOptions):
    """Raw PCM over TCP, for example from an ESP32 or from ffmpeg on another computer."""

    host: str | None = Field(
        None,
        description="Name or address of a server to connect to; empty: wait for a sender to "
        "connect to `port` of this computer.",
        min_length=1,
    )


class _Sound(asyncio.Protocol):
    """One connection; what it receives is sound."""

    silent_text = ""

    def __init__(self, source: "TcpMicrophone", options: TcpOptions, arrivals: Arrivals) -> None:
        self.rate_hz, self.channels = options.sample_rate_hz, options.channels
        self.arrivals = arrivals
        self._source = source
        self._raw = RawSound(options, arrivals)
        self._closed = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        host, port = (transport.get_extra_info("peername") or ("", 0))[:2]
        self.silent_text = (
            f"{address_text(host, port)} is connected, but sends no sound: check its microphone."
            if self._source.connects
            else f"No sound comes from {host}: check that it still sends, and its network."
        )
        self._source.connected(self, host)

    def data_received(self, data: bytes) -> None:
        kind = self._raw.push(data)
        if kind:
            self.arrivals.end(
                f"{self._source.name}: a {kind} stream arrives, not raw samples; let the sender "
                "write raw PCM (`-f s16le` for ffmpeg, `-t raw` for arecord and sox)."
            )
            self.refuse()

    def connection_lost(self, error: Exception | None) -> None:
        self._closed.set()
        self.arrivals.end(
            f"{self._source.name}: the connection ended; check the sender and its network."
        )

    def refuse(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """See `source.Connection`."""
        self.refuse()
        await self._closed.wait()


class TcpMicrophone(NetworkSource):
    """Raw PCM over TCP. See `source.NetworkSource`."""

    Options = TcpOptions

    def __init__(
        self, options: TcpOptions, part: ComponentHealth, backoff: Backoff | None = None
    ) -> None:
        """Nothing is opened before the context is entered."""
        self.connects = options.host is not None
        super().__init__(options, part, backoff or (NEAR if self.connects else EAGER))
        self._options = options
        where = address_text(options.host, options.port) if options.host else f"port {options.port}"
        self.name = f"The sound from TCP {where}"
        self._rate = min(options.sample_rate_hz, 48_000)
        self._server: asyncio.Server | None = None
        self._newest: _Sound | None = None
        self._accepted = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Check the options, and open the port.

        Raises:
            BadInputError: an option is wrong, or another program has the port.
        """
        self._check_form(self._options.sample_rate_hz, self._options.channels)
        if not self.connects:
            await self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection and the port."""
        if self._server is not None:
            self._server.close()
        if self._newest is not None and self._newest is not self._connection:
            await asyncio.shield(self._newest.close())
        await super().__aexit__(kind, error, trace)

    async def _listen(self) -> None:
        options = self._options
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._sound, options.listen, options.port
            )
        except OSError as error:
            raise BadInputError(
                f"TCP port {options.port} can't be opened ({error.strerror}): choose another "
                "`port`, or end the program that has it."
            ) from error

    async def _connect(self) -> _Sound:
        host = self._options.host
        return await (self._answer() if host is None else self._dial(host))

    async def _dial(self, host: str) -> _Sound:
        options = self._options
        try:
            async with asyncio.timeout(options.lost_after_s):
                _, sound = await asyncio.get_running_loop().create_connection(
                    self._sound, host, options.port
                )
        except (OSError, TimeoutError) as error:
            raise LostError(
                f"{self.name}: no connection ({_reason(error)}); start the sender, and check "
                "`host` and `port`."
            ) from error
        return sound

    async def _answer(self) -> _Sound:
        while self._newest is None:
            self._accepted.clear()
            try:
                async with asyncio.timeout(self._common.lost_after_s):
                    await self._accepted.wait()
            except TimeoutError:
                raise LostError(
                    f"{self.name}: no sender has connected; start it, and let it send to this "
                    "computer."
                ) from None
        sound, self._newest = self._newest, None
        return sound

    def _sound(self) -> _Sound:
        arrivals = Arrivals(self._options.sample_rate_hz, self._part.count)
        return _Sound(self, self._options, arrivals)

    def connected(self, sound: _Sound, host: str) -> None:
        """A sender has connected. The newest counts: a device that restarted leaves its former
        connection open.
        """
        if self.connects:
            return
        if not same_host(host, self._options.sender):
            self._part.count("senders_refused")
            sound.refuse()
            return
        current: Any = self._connection
        for former in (self._newest, current):
            if former is not None:
                former.arrivals.end(f"{self.name}: another sender has connected ({host}).")
        if self._newest is not None:
            self._newest.refuse()
        self._newest = sound
        self._accepted.set()


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return str(getattr(error, "strerror", None) or error)
