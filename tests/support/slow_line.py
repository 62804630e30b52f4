"""A slow line between a browser and a port: few bytes a second, each of them delayed."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_PIECE_S = 0.05
_BUFFER = 8 * 1024
"""Bytes that the kernel keeps: a line that takes megabytes at once is not slow."""


class SlowLine:
    """Passes connections on; all of them together share the line, in each direction."""

    def __init__(self, to_port: int, bytes_per_s: float, delay_s: float) -> None:
        self._to_port, self._rate, self._delay_s = to_port, bytes_per_s, delay_s
        self._free_s = {True: 0.0, False: 0.0}
        """When the line is free again, downwards and upwards."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        out: asyncio.StreamWriter | None = None
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self._to_port))
            there, out = await asyncio.open_connection(sock=sock, limit=_BUFFER)
            self._open |= {writer, out}
            await asyncio.gather(
                self._pump(there, writer, down=True), self._pump(reader, out, down=False)
            )
        except OSError:
            sock.close()
        finally:
            for end in (writer, out):
                if end is not None:
                    self._open.discard(end)
                    end.close()
                    with contextlib.suppress(OSError):
                        await end.wait_closed()
            self._tasks.discard(task)

    async def end(self) -> None:
        """Close every connection."""
        for end in self._open:
            end.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, down: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.create_task(self._arrive(under_way, writer))
        try:
            while data := await reader.read(max(1, round(self._rate * _PIECE_S))):
                self._free_s[down] = max(self._free_s[down], loop.time()) + len(data) / self._rate
                free_s = self._free_s[down]
                under_way.put_nowait((free_s + self._delay_s, data))
                await asyncio.sleep(free_s - loop.time())  # what follows waits in the sender
            under_way.put_nowait((loop.time() + self._delay_s, b""))
            await arriving
        finally:
            arriving.cancel()
            await asyncio.gather(arriving, return_exceptions=True)

    async def _arrive(
        self, under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            due_s, data = await under_way.get()
            await asyncio.sleep(due_s - asyncio.get_running_loop().time())
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def slow_line(to_port: int, bytes_per_s: float, delay_s: float) -> AsyncIterator[int]:
    """A line to a port of this machine; `delay_s` each way. Yields where browsers connect."""
    line = SlowLine(to_port, bytes_per_s, delay_s)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0, limit=_BUFFER)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await line.end()
