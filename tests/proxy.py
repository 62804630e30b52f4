"""A network that a test may cut: a TCP proxy that falls silent, as a pulled cable does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class Network:
    """Between a client and a port. Silent, it takes everything and hands on nothing."""

    to_port: int
    port: int = 0
    silent: bool = False
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        except OSError:
            writer.close()
            return
        for source, sink in ((reader, to_writer), (to_reader, writer)):
            task = asyncio.create_task(self._pass_on(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        cut = False
        try:
            with contextlib.suppress(OSError):
                while data := await source.read(65_536):
                    cut = cut or self.silent  # what was cut once is never whole again
                    if not cut:
                        sink.write(data)
                        await sink.drain()
            while cut and self.silent:  # a cut cable tells nobody of the end either
                await asyncio.sleep(0.05)
        finally:
            sink.close()

    async def end(self) -> None:
        """Close every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def network(to_port: int) -> AsyncIterator[Network]:
    """A proxy to a port of this machine."""
    found = Network(to_port)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await found.end()
        await server.wait_closed()
