"""What a person reads when a port will not open."""

import asyncio
import errno
from pathlib import Path

import pytest

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.transport.serial import Wire, _opening_failed, explain_opening
from tests.fakes.hottop import FakeHottop
from tests.fakes.line import PtyLine


def test_no_permission_names_the_group(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    refused = PermissionError(errno.EACCES, "Permission denied")
    sentence = str(_opening_failed(str(port), "TC4", refused))
    assert "may not open" in sentence
    assert "sudo usermod -aG" in sentence


def test_no_permission_on_a_port_of_root_names_dialout() -> None:
    refused = PermissionError(errno.EACCES, "Permission denied")
    assert "dialout" in str(_opening_failed("/dev/null", "TC4", refused))
    assert "dialout" in str(_opening_failed("/dev/gone", "TC4", refused))


def write_for_ever(wire: Wire) -> None:
    while True:
        wire.write(bytes(1024))


async def test_machine_that_stops_reading_is_lost(tmp_path: Path) -> None:
    fake = FakeHottop()
    async with PtyLine(fake, tmp_path) as line:
        wire = Wire(str(line.port), machine="Hottop", on_bytes=len)
        async with wire:
            line.stall()
            with pytest.raises(LostError, match="no longer accepts"):
                write_for_ever(wire)


async def test_failed_opening_is_explained(tmp_path: Path) -> None:
    assert isinstance(await explain_opening(str(tmp_path / "none"), "X"), LostError)
    assert isinstance(await explain_opening("tcp://x:y", "X"), BadInputError)
    async with PtyLine(FakeHottop(), tmp_path) as line:
        assert "can't be reached" in str(await explain_opening(str(line.port), "X"))
        await asyncio.sleep(0)


async def test_write_before_opening_is_lost() -> None:
    wire = Wire("/dev/none", machine="Hottop", on_bytes=len)
    with pytest.raises(LostError):
        wire.write(b"x")
