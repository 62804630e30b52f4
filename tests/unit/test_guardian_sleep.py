"""A computer that slept has not watched its roaster."""

import asyncio

from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.guardian import Guardian
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.guardian.timing import asleep_s
from roastwatch.vocabulary import Actuator, Command, Origin, Outcome


async def test_computer_that_slept_makes_safe_and_disarms() -> None:
    now_s, slept_s = 1000.0, 50.0
    options = SimulatedRoaster.Options(drum_c=90, noise_c=0.0)
    driver = SimulatedRoaster(options, "r", lambda: now_s)
    guard = SafetyState(driver.capabilities, Limits())
    guardian = Guardian(lambda: driver, guard, clock=lambda: now_s, asleep=lambda: slept_s)
    guard.link_up(now_s)

    async def turn() -> None:
        nonlocal now_s
        now_s += 0.25
        guard.renew(now_s)
        await guardian.step(driver)

    async def set_to(actuator: Actuator, percent: float) -> Outcome:
        command = Command("c", "r", actuator, percent, Origin.PERSON, now_s)
        answer = asyncio.ensure_future(guardian.request(command))
        await asyncio.sleep(0)
        await turn()
        return (await answer).outcome

    for _ in range(4):
        await turn()
    assert guard.arm(500.0, now_s) is None
    guard.present(now_s)
    await set_to(Actuator.DRUM, 100.0)
    await set_to(Actuator.FAN, 50.0)
    assert await set_to(Actuator.HEATER, 60.0) is Outcome.APPLIED
    await turn()
    assert (await driver.read()).heater_percent == 60

    slept_s += 30.0  # neither the lease nor a reading has grown old by the monotonic clock
    await turn()
    assert (await driver.read()).heater_percent == 0
    assert guard.armed_until_s is None
    assert "slept for 30 s" in [notice.message for notice in guard.notices][-1]
    assert await set_to(Actuator.HEATER, 60.0) is Outcome.REFUSED


def test_this_computer_can_tell_how_long_it_slept() -> None:
    assert asleep_s() > -0.001
