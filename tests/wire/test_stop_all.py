"""`roaster stop` without options stops every guardian, or says which one it did not."""

import asyncio
import contextlib
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roastwatch.roaster.doors import address_of
from tests.fakes.line import PtyLine
from tests.fakes.tc4 import FakeTc4
from tests.support.guarded import PLAN, Guarded, guarded
from tests.support.network import Network, needs_a_network, network
from tests.support.until import until
from tests.wire.test_impostor import ANSWER, CAPABILITIES

pytestmark = needs_a_network
STARTED_S = 60.0

FULL = f"""
import socket, time

address = {address_of("full")!r}
door = socket.socket(socket.AF_UNIX)
door.bind(address)
door.listen(0)
callers = [socket.socket(socket.AF_UNIX) for _ in range(4)]
for caller in callers:
    caller.setblocking(False)
    caller.connect_ex(address)
print("ready", flush=True)
time.sleep(600)
"""
# It delivers a stop, but another guardian starts before it says so; each is a process of its own.
ONE_MORE = f"""
import ctypes, json, os, socket, sys, time

answer, most = {ANSWER | {"capabilities": CAPABILITIES | {"actuators": []}}!r}, int(sys.argv[1])

def listen(number):
    door = socket.socket(socket.AF_UNIX)
    door.bind({address_of("more")[:-4]!r} + format(number, "04x"))
    door.listen(64)
    return door

door, number = listen(0), 0
print("ready", flush=True)
while True:
    with door.accept()[0] as caller, caller.makefile("rw") as lines:
        for line in lines:  # who asks only who it is sends nothing
            asked = json.loads(line)
            if asked["do"] == "stop" and number < most:
                time.sleep(1.0)
                here, there = os.pipe()
                if os.fork() == 0:
                    ctypes.CDLL(None).prctl(1, 9)  # it is killed when its parent ends
                    number += 1
                    door = listen(number)
                    os.write(there, b".")
                    break
                os.read(here, 1)
            reply = dict(answer, seq=asked["seq"], re=asked["seq"])
            print(json.dumps(reply), file=lines, flush=True)
"""


def hot_tc4() -> FakeTc4:
    fake = FakeTc4()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    return fake


async def ready(there: Network, script: str, *words: str) -> None:
    """Start a script; it is ready when this returns."""
    process = await there.python("-c", script, *words)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"


async def run(there: Network, *words: str) -> tuple[int, str]:
    """`roastwatch roaster` to its end: exit status and what it printed."""
    process = await there.python("-m", "roastwatch", "roaster", *words)
    out, _ = await asyncio.wait_for(process.communicate(), 2 * STARTED_S)
    assert process.returncode is not None
    return process.returncode, re.sub(r"\s+", " ", out.decode())


@contextlib.asynccontextmanager
async def two_that_heat(
    there: Network, place: Guarded, folder: Path
) -> AsyncIterator[tuple[FakeTc4, FakeTc4, list[asyncio.subprocess.Process]]]:
    """Two machines that heat, each driven by a process of its own."""
    one, other = hot_tc4(), hot_tc4()
    plan = folder / "plan.yaml"
    plan.write_text(PLAN)
    (folder / "other").mkdir()
    async with PtyLine(one, folder) as first, PtyLine(other, folder / "other") as second:
        drives = []
        for line in (first, second):
            words = ("--type", "tc4", "--port", str(line.port), "--independent-cutoff")
            log = ("--log-file", f"{line.port}.csv")
            drive = ("-m", "roastwatch", "roaster", "drive", str(plan), *words, *log)
            drives.append(await there.python(*drive, ROASTWATCH_RUNTIME_DIR=str(place.folder)))
        await until(lambda: one.ot1 == 60 and other.ot1 == 60, STARTED_S)
        yield one, other, drives


def children(pid: int) -> list[int]:
    """The processes that a process has started, in any thread."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(word) for one in threads for word in (one / "children").read_text().split()]


@pytest.mark.parametrize("words", [(), ("--type", "tc5"), ("--port", "usb")])
async def test_stop_that_names_no_machine_stops_them_all(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    async with (
        guarded() as place,
        network() as there,
        two_that_heat(there, place, tmp_path) as (one, other, _),
    ):
        status, out = await run(there, "stop", *words)
        assert (status, one.ot1, other.ot1) == (0, 0, 0), out
        assert "all 2 guardians" in out
        assert out.count("Stopped tc4") == 2


async def test_guardians_that_hang_are_named_and_the_other_stopped(tmp_path: Path) -> None:
    async with (
        guarded() as place,
        network() as there,
        two_that_heat(there, place, tmp_path) as (one, other, drives),
    ):
        await ready(there, FULL)
        service = drives[0].pid
        frozen = [service, *children(service)]  # its spare, too, which would take over
        (guardian,) = set(frozen) & set(place.guardians)
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        status, out = await run(there, "guardians", "--json")
        silent = {known["pid"] for known in json.loads(out) if not known["answers"]}
        assert (status, silent) == (0, {guardian, None})
        status, out = await run(there, "stop")
        assert (status, one.ot1, other.ot1) == (2, 60, 0), out
        assert f"(process {guardian} of root) does not answer: with the plug pulled" in out
        assert "(process unknown) does not answer." in out
        assert out.count("Its guardian (") == 2
        assert out.count("Stopped tc4") == 1


async def test_guardian_that_starts_while_another_is_stopped_is_stopped_too() -> None:
    async with network() as there:
        await ready(there, ONE_MORE, "1")
        status, out = await run(there, "stop")
        assert status == 0, out
        assert out.count("Stopped") == 2


@pytest.mark.verify
async def test_stop_fails_if_guardians_keep_starting() -> None:
    async with network() as there:
        await ready(there, ONE_MORE, "99")
        status, out = await run(there, "stop")
        assert status == 2, out
        assert out.count("Stopped") >= 4
        assert "Guardians keep starting: run `roastwatch roaster stop` again." in out
