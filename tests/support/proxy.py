"""A network that a test may cut: a TCP proxy that falls silent, as a pulled cable does."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class Network:
    """Between a client and a port. Silent, it takes everything and hands on nothing.

    It holds plain sockets, each noted the moment it exists: a test that ends while a client
    is still connecting leaves none open behind it, as asyncio's own server may.
    """

    to_port: int
    listening: socket.socket
    silent: bool = False
    _open: set[socket.socket] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def port(self) -> int:
        """Where clients connect."""
        port: int = self.listening.getsockname()[1]
        return port

    def accept(self) -> None:
        """Take one connection that waits."""
        client, _ = self.listening.accept()
        server = socket.socket()
        self._open |= {client, server}
        for end in (client, server):
            end.setblocking(False)
        task = asyncio.create_task(self._join(client, server))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, client: socket.socket, server: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(server, ("127.0.0.1", self.to_port))
            await asyncio.gather(self._pass_on(client, server), self._pass_on(server, client))
        except OSError:
            pass  # nobody listens there: the client finds its connection closed
        finally:
            self._close(client, server)

    async def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        cut = False
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(source, 65_536):
                cut = cut or self.silent  # what was cut once is never whole again
                if not cut:
                    await loop.sock_sendall(sink, data)
        while cut and self.silent:  # a cut cable tells nobody of the end either
            await asyncio.sleep(0.05)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)  # wakes the other direction, which then ends too

    def _close(self, *ends: socket.socket) -> None:
        for end in ends:
            end.close()
        self._open.difference_update(ends)

    async def end(self) -> None:
        """Close every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._close(*self._open)


@contextlib.asynccontextmanager
async def network(to_port: int) -> AsyncIterator[Network]:
    """A proxy to a port of this machine."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        found = Network(to_port, listening)
        loop.add_reader(listening, found.accept)
        try:
            yield found
        finally:
            loop.remove_reader(listening)
            await found.end()
