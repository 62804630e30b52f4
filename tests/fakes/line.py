"""Lines to fake machines: a pseudo-terminal that can be unplugged and replugged, and TCP."""

import asyncio
import contextlib
import errno
import os
import pty
import random
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from roastwatch.roaster.driver import RoasterDriver
from tests.support.streams import Accept, serving_streams


class Machine(Protocol):
    """A fake machine as a line sees it: bytes in, bytes out, time."""

    send: Callable[[bytes], None]

    def received(self, data: bytes) -> None: ...

    def tick(self, passed_s: float) -> None: ...

    def plugged(self) -> None: ...


class Faults:
    """The faults of a bad cable. `cut` splits what is sent, `noise` inserts bytes.

    `reorder` holds one piece back until the next has gone, as a serial server on a network may.
    """

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.cut = False
        self.noise = 0.0
        self.corrupt = 0.0
        self.lose = 0.0
        self.reorder = 0.0
        self.echo = False
        self._held: list[bytes] = []

    def through(self, data: bytes) -> list[bytes]:
        pieces = self._one(data)
        if self._held or self.random.random() < self.reorder:
            self._held, pieces = ([], pieces + self._held) if self._held else (pieces, [])
        return pieces

    def _one(self, data: bytes) -> list[bytes]:
        if self.random.random() < self.lose:
            return []
        if self.random.random() < self.corrupt and data:
            at = self.random.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ (1 << self.random.randrange(8))]) + data[at + 1 :]
        if self.random.random() < self.noise:
            data = self.random.randbytes(self.random.randrange(1, 9)) + data
        if self.cut and len(data) > 1:
            at = self.random.randrange(1, len(data))
            return [data[:at], data[at:]]
        return [data]


_kept: list[int] = []
_keeping = 0


@contextlib.contextmanager
def numbers_kept() -> Iterator[None]:
    """Until the end, no program gets the device number of a line that was unplugged.

    A guardian goes on to answer to that number; it must not meet another test's machine there.
    """
    global _keeping
    _keeping += 1
    try:
        yield
    finally:
        _keeping -= 1
        while _kept and not _keeping:
            os.close(_kept.pop())


class PtyLine:
    """A machine behind a serial port: `port` is a stable name, as under /dev/serial/by-id."""

    def __init__(self, machine: Machine, folder: Path, *, tick_s: float = 0.05) -> None:
        self.machine = machine
        self.port = folder / "ttyFAKE0"
        self.faults = Faults()
        self.heard: list[tuple[float, bytes]] = []
        self._tick_s = tick_s
        self._master: int | None = None
        self._slave: int | None = None
        self._ticker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "PtyLine":
        self.machine.send = self._send
        self.plug()
        self._ticker = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._ticker is not None
        self._ticker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._ticker
        self.unplug()

    def plug(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(os.ttyname(self._slave))
        asyncio.get_running_loop().add_reader(self._master, self._read)
        self.machine.plugged()

    def unplug(self) -> None:
        if self._master is None:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        self.port.unlink(missing_ok=True)
        os.close(self._master)
        if self._slave is not None and _keeping:
            _kept.append(self._slave)
        elif self._slave is not None:
            os.close(self._slave)
        self._master = self._slave = None

    def stall(self) -> None:
        """The machine stops reading."""
        if self._master is not None:
            asyncio.get_running_loop().remove_reader(self._master)

    def _read(self) -> None:
        assert self._master is not None
        try:
            data = os.read(self._master, 4096)
        except OSError as error:
            if error.errno in (errno.EIO, errno.EAGAIN):
                return
            raise
        self.heard.append((asyncio.get_running_loop().time(), data))
        if self.faults.echo:
            self._raw(data)
        self.machine.received(data)

    def _send(self, data: bytes) -> None:
        for piece in self.faults.through(data):
            self._raw(piece)

    def _raw(self, data: bytes) -> None:
        if self._master is not None:
            with contextlib.suppress(BlockingIOError, OSError):
                os.write(self._master, data)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        while True:
            await asyncio.sleep(self._tick_s)
            now_s = loop.time()
            # A stall of this loop must not look like silence of the host.
            self.machine.tick(min(now_s - before_s, 4 * self._tick_s))
            before_s = now_s


@contextlib.asynccontextmanager
async def tcp_line(machine: Machine, *, tick_s: float = 0.05) -> AsyncIterator[str]:
    """The machine behind a serial server: yields its `socket://` address."""
    writers: list[asyncio.StreamWriter] = []

    def send(data: bytes) -> None:
        for writer in writers:
            if not writer.is_closing():
                writer.write(data)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        machine.plugged()
        try:
            while data := await reader.read(4096):
                machine.received(data)
        finally:
            writers.remove(writer)

    async def tick() -> None:
        while True:
            await asyncio.sleep(tick_s)
            machine.tick(tick_s)

    machine.send = send

    def start(accept: Accept) -> Awaitable[asyncio.Server]:
        return asyncio.start_server(accept, "127.0.0.1", 0)

    async with serving_streams(start, serve) as server:
        ticker = asyncio.create_task(tick())
        try:
            yield f"socket://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticker


async def read_for_ever(driver: RoasterDriver) -> None:
    """Read until the driver raises."""
    while True:
        await driver.read()


def every_split(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    """The data cut in two at each offset."""
    return ((data[:at], data[at:]) for at in range(len(data) + 1))
