"""A cable in memory between a driver and its fake machine, with the faults of a real one."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import serialx

from tests.fakes.line import Faults, Machine

LATENCY_S = 0.002


class CableFaults(Faults):
    """Also the faults for bytes from the host."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.swallow = 0.0
        """Probability that a write of the host is lost."""

    @property
    def any(self) -> bool:
        """Whether any fault is on."""
        chances = self.noise, self.corrupt, self.lose, self.reorder, self.swallow
        return self.cut or any(chances)

    def heal(self) -> None:
        """Turn all faults off."""
        self.noise = self.corrupt = self.lose = self.reorder = self.swallow = 0.0
        self.cut = False
        self._held.clear()


class Cable:
    """One port. `pull` and `plug` it; `drop_host` closes the host's side as a kill does."""

    def __init__(self, machine: Machine, loop: asyncio.AbstractEventLoop, seed: int = 0) -> None:
        self.machine = machine
        self.faults = CableFaults(seed)
        self.plugged = True
        self._loop = loop
        self._end: _End | None = None
        self._random = random.Random(seed)
        machine.send = self._to_host

    def open(self, protocol: asyncio.Protocol) -> "_End":
        """The host opens the port."""
        if not self.plugged:
            raise FileNotFoundError(2, "No such file or directory")
        if self._end is not None:
            raise OSError(11, "The port is locked")
        self._end = _End(self, protocol)
        self.machine.plugged()
        protocol.connection_made(self._end)
        return self._end

    def pull(self) -> None:
        """Unplug it from the computer."""
        self.plugged = False
        if self._end is not None:
            self._end.lost(OSError(5, "Input/output error"))

    def plug(self) -> None:
        """Plug it in again."""
        self.plugged = True

    def drop_host(self) -> None:
        """End the program that holds the port."""
        if self._end is not None:
            self._end.lost(None)

    def closed(self, end: "_End") -> None:
        if self._end is end:
            self._end = None

    def to_machine(self, data: bytes) -> None:
        if self._random.random() >= self.faults.swallow:
            self._loop.call_later(LATENCY_S, self._arrive, data)

    def _arrive(self, data: bytes) -> None:
        if self.plugged:
            self.machine.received(data)

    def _to_host(self, data: bytes) -> None:
        if self._end is not None:
            for piece in self.faults.through(data):
                self._loop.call_later(LATENCY_S, self._end.received, piece)


class _End(asyncio.Transport):
    """The host's end."""

    def __init__(self, cable: Cable, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._cable, self._protocol = cable, protocol
        self._open = True

    def received(self, data: bytes) -> None:
        if self._open:
            self._protocol.data_received(data)

    def lost(self, why: Exception | None) -> None:
        if self._open:
            self._open = False
            self._cable.closed(self)
            self._cable._loop.call_soon(self._protocol.connection_lost, why)

    def write(self, data: bytes) -> None:  # type: ignore[override]
        if self._open:
            self._cable.to_machine(bytes(data))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return not self._open

    def close(self) -> None:
        self.lost(None)

    def abort(self) -> None:
        self.lost(None)


@contextlib.contextmanager
def serial_port(cable: Cable) -> Iterator[None]:
    """Within this context, every serial port is this cable."""

    async def connect(
        loop: asyncio.AbstractEventLoop, factory: Callable[[], Any], **_: Any
    ) -> tuple[_End, Any]:
        protocol = factory()
        return cable.open(protocol), protocol

    with mock.patch.object(serialx, "create_serial_connection", connect):
        yield
