"""The names of a machine. Its guardian listens under each of them.

A machine has several names at once: the path as it was written, the device behind that path, the
USB device behind that, the addresses of its host. Two programs mean the same machine if they have
a name in common. Any client that knows one name reaches the guardian: with other options, another
type, another spelling, or after USB was re-enumerated.
"""

import ipaddress
import os
import re
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

RESOLVE_S = 1.0
"""A slower name server must not delay a stop."""
SYS = Path("/sys")
_AILLIO = ("0483", frozenset({"5741", "a27e", "a4cd"}))
"""Vendor and products of the Bullet R1 and R2, whose port is only called `usb`."""
_NOT_A_PORT = frozenset({1, 5})
"""Major numbers of /dev/null, /dev/random and similar, and of /dev/tty."""


_TERMINAL = frozenset({"0", "1", "2"})
"""A terminal that a guardian writes to is not its roaster."""


def names_of(wire: str, sys_folder: Path = SYS) -> frozenset[str]:
    """All names of the machine on a wire that can be found now. Takes up to 1 s."""
    if wire.startswith("/"):
        return frozenset(_of_path(Path(wire), sys_folder))
    if "://" in wire:
        address, _, topic = wire.partition(" ")
        return frozenset(f"{name} {topic}".strip() for name in _of_address(address))
    # A machine without a wire (simulated), or whose driver finds it, is this user's own.
    own = f"own:{os.getuid()}:{os.environ.get('ROASTWATCH_RUNTIME_DIR', '')}:{wire}"
    found = _bullets(sys_folder) if wire.endswith(" usb") else ()
    return frozenset({own, *found})


def held_devices(sys_folder: Path = SYS) -> frozenset[str]:
    """Names of the devices that this process has open, wherever their paths point now."""
    found: set[str] = set()
    for entry in _listed(Path("/proc/self/fd")):
        if entry.name in _TERMINAL:
            continue
        try:
            status = entry.stat()
        except OSError:
            continue
        if stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) not in _NOT_A_PORT:
            found.update(_of_device(status.st_rdev, sys_folder))
    return frozenset(found)


def usb_of(names: frozenset[str]) -> frozenset[str]:
    """The names of the USB device itself, which outlive its node under /dev."""
    return frozenset(name for name in names if name.startswith("usb:"))


def holders(path: str) -> list[tuple[int, str]]:
    """Processes that have a device open, with their command names, if permissions allow it."""
    try:
        meant = Path(path).stat().st_rdev
    except OSError:
        return []
    found = []
    for process in _listed(Path("/proc")):
        if not process.name.isdigit():
            continue
        for entry in _listed(process / "fd"):
            try:
                status = entry.stat()
            except OSError:
                continue
            if stat.S_ISCHR(status.st_mode) and status.st_rdev == meant:
                found.append((int(process.name), _command(process)))
                break
    return found


def _command(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a program"


def _of_path(path: Path, sys_folder: Path) -> Iterator[str]:
    written = path.absolute()
    yield f"path:{written.parent.resolve() / written.name}"
    yield f"path:{written.resolve()}"
    try:
        status = path.stat()
    except OSError:
        return
    if stat.S_ISCHR(status.st_mode):
        yield from _of_device(status.st_rdev, sys_folder)


def _of_device(rdev: int, sys_folder: Path) -> Iterator[str]:
    number = f"{os.major(rdev)}:{os.minor(rdev)}"
    yield f"dev:{number}"
    node = sys_folder / "dev" / "char" / number
    if not node.exists():
        return
    interface = ""
    for folder in (node.resolve(), *node.resolve().parents):
        if (folder / "bInterfaceNumber").is_file():
            interface = _text(folder / "bInterfaceNumber")
        if (folder / "idVendor").is_file():
            yield _usb(folder, interface)
            return


def _bullets(sys_folder: Path) -> Iterator[str]:
    vendor, products = _AILLIO
    for folder in _listed(sys_folder / "bus" / "usb" / "devices"):
        if _text(folder / "idVendor") == vendor and _text(folder / "idProduct") in products:
            yield _usb(folder, "")


def _usb(folder: Path, interface: str) -> str:
    """The socket and the device, so that another machine in the same socket has another name."""
    what = ":".join(_text(folder / part) for part in ("idVendor", "idProduct", "serial"))
    return f"usb:{folder.name}:{interface}/{what}"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _of_address(address: str) -> Iterator[str]:
    parts = urlsplit(re.sub(r"^\w+://", "tcp://", address))
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        yield f"net:{address}"
        return
    if port is None:
        scheme = address.partition(":")[0]
        port = {"ws": 80, "wss": 443, "mqtt": 1883, "mqtts": 8883}.get(scheme, 0)
    yield f"net:{host}:{port}"
    for found in _resolved(host):
        yield f"net:{'here' if _is_here(found) else found}:{port}"


def _resolved(host: str) -> list[str]:
    """The addresses of a host; none if the look-up takes too long."""
    found: list[str] = []

    def look() -> None:
        try:
            found.extend({str(info[4][0]) for info in socket.getaddrinfo(host, None)})
        except OSError:
            return

    looking = threading.Thread(target=look, daemon=True, name="resolve")
    try:
        looking.start()
    except RuntimeError:  # no thread available: the name as written still counts
        return []
    looking.join(RESOLVE_S)
    return [address.partition("%")[0] for address in found]


def _is_here(address: str) -> bool:
    """Whether an address belongs to an interface of this computer."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if found.is_loopback:
        return True
    family = socket.AF_INET6 if found.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def is_linux() -> bool:
    """Whether the system has abstract sockets."""
    return sys.platform == "linux"
