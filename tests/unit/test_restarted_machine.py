"""A machine that restarts under an open link while a plan goes on setting heat: no heat again."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from roastwatch.roaster.guardian.guardian import Guardian
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.vocabulary import Actuator, Command, CommandResult, Origin, Outcome
from tests.fakes.virtual_time import VirtualLoop
from tests.support.driver_benches import (
    Bench,
    Make,
    aillio_r1,
    aillio_r2,
    bench,
    cyberroaster,
    freshroast,
    hottop,
    htri,
    kaleido,
    modbus,
    mqtt,
    skywalker,
    tc4,
)

DRIVERS = (
    aillio_r1,
    aillio_r2,
    cyberroaster,
    freshroast,
    hottop,
    htri,
    kaleido,
    modbus,
    mqtt,
    skywalker,
    tc4,
)
LIMITS = Limits(stale_after_s=3.5)


class Plan:
    """One machine under its guardian, and a plan that sets other heat every few seconds."""

    def __init__(self, loop: VirtualLoop, machine: Bench, every_s: float) -> None:
        self.loop, self.machine, self.every_s = loop, machine, every_s
        self.guard = SafetyState(machine.make().capabilities, LIMITS, cutoff_confirmed=True)
        self.guardian = Guardian(machine.make, self.guard, clock=loop.time)
        self.results: list[CommandResult] = []
        self.step = 0
        self.only_full = self.guard.machine.capabilities.levels.get(Actuator.HEATER) == (0, 100)
        if hasattr(machine.fake, "thermal"):
            machine.fake.thermal.speed = 0.5

    async def begin(self) -> None:
        work = (self.guardian.run(), self.renew(), self.follow())
        self.tasks = [asyncio.create_task(each) for each in work]
        await asyncio.sleep(20.0)
        assert self.machine.heat() > 0, (self.guard.notices, self.results[-1:])

    async def renew(self) -> None:
        while True:
            self.guard.renew(self.loop.time())
            await asyncio.sleep(0.1)

    async def follow(self) -> None:
        await asyncio.sleep(8.0)
        assert self.guard.arm(600.0, self.loop.time()) is None
        while True:
            self.step += 1
            for actuator, percent in (
                (Actuator.FAN, 45.0),
                (Actuator.HEATER, 100.0 if self.only_full else 70.0 + 10 * (self.step % 3)),
            ):
                command = Command("c", "r", actuator, percent, Origin.PLAN, self.loop.time())
                self.results.append(await self.guardian.request(command))
            await asyncio.sleep(self.every_s)


async def restart(loop: VirtualLoop, made: Bench, off_s: float) -> None:
    """Power goes; what is written meanwhile is lost."""
    assert made.power_cycle is not None
    if made.mute is not None and off_s > 0:
        made.mute(True)
        until = loop.time() + off_s
        while loop.time() < until:
            made.power_cycle()
            await asyncio.sleep(0.01)
        made.mute(False)
    made.power_cycle()
    if hasattr(made.fake, "initialised"):
        made.fake.initialised = True  # some answer without their init packet


async def most_heat(loop: VirtualLoop, made: Bench, seconds: float) -> float:
    until, most = loop.time() + seconds, 0.0
    while loop.time() < until:
        most = max(most, made.heat())
        await asyncio.sleep(0.04)
    return most


@contextlib.contextmanager
def machine_of(make: Make) -> Iterator[tuple[VirtualLoop, Bench]]:
    loop = VirtualLoop()
    try:
        with bench(make, loop) as made:
            yield loop, made
    finally:
        loop.close()


CASES = [(make, off_s) for make in DRIVERS for off_s in (0.3, 1.0, 3.0)]
# A Hottop that restarts says so in its status before it obeys a frame; this fake obeys at once.
CASES = [(make, off_s) for make, off_s in CASES if make is not hottop or off_s > 1.5]


@pytest.mark.parametrize("every_s", [0.9, 2.9])
@pytest.mark.parametrize(("make", "off_s"), CASES, ids=lambda v: getattr(v, "__name__", None))
def test_restarted_machine_is_not_heated_again(make: Make, every_s: float, off_s: float) -> None:
    found = {}
    for phase_s in (0.1, 0.8):
        with machine_of(make) as (loop, made):
            found[phase_s] = loop.run(one_restart(loop, made, every_s, phase_s, off_s))
    assert set(found.values()) == {(0.0, False)}, found


@pytest.mark.parametrize("make", DRIVERS, ids=lambda make: make.__name__)
def test_machine_that_does_not_restart_gets_the_heat_of_each_step(make: Make) -> None:
    async def life() -> None:
        plan = Plan(loop, made, 0.9)
        try:
            await plan.begin()
            before = len(plan.results)
            await asyncio.sleep(60.0)
            heats = plan.results[before:][plan.step % 2 :]
            assert len(heats) > 40
            assert {(r.outcome, r.reason) for r in heats} == {(Outcome.APPLIED, "")}
        finally:
            await end_all()

    with machine_of(make) as (loop, made):
        loop.run(life())


@pytest.mark.parametrize("newer", [0.0, 30.0])
def test_heat_that_waits_for_a_reading_gives_way(newer: float) -> None:
    """Other actuators are set meanwhile, a newer heat takes its place, a stop ends it."""

    async def life() -> None:
        plan = Plan(loop, made, 600.0)
        try:
            await plan.begin()
            before = plan.guard.machine.history.newest
            while plan.guard.machine.history.newest is before:
                await asyncio.sleep(0.02)

            def ask(actuator: Actuator, percent: float) -> asyncio.Task[CommandResult]:
                command = Command("c", "r", actuator, percent, Origin.PERSON, loop.time())
                return asyncio.create_task(plan.guardian.request(command))

            waits = ask(Actuator.HEATER, 95.0)
            await asyncio.sleep(0.1)
            fan = ask(Actuator.FAN, 60.0)
            await asyncio.sleep(0.3)
            assert fan.done()
            assert not waits.done()
            assert made.fan is not None
            assert made.fan() == 60
            less = ask(Actuator.HEATER, newer)
            await asyncio.sleep(0.05)
            assert (waits.result().outcome, waits.result().interlock) == (
                Outcome.REFUSED,
                "superseded",
            )
            await asyncio.sleep(0.3 if newer == 0 else 1.3)
            assert less.result().outcome is Outcome.APPLIED
            assert made.heat() == newer
            again = ask(Actuator.HEATER, 95.0)
            await asyncio.sleep(0.1)
            plan.guard.emergency_stop("Stop.")
            plan.guardian.wake()
            await asyncio.sleep(0.5)
            assert made.heat() == 0
            assert again.done()
        finally:
            await end_all()

    with machine_of(tc4) as (loop, made):
        loop.run(life())


async def end_all() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


async def one_restart(
    loop: VirtualLoop, made: Bench, every_s: float, phase_s: float, off_s: float
) -> tuple[float, bool]:
    """The most heat after a restart, and whether it is still armed."""
    plan = Plan(loop, made, every_s)
    try:
        await plan.begin()
        await asyncio.sleep(phase_s)
        await restart(loop, made, off_s)
        return await most_heat(loop, made, 12.0), plan.guard.armed_until_s is not None
    finally:
        await end_all()
