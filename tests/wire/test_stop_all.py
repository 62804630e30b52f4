"""`roaster stop` without options stops every guardian, or says which one it did not."""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roastwatch.roaster.doors import RUNS_AS, address_of
from tests.fakes.line import PtyLine
from tests.fakes.tc4 import FakeTc4
from tests.support.computer import Computer, children, computer, needs_a_computer, number_there
from tests.support.guarded import PLAN, Guarded, guarded
from tests.support.until import until

pytestmark = needs_a_computer
STARTED_S = 60.0

POSER = f"""
import ctypes, os, signal, socket, time

def listen(address, backlog=8):
    door = socket.socket(socket.AF_UNIX)
    door.bind(address)
    door.listen(backlog)
    print("guardian", os.getpid(), flush=True)
    return door

def show_as_guardian():
    ctypes.CDLL(None).prctl(15, b"{RUNS_AS}", 0, 0, 0)

one, other = {address_of("one")!r}, {address_of("other")!r}
"""
FULL = """
door = listen(one, 0)
callers = [socket.socket(socket.AF_UNIX) for _ in range(4)]
for caller in callers:
    caller.setblocking(False)
    caller.connect_ex(one)
time.sleep(600)
"""
NO_SOCKET = """
show_as_guardian()
print("guardian", os.getpid(), flush=True)
time.sleep(600)
"""
SOCKET_LATER = """
show_as_guardian()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
print("guardian", os.getpid(), flush=True)
signal.sigwait([signal.SIGUSR1])
time.sleep(1.0)
door = listen(one)
time.sleep(600)
"""
ONE_MORE_LATER = """
door = listen(one)
while not (caller := door.accept()[0]).recv(1):  # who asks only who it is sends nothing
    pass
show_as_guardian()
door.close()
time.sleep(1.0)
if os.fork() == 0:
    door = listen(other)
time.sleep(600)
"""


EVER_MORE = """
for number in range(600):
    if os.fork() == 0:
        door = listen(f"{one[:-4]}{number:04x}")
        time.sleep(600)
    time.sleep(1.0)
"""
LOOKING = """
import asyncio
from roastwatch.cli.roaster import stop
print("looking", flush=True)
asyncio.run(stop._stop_all())
"""


def hot_tc4() -> FakeTc4:
    fake = FakeTc4()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    return fake


async def run(there: Computer, *words: str) -> tuple[int, str]:
    """`roastwatch roaster` to its end: exit status and what it printed."""
    process = await there.python("-m", "roastwatch", "roaster", *words)
    out, _ = await asyncio.wait_for(process.communicate(), 2 * STARTED_S)
    assert process.returncode is not None
    return process.returncode, re.sub(r"\s+", " ", out.decode())


@contextlib.asynccontextmanager
async def two_that_heat(
    there: Computer, place: Guarded, folder: Path
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


@pytest.mark.parametrize("words", [(), ("--type", "tc5"), ("--port", "usb")])
async def test_stop_that_names_no_machine_stops_them_all(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    async with (
        computer() as there,
        guarded() as place,
        two_that_heat(there, place, tmp_path) as (one, other, _),
    ):
        status, out = await run(there, "stop", *words)
        assert (status, one.ot1, other.ot1) == (0, 0, 0), out
        assert "all 2 guardians" in out
        assert out.count("Stopped tc4") == 2


async def test_frozen_guardian_is_named_and_the_other_stopped(tmp_path: Path) -> None:
    async with (
        computer() as there,
        guarded() as place,
        two_that_heat(there, place, tmp_path) as (one, other, drives),
    ):
        (service,) = children(drives[0].pid)
        frozen = [service, *children(service)]  # its spare, too, which would take over
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        marks = [pid for pid in frozen if Path(f"/proc/{pid}/comm").read_text() == f"{RUNS_AS}\n"]
        (guardian,) = map(number_there, marks)
        status, out = await run(there, "stop")
        assert (status, one.ot1, other.ot1) == (2, 60, 0), out
        assert out.count("Its guardian (") == 1
        assert f"(process {guardian} of root) does not answer" in out


@pytest.mark.parametrize(
    ("script", "says", "listed"),
    [
        (FULL, ["(process unknown) does not answer"], "process (unknown) of an unknown user"),
        (NO_SOCKET, ["(process {} of root) can't be reached"], "can't be reached from here"),
        (ONE_MORE_LATER, ["(process {} of root) does not answer"] * 2, ""),
    ],
    ids=["full", "no socket", "one more later"],
)
async def test_guardian_that_no_stop_reaches_is_named(
    script: str, says: list[str], listed: str
) -> None:
    async with computer() as there:
        poser = await there.python("-c", POSER + script)
        assert poser.stdout is not None
        numbers = [await poser.stdout.readline()]
        assert not listed or listed in (await run(there, "guardians"))[1]
        status, out = await run(there, "stop")
        numbers += [await poser.stdout.readline() for _ in says[1:]]
        assert status == 2, out
        for number, words in zip(numbers, says, strict=True):
            assert words.format(int(number.split()[1])) in out
        assert out.count("Its guardian (") == len(says)


async def test_guardian_that_takes_over_gets_time_to_open_its_socket() -> None:
    async with computer() as there:
        poser = await there.python("-c", POSER + SOCKET_LATER)
        stop = await there.python("-c", LOOKING)
        assert poser.stdout is not None
        assert stop.stdout is not None
        number = int((await poser.stdout.readline()).split()[1])
        assert await stop.stdout.readline() == b"looking\n"
        os.kill(children(poser.pid)[0], signal.SIGUSR1)
        out, _ = await asyncio.wait_for(stop.communicate(), STARTED_S)
        assert f"process {number} of root) does not answer" in out.decode()


@pytest.mark.verify
async def test_stop_gives_up_if_guardians_keep_starting() -> None:
    async with computer() as there:
        poser = await there.python("-c", POSER + EVER_MORE)
        assert poser.stdout is not None
        await poser.stdout.readline()
        status, out = await run(there, "stop")
        assert status == 2
        assert "Guardians keep starting" in out
