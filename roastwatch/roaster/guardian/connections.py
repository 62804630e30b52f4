"""The clients of one guardian: who they are, what they may request, and how many there may be."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from roastwatch.roaster import messages
from roastwatch.roaster.doors import Peer

FULL_OUTBOX = 256 * 1024
HELLO_S = 5.0
"""A connection that has not sent `hello` by then is closed."""
MOST = 32
"""Above this number, a new connection replaces the least important one."""
SPARED_S = 0.5
"""A younger connection is kept, so that a stop gets through a flood of connections."""
ABSOLUTELY_MOST = 64


class ClientConnection:
    """One client. The one that holds the lease is `controller`."""

    def __init__(self, writer: asyncio.StreamWriter, peer: Peer, now_s: float) -> None:
        self._writer = writer
        self._seq = 0
        self.peer = peer
        self.since_s = now_s
        self.last_heard_seq = 0
        self.greeted = False
        self.is_spare = False
        """It only waits to be the next guardian, and is no reason to stay."""
        self.holds_lease = False
        self.may_only_stop = ""
        """Why it may only look and stop; empty: it may do more."""

    def send(self, message: dict[str, Any]) -> None:
        """Send without waiting; a client that does not read is cut off."""
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > FULL_OUTBOX:
            self._writer.transport.abort()
            return
        self._seq += 1
        self._writer.write(messages.encode({"seq": self._seq, **message}))

    def cut(self) -> None:
        """End it now."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """End it once what was sent has arrived."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    @property
    def matters(self) -> bool:
        """Whether this client is a reason for the guardian to stay."""
        return self.greeted and not self.is_spare

    @property
    def _worth(self) -> tuple[bool, bool, float]:
        """Who is cut first when there are too many: the silent, strangers, the oldest."""
        return self.greeted, self.peer.is_trusted, self.since_s


class ClientConnections:
    """At most `MOST` clients: idle ones give way to new ones, the controller never does."""

    def __init__(self) -> None:
        self._all: set[ClientConnection] = set()

    def __iter__(self) -> Iterator[ClientConnection]:
        return iter(tuple(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def admit(self, new: ClientConnection, now_s: float) -> bool:
        """Accept one more; False: there are far too many at this moment."""
        if len(self._all) >= MOST:
            may_go = [
                other
                for other in self._all
                if not other.holds_lease and now_s - other.since_s >= SPARED_S
            ]
            if may_go:
                least = min(may_go, key=lambda other: other._worth)
                self._all.discard(least)
                least.cut()
            elif len(self._all) >= ABSOLUTELY_MOST:
                return False
        self._all.add(new)
        return True

    def drop(self, gone: ClientConnection) -> None:
        """It has ended."""
        self._all.discard(gone)

    def end_the_silent(self, now_s: float) -> None:
        """Close connections that never sent `hello`."""
        for other in self:
            if not other.greeted and now_s - other.since_s >= HELLO_S:
                other.cut()
