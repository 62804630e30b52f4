"""A network that loses, delays and reorders: a relay for datagrams, and one for connections."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class LossyRelay(asyncio.DatagramProtocol):
    """Passes datagrams on to a port of this computer; `loss` of them never arrive.

    Each is delayed by up to `jitter_s`; it overtakes others only if `reorders`.
    """

    def __init__(self, to_port: int, loss: float, jitter_s: float, *, reorders: bool) -> None:
        self.passed = self.lost = 0
        self.pulled = False
        self._to = ("127.0.0.1", to_port)
        self._loss, self._jitter_s, self._reorders = loss, jitter_s, reorders
        self._random = random.Random(3)
        self._due_s = 0.0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        if self.pulled or self._random.random() < self._loss:
            self.lost += 1
            return
        self.passed += 1
        loop = asyncio.get_running_loop()
        at_s = loop.time() + self._random.uniform(0.0, self._jitter_s)
        if not self._reorders:
            at_s = self._due_s = max(self._due_s, at_s)
        loop.call_at(at_s, self._pass_on, data)

    def _pass_on(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data, self._to)


@asynccontextmanager
async def lossy_relay(
    to_port: int, loss: float = 0.05, jitter_s: float = 0.2, *, reorders: bool
) -> AsyncIterator[tuple[LossyRelay, int]]:
    """A relay, and the port at which it receives."""
    transport, relay = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: LossyRelay(to_port, loss, jitter_s, reorders=reorders),
        local_addr=("127.0.0.1", 0),
    )
    try:
        yield relay, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


class StallingRelay:
    """Passes a connection on: TCP loses nothing, but what was lost once comes late, in bursts."""

    def __init__(self, to_port: int, loss: float, jitter_s: float) -> None:
        self._to_port, self._loss, self._jitter_s = to_port, loss, jitter_s
        self._random = random.Random(3)
        self._pulled = asyncio.Event()
        self._open: list[asyncio.StreamWriter] = []

    def pull(self) -> None:
        """As if the cable was pulled: nothing passes, and no end is noticed."""
        self._pulled.set()

    async def plug(self) -> None:
        """The cable is back; the connections of before are dead."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()
        self._pulled.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        while self._pulled.is_set():
            await asyncio.sleep(0.05)
        there, out = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._open += [writer, out]
        await asyncio.gather(self._pump(reader, out), self._pump(there, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1460):
                if self._random.random() < self._loss:  # a segment is sent again
                    await asyncio.sleep(self._jitter_s)
                while self._pulled.is_set():
                    await asyncio.sleep(0.05)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def stalling_relay(
    to_port: int, loss: float = 0.05, jitter_s: float = 0.2
) -> AsyncIterator[tuple[StallingRelay, int]]:
    """A relay, and the port at which it accepts connections."""
    relay = StallingRelay(to_port, loss, jitter_s)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    try:
        yield relay, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await relay.plug()
