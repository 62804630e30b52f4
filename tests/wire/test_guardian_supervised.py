"""A guardian that dies, hangs, can't be started or is flooded: heat goes off, and all is reported.

The verify run measures two seconds (`test_guardian_verify`); here only that it happens.
"""

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.app.roaster_session import RoasterSession
from roastwatch.roaster import doors, identity
from roastwatch.roaster.client.control import RoasterControl
from roastwatch.roaster.client.guardian_life import BACK, DIED, GuardianNotice
from tests.fakes.line import PtyLine, tcp_line
from tests.fakes.tc4 import FakeTc4
from tests.support.guarded import end, guarded, heating
from tests.support.until import until

STARTED_S = 60.0


def hot_tc4() -> FakeTc4:
    fake = FakeTc4()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    return fake


def wrapper(folder: Path) -> Path:
    """What starts Python, and can be taken away."""
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return python


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


async def test_heat_0_is_reported_after_it_was_written(tmp_path: Path) -> None:
    fake, notices = hot_tc4(), list[tuple[str, int]]()

    def note(happened: GuardianNotice) -> None:
        notices.append((happened.message, fake.ot1))

    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        async with heating(place, "tc4", line.port, notify=note) as control:
            first = control.guardian_pid
            assert first is not None
            shutil.rmtree(place.folder)  # as a cleaned runtime folder
            os.kill(first, signal.SIGKILL)
            await until(lambda: any(message == BACK for message, _ in notices), STARTED_S)
            # The spare may have written heat 0 by the time that this notice is handled.
            assert DIED in [message for message, _ in notices]
            assert [heat for message, heat in notices if "heat 0" in message] == [0]
            second = control.guardian_pid
        assert second not in (None, first)
        os.kill(second, signal.SIGKILL)


async def test_guardian_that_cannot_be_started_is_loud_and_retried(tmp_path: Path) -> None:
    fake, notices = hot_tc4(), list[str]()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        python = wrapper(tmp_path)
        note = notices.append
        async with heating(
            place, "tc4", line.port, notify=lambda notice: note(notice.message), python=python
        ) as control:
            first = control.guardian_pid
            assert first is not None
            python.unlink()
            await until(lambda: place.spares(), STARTED_S)
            for pid in (*place.spares(), first):
                os.kill(pid, signal.SIGKILL)
            await until(
                lambda: any("Pull the roaster's plug" in line for line in notices), STARTED_S
            )
            assert "can't be run" in (control.part.problem or "")
            assert not any("heat 0" in message for message in notices)
            assert fake.ot1 == 60
            wrapper(tmp_path)
            await until(lambda: BACK in notices, STARTED_S)
            assert fake.ot1 == 0


@pytest.mark.parametrize("way", ["serial", "network"])
async def test_hung_guardian_is_replaced_by_its_spare(tmp_path: Path, way: str) -> None:
    fake = hot_tc4()
    line = PtyLine(fake, tmp_path) if way == "serial" else tcp_line(fake)
    async with guarded() as place, line as at:
        port = at.port if isinstance(at, PtyLine) else at
        async with heating(place, "tc4", port) as control:
            first = control.guardian_pid
            assert first is not None
            await until(lambda: place.watching(), STARTED_S)
            (spare,) = place.spares()
            os.kill(first, signal.SIGSTOP)
            await until(lambda: fake.ot1 == 0, 20.0)
            await until(lambda: control.guardian_pid == spare, 20.0)
        await until(lambda: not place.spares(), STARTED_S)  # the next spare went with us


async def test_stop_replaces_a_hung_guardian_that_nobody_watches(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        async with heating(place, "tc4", line.port) as control:
            left = control.guardian_pid
        assert left is not None
        os.kill(left, signal.SIGSTOP)
        fake.ot1 = 60
        words = ("roaster", "stop", "--type", "tc4", "--port", str(line.port))
        process = await place.service(*words)
        out, _ = await asyncio.wait_for(process.communicate(), STARTED_S)
        assert (process.returncode, fake.ot1) == (0, 0), out.decode()


@contextlib.asynccontextmanager
async def idle_connections(address: str, count: int) -> AsyncIterator[None]:
    """Connections on which nothing is ever said."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            idle = stack.enter_context(socket.socket(socket.AF_UNIX))
            idle.setblocking(False)
            while True:
                try:
                    idle.connect(address)
                    break
                except BlockingIOError:  # more wait than it has taken on
                    await asyncio.sleep(0.01)
        yield


async def test_guardian_stands_a_flood_of_idle_connections(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with (
        guarded() as place,
        PtyLine(fake, tmp_path) as line,
        heating(place, "tc4", line.port) as control,
    ):
        pid = control.guardian_pid
        assert pid is not None
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (128, 128))
        address = doors.address_of(min(identity.names_of(str(line.port))))
        async with idle_connections(address, 400):
            machine = RoasterLaunch.chosen("tc4", str(line.port), (), None, None, None, True)
            async with RoasterControl(None, machine.launch, role="stop") as stop:
                assert await stop.emergency_stop("A stop in a flood.", 20.0) is None
            assert fake.ot1 == 0
            line.unplug()
            await until(lambda: not control.raw_state["connected"], STARTED_S)
            line.plug()  # it needs a file for the port, and has one
            await until(lambda: control.raw_state.get("connected"), STARTED_S)
            assert control.guardian_pid == pid


async def test_hung_guardian_holds_up_no_pulse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.wire.test_emergency_stop import Kitchen

    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        kitchen, healthy = Kitchen(line.port), True
        station = kitchen.service.stations["kitchen"]
        driven = RoasterSession(station, lambda: healthy)
        running = asyncio.create_task(driven.run())
        try:
            await until(lambda: driven.state().connected, STARTED_S)
            (pid,) = place.guardians
            os.kill(pid, signal.SIGSTOP)
            healthy = False
            async with asyncio.timeout(0.5):
                await driven.pulse()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_spare_takes_over_when_service_and_guardian_are_killed(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        service = await place.drive("tc4", line.port)
        try:
            await until(lambda: fake.ot1 == 60, STARTED_S)
            await until(lambda: place.watching(service.pid), STARTED_S)
            (spare,) = place.spares(service.pid)
            (guardian,) = place.guardians
            os.kill(guardian, signal.SIGKILL)
            service.kill()
            await until(lambda: fake.ot1 == 0, 20.0)
            assert place.guardians == [spare]
        finally:
            await end(service)


@pytest.mark.parametrize(
    ("service", "guardian"),
    [
        (signal.SIGSTOP, signal.SIGKILL),
        (signal.SIGSTOP, signal.SIGSTOP),
        (signal.SIGKILL, signal.SIGSTOP),
    ],
)
async def test_spare_takes_over_without_a_word_of_the_service(
    tmp_path: Path, service: signal.Signals, guardian: signal.Signals
) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        drive = await place.drive("tc4", line.port)
        assert isinstance(drive, asyncio.subprocess.Process)
        try:
            await until(lambda: fake.ot1 == 60, STARTED_S)
            await until(lambda: place.watching(drive.pid), STARTED_S)
            (spare,) = place.spares(drive.pid)
            (first,) = place.guardians
            began_s = time.monotonic()
            os.kill(drive.pid, service)
            os.kill(first, guardian)
            await until(lambda: fake.ot1 == 0, 20.0)
            print(f"heat 0 after {time.monotonic() - began_s:.2f} s")
            await until(lambda: place.guardians == [spare])
            if service is signal.SIGSTOP:
                os.kill(drive.pid, signal.SIGCONT)
                assert drive.stdout is not None
                async with asyncio.timeout(STARTED_S):  # it finds the spare at work
                    while BACK not in (await drive.stdout.readline()).decode():
                        pass
                assert place.guardians == [spare]
            assert fake.ot1 == 0
        finally:
            await end(drive)


async def test_guardian_and_spare_that_are_stopped_are_replaced(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with (
        guarded() as place,
        PtyLine(fake, tmp_path) as line,
        heating(place, "tc4", line.port) as control,
    ):
        await until(lambda: place.watching(), STARTED_S)
        (spare,), first = place.spares(), control.guardian_pid
        assert first is not None
        began_s = time.monotonic()
        for pid in (spare, first):
            os.kill(pid, signal.SIGSTOP)
        await until(lambda: fake.ot1 == 0, STARTED_S)
        print(f"heat 0 after {time.monotonic() - began_s:.2f} s")
        await until(lambda: control.guardian_pid not in (None, spare, first), 20.0)
        assert not is_running(spare)
        assert not is_running(first)


async def test_spare_that_dies_is_replaced_at_once(tmp_path: Path) -> None:
    async with (
        guarded() as place,
        PtyLine(hot_tc4(), tmp_path) as line,
        heating(place, "tc4", line.port),
    ):
        await until(lambda: place.watching(), STARTED_S)
        ended = set[int]()
        for _ in range(2):  # the second one just after it was made, when it was looked at last
            (spare,) = place.spares()
            os.kill(spare, signal.SIGKILL)
            ended.add(spare)
            await until(lambda: set(place.spares()) - ended, 0.7)


async def test_spare_ends_where_the_guardian_outlives_the_service(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        service = await place.drive("tc4", line.port)
        try:
            await until(lambda: fake.ot1 == 60, STARTED_S)
            await until(lambda: place.spares(service.pid), STARTED_S)
            (spare,) = place.spares(service.pid)
            (guardian,) = place.guardians
        finally:
            await end(service)
        await until(lambda: not is_running(spare), STARTED_S)
        assert place.guardians == [guardian]
