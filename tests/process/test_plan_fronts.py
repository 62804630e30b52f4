"""The same plan through service, `drive` and `simulate`: the same writes, on the same machine.

Each front speaks with a real guardian on a real socket, in virtual time: twelve minutes of a roast
take seconds, and the same each time.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from roastwatch.app.program import profile_of
from roastwatch.roaster.client.control import RoasterControl
from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.plans.drive import Drive, DriveLog
from roastwatch.roaster.plans.plan import Plan, parse_plan, read_plan
from roastwatch.roaster.plans.rehearsal import rehearse
from roastwatch.vocabulary import Actuator, EventKind, InstructionKind, Origin, Reading
from tests.support.virtual_kitchen import OPTIONS, Kitchen, Watched, guardian, virtual

PLANS = sorted((Path(__file__).parents[2] / "config" / "plans").glob("*.yaml"))
EXTRA = {
    "door and cooling by event": {
        "steps": [
            {"at_s": 0, "charge": True, "heater_percent": 70, "fan_percent": 40,
             "drum_percent": 100},
            {"at_event": "turning_point", "after_s": 20, "heater_percent": 60},
            {"at_bean_temp_c": 120, "fan_percent": 60, "note": "dry soon"},
            {"at_event": "dry_end", "heater_percent": 50},
            {"at_bean_temp_c": 170, "drop": True},
            {"at_event": "drop", "after_s": 5, "cooling_percent": 100, "heater_percent": 0},
            {"at_event": "drop", "after_s": 40, "fan_percent": 100},
        ]
    }
}  # fmt: skip


def plans() -> list[Any]:
    found = [pytest.param(read_plan(path), id=path.name) for path in PLANS]
    return found + [pytest.param(parse_plan(raw), id=name) for name, raw in EXTRA.items()]


Writes = list[tuple[float, Actuator, float]]


@contextlib.asynccontextmanager
async def attended(
    driver: Watched, present: Callable[[], Awaitable[None]], cracked: Callable[[], None]
) -> AsyncIterator[None]:
    """A person who is there, and one who hears the model's first crack at once."""

    async def attend() -> None:
        heard = False
        while True:
            for _ in range(600):
                await asyncio.sleep(0.1)
                if driver.crack_progress > 0 and not heard:
                    heard = True
                    cracked()
            await present()

    task = asyncio.create_task(attend())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def by_drive(plan: Plan, folder: Path) -> Writes:
    socket = folder / "guardian.sock"
    async with guardian(None, socket) as driver, RoasterControl(socket, None) as control:
        log = DriveLog(folder / "drive.csv")
        drive = Drive(plan, control, log, lambda _l: None, profile=profile_of(plan), hears=True)
        control.audit, control.notify = drive.audit, drive.notice
        driver.log.clear()
        with contextlib.closing(log):
            async with attended(
                driver, drive.present, lambda: drive.happened(EventKind.FIRST_CRACK)
            ):
                assert await drive.run() is None
        return list(driver.log)


async def by_service(plan: Plan, folder: Path, last: Callable[[Writes], bool]) -> Writes:
    path = folder / "plan.yaml"
    path.write_text(plan.model_dump_json(exclude_defaults=True))
    kitchen = Kitchen(path)

    async def present() -> None:
        kitchen.press(InstructionKind.PRESENT)

    async with kitchen.open() as driver:
        await kitchen.armed()
        driver.log.clear()
        kitchen.press(InstructionKind.CHARGE)
        async with attended(driver, present, kitchen.crack):
            await kitchen.until(lambda: last(driver.log))
        writes = list(driver.log)
        assert [event.origin for event in kitchen.of(EventKind.DROP)] == [Origin.PLAN]
        alarms = {event.message for event in kitchen.of(EventKind.INTERLOCK)}
        assert alarms <= {"Cooling was on to make the machine safe: it ends as heat goes on."}
        assert not kitchen.station.roast.active
    return writes


def of_steps(writes: Writes, plan: Plan) -> list[tuple[Actuator, float]]:
    """What was written one after the other, without repetitions; the PID's heat aside."""
    found: list[tuple[Actuator, float]] = []
    set_to: dict[Actuator, float] = {}
    for _, actuator, percent in writes:
        pid = plan.follow and actuator is Actuator.HEATER and percent not in (60.0, 0.0)
        if set_to.get(actuator) != percent and not pid:
            found.append((actuator, percent))
        set_to[actuator] = percent
    return found


def heat_at(writes: Writes, seconds: float) -> float:
    began_s = writes[0][0]
    return next(
        (p for s, a, p in reversed(writes) if a is Actuator.HEATER and s - began_s <= seconds), 0.0
    )


@pytest.mark.parametrize("plan", plans())
def test_service_drive_and_simulate_write_the_same(plan: Plan, socket_folder: Path) -> None:
    options = SimulatedRoaster.Options(**OPTIONS)
    simulated = virtual(rehearse(plan, options, Limits(), profile_of(plan)))
    assert (simulated.tripped, simulated.unheated) == (None, None)
    # what arming a machine that was found hot does comes before the plan
    began_s = next(s for s, a, p in simulated.writes if a is Actuator.HEATER and p > 0)
    writes = [[write for write in simulated.writes if write[0] >= began_s]]
    wanted = of_steps(writes[0], plan)
    writes.append(virtual(by_drive(plan, socket_folder)))

    def last(log: Writes) -> bool:
        return of_steps(log, plan)[-1:] == wanted[-1:] and len(of_steps(log, plan)) >= 3

    writes.append(virtual(by_service(plan, socket_folder, last)))
    assert of_steps(writes[1], plan) == wanted
    assert of_steps(writes[2], plan) == wanted
    for seconds in range(5, 640, 20):
        heats = [heat_at(one, seconds) for one in writes]
        assert max(heats) - min(heats) <= (4 if plan.follow else 0), (seconds, heats)


def test_drive_never_confirms_attendance_by_itself(socket_folder: Path) -> None:
    """Without a key press heat goes off: a running program does not count as attendance."""
    plan = parse_plan({"steps": [{"at_s": 0, "heater_percent": 30, "fan_percent": 60},
                                 {"at_s": 120, "note": "end"}]})  # fmt: skip
    limits = Limits(attendance_s=60, attendance_grace_s=20)

    async def alone() -> tuple[str | None, Writes]:
        socket = socket_folder / "guardian.sock"
        machine = guardian(None, socket, limits=limits)
        async with machine as driver, RoasterControl(socket, None) as control:
            log = DriveLog(socket_folder / "drive.csv")
            drive = Drive(plan, control, log, lambda _l: None)
            control.audit, control.notify = drive.audit, drive.notice
            with contextlib.closing(log):
                return await drive.run(), list(driver.log)

    wrong, writes = virtual(alone())
    assert wrong
    heats = [(s, p) for s, a, p in writes if a is Actuator.HEATER]
    assert heats[-1][1] == 0
    assert heats[-1][0] - next(s for s, p in heats if p > 0) == pytest.approx(80, abs=2)


class Weak(Watched):
    """It gives less heat than is set for some seconds, as one that limits itself does."""

    async def read(self) -> Reading:
        reading = await super().read()
        heat = reading.heater_percent or 0.0
        weak = 20 < time.monotonic() - self.log[0][0] < 35 if self.log else False
        return replace(reading, heater_percent=heat / 2) if weak else reading


def test_drive_continues_with_less_heat_than_set(
    socket_folder: Path,
) -> None:
    plan = parse_plan({"steps": [{"at_s": 0, "heater_percent": 80, "fan_percent": 60},
                                 {"at_s": 60, "heater_percent": 30},
                                 {"at_s": 70, "heater_percent": 0}]})  # fmt: skip

    async def followed() -> tuple[Writes, list[str]]:
        socket = socket_folder / "guardian.sock"
        said: list[str] = []
        machine = guardian(None, socket, Weak())
        async with machine as driver, RoasterControl(socket, None) as control:
            log = DriveLog(socket_folder / "drive.csv")
            drive = Drive(plan, control, log, said.append)
            control.audit, control.notify = drive.audit, drive.notice
            with contextlib.closing(log):
                await drive.run()
                return list(driver.log), said

    writes, said = virtual(followed())
    assert any("gives only 40 % heat" in line for line in said)
    heats = [p for _, a, p in writes if a is Actuator.HEATER]
    assert 80 in heats
    assert 30 in heats[heats.index(80) :]
