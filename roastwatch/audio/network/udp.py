"""The source `udp`: raw PCM in datagrams, with or without the header of RTP."""

import asyncio
import socket
import time
from typing import Literal, Self, cast

from pydantic import Field

from roastwatch.audio.network import rtp
from roastwatch.audio.network.arrivals import Arrivals, Piece
from roastwatch.audio.network.raw import EAGER, RawOptions, same_host
from roastwatch.audio.network.source import NetworkSource
from roastwatch.audio.pcm import NetworkFormat, decode, frame_bytes
from roastwatch.errors import BadInputError, LostError
from roastwatch.supervise import Backoff, ComponentHealth
from roastwatch.vocabulary import Float32Array

_LOOKED_AT = 3
"""Datagrams after which it is clear whether they are numbered."""
_RAW_KINDS = (10, 11)
"""Payload types of RTP that are raw samples, besides those from 96 on."""
_RECEIVED_BYTES = 1 << 20
"""What the system keeps while this process is busy."""


class UdpOptions(RawOptions):
    """Raw PCM over UDP, for example from an ESP32, ffmpeg or GStreamer."""

    format: NetworkFormat | None = Field(  # type: ignore[assignment]
        None,
        description="Encoding: s16, s24, s32 or f32, with le or be for the byte order; empty: "
        "s16le, and s16be in RTP.",
    )
    packets: Literal["auto", "raw", "rtp"] = Field(
        "auto",
        description="What a datagram is: samples (raw), or samples after the 12 bytes of an RTP "
        "header, which show losses exactly (rtp).",
    )
    reorder_s: float = Field(
        0.3, description="Seconds to wait for a late datagram of RTP.", ge=0, le=2
    )


class _Datagrams(asyncio.DatagramProtocol):
    """An open port, and the sound of its one sender."""

    def __init__(self, source: "UdpMicrophone", options: UdpOptions, arrivals: Arrivals) -> None:
        self.rate_hz, self.channels = options.sample_rate_hz, options.channels
        self.arrivals = arrivals
        self._source = source
        self._options = options
        self._count = source.count
        self._numbered: bool | None = (
            None if options.packets == "auto" else options.packets == "rtp"
        )
        self._first: list[tuple[bytes, float]] = []
        self._order = rtp.Order(self.rate_hz, options.reorder_s, self._count)
        self._peer: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.Event()

    @property
    def silent_text(self) -> str:
        """See `source.Connection`."""
        if self._peer is None:
            return f"{self._source.name}: nothing arrives; let the sender send to this computer."
        return f"{self._source.name}: {self._peer[0]} stopped sending; check it and its network."

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._closed.set()
        self.arrivals.end(f"{self._source.name}: the port was closed.")

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        now_s = time.monotonic()
        if rtp.is_report(data) and self._numbered is not False:
            return  # also those that belong to the port before this one
        if self._peer is None and same_host(address[0], self._options.sender):
            self._peer = address[:2]
        if address[:2] != self._peer:
            self._count("datagrams_ignored", 1)
            return
        if self._numbered is None:
            self._decide(data, now_s)
        else:
            self._take(data, now_s)

    def _decide(self, data: bytes, now_s: float) -> None:
        self._first.append((data, now_s))
        packets = [rtp.parse(raw) for raw, _ in self._first]
        if None not in packets and len(packets) < _LOOKED_AT:
            return
        self._numbered = rtp.looks_numbered(packets)
        first, self._first = self._first, []
        for raw, at_s in first:
            self._take(raw, at_s)

    def _take(self, data: bytes, now_s: float) -> None:
        if not self._numbered:
            self.arrivals.put(Piece(self._decoded(data, "s16le"), now_s, doubtful=True))
            return
        packet = rtp.parse(data)
        if packet is None:
            self._count("datagrams_ignored", 1)
        elif packet.kind < 96 and packet.kind not in _RAW_KINDS:
            self.arrivals.end(
                f"{self._source.name}: the sender compresses the sound (RTP payload type "
                f"{packet.kind}); let it send L16, or use the source `stream`."
            )
        else:
            piece = Piece(self._decoded(packet.payload, "s16be"), now_s)
            for ready in self._order.push(packet, piece):
                self.arrivals.put(ready)

    def _decoded(self, raw: bytes, usual: NetworkFormat) -> Float32Array:
        form = self._options.format or usual
        size = frame_bytes(form, self.channels)
        whole = len(raw) // size * size
        if whole < len(raw):
            self._count("bytes_left_over", len(raw) - whole)
        return decode(raw[:whole], form, self.channels)

    async def close(self) -> None:
        """See `source.Connection`."""
        if self._transport is not None:
            self._transport.abort()
        await self._closed.wait()


class UdpMicrophone(NetworkSource):
    """Raw PCM over UDP. See `source.NetworkSource`."""

    Options = UdpOptions

    def __init__(
        self, options: UdpOptions, part: ComponentHealth, backoff: Backoff = EAGER
    ) -> None:
        """Nothing is opened before the context is entered."""
        super().__init__(options, part, backoff)
        self._options = options
        self.name = f"The sound from UDP port {options.port}"
        self._rate = min(options.sample_rate_hz, 48_000)
        self.count = part.count

    async def __aenter__(self) -> Self:
        """Check the options, and open the port.

        Raises:
            BadInputError: an option is wrong, or another program has the port.
        """
        self._check_form(self._options.sample_rate_hz, self._options.channels)
        try:
            await self._open()
        except LostError as error:
            raise BadInputError(str(error)) from error
        return self

    async def _connect(self) -> _Datagrams:
        options = self._options
        arrivals = Arrivals(options.sample_rate_hz, self._part.count)
        try:
            transport, datagrams = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Datagrams(self, options, arrivals),
                local_addr=(options.listen, options.port),
            )
        except OSError as error:
            raise LostError(
                f"UDP port {options.port} can't be opened ({error.strerror}): choose another "
                "`port`, or end the program that has it."
            ) from error
        bound = transport.get_extra_info("socket")
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVED_BYTES)
        return datagrams
