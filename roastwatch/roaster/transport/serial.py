"""Bytes to and from a machine: by serial port, pseudo-terminal or TCP (`socket://host:port`)."""

import asyncio
import grp
import os
import re
import socket
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

import serialx
from pydantic import Field

from roastwatch.errors import BadInputError, LostError, RoastwatchError
from roastwatch.options import Options

T = TypeVar("T")
STALLED_BYTES = 4096
"""Unsent bytes beyond which the other end counts as no longer reading."""


class PortOptions(Options):
    """The port of a machine."""

    port: str = Field(
        description="Serial port such as /dev/serial/by-id/usb-…, or socket://host:port for a "
        "serial server on the network (tcp://host:port means the same)."
    )


class SerialLink:
    """A connection that sends and receives bytes until it is closed or lost.

    Received bytes are passed to `on_bytes` at once (a parser's `feed`); `until` waits for its
    result. Once the link is gone, every call raises LostError: leave the context and enter it
    again.
    """

    def __init__(self, port: str, machine: str, on_bytes: Callable[[bytes], object]) -> None:
        self.port = port
        self.machine = machine
        self.received_bytes = 0
        self.on_gone: Callable[[LostError], object] | None = None
        """Called once when the link is gone."""
        self._on_bytes = on_bytes
        self._gone: str | None = "not open"
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Open. Raises LostError (retry later) or BadInputError (the port is wrong)."""
        raise NotImplementedError

    async def __aexit__(self, *_: object) -> None:
        """Close without raising."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Send bytes at once.

        Raises:
            LostError: the link is gone, or the other end has stopped reading.
        """
        raise NotImplementedError

    def arrived(self, data: bytes) -> None:
        """Handle bytes that arrived."""
        self.received_bytes += len(data)
        self._on_bytes(data)
        self.wake()

    def closed(self, why: object) -> None:
        """Handle the end of the link, by either side."""
        if self._gone is None:
            reason = f" ({getattr(why, 'strerror', None) or why})" if why else ""
            self._gone = f"The link to the {self.machine} on {self.port} is gone{reason}."
            if self.on_gone is not None:
                self.on_gone(LostError(self._gone))
        self.wake()

    @property
    def is_gone(self) -> bool:
        """Whether the link is closed or lost."""
        return self._gone is not None

    def check(self) -> None:
        """Raise LostError if the link is gone."""
        if self._gone is not None:
            raise LostError(self._gone)

    async def until(self, ready: Callable[[], T | None], within_s: float) -> T | None:
        """Wait until `ready` returns a value and return it; None after `within_s` seconds.

        Raises:
            LostError: the link was lost meanwhile.
        """
        try:
            async with asyncio.timeout(within_s):
                while (found := ready()) is None:
                    self.check()
                    await self._news.wait()
        except TimeoutError:
            return ready()
        return found

    def wake(self) -> None:
        """Make `until` call `ready` again."""
        self._news.set()
        self._news = asyncio.Event()


class _Bytes(asyncio.Protocol):
    """Passes received bytes to the wire."""

    def __init__(self, wire: "Wire") -> None:
        self._wire = wire

    def data_received(self, data: bytes) -> None:
        self._wire.arrived(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wire.closed(exc)


class Wire(SerialLink):
    """A serial line or TCP, locked against other programs."""

    def __init__(
        self,
        port: str,
        *,
        machine: str,
        on_bytes: Callable[[bytes], object],
        baud: int = 115200,
        stop_bits: int = 1,
    ) -> None:
        super().__init__(port, machine, on_bytes)
        self._baud = baud
        self._stop_bits = stop_bits
        self._transport: serialx.BaseSerialTransport | None = None
        self._ended = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Open and lock the port.

        Raises:
            LostError: the port is absent, in use or not permitted, or nothing replies.
            BadInputError: the port is not a serial port or a valid address.
        """
        self._ended.clear()
        self._gone = None
        try:
            transport, _ = await serialx.create_serial_connection(
                asyncio.get_running_loop(),
                lambda: _Bytes(self),
                url=re.sub("^tcp://", "socket://", self.port),
                baudrate=self._baud,
                stopbits=serialx.StopBits(self._stop_bits),
                exclusive=True,
            )
        except (OSError, ValueError, termios.error, serialx.SerialException) as error:
            failure = _opening_failed(self.port, self.machine, error)
            self._gone = str(failure)
            raise failure from error
        self._transport = transport
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._transport is None:
            return
        self._transport.close()
        try:
            async with asyncio.timeout(2.0):
                await self._ended.wait()
        except TimeoutError:
            self._transport.abort()
            await self._ended.wait()
        self._transport = None

    def write(self, data: bytes) -> None:
        """Send bytes at once.

        Raises:
            LostError: the link is gone, or the other end has stopped reading.
        """
        self.check()
        assert self._transport is not None
        try:
            if self._transport.get_write_buffer_size() > STALLED_BYTES:
                raise LostError(f"The {self.machine} on {self.port} no longer accepts data.")
            self._transport.write(data)
        except (OSError, RuntimeError, serialx.SerialException) as error:
            self.closed(error)
            self.check()

    def closed(self, why: object) -> None:
        """Handle the end of the link, by either side."""
        super().closed(why)
        self._ended.set()


def not_this_machine(wire: SerialLink, within_s: float) -> RoastwatchError:
    """The error for a port on which the machine was not recognised."""
    if wire.received_bytes:
        return BadInputError(
            f"The device on {wire.port} is not a {wire.machine}, or its baud rate is different: "
            f"{wire.received_bytes} bytes arrived in {within_s:g} s without a valid frame. Check "
            "`type`, `port` and `baud`."
        )
    return LostError(
        f"No {wire.machine} replies on {wire.port} (waited {within_s:g} s): check that it is on, "
        "that its cable is connected, and that `port` is right."
    )


async def explain_opening(port: str, machine: str) -> RoastwatchError:
    """The error that explains why another library could not open a port."""
    wire = Wire(port, machine=machine, on_bytes=len)
    try:
        async with asyncio.timeout(3.0):
            await wire.__aenter__()
    except RoastwatchError as error:
        return error
    except TimeoutError:
        return LostError(f"Nothing replies at {port}: check that the {machine} is on.")
    await wire.__aexit__()
    return LostError(f"The {machine} on {port} can't be reached.")


def _opening_failed(port: str, machine: str, error: Exception) -> RoastwatchError:
    """The error that explains in one sentence why a port did not open."""
    if isinstance(error, FileNotFoundError):
        here = sorted(str(path) for path in Path("/dev/serial/by-id").glob("*"))
        here += sorted(
            str(path) for kind in ("USB", "ACM") for path in Path("/dev").glob(f"tty{kind}*")
        )
        return LostError(
            f"The port {port} of the {machine} does not exist: plug it in, or set `port` to "
            f"{' or '.join(here) if here else 'the port that appears then (there is none now)'}."
        )
    if isinstance(error, PermissionError):
        return LostError(
            f"This user may not open {port}, which belongs to the group '{_group(port)}': run "
            f"`sudo usermod -aG {_group(port)} $USER`, then log out and in again."
        )
    if isinstance(error, socket.gaierror):
        return LostError(f"The host in {port} was not found ({error.strerror}): check `port`.")
    if isinstance(error, ConnectionError | TimeoutError) or "://" in port:
        if isinstance(error, ValueError):
            return BadInputError(f"{port} is not a valid address: write socket://host:1234.")
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else str(error) or "timed out"
        return LostError(
            f"Nothing replies at {port} ({reason}): check that the {machine}'s serial server is on "
            "and that the port number is right."
        )
    if isinstance(error, OSError) and "locked" in str(error):
        return LostError(
            f"{port} is in use by another program (Artisan, or a second roastwatch?): close that "
            "program, or set `port` to another port."
        )
    if isinstance(error, OSError) and error.errno in (16, 5):
        return LostError(f"{port} can't be opened ({error.strerror}): is it in use or unplugged?")
    reason = getattr(error, "strerror", None) or str(error.args[-1] if error.args else error)
    return BadInputError(f"{port} is not a serial port ({reason}): set `port` to one.")


def _group(port: str) -> str:
    """The group that owns a port; dialout if that is unknown."""
    try:
        gid = Path(port).stat().st_gid
        name = grp.getgrgid(gid).gr_name
    except (OSError, KeyError):
        return "dialout"
    return "dialout" if name == "root" else name
