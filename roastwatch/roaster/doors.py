"""The sockets of guardians: one for each name of their machine.

On Linux these are abstract sockets. They need no folder, every user can see them, and they vanish
with their process. Only one process can have a name, so a name is also the lock on its machine.
Elsewhere a socket file in the user's runtime folder is used.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import pwd
import re
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster import identity, messages
from roastwatch.supervise import Background, ComponentHealth

PREFIX = "roastwatch-guardian/"
BY_FILE = ""
WAITING = 128
"""How many callers may wait to be accepted."""

FULL_S, AGAIN_S = 0.5, 0.02
"""A guardian with that many callers is called again for up to `FULL_S`, each `AGAIN_S`."""

REST_S = 0.1
"""Without a free file descriptor, no caller is accepted for this long."""

_SOCKET = re.compile(rf"\S+: \S+ \S+ ([0-9A-F]{{8}}) \S+ \S+ +\d+ @({PREFIX}[0-9a-f]{{24}})$")
_LISTENS = 0x10000
"""Its line in /proc/net/unix, with its flags; this flag has a socket that accepts callers."""

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end of a socket."""

    pid: int | None
    uid: int | None

    @property
    def user(self) -> str:
        """The name of its user."""
        try:
            return "an unknown user" if self.uid is None else pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"user {self.uid}"

    @property
    def is_trusted(self) -> bool:
        """Whether it may do more than look and stop: this user or root, or unknown."""
        return self.uid is None or self.uid in (os.getuid(), 0)


def peer_of(writer: asyncio.StreamWriter) -> Peer:
    """The process at the other end, as the kernel reports it."""
    sock = writer.get_extra_info("socket")
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except (AttributeError, OSError):
        return Peer(None, None)
    pid, uid, _ = struct.unpack("3i", raw)
    return Peer(pid if pid > 1 else None, uid)  # 0: of another container


def address_of(name: str) -> str:
    """The abstract socket of one name of a machine."""
    return "\0" + PREFIX + hashlib.sha256(name.encode()).hexdigest()[:24]


def listening() -> list[str]:
    """The abstract sockets at which guardians on this computer listen, of every user."""
    try:
        lines = Path("/proc/net/unix").read_text(errors="replace").splitlines()
    except OSError:
        return []
    found = [match for line in lines if (match := _SOCKET.match(line))]
    return sorted({"\0" + match[2] for match in found if int(match[1], 16) & _LISTENS})


async def connect(
    address: str | Path,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a guardian's socket. Raises OSError; BlockingIOError: too many callers wait there."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await _call(sock, str(address))
        return await asyncio.open_unix_connection(sock=sock, limit=messages.LONGEST_LINE * 4)
    except BaseException:
        sock.close()
        raise


async def _call(sock: socket.socket, address: str) -> None:
    """Connect; a Unix socket does so at once, unless too many callers wait there already."""
    until_s = time.monotonic() + FULL_S
    while True:
        try:
            sock.connect(address)
            return
        except BlockingIOError:
            if time.monotonic() > until_s:
                raise
            await asyncio.sleep(AGAIN_S)


async def addresses(wire: str, path: Path | None) -> list[str | Path]:
    """The sockets at which the guardian of a machine may listen, the most likely first."""
    found: list[str | Path] = []
    if identity.is_linux():
        try:
            names = await asyncio.to_thread(identity.names_of, wire)
        except RuntimeError:  # no thread available; the look-up may take a second
            names = identity.names_of(wire)
        found += [address_of(name) for name in sorted(names)]
    return found if path is None else [*found, path]


class Doors:
    """The sockets of one guardian, inside an async context of `opened`."""

    def __init__(self, path: Path | None, converse: Converse) -> None:
        self._path = path
        self._converse = converse
        self._sockets: dict[str, socket.socket] = {}
        self._tasks = Background(ComponentHealth("guardian"))
        self.names: frozenset[str] = frozenset()

    @contextlib.asynccontextmanager
    async def opened(self, names: frozenset[str]) -> AsyncIterator[None]:
        """Listen under these names, and at the path if there is one.

        Raises:
            BadInputError: another guardian listens under one of them.
        """
        with _only_one(self._path) as by_file:
            try:
                await self._listen(names)
                if by_file and self._path is not None:
                    self._listen_by_file(self._path)
                elif not self._sockets:
                    raise BadInputError(
                        f"The guardian can't listen at {self._path or 'any file'}: name a folder "
                        "of your own in ROASTWATCH_RUNTIME_DIR."
                    )
                yield
            finally:
                for name in tuple(self._sockets):
                    self._close(name)
                self.names = frozenset()
                await self._tasks.close()
                if by_file and self._path is not None:
                    self._path.unlink(missing_ok=True)

    async def rename(self, names: frozenset[str]) -> None:
        """Listen under these names from now on, except those of another guardian.

        It is never without a name, so that a stop finds it: new ones are taken first, and if none
        can be had, it keeps the old ones.
        """
        for new in sorted(names - self.names):
            with contextlib.suppress(BadInputError):
                await self._listen({new})
        if not self.names & names:
            return
        for gone in self.names - names:
            self._close(gone)
        self.names &= names

    async def _listen(self, names: Iterable[str]) -> None:
        if not identity.is_linux():
            return
        bound: dict[str, socket.socket] = {}
        for name in sorted(names):
            try:
                bound[name] = _bind(address_of(name))
            except OSError as taken:
                for sock in bound.values():
                    sock.close()
                raise BadInputError(await _taken_by(name)) from taken
        # Nobody is let in at one name while another is still taken: the caller would be cut off.
        for name, sock in bound.items():
            self._open(name, sock)
        self.names |= bound.keys()

    def _listen_by_file(self, path: Path) -> None:
        try:
            self._open(BY_FILE, _bind(str(path)))
            path.chmod(0o600)
        except OSError as error:
            if not self._sockets:
                raise BadInputError(
                    f"The guardian can't listen at {path} ({error.strerror}): name a folder "
                    "of your own in ROASTWATCH_RUNTIME_DIR."
                ) from error

    def _open(self, name: str, sock: socket.socket) -> None:
        sock.listen(WAITING)
        sock.setblocking(False)
        self._sockets[name] = sock
        asyncio.get_running_loop().add_reader(sock, self._accept, name)

    def _close(self, name: str) -> None:
        sock = self._sockets.pop(name)
        asyncio.get_running_loop().remove_reader(sock)
        sock.close()

    def _accept(self, name: str) -> None:
        """Accept one caller per turn, so that a flood exhausts neither time nor files."""
        sock = self._sockets[name]
        try:
            caller, _ = sock.accept()
        except BlockingIOError:
            return  # it has left again
        except OSError:
            loop = asyncio.get_running_loop()
            loop.remove_reader(sock)
            loop.call_later(REST_S, self._accept_again, name)
            return
        caller.setblocking(False)
        self._tasks.run(self._take_on(caller), "caller")

    def _accept_again(self, name: str) -> None:
        if name in self._sockets:
            asyncio.get_running_loop().add_reader(self._sockets[name], self._accept, name)

    async def _take_on(self, caller: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=messages.LONGEST_LINE)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, caller)
        await self._converse(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


def _bind(address: str) -> socket.socket:
    """A socket that has this address, and accepts nobody yet. Raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


async def _taken_by(name: str) -> str:
    """The message that names the guardian which holds a name."""
    whose = ""
    with contextlib.suppress(LostError):
        peer = await who(address_of(name))
        whose = f" (process {peer.pid} of {peer.user})"
    return (
        f"Another guardian{whose} already holds this roaster: use that one, or end it with "
        "`roastwatch roaster end`."
    )


@contextlib.contextmanager
def _only_one(path: Path | None) -> Iterator[bool]:
    """Hold the lock file beside the socket, with our process id in it; False: no such folder.

    Raises:
        BadInputError: another process holds it.
    """
    if path is None:
        yield False
        return
    try:
        lock = path.with_suffix(".lock").open("a")
    except OSError:
        yield False
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadInputError(
                "Another guardian already holds this roaster: use that one, or end it first."
            ) from error
        with contextlib.suppress(OSError):  # a full disk must not stop a guardian
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
        path.unlink(missing_ok=True)
        yield True


async def who(address: str | Path) -> Peer:
    """The process that listens at an address.

    Raises:
        LostError: there is none, or too many callers wait there.
    """
    try:
        _, writer = await connect(address)
    except OSError as error:
        raise LostError("A guardian is gone, or does not answer.") from error
    peer = peer_of(writer)
    writer.close()
    return peer


async def knock(address: str | Path, within_s: float) -> dict[str, Any]:
    """Request a guardian's state, without requesting control.

    Raises:
        LostError: it has ended, or does not answer within `within_s` seconds.
    """
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await connect(address)
            try:
                writer.write(messages.encode({"seq": 1, "do": "hello", "role": "watch"}))
                while line := await reader.readline():
                    message = messages.decode(line)
                    if message.get("re") == 1:
                        return message
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError, BadInputError) as error:
        raise LostError("A guardian does not answer.") from error
    raise LostError("A guardian is gone.")
