"""What happens between two turns of the guardian: during a slow write, or between two services."""

import asyncio
from typing import Any

import pytest

from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.guardian import Guardian
from roastwatch.roaster.guardian.lease import LEASE_S
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.vocabulary import Actuator, Command, CommandResult, Origin, Outcome
from tests.support.interlock_scenarios import Bench, heating


class SlowDrum(SimulatedRoaster):
    """Its drum's write takes a while; meanwhile `during` happens."""

    during: Any = None

    async def write(self, actuator: Actuator, percent: float) -> None:
        await super().write(actuator, percent)
        if actuator is Actuator.DRUM and self.during is not None:
            self.during()


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


async def heat_while(now: list[float], happens: Any) -> tuple[CommandResult, SlowDrum]:
    """Ask for heat on a machine whose drum stands yet; the result, and the machine."""
    driver = SlowDrum(SimulatedRoaster.Options(drum_c=30, noise_c=0.0), "r", lambda: now[0])
    guard = SafetyState(driver.capabilities, Limits())
    guardian = Guardian(lambda: driver, guard, clock=lambda: now[0])
    guard.link_up(now[0])
    for _ in range(4):
        now[0] += 0.25
        guard.renew(now[0])
        await guardian.step(driver)
    assert guard.arm(500.0, now[0]) is None
    driver.during = lambda: happens(guard)
    command = Command("c", "r", Actuator.HEATER, 60.0, Origin.PERSON, now[0])
    answer = asyncio.ensure_future(guardian.request(command))
    await asyncio.sleep(0)
    await guardian._serve(driver)
    return await answer, driver


async def test_nothing_happens_and_heat_goes_on(now: list[float]) -> None:
    result, driver = await heat_while(now, lambda guard: None)
    assert result.outcome is Outcome.APPLIED
    assert ("heater", 60.0) in [(name, percent) for _, name, percent in driver.log]


async def test_emergency_stop_during_the_drums_write_keeps_heat_off(now: list[float]) -> None:
    result, driver = await heat_while(now, lambda guard: guard.emergency_stop("Stop."))
    assert (result.outcome, result.interlock) == (Outcome.REFUSED, "emergency_stop")
    assert not [entry for entry in driver.log if entry[1] == "heater" and entry[2] > 0]


async def test_service_that_falls_silent_during_the_drums_write_heats_nothing(
    now: list[float],
) -> None:
    def fall_silent(guard: SafetyState) -> None:
        now[0] += LEASE_S + 0.1

    result, driver = await heat_while(now, fall_silent)
    assert (result.outcome, result.interlock) == (Outcome.REFUSED, "service_alive")
    assert not [entry for entry in driver.log if entry[1] == "heater" and entry[2] > 0]


def test_silence_of_the_service_ends_arming_even_between_two_ticks() -> None:
    """The guardian was writing meanwhile, and the service's next word came before its turn."""
    bench = heating(Bench())
    sent_s = bench.now_s
    bench.guard.renew(bench.now_s, sent_s)
    bench.now_s += LEASE_S + 0.3
    bench.guard.renew(bench.now_s, sent_s + LEASE_S + 0.3)
    bench.guard.read(bench.reading(), bench.now_s)
    bench.obey()
    assert bench.heat == 0
    assert bench.guard.armed_until_s is None
    assert any("stopped answering" in notice.message for notice in bench.guard.notices)


def test_busy_guardian_does_not_end_the_lease_of_a_live_service() -> None:
    """Its words waited in the socket, 0.1 s apart, and are heard all at once."""
    bench = heating(Bench())
    first_s = bench.now_s
    bench.now_s += 0.9
    for tenth in range(1, 10):
        bench.guard.renew(bench.now_s, first_s + 0.1 * tenth)
    bench.guard.read(bench.reading(), bench.now_s)
    bench.obey()
    assert bench.heat == 60


def test_words_that_waited_for_long_prolong_nothing() -> None:
    """What was said half a second ago doesn't say that the service lives now."""
    bench = heating(Bench())
    said_s = bench.now_s
    bench.guard.renew(bench.now_s, said_s)
    bench.now_s += LEASE_S + 0.2
    bench.guard.renew(bench.now_s, said_s + 0.1)
    bench.obey()
    assert bench.heat == 0


def test_who_takes_over_from_a_service_that_died_inherits_no_heat() -> None:
    bench = heating(Bench())
    bench.guard.lease_ended()
    bench.guard.renew(bench.now_s, bench.now_s)  # the next one is there before the guardian's turn
    bench.guard.read(bench.reading(), bench.now_s)
    bench.obey()
    assert bench.heat == 0
    assert bench.guard.armed_until_s is None
