"""When a guardian ends, gives way and keeps its machine."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.guardian import Guardian
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.guardian.server import GuardianServer
from roastwatch.roaster.handover import Handover
from roastwatch.vocabulary import Actuator, Reading, StopState
from tests.fakes.virtual_time import VirtualLoop
from tests.support.interlock_scenarios import MACHINE

DAY_S = 24 * 3600.0


def run(work: Coroutine[Any, Any, None]) -> None:
    """In virtual time."""
    loop = VirtualLoop()
    try:
        loop.run(work)
    finally:
        loop.close()


def server_of(
    folder: Path, guard: SafetyState, now: list[float], *, stay: bool = False
) -> GuardianServer:
    return GuardianServer(
        folder / "g.sock",
        "r",
        SimulatedRoaster,
        guard,
        machine=("tc4", {}),
        stay=stay,
        clock=lambda: now[0],
    )


@pytest.mark.parametrize(
    ("role", "wrong"),
    [("watch", False), ("control", False), ("stop", False), ("watch", True), ("control", True)],
)
@pytest.mark.parametrize("stop", [True, False])
def test_guardian_that_owes_heat_0_gives_way_to_nobody(
    tmp_path: Path, role: str, wrong: bool, stop: bool
) -> None:
    """Not even while another machine answers at its port."""
    now = [100.0]
    guard = SafetyState(MACHINE, Limits())
    server = server_of(tmp_path, guard, now)
    guard.link_up(100.0)
    guard.wrote(Actuator.HEATER, 60.0, 101.0)
    guard.link_lost("cable")
    server._guardian.wrong_machine = wrong
    if stop:
        server._stop_now("Stop.")
        server._look_after_stop()
        assert server._stop_record.state is StopState.PENDING
    assert not server._ending.gives_way(role, 103.0)
    assert not server._guardian.releasing


@pytest.mark.parametrize(("role", "gives_way"), [("watch", False), ("control", True)])
def test_only_control_replaces_a_guardian_whose_cool_machine_is_gone(
    tmp_path: Path, role: str, gives_way: bool
) -> None:
    guard = SafetyState(MACHINE, Limits())
    server = server_of(tmp_path, guard, [100.0])
    guard.link_up(100.0)
    guard.read(Reading("r", 100.5, 30.0, 30.0), 100.5)
    guard.link_lost("cable")
    assert server._ending.gives_way(role, 103.0) is gives_way


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        ({}, False),
        ({"actuators": frozenset(), "echoes": frozenset()}, True),
        ({"listens_first": True}, True),
    ],
)
def test_guardian_of_what_it_can_only_read_does_not_stay_for_it(
    tmp_path: Path, changes: dict[str, Any], ends: bool
) -> None:
    """A thermometer, or a machine with a panel that nobody took control of, that was lost hot."""
    now = [100.0]
    guard = SafetyState(replace(MACHINE, **changes), Limits())
    server = server_of(tmp_path, guard, now)
    guard.link_up(100.0)
    guard.read(Reading("r", 100.5, 190.0, 190.0), 100.5)
    guard.link_lost("unplugged")
    now[0] += DAY_S
    assert server._ending.may_end(now[0]) is ends


def test_guardian_that_stands_by_ends_when_asked(tmp_path: Path) -> None:
    """Under systemd, while another guardian holds the machine."""

    async def stands_by() -> None:
        server = server_of(tmp_path, SafetyState(MACHINE, Limits()), [100.0], stay=True)
        holder = server_of(tmp_path, SafetyState(MACHINE, Limits()), [100.0])
        async with holder._doors.opened(frozenset()):
            running = asyncio.create_task(server.run())
            await asyncio.sleep(5.0)
            assert not running.done()
            server.terminate()
            await asyncio.wait_for(running, 2.0)

    run(stands_by())


def test_guardian_keeps_a_machine_that_grew_hot_as_it_was_let_go() -> None:
    async def lets_go() -> None:
        options = SimulatedRoaster.Options(drum_c=30, noise_c=0.0)
        driver = SimulatedRoaster(options, "r", time.monotonic)
        guard = SafetyState(driver.capabilities, Limits())
        guardian = Guardian(lambda: driver, guard, clock=time.monotonic, asleep=lambda: 0.0)
        running = asyncio.create_task(guardian.run())
        await asyncio.sleep(3.0)
        assert guardian.release() is None
        now_s = time.monotonic()
        guard.read(Reading("r", now_s, 190.0, 190.0), now_s)
        for _ in range(3):  # its temperature has jumped: three readings agree
            now_s += 0.001
            guard.read(Reading("r", now_s, 190.0, 190.0), now_s)
        assert guard.may_release(now_s) is not None
        await asyncio.sleep(0.2)
        assert not running.done()
        assert not guardian.releasing
        guardian.end()
        await running

    run(lets_go())


async def test_air_that_make_safe_brings_to_a_fluid_bed_is_not_taken_away() -> None:
    """What was demanded beside it was judged on the fan of before: the least for heat."""
    now = [100.0]
    options = SimulatedRoaster.Options(drum_c=196, noise_c=0.0)
    driver = SimulatedRoaster(options, "r", lambda: now[0])
    capabilities = replace(
        driver.capabilities,
        actuators=frozenset({Actuator.HEATER, Actuator.FAN, Actuator.COOLING}),
        fan_is_drum=True,
    )
    guard = SafetyState(capabilities, Limits())
    guardian = Guardian(lambda: driver, guard, clock=lambda: now[0], asleep=lambda: 0.0)
    guard.link_up(100.0)
    for _ in range(10):
        now[0] += 0.5
        await guardian.step(driver)
    assert guard.machine.left_safe
    assert guard.machine.setpoints.fan == capabilities.safe[Actuator.FAN] == 50
    assert [p for _, a, p in driver.log if a is Actuator.FAN and p < 50] == []


def test_guardian_that_goes_on_for_a_dead_one_waits_for_its_machine(tmp_path: Path) -> None:
    now = [100.0]
    server = server_of(tmp_path, SafetyState(MACHINE, Limits()), now)
    server._guardian.inherit(Handover(100.0, None))
    now[0] += 60.0
    assert not server._ending.may_end(now[0])
    now[0] += 600.0
    assert server._ending.may_end(now[0])


def test_control_of_a_machine_that_was_found_hot_and_lost_is_not_given_up() -> None:
    guard = SafetyState(MACHINE, Limits())
    guard.link_up(100.0)
    guard.read(Reading("r", 100.5, 190.0, 190.0), 100.5)
    guard.link_lost("unplugged")
    assert guard.may_release(101.0) == "The roaster is disconnected and was hot."


def test_inherited_control_is_kept_before_the_link_is_open(tmp_path: Path) -> None:
    """The machine may have been heating when the last guardian died."""
    now = [100.0]
    guard = SafetyState(MACHINE, Limits())
    server = server_of(tmp_path, guard, now)
    server._guardian.inherit(Handover(100.0, None))
    assert guard.may_release(100.0) == "The roaster is disconnected and was hot."
    server.terminate()
    server._look_after_stop()
    assert not server._ending.has_ended(now[0] + 9.0)
    guard.link_up(109.0)
    guard.read(Reading("r", 109.5, 30.0, 30.0, heater_percent=0.0), 109.5)
    guard.made_safe(109.5)
    assert guard.may_release(109.6) is None


def test_cool_machine_that_is_lost_while_it_reports_heat_is_not_given_up() -> None:
    """Heat 0 was written, but an Aillio is stepped down; its cable was pulled before that."""
    guard = SafetyState(MACHINE, Limits())
    guard.link_up(100.0)
    guard.read(Reading("r", 100.5, 30.0, 30.0, heater_percent=0.0), 100.5)
    guard.wrote(Actuator.HEATER, 100.0, 101.0)
    guard.wrote(Actuator.HEATER, 0.0, 102.0)
    guard.read(Reading("r", 102.1, 30.0, 30.0, heater_percent=55.0), 102.1)
    guard.link_lost("unplugged")
    assert guard.may_release(102.2) == "The roaster is disconnected and was hot."


@pytest.mark.parametrize("listens_first", [True, False])
def test_hot_machine_gives_way_to_control_only_if_it_is_only_read(
    tmp_path: Path, listens_first: bool
) -> None:
    guard = SafetyState(replace(MACHINE, listens_first=listens_first), Limits())
    server = server_of(tmp_path, guard, [100.0])
    guard.link_up(100.0)
    guard.read(Reading("r", 100.5, 190.0, 190.0, heater_percent=0.0), 100.5)
    assert server._ending.gives_way("control", 100.6) is listens_first
