"""Bytes to and from a machine: a serial port, a pseudo-terminal or TCP (`socket://host:port`)."""

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
"""So much unsent means that nobody takes our bytes any more."""


class PortOptions(Options):
    """Where the machine is."""

    port: str = Field(
        description="Serial port such as /dev/serial/by-id/usb-…, or socket://host:port for a "
        "serial server on the network (tcp://host:port means the same)."
    )


class SerialLink:
    """What every open line has: bytes that arrive, bytes that leave, and an end.

    What arrives goes to `on_bytes` at once (a parser's `feed`); `until` waits for what the parser
    made of it. Once the line is gone, everything raises LostError: leave the context and enter a
    new one.
    """

    def __init__(self, port: str, machine: str, on_bytes: Callable[[bytes], object]) -> None:
        self.port = port
        self.machine = machine
        self.received_bytes = 0
        self.on_gone: Callable[[LostError], object] | None = None
        """Called once when the line is gone."""
        self._on_bytes = on_bytes
        self._gone: str | None = "not open"
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Open. Raises LostError (try again) or BadInputError (another port is needed)."""
        raise NotImplementedError

    async def __aexit__(self, *_: object) -> None:
        """Close, quietly."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Send bytes at once.

        Raises:
            LostError: the line is gone, or the other end has stopped taking bytes.
        """
        raise NotImplementedError

    def arrived(self, data: bytes) -> None:
        """Bytes came in."""
        self.received_bytes += len(data)
        self._on_bytes(data)
        self.wake()

    def closed(self, why: object) -> None:
        """The other end went away, or we closed."""
        if self._gone is None:
            reason = f" ({getattr(why, 'strerror', None) or why})" if why else ""
            self._gone = f"The link to the {self.machine} on {self.port} is gone{reason}."
            if self.on_gone is not None:
                self.on_gone(LostError(self._gone))
        self.wake()

    @property
    def is_gone(self) -> bool:
        """Whether the line is closed."""
        return self._gone is not None

    def check(self) -> None:
        """Raise LostError when the line is gone."""
        if self._gone is not None:
            raise LostError(self._gone)

    async def until(self, ready: Callable[[], T | None], within_s: float) -> T | None:
        """What `ready` gives once it gives something; None when `within_s` have passed.

        Raises:
            LostError: the line went away meanwhile.
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
        """Let whoever waits look again."""
        self._news.set()
        self._news = asyncio.Event()


class _Bytes(asyncio.Protocol):
    """Hands what arrives to the wire."""

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
            LostError: no such port, in use, not allowed, nobody there.
            BadInputError: not a serial port, or no address.
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
            LostError: the line is gone, or the other end has stopped taking bytes.
        """
        self.check()
        assert self._transport is not None
        try:
            if self._transport.get_write_buffer_size() > STALLED_BYTES:
                raise LostError(f"The {self.machine} on {self.port} takes no more bytes.")
            self._transport.write(data)
        except (OSError, RuntimeError, serialx.SerialException) as error:
            self.closed(error)
            self.check()

    def closed(self, why: object) -> None:
        """The other end went away, or we closed."""
        super().closed(why)
        self._ended.set()


def not_this_machine(wire: SerialLink, within_s: float) -> RoastwatchError:
    """The error for a port behind which the machine does not show itself."""
    if wire.received_bytes:
        return BadInputError(
            f"Another machine than a {wire.machine} is on {wire.port}, or its baud rate is another:"
            f" {wire.received_bytes} bytes came in {within_s:g} s and made no valid frame; check "
            "`type`, `port` and `baud`."
        )
    return LostError(
        f"No {wire.machine} answers on {wire.port} (waited {within_s:g} s): is it switched on, its "
        "cable in, and `port` the right one?"
    )


async def explain_opening(port: str, machine: str) -> RoastwatchError:
    """Why a port that somebody else's library could not open won't open."""
    wire = Wire(port, machine=machine, on_bytes=len)
    try:
        async with asyncio.timeout(3.0):
            await wire.__aenter__()
    except RoastwatchError as error:
        return error
    except TimeoutError:
        return LostError(f"Nobody answers at {port}: is the {machine} on?")
    await wire.__aexit__()
    return LostError(f"The {machine} on {port} can't be reached now.")


def _opening_failed(port: str, machine: str, error: Exception) -> RoastwatchError:
    """One sentence for why a port would not open."""
    if isinstance(error, FileNotFoundError):
        here = sorted(str(path) for path in Path("/dev/serial/by-id").glob("*"))
        here += sorted(
            str(path) for kind in ("USB", "ACM") for path in Path("/dev").glob(f"tty{kind}*")
        )
        return LostError(
            f"There is no port {port} for the {machine}: plug it in, or set `port` to one of "
            f"{', '.join(here) if here else 'the ports that appear then (none is there now)'}."
        )
    if isinstance(error, PermissionError):
        return LostError(
            f"This user may not open {port}: it belongs to the group '{_group(port)}'; run "
            f"`sudo usermod -aG {_group(port)} $USER`, log out and in again."
        )
    if isinstance(error, socket.gaierror):
        return LostError(f"The host in {port} has no address ({error.strerror}): check `port`.")
    if isinstance(error, ConnectionError | TimeoutError) or "://" in port:
        if isinstance(error, ValueError):
            return BadInputError(f"{port} is no address: write socket://host:port, with a number.")
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else str(error) or "too late"
        return LostError(
            f"Nobody answers at {port} ({reason}): is the {machine}'s serial server on, and its "
            "port number right?"
        )
    if isinstance(error, OSError) and "locked" in str(error):
        return LostError(
            f"{port} is in use by another program (Artisan, or a second roastwatch?): close it "
            "there, or set `port` to another."
        )
    if isinstance(error, OSError) and error.errno in (16, 5):
        return LostError(f"{port} can't be opened now ({error.strerror}): in use, or unplugged?")
    reason = getattr(error, "strerror", None) or str(error.args[-1] if error.args else error)
    return BadInputError(f"{port} can't be used as a serial port ({reason}): set `port` to one.")


def _group(port: str) -> str:
    """The group that owns a port; dialout where it can't be told."""
    try:
        gid = Path(port).stat().st_gid
        name = grp.getgrgid(gid).gr_name
    except (OSError, KeyError):
        return "dialout"
    return "dialout" if name == "root" else name
