"""The guardians on this computer, by their sockets and by their processes."""

import asyncio
from dataclasses import dataclass

from roastwatch.errors import LostError
from roastwatch.roaster import doors
from roastwatch.roaster.client.hang import Hang
from roastwatch.roaster.doors import Peer

UNPLUG = "The emergency stop was not delivered: pull the roaster's plug."


@dataclass(frozen=True, slots=True)
class Found:
    """One guardian, or something that poses as one."""

    peer: Peer
    address: str
    """One of its sockets; empty: none can be found from here."""

    @property
    def key(self) -> object:
        """What it is known by: its process, or if that is not known its socket."""
        return self.peer.pid or self.address

    @property
    def has_ended(self) -> bool:
        """Whether its process is gone, as far as that can be seen."""
        pid = self.peer.pid
        if pid is None:
            return self.address not in doors.listening()
        return not Hang(pid).is_alive

    @property
    def not_stopped(self) -> str:
        """What to do if no stop reached it."""
        pid, who = self.peer.pid, f"process {self.peer.pid} of {self.peer.user}"
        if self.has_ended:
            return f"{UNPLUG} Its guardian ({who}) ended before it reported heat 0."
        sudo = "" if self.peer.is_trusted else "sudo "
        kill = f"with the plug pulled, end it with `{sudo}kill -9 {pid}`."
        if not self.address:
            return (
                f"{UNPLUG} Its guardian ({who}) can't be reached. If it runs in a container, run "
                f"`roastwatch roaster stop` in there; otherwise, {kill}"
            )
        if pid is None:
            return f"{UNPLUG} Its guardian (process unknown) does not answer."
        return f"{UNPLUG} Its guardian ({who}) does not answer: {kill}"


class Search:
    """Looks for guardians, once or repeatedly."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Found, Hang]] = {}

    async def look(self) -> list[Found]:
        """Each guardian once, also if it does not answer; those that have just ended are left out.

        A guardian that is known already is not called again: one that hangs has room for few.
        """
        marked = doors.running()  # first: one that starts now is found by its socket
        found: dict[object, Found] = {}
        for one in await asyncio.gather(*(self._at(address) for address in doors.listening())):
            if one is not None:
                found.setdefault(one.key, one)
        for pid, peer in marked.items():
            found.setdefault(pid, Found(peer, ""))
        return list(found.values())

    async def _at(self, address: str) -> Found | None:
        if address in self._known and self._known[address][1].is_alive:
            return self._known[address][0]
        found = await at(address)
        if found is not None and found.peer.pid is not None:
            self._known[address] = found, Hang(found.peer.pid)
        return found


async def at(address: str) -> Found | None:
    """Who listens at an address that was listed; None: it no longer is.

    One with too many callers is unknown, but still there.
    """
    try:
        return Found(await doors.who(address), address)
    except LostError:
        return Found(Peer(None, None), address) if address in doors.listening() else None
