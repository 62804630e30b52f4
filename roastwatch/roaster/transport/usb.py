"""Bulk transfers with a USB device that do not block the event loop. Only this file uses pyusb."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import usb.core
import usb.util

from roastwatch.errors import LostError

T = TypeVar("T")
VENDOR = 0x0483


class Pipes(Protocol):
    """One claimed interface. Tests replace it with a fake device."""

    def write(self, data: bytes) -> None:
        """Send; raises OSError."""
        ...

    def read(self, size: int, timeout_s: float) -> bytes:
        """Receive; raises TimeoutError or OSError."""
        ...

    def close(self) -> None:
        """Release the interface."""
        ...


class _UsbPipes:
    """The pipes of a real device."""

    def __init__(self, device: Any, interface: int, claim: bool = True) -> None:
        self._device, self._interface = device, interface
        if device.is_kernel_driver_active(interface):
            device.detach_kernel_driver(interface)
        device.set_configuration(1)
        if claim:
            usb.util.claim_interface(device, interface)
        endpoints = device.get_active_configuration()[(interface, 0)]
        self._out = _endpoint(endpoints, usb.util.ENDPOINT_OUT)
        self._in = _endpoint(endpoints, usb.util.ENDPOINT_IN)

    def write(self, data: bytes) -> None:
        self._out.write(data, 500)

    def read(self, size: int, timeout_s: float) -> bytes:
        try:
            return bytes(self._in.read(size, int(timeout_s * 1000)))
        except usb.core.USBTimeoutError as late:
            raise TimeoutError from late

    def close(self) -> None:
        usb.util.release_interface(self._device, self._interface)
        usb.util.dispose_resources(self._device)


def _endpoint(endpoints: Any, direction: int) -> Any:
    return usb.util.find_descriptor(
        endpoints,
        custom_match=lambda e: usb.util.endpoint_direction(e.bEndpointAddress) == direction,
    )


def open_pipes(products: Sequence[int], machine: str) -> Pipes:
    """Find the machine by its product id and claim its interface 1.

    Raises:
        LostError: not plugged in, not permitted (the text explains the fix), or in use.
    """
    try:
        for product in products:
            device = usb.core.find(idVendor=VENDOR, idProduct=product)
            if device is not None:
                return _UsbPipes(device, 1)
    except usb.core.NoBackendError as error:
        raise LostError("USB needs libusb: install it with `sudo apt install libusb-1.0-0`.") from (
            error
        )
    except usb.core.USBError as error:
        if error.errno == 13:
            raise LostError(
                f"This user may not open the {machine}: add "
                f'`SUBSYSTEM=="usb", ATTR{{idVendor}}=="{VENDOR:04x}", GROUP="plugdev", '
                'MODE="0660"` to /etc/udev/rules.d/50-aillio.rules, join the group plugdev with '
                "`sudo usermod -aG plugdev $USER`, log out and in, and plug it in again."
            ) from error
        reason = "in use by another program (RoasTime, Artisan?)" if error.errno == 16 else error
        raise LostError(f"The {machine} can't be opened: {reason}.") from error
    raise LostError(f"No {machine} is plugged in: connect its USB cable and switch it on.")


class UsbLink:
    """One device, with one thread that reads and one that writes."""

    def __init__(self, open_now: Callable[[], Pipes], machine: str) -> None:
        self._open_now = open_now
        self._machine = machine
        self._pipes: Pipes | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._writers: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Open the device. Raises LostError."""
        self._readers = ThreadPoolExecutor(1, "usb read")
        self._writers = ThreadPoolExecutor(1, "usb write")
        self._pipes = await self._in(self._readers, self._open_now)

    async def close(self) -> None:
        """Release the device; waits for a read in progress."""
        pipes, self._pipes = self._pipes, None
        for threads in (self._readers, self._writers):
            if threads is not None:
                await asyncio.to_thread(threads.shutdown)
        self._readers = self._writers = None
        if pipes is not None:
            await asyncio.to_thread(_quietly, pipes.close)

    async def write(self, data: bytes) -> None:
        """Send. Raises LostError."""
        pipes = self._opened()
        await self._in(self._writers, lambda: pipes.write(data))

    async def read(self, size: int, timeout_s: float) -> bytes | None:
        """Receive up to `size` bytes; None if nothing arrived in time. Raises LostError."""
        pipes = self._opened()
        try:
            return await self._in(self._readers, lambda: pipes.read(size, timeout_s))
        except TimeoutError:
            return None

    def _opened(self) -> Pipes:
        if self._pipes is None:
            raise LostError(f"The {self._machine} is not open.")
        return self._pipes

    async def _in(self, threads: ThreadPoolExecutor | None, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work)
        except TimeoutError:
            raise
        except (OSError, usb.core.USBError) as error:
            raise LostError(f"The link to the {self._machine} is gone ({error}).") from error


def _quietly(close: Callable[[], None]) -> None:
    try:
        close()
    except (OSError, usb.core.USBError):
        return  # it was unplugged: there is nothing to release
