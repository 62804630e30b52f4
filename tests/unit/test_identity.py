"""The names of a machine: one machine by all its spellings, another by none of them."""

import os
import pty
from pathlib import Path

from roastwatch.roaster.guardian.machine_names import MachineNames, without_password
from roastwatch.roaster.identity import held_devices, names_of, usb_of


def same(one: str, other: str) -> bool:
    return bool(names_of(one) & names_of(other))


def test_one_host_has_many_names() -> None:
    here = "tcp://localhost:7000"
    for other in ("tcp://127.0.0.1:7000", "ws://[::1]:7000/x", "tcp://127.0.1.1:7000"):
        assert same(here, other)
    assert not same(here, "tcp://localhost:7001")
    assert not same(here, "tcp://192.0.2.7:7000")


def test_topics_tell_machines_on_one_broker_apart() -> None:
    assert same("mqtt://localhost a/heat", "mqtt://127.0.0.1:1883 a/heat")
    assert not same("mqtt://localhost a/heat", "mqtt://localhost b/heat")


def test_device_and_each_link_to_it_are_one(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    try:
        link = tmp_path / "by-id"
        link.symlink_to(os.ttyname(slave))
        relative = f"{tmp_path}/./x/../by-id"
        (tmp_path / "x").mkdir()
        assert same(str(link), os.ttyname(slave))
        assert same(str(link), relative)
        assert names_of(os.ttyname(slave)) & held_devices()
    finally:
        os.close(master)
        os.close(slave)


class Usb:
    """A USB device with a serial port, as /sys shows it."""

    def __init__(self, folder: Path, device: str) -> None:
        self.folder, self.device = folder, Path(device).stat().st_rdev

    def plug(self, socket: str, serial: str) -> None:
        usb = self.folder / "devices" / socket
        tty = usb / f"{socket}:1.0" / "ttyUSB0"
        tty.mkdir(parents=True, exist_ok=True)
        for name, text in (("idVendor", "0403"), ("idProduct", "6001"), ("serial", serial)):
            (usb / name).write_text(text + "\n")
        (tty.parent / "bInterfaceNumber").write_text("00\n")
        node = self.folder / "dev" / "char" / f"{os.major(self.device)}:{os.minor(self.device)}"
        node.parent.mkdir(parents=True, exist_ok=True)
        node.unlink(missing_ok=True)
        node.symlink_to(tty)


def test_another_machine_in_the_same_usb_socket_is_another(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    try:
        port = os.ttyname(slave)
        usb = Usb(tmp_path, port)
        usb.plug("1-1.2", "A1")
        first = usb_of(names_of(port, tmp_path))
        usb.plug("1-1.2", "B2")
        second = usb_of(names_of(port, tmp_path))
        assert first == {"usb:1-1.2:00/0403:6001:A1"}
        assert not first & second

        names = MachineNames(port, tmp_path)
        names.now()
        assert names.news is None
        assert not names.miss(port)
        usb.plug("1-1.2", "C3")
        assert names.miss(port)
        names.now()
        assert names.news is not None
        assert "Another device is on" in names.news
    finally:
        os.close(master)
        os.close(slave)


def test_password_in_an_address_is_not_shown() -> None:
    assert without_password("mqtt://me:secret@host:1883") == "mqtt://host:1883"
