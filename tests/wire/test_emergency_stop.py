"""An emergency stop is reported as done once the machine has heat 0, and as not delivered before.

Each case has a machine that holds its heat (TC4) and a way that is cut or taken.
"""

import asyncio
import contextlib
import fcntl
import os
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roastwatch.app.outlet import Outlet
from roastwatch.app.service import Service
from roastwatch.entities import values
from roastwatch.roaster.guardian.stop_record import DELIVERED_LATE
from roastwatch.settings import model as settings
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Actuator,
    Command,
    EventKind,
    Instruction,
    InstructionKind,
    Origin,
    Outcome,
    RoasterState,
    StopState,
)
from tests.fakes.line import PtyLine
from tests.fakes.tc4 import FakeTc4
from tests.support.guarded import Guarded, guarded, heating
from tests.support.until import until
from tests.unit.test_service import Notebook

STARTED_S = 60.0


def hot_tc4() -> FakeTc4:
    fake = FakeTc4()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    return fake


class Kitchen:
    """The service with one station on a TC4, and what its sinks were given."""

    def __init__(self, port: object, **options: Any) -> None:
        station = {
            "name": "kitchen",
            "source": {"type": "demo", "speed": 1, "seed": 3},
            "roaster": {"type": "tc4", "port": str(port), **options},
            "independent_cutoff": True,
        }
        self.service = Service(settings.parse({"stations": [station]}))
        self.notes = Notebook()
        self.service.outlets = [Outlet("notebook", self.notes, ComponentHealth("notebook"))]

    @property
    def state(self) -> RoasterState:
        state = self.service.stations["kitchen"].snapshot().roaster
        assert state is not None
        return state

    @property
    def status(self) -> str:
        return next(iter(values.problems(self.service._shown()["kitchen"])), "all well")

    def events(self, kind: EventKind) -> list[str]:
        return [event.message for event in self.notes.events if event.kind is kind]

    def stop(self) -> None:
        now = datetime.now(UTC)
        kind = InstructionKind.EMERGENCY_STOP
        self.service.instruct(Instruction("kitchen", kind, Origin.PERSON, now, by="a test"))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.service.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def is_not_delivered(self) -> bool:
        faults = self.events(EventKind.FAULT)
        return (
            self.state.stop is StopState.PENDING
            and "not delivered: pull the roaster's plug" in self.status
            and any("not delivered: pull the roaster's plug" in fault for fault in faults)
        )


@pytest.fixture
def place_for_service(monkeypatch: pytest.MonkeyPatch) -> Callable[[Guarded], None]:
    def use(place: Guarded) -> None:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))

    return use


async def test_stop_with_the_cable_out_is_not_delivered_until_it_is_in_again(
    tmp_path: Path, place_for_service: Callable[[Guarded], None]
) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        place_for_service(place)
        kitchen = Kitchen(line.port)
        async with kitchen.running():
            await until(lambda: kitchen.state.connected, STARTED_S)
            line.unplug()
            fake.ot1 = 60  # it heats, and hears nobody
            await until(lambda: not kitchen.state.connected, STARTED_S)
            kitchen.stop()
            await until(kitchen.is_not_delivered, 10.0)
            assert "arm again" not in kitchen.status
            assert kitchen.state.emergency
            assert fake.ot1 == 60
            await asyncio.sleep(9.0)  # longer than anybody waits for an answer
            assert kitchen.is_not_delivered()
            line.plug()
            await until(lambda: kitchen.state.stop is StopState.DELIVERED, STARTED_S)
            assert fake.ot1 == 0
            await until(lambda: DELIVERED_LATE in kitchen.events(EventKind.INTERLOCK), 10.0)
            assert "was delivered, heat is 0" in kitchen.status


async def test_stop_on_a_port_that_another_program_holds_is_not_delivered(
    tmp_path: Path, place_for_service: Callable[[Guarded], None]
) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        place_for_service(place)
        fake.ot1 = 60
        artisan = os.open(line.port, os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(artisan, fcntl.LOCK_EX)
        kitchen = Kitchen(line.port)
        try:
            async with kitchen.running():
                await until(lambda: "in use" in kitchen.status, STARTED_S)
                kitchen.stop()
                await until(kitchen.is_not_delivered, 10.0)
                assert fake.ot1 == 60
                os.close(artisan)
                artisan = -1
                await until(lambda: kitchen.state.stop is StopState.DELIVERED, STARTED_S)
                assert fake.ot1 == 0
        finally:
            if artisan >= 0:
                os.close(artisan)


async def test_stop_of_a_second_service_reaches_the_first_ones_guardian(
    tmp_path: Path, place_for_service: Callable[[Guarded], None]
) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        place_for_service(place)
        async with heating(place, "tc4", line.port):
            kitchen = Kitchen(line.port, period_s=0.5)  # its options differ, too
            async with kitchen.running():
                await until(lambda: "roaster end" in kitchen.status, STARTED_S)
                assert fake.ot1 == 60
                kitchen.stop()
                await until(lambda: kitchen.state.stop is StopState.DELIVERED, 10.0)
                assert fake.ot1 == 0
                assert kitchen.state.emergency


async def test_second_stop_of_a_guest_does_not_count_as_the_first_delivered(
    tmp_path: Path, place_for_service: Callable[[Guarded], None]
) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        place_for_service(place)
        async with heating(place, "tc4", line.port) as first:
            kitchen = Kitchen(line.port, period_s=0.5)
            async with kitchen.running():
                await until(lambda: "roaster end" in kitchen.status, STARTED_S)
                kitchen.stop()
                await until(lambda: kitchen.state.stop is StopState.DELIVERED, 10.0)
                await until(lambda: not kitchen.service.driven["kitchen"]._guest.active, 10.0)
                assert await first.arm(600.0) is None
                now_s = asyncio.get_running_loop().time()
                wish = Command("2", "r", Actuator.HEATER, 60.0, Origin.PERSON, now_s)
                assert (await first.request(wish)).outcome is Outcome.APPLIED
                line.unplug()
                await until(lambda: not first.raw_state["connected"], 10.0)
                kitchen.stop()
                await until(lambda: kitchen.state.stop is StopState.PENDING, 10.0)
                assert "not delivered" in kitchen.state.stop_problem
                line.plug()
                await until(lambda: kitchen.state.stop is StopState.DELIVERED, 20.0)
                assert fake.ot1 == 0


async def test_stop_without_any_guardian_is_not_delivered_until_there_is_one(
    tmp_path: Path,
    place_for_service: Callable[[Guarded], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        place_for_service(place)
        fake.ot1 = 60
        python, real = tmp_path / "python", sys.executable
        monkeypatch.setattr("sys.executable", str(python))  # it is not there yet
        kitchen = Kitchen(line.port)
        async with kitchen.running():
            await until(lambda: "can be started" in kitchen.status, STARTED_S)
            kitchen.stop()
            await until(kitchen.is_not_delivered, 10.0)
            assert fake.ot1 == 60
            python.write_text(f'#!/bin/sh\nexec {real} "$@"\n')
            python.chmod(0o755)
            await until(lambda: kitchen.state.stop is StopState.DELIVERED, STARTED_S)
            assert fake.ot1 == 0


async def test_stop_that_the_machine_contradicts_is_not_delivered(
    tmp_path: Path, place_for_service: Callable[[Guarded], None]
) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        place_for_service(place)
        kitchen = Kitchen(line.port)
        async with kitchen.running():
            await until(lambda: kitchen.state.connected, STARTED_S)
            fake.stuck_heater = 80
            kitchen.stop()
            await until(kitchen.is_not_delivered, 15.0)
            assert "reports 80 %" in kitchen.state.stop_problem
            await until(lambda: kitchen.status.startswith("The machine reports 80 % heat"), 15.0)
            fake.stuck_heater = None
            await until(lambda: kitchen.state.stop is StopState.DELIVERED, 15.0)
            await until(lambda: "was delivered, heat is 0" in kitchen.status, 15.0)


async def test_command_line_says_not_delivered_and_its_guardian_goes_on(
    tmp_path: Path,
) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        line.unplug()
        fake.ot1 = 60
        words = ("roaster", "stop", "--type", "tc4", "--port", str(line.port))
        process = await place.service(*words)
        out, _ = await asyncio.wait_for(process.communicate(), STARTED_S)
        assert process.returncode == 2
        assert b"was not delivered: pull the roaster's plug" in out
        assert b"Stopped" not in out
        line.plug()
        await until(lambda: fake.ot1 == 0, STARTED_S)


async def test_command_line_names_the_program_that_holds_the_port(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        holder = await asyncio.create_subprocess_exec(
            "flock", "-F", str(line.port), "sleep", "600", stdin=asyncio.subprocess.DEVNULL
        )
        try:
            words = ("roaster", "stop", "--port", str(line.port))
            process = await place.service(*words, "--type", "tc4")
            out, _ = await asyncio.wait_for(process.communicate(), STARTED_S)
            assert process.returncode == 2
            assert f"sleep (process {holder.pid})" in out.decode()
        finally:
            holder.kill()
            await holder.wait()


async def test_make_safe_is_done_once_the_machine_reports_heat_0(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with (
        guarded() as place,
        PtyLine(fake, tmp_path) as line,
        heating(place, "tc4", line.port) as control,
    ):
        assert await control.make_safe("The test says so.", 6.0)
        assert fake.ot1 == 0
        fake.stuck_heater = 70
        assert not await control.make_safe("Once more.", 4.0)
        assert "reports 70 %" in control.unsafe
