"""The guardians on this computer, by the sockets at which they listen."""

import asyncio
from dataclasses import dataclass

from roastwatch.errors import LostError
from roastwatch.roaster import doors
from roastwatch.roaster.doors import Peer

UNPLUG = "The emergency stop was not delivered: pull the roaster's plug."


@dataclass(frozen=True, slots=True)
class Found:
    """One guardian, or something that poses as one."""

    peer: Peer
    """Unknown if too many callers wait there."""
    address: str
    """One of its sockets."""

    @property
    def key(self) -> object:
        """What it is known by: its process, or its socket if that is unknown."""
        return self.peer.pid or self.address

    @property
    def has_ended(self) -> bool:
        """Whether nobody listens at its socket any more."""
        return self.address not in doors.listening()

    @property
    def not_stopped(self) -> str:
        """What to do if no stop reached it."""
        pid = self.peer.pid
        who = f"process {pid} of {self.peer.user}" if pid else "process unknown"
        whose = f"Its guardian ({who})"
        if self.has_ended:
            return f"{UNPLUG} {whose} ended before it reported heat 0."
        if pid is None:
            return f"{UNPLUG} {whose} does not answer."
        sudo = "" if self.peer.is_trusted else "sudo "
        return (
            f"{UNPLUG} {whose} does not answer: with the plug pulled, end it with "
            f"`{sudo}kill -9 {pid}`."
        )


async def guardians_here() -> list[Found]:
    """Each guardian once, also if it does not answer; those that have just ended are left out."""
    found = await asyncio.gather(*(at(address) for address in doors.listening()))
    return list({one.key: one for one in found if one is not None}.values())


async def at(address: str) -> Found | None:
    """The guardian at an address that was listed; None: nobody listens there any more."""
    try:
        return Found(await doors.who(address), address)
    except LostError:
        one = Found(Peer(None, None), address)
        return None if one.has_ended else one
