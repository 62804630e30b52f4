"""Accepts HTTP connections, and always has room for one more.

A server that accepts whatever comes runs out of descriptors when somebody opens a thousand
connections and says nothing. Here the number is bounded, in total and for each address; when it is
reached, the oldest connection on which nothing is being done makes room, those that have never
sent a valid token first. So a request that comes in one piece, such as an emergency stop, is
served whatever the others do.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_log = logging.getLogger("roastwatch.http")
_AT_ONCE = 8
"""Accepted in one turn of the loop: those that speak are read before the next come."""
_BACKLOG = 1024
_TRY_AGAIN_S = 0.01
_STALLED_S = 10.0
"""Whoever takes none of an answer for so long is cut off."""
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections may be open at once."""

    total: int = 128
    each_address: int = 64


@dataclass(eq=False, slots=True)
class Guest:
    """One connection."""

    address: str
    transport: asyncio.Transport | None = None
    trusted: bool = False
    """Whether a request on it carried the token."""
    busy: int = 0
    """Requests that are being carried out: not in the middle of one."""
    stalled_since_s: float | None = None

    @property
    def gone(self) -> bool:
        """Whether its descriptor is free again."""
        if self.transport is None:
            return False
        sock: Any = self.transport.get_extra_info("socket")
        return sock is None or sock.fileno() < 0


class Listener:
    """Listens at an address and hands connections to protocols. To be opened and closed once."""

    def __init__(
        self,
        protocol: Callable[[], asyncio.Protocol],
        count: Callable[[str], None] = lambda _counter: None,
        limits: ConnectionLimits | None = None,
    ) -> None:
        self._protocol = protocol
        self._count = count
        self._limits = limits or ConnectionLimits()
        self._doors: list[socket.socket] = []
        self._guests: list[Guest] = []
        """The oldest first."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._spare: int | None = None
        self._warned_s = float("-inf")

    async def open(self, host: str, port: int) -> None:
        """Listen at every address of a host.

        Raises:
            OSError: the port is in use, or there is no such address.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, address in dict.fromkeys((one[0], one[4][:2]) for one in found):
                door = socket.create_server(address, family=family, backlog=_BACKLOG)
                door.setblocking(False)
                self._doors.append(door)
        except BaseException:
            await self.close()
            raise
        self._keep_spare()
        for door in self._doors:
            self._listen(door)
        self._run(self._watch())

    async def close(self) -> None:
        """Listen no more; what is connected is left to the protocols."""
        loop = asyncio.get_running_loop()
        for door in self._doors:
            loop.remove_reader(door)
            door.close()
        self._doors.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def trust(self, transport: asyncio.BaseTransport | None) -> None:
        """A valid request came over a connection: it goes after those that never sent one."""
        for guest in self._guests:
            if guest.transport is transport:
                guest.trusted = True

    @contextlib.contextmanager
    def busy(self, transport: asyncio.BaseTransport | None) -> Iterator[None]:
        """While a request is carried out its connection does not make room for another."""
        guest = next((one for one in self._guests if one.transport is transport), Guest(""))
        guest.busy += 1
        try:
            yield
        finally:
            guest.busy -= 1

    def _listen(self, door: socket.socket) -> None:
        if door in self._doors:
            asyncio.get_running_loop().add_reader(door, self._accept, door)

    def _accept(self, door: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, address = door.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._out_of_descriptors(door, error)
                return
            connection.setblocking(False)
            if self._has_room_for(address[0]):
                guest = Guest(address[0])
                self._guests.append(guest)
                self._run(self._begin(connection, guest))
            else:
                self._count("connections_refused")
                connection.close()

    async def _begin(self, connection: socket.socket, guest: Guest) -> None:
        loop = asyncio.get_running_loop()
        try:
            guest.transport, _ = await loop.connect_accepted_socket(self._protocol, connection)
        except OSError:
            connection.close()
            self._guests.remove(guest)
        except BaseException:
            connection.close()
            raise

    def _has_room_for(self, address: str) -> bool:
        """Whether there is a place, perhaps one that another guest had to leave."""
        self._guests = [guest for guest in self._guests if not guest.gone]
        same = [guest for guest in self._guests if guest.address == address]
        if len(same) >= self._limits.each_address:
            return self._send_off(same)
        return len(self._guests) < self._limits.total or self._send_off(self._guests)

    def _send_off(self, guests: list[Guest]) -> bool:
        """End the oldest idle connection, one without a token if there is any."""
        idle = [guest for guest in guests if guest.transport is not None and not guest.busy]
        if not idle:
            return False
        leaves = next((guest for guest in idle if not guest.trusted), idle[0])
        assert leaves.transport is not None
        leaves.transport.abort()
        self._guests.remove(leaves)
        self._count("connections_cut")
        self._warn("More connections than there is room for: the oldest idle ones are closed.")
        return True

    def _out_of_descriptors(self, door: socket.socket, error: OSError) -> None:
        """No connection can be accepted now: one makes room, or the one kept for this does."""
        self._count("connections_refused")
        self._warn(f"No connection can be accepted ({error.strerror}): others make room.")
        if not self._send_off(self._guests) and self._spare is not None:
            os.close(self._spare)
            self._spare = None
        loop = asyncio.get_running_loop()
        loop.remove_reader(door)
        loop.call_later(_TRY_AGAIN_S, self._listen, door)

    def _keep_spare(self) -> None:
        """A descriptor for the day on which there is none left."""
        if self._spare is None:
            with contextlib.suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    async def _watch(self) -> None:
        """Once a second: forget who left, cut off who takes no answer."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._guests = [guest for guest in self._guests if not guest.gone]
            self._keep_spare()
            for guest in self._guests:
                waits = guest.transport is not None and guest.transport.get_write_buffer_size() > 0
                if not waits or guest.transport is None:
                    guest.stalled_since_s = None
                elif guest.stalled_since_s is None:
                    guest.stalled_since_s = loop.time()
                elif loop.time() - guest.stalled_since_s >= _STALLED_S:
                    guest.transport.abort()
                    self._count("connections_cut")

    def _warn(self, sentence: str) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._warned_s >= 60.0:
            self._warned_s = now_s
            _log.warning(sentence)

    def _run(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work, name="http:connection")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
