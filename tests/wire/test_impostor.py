"""A program of another user that poses as the guardian learns nothing and is not believed."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator

import pytest

from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.errors import LostError
from roastwatch.roaster import doors, identity
from roastwatch.roaster.client.guardian_client import GuardianClient
from roastwatch.roaster.guardian.machine_names import MachineNames
from tests.fakes.line import tcp_line
from tests.fakes.tc4 import FakeTc4
from tests.support.guarded import Guarded, guarded, heating
from tests.wire.test_guardian_found import run

STARTED_S = 60.0
BROKER = "mqtt://127.0.0.1:18999"
OPTIONS = ("username=me", "password=hunter2", "bean_temp={topic: x}", "heater={command_topic: h}")

# It says what every client wants to hear, and prints what it was sent.
IMPOSTOR = """
import asyncio, encodings.idna, json, os, sys

address = bytes.fromhex(sys.argv[1])
answer = json.loads(sys.argv[2])

async def converse(reader, writer):
    while line := await reader.readline():
        print(line.decode(), end="", flush=True)
        seq = json.loads(line)["seq"]
        writer.write(json.dumps({**answer, "seq": seq, "re": seq}).encode() + b"\\n")

async def pose():
    server = await asyncio.start_unix_server(converse, address)
    print("poses", flush=True)
    await server.serve_forever()

os.setgroups([])
os.setgid(65534)
os.setuid(65534)
asyncio.run(pose())
"""
CAPABILITIES = {
    "machine": "x",
    "actuators": ["heater"],
    "reads_bean_temp": True,
    "reads_environment_temp": False,
    "read_period_s": 1,
    "keep_alive_s": None,
    "when_host_is_gone": "off",
    "make_safe_writes": "",
    "echoes": [],
    "levels": {},
    "fan_is_drum": False,
    "listens_first": False,
    "when_released": "",
}
ANSWER = {
    "v": 1,
    "ok": True,
    "reason": "",
    "connected": True,
    "safe": True,
    "heat_problem": "",
    "stop": {"state": "delivered", "problem": ""},
    "capabilities": CAPABILITIES,
    "told": {},
    "reading": None,
    "doubts": {},
}
only_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")


@contextlib.asynccontextmanager
async def impostor(name: str) -> AsyncIterator[list[str]]:
    """It listens under a machine's name; what it was sent so far."""
    address = doors.address_of(name).encode().hex()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", IMPOSTOR, address, json.dumps(ANSWER)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    out, heard = process.stdout, list[str]()

    async def hear() -> None:
        while line := await out.readline():
            heard.append(line.decode())

    assert await asyncio.wait_for(out.readline(), STARTED_S) == b"poses\n"
    hearing = asyncio.create_task(hear())
    try:
        yield heard
    finally:
        process.kill()
        await process.wait()
        await hearing


def broker(place: Guarded, monkeypatch: pytest.MonkeyPatch) -> RoasterLaunch:
    monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
    return RoasterLaunch.chosen("mqtt", BROKER, OPTIONS, None, None, None, True)


@only_root
async def test_stop_is_not_believed_done_and_no_password_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with guarded() as place:
        machine = broker(place, monkeypatch)
        async with impostor(min(identity.names_of(machine.wire))) as heard:
            words = [word for option in OPTIONS for word in ("--option", option)]
            port = ("--type", "mqtt", "--port", BROKER)
            status, out = await run(place, "roaster", "stop", *port, *words)
            assert status != 0
            assert "could not be checked" in out
            assert "Stopped" not in out
        assert any('"stop"' in line for line in heard)  # a true one would have stopped
        assert not any("hunter2" in line or '"options"' in line for line in heard)


@only_root
async def test_who_controls_does_not_take_another_users_for_its_guardian(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with guarded() as place:
        machine = broker(place, monkeypatch)
        async with impostor(min(identity.names_of(machine.wire))) as heard:
            with pytest.raises(LostError, match="of nobody"):
                async with GuardianClient(machine.socket, machine.launch):
                    pass
        assert heard == []


@only_root
async def test_stop_reaches_our_guardian_despite_an_impostor() -> None:
    fake = FakeTc4()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    async with guarded() as place, tcp_line(fake) as address:
        number = address.rpartition(":")[2]
        async with heating(place, "tc4", f"tcp://localhost:{number}"):
            port = f"tcp://127.0.0.1:{number}"
            first = min(identity.names_of(port))
            assert first not in identity.names_of(f"tcp://localhost:{number}")
            async with impostor(first):
                status, out = await run(place, "roaster", "stop", "--port", port)
            assert (status, fake.ot1) == (0, 0), out


@pytest.mark.parametrize(
    ("wire", "looked_up"),
    [
        ("/dev/ttyNONE", True),
        ("/dev/serial/by-id/usb-none", True),
        ("/dev/pts/999999", True),
        ("/mnt/hangs/ttyUSB0", False),
        ("/dev/../mnt/hangs/ttyUSB0", False),
        ("/dev/shm/link", False),
    ],
)
def test_strangers_path_is_looked_up_under_dev_only(wire: str, looked_up: bool) -> None:
    """A mount that hangs would freeze the guardian; a stranger can only look and stop."""
    names = MachineNames("/dev/none")
    assert names.include(wire, trusted=False) is not looked_up
    assert not names.include(wire)
