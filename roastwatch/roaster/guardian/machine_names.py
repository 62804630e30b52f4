"""The names that one guardian's machine has now, kept up to date while it runs."""

import asyncio
import re
from pathlib import Path

from roastwatch.roaster import identity
from roastwatch.roaster.doors import Doors

_DEVICE = re.compile(r"/dev/(pts/|(serial|bus/usb)/[^/.][^/]*/)?[^/.][^/]*")
"""Paths under /dev in folders where only root makes links."""
DEVICE_S, HOST_S = 0.5, 60.0
"""How often they are looked up: for a device under /dev, for a host on the network."""


class MachineNames:
    """The machine on one wire, by its path, its host, and the device that is held open."""

    def __init__(self, wire: str, sys_folder: Path = identity.SYS) -> None:
        """Without a wire it has no names, and is found by its socket file alone."""
        self.news: str | None = None
        """What people must be notified of; the caller resets it."""
        self._wire = wire
        self._sys = sys_folder
        self._is_path = wire.startswith("/")
        self._known: frozenset[str] = frozenset()
        self._usb: frozenset[str] = frozenset()

    def now(self) -> frozenset[str]:
        """All of them. Takes up to a second for a host."""
        if not self._wire:
            return frozenset()
        found = identity.names_of(self._wire, self._sys)
        if not self._is_path:
            self._known |= found  # a name that the host had once still leads to it
            return self._known
        held = identity.held_devices(self._sys)
        usb = identity.usb_of(held)
        if usb and self._usb and usb != self._usb:
            self.news = (
                f"Another device is on {self._wire} now ({', '.join(usb)}): the earlier state of "
                "the roaster no longer counts. Check which roaster is connected."
            )
        # The USB device outlives its node: it is kept until another one is held.
        self._usb = usb or self._usb or identity.usb_of(found)
        return found | held | self._usb

    def include(self, wire: object, trusted: bool = True) -> bool:
        """Whether a caller that came by a device's number still means this device.

        A stranger's path is looked up only if it is a device's: any other could hang for as long as
        the stranger likes (a mount that hangs). Without a look-up it is accepted.
        """
        if not trusted and not (isinstance(wire, str) and _DEVICE.fullmatch(wire)):
            return True
        if not isinstance(wire, str) or not wire.startswith("/") or not self._is_path:
            return True
        return bool(identity.names_of(wire, self._sys) & self.now())

    def miss(self, wire: object) -> bool:
        """Whether the caller's port leads to another USB device than the one that is guarded."""
        if not isinstance(wire, str) or not wire.startswith("/") or not self._usb:
            return False
        theirs = identity.usb_of(identity.names_of(wire, self._sys))
        return bool(theirs) and not theirs & self._usb

    async def keep(self, doors: Doors) -> None:
        """Listen under the current names, for ever."""
        while self._wire:
            if self._is_path:
                await asyncio.sleep(DEVICE_S)
                names = self.now()
            else:
                await asyncio.sleep(HOST_S)
                names = await asyncio.to_thread(self.now)
            await doors.rename(names)


def without_password(where: str) -> str:
    """An address without the user and password that may stand in it."""
    return re.sub(r"//[^/@]*@", "//", where)
