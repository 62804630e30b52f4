"""A fake USB layer: with this folder in PYTHONPATH, pyusb finds the Bullet of a test.

The transfers go over the Unix socket named by ROASTWATCH_FAKE_USB to the test's process; each
thread has a connection of its own, as each pipe of the real device.
"""

import json
import os
import socket
import threading
from typing import Any

_ADDRESS = os.environ.get("ROASTWATCH_FAKE_USB")


def _install(address: str) -> None:
    import usb.core
    import usb.util

    product = int(os.environ["ROASTWATCH_FAKE_USB_PRODUCT"], 16)
    local = threading.local()

    def ask(**what: Any) -> bytes:
        if not hasattr(local, "stream"):
            link = socket.socket(socket.AF_UNIX)
            link.connect(address)
            local.stream = link.makefile("rw")
        local.stream.write(json.dumps(what) + "\n")
        local.stream.flush()
        answer = json.loads(local.stream.readline() or '{"error": "gone"}')
        if answer.get("error") == "late":
            raise usb.core.USBTimeoutError("Operation timed out", errno=110)
        if "error" in answer:
            raise usb.core.USBError("No such device", errno=19)
        return bytes.fromhex(answer["data"])

    class Out:
        bEndpointAddress = 0x03  # noqa: N815 - pyusb's name

        def write(self, data: bytes, timeout: int) -> int:
            ask(write=bytes(data).hex())
            return len(data)

    class In:
        bEndpointAddress = 0x81  # noqa: N815

        def read(self, size: int, timeout: int) -> bytes:
            return ask(read=size, timeout_s=timeout / 1000)

    class Device:
        def is_kernel_driver_active(self, interface: int) -> bool:
            return True

        def detach_kernel_driver(self, interface: int) -> None:
            pass

        def set_configuration(self, number: int) -> None:
            assert number == 1

        def get_active_configuration(self) -> dict[tuple[int, int], list[object]]:
            return {(1, 0): [Out(), In()]}

    def find(idVendor: int, idProduct: int) -> Device | None:  # noqa: N803
        return Device() if (idVendor, idProduct) == (0x0483, product) else None

    def claimed(device: Device, interface: int) -> None:
        assert interface == 1

    usb.core.find = find
    usb.util.claim_interface = usb.util.release_interface = claimed
    usb.util.dispose_resources = lambda device: None


if _ADDRESS:
    _install(_ADDRESS)
