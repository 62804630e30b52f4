"""Accepts HTTP connections, and always has room for one more.

A server that accepts whatever comes runs out of descriptors when somebody opens a thousand
connections and says nothing. Here a connection waits, as a bare socket and at little cost, until
the head of its first request is whole; only then it gets a protocol. Both rooms are bounded. When
one is full the oldest connection on which nothing is being done leaves, those that have never sent
a valid token first. So a request that comes in one piece, such as an emergency stop, is served
whatever the others do.
"""

import asyncio
import contextlib
import logging
import os
import resource
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_log = logging.getLogger(__name__)
_AT_ONCE = 32
"""Accepted in one turn of the loop."""
_BACKLOG = 4096
"""Connections that the kernel queues; beyond that, clients retry a second later."""
_DESCRIPTORS = 8192
"""Linux gives a process 1024 for the sake of old programs, and more on request."""
_LONGEST_HEAD = 8 * 1024
_TRY_AGAIN_S = 0.01
_STALLED_S = 10.0
"""A client that reads nothing of its answer for this long is disconnected."""
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections may be open at once, and how long a first request may take."""

    silent: int = 2048
    """Before their first request. At most half of the process's descriptors."""
    total: int = 128
    """After their first request."""
    each_address: int = 96
    """Of these, from one address."""
    head_within_s: float = 10.0


@dataclass(eq=False, slots=True)
class Guest:
    """One connection."""

    address: str
    since_s: float
    sock: socket.socket
    head: bytearray = field(default_factory=bytearray)
    transport: asyncio.Transport | None = None
    trusted: bool = False
    """Whether a request on it carried the token."""
    busy: int = 0
    """Requests that are being carried out."""
    stalled_since_s: float | None = None

    @property
    def gone(self) -> bool:
        """Whether its descriptor is free again."""
        return self.sock.fileno() < 0


class Listener:
    """Listens at an address and passes connections to protocols. Open and close it once."""

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
        self._silent: dict[socket.socket, Guest] = {}
        self._guests: list[Guest] = []
        """The oldest first, as in `_silent`."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._spare: int | None = None
        self._warned_s = float("-inf")
        self._most_silent = self._limits.silent

    async def open(self, host: str, port: int) -> None:
        """Listen at every address of a host; `::` is every address, also those of IPv4.

        Raises:
            OSError: the port is in use, or there is no such address.
        """
        loop = asyncio.get_running_loop()
        hosts = (host, "0.0.0.0") if host == "::" else (host,)  # apart: no mapped addresses
        found = [
            address
            for name in hosts
            for address in await loop.getaddrinfo(
                name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        ]
        try:
            for family, address in dict.fromkeys((one[0], one[4][:2]) for one in found):
                door = socket.create_server(address, family=family, backlog=_BACKLOG)
                door.setblocking(False)
                self._doors.append(door)
        except BaseException:
            await self.close()
            raise
        self._most_silent = min(self._limits.silent, max(8, _descriptors() // 2))
        self._keep_spare()
        for door in self._doors:
            self._listen(door)
        self._watching = asyncio.create_task(self._watch(), name="http:watch")

    async def close(self) -> None:
        """Stop listening; connections that have a protocol are left to it."""
        loop = asyncio.get_running_loop()
        for door in self._doors:
            loop.remove_reader(door)
            door.close()
        self._doors.clear()
        for guest in list(self._silent.values()):
            self._leave(guest)
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await asyncio.gather(*self._tasks, return_exceptions=True)  # a turn or two
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def trust(self, transport: asyncio.BaseTransport | None) -> None:
        """A valid request arrived on a connection: others are closed before it."""
        for guest in self._guests:
            if guest.transport is transport:
                guest.trusted = True

    @contextlib.contextmanager
    def busy(self, transport: asyncio.BaseTransport | None) -> Iterator[None]:
        """While a request is carried out, its connection is not closed to make room."""
        found = [guest for guest in self._guests if guest.transport is transport]
        for guest in found:
            guest.busy += 1
        try:
            yield
        finally:
            for guest in found:
                guest.busy -= 1

    # Before the first request --------------------------------------------------------------------

    def _listen(self, door: socket.socket) -> None:
        if door in self._doors:
            asyncio.get_running_loop().add_reader(door, self._accept, door)

    def _accept(self, door: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for number in range(_AT_ONCE):
            try:
                sock, address = door.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if number == 0:  # later, Linux says so without looking whether anybody waits
                    self._out_of_descriptors(door, error)
                return
            sock.setblocking(False)
            guest = self._silent[sock] = Guest(address[0], loop.time(), sock)
            loop.add_reader(sock, self._hear, guest)
            self._hear(guest)  # a request that is sent at once never waits among silent ones
            if len(self._silent) > self._most_silent:
                self._crowded()
                self._leave(next(iter(self._silent.values())))

    def _hear(self, guest: Guest) -> None:
        try:
            heard = guest.sock.recv(_LONGEST_HEAD)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            heard = b""
        if not heard:
            self._leave(guest)
            return
        guest.head += heard
        if b"\r\n\r\n" in guest.head or len(guest.head) >= _LONGEST_HEAD:
            self._leave(guest, stays=True)
            self._begin(guest)

    def _leave(self, guest: Guest, *, stays: bool = False) -> None:
        """A silent connection ends, or sends its request."""
        asyncio.get_running_loop().remove_reader(guest.sock)
        del self._silent[guest.sock]
        if not stays:
            guest.sock.close()

    # From the first request on -------------------------------------------------------------------

    def _begin(self, guest: Guest) -> None:
        if not self._has_room_for(guest.address):
            self._count("connections_refused")
            guest.sock.close()
            return
        self._guests.append(guest)
        task = asyncio.get_running_loop().create_task(self._introduce(guest), name="http:begin")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _introduce(self, guest: Guest) -> None:
        """Give it a protocol, and that the bytes so far, before the loop reads on."""
        loop = asyncio.get_running_loop()
        try:
            guest.transport, protocol = await loop.connect_accepted_socket(
                self._protocol, guest.sock
            )
        except OSError:
            guest.sock.close()
        else:
            protocol.data_received(bytes(guest.head))
            guest.head.clear()

    def _has_room_for(self, address: str) -> bool:
        """Whether there is room, perhaps after another connection was closed."""
        self._guests = [guest for guest in self._guests if not guest.gone]
        same = [guest for guest in self._guests if guest.address == address]
        if len(same) >= self._limits.each_address:
            return self._send_off(same)
        return len(self._guests) < self._limits.total or self._send_off(self._guests)

    def _send_off(self, guests: list[Guest]) -> bool:
        """End the oldest idle connection, one without a token if there is any."""
        idle = [guest for guest in guests if not guest.busy]
        leaves = next((guest for guest in idle if not guest.trusted), idle[0] if idle else None)
        if leaves is None:
            return False
        if leaves.transport is None:
            with contextlib.suppress(OSError):
                leaves.sock.shutdown(socket.SHUT_RDWR)  # it ends as soon as it has begun
        else:
            leaves.transport.abort()
        self._guests.remove(leaves)
        self._crowded()
        return True

    # Errors -----------------------------------------------------------------------------

    def _crowded(self) -> None:
        self._count("connections_cut")
        self._warn("Too many connections: the oldest idle ones are closed.")

    def _out_of_descriptors(self, door: socket.socket, error: OSError) -> None:
        """No connection can be accepted now: close one, or use the spare descriptor."""
        self._count("connections_refused")
        self._warn(f"No connection can be accepted ({error.strerror}): others are closed.")
        if self._silent:
            self._leave(next(iter(self._silent.values())))
        elif not self._send_off(self._guests) and self._spare is not None:
            os.close(self._spare)
            self._spare = None
        loop = asyncio.get_running_loop()
        loop.remove_reader(door)
        loop.call_later(_TRY_AGAIN_S, self._listen, door)

    def _keep_spare(self) -> None:
        """A spare descriptor for when there is none left."""
        if self._spare is None:
            with contextlib.suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    async def _watch(self) -> None:
        """Now and then: forget closed connections, and close silent or unread ones."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._guests = [guest for guest in self._guests if not guest.gone]
            self._keep_spare()
            for guest in list(self._silent.values()):
                if loop.time() - guest.since_s < self._limits.head_within_s:
                    break  # all that follow are younger
                self._leave(guest)
            for guest in self._guests:
                if guest.transport is None or not guest.transport.get_write_buffer_size():
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


def _descriptors() -> int:
    """How many descriptors this process may have; as many as it is allowed to ask for, if few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft != unlimited and soft < _DESCRIPTORS:
        soft = _DESCRIPTORS if hard == unlimited else min(hard, _DESCRIPTORS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return _DESCRIPTORS if soft == unlimited else soft
