"""Random lives of the guardian: hundreds here, ten thousand under `dev verify`."""

from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from roastwatch.roaster.guardian.interlocks import INTERLOCKS
from roastwatch.vocabulary import Actuator
from tests.support.roaster_machine import RoasterLife

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def lives(count: int, **more: Any) -> settings:
    return settings(
        max_examples=count,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=CHECKS,
        database=None,
        print_blob=True,
        **more,
    )


def test_hundreds_of_lives() -> None:
    run_state_machine_as_test(RoasterLife, settings=lives(200, derandomize=True))


def test_stop_without_a_link_is_owed_though_the_clock_goes_back() -> None:
    """What was written for it, once the link is back, has an earlier time than the stop."""
    life = RoasterLife()
    try:
        life.first_reading(fluid=False, patient=False)
        life.cable(lost=True)
        life.emergency_stop()
        life.clock_jumps_back(5.0)
        life.cable(lost=False)
        life.time_passes(8.0)
        assert life.stop_owed_after is None
    finally:
        life.teardown()


def test_driver_that_repeats_an_old_reading_does_not_block_the_guardian() -> None:
    """It was asked without a pause for 1.5 s, and nothing else of the guardian ran meanwhile."""
    life = RoasterLife()
    life.first_reading(fluid=False, patient=False)
    life.arm_and_heat(20.0)
    assert life.driver.setpoint(Actuator.HEATER) == 20
    life.driver.frozen = True
    life.arm_and_heat(100.0)
    assert life.driver.setpoint(Actuator.HEATER) <= 20  # not over heat that may be lost
    life.driver.frozen = False
    life.arm_and_heat(100.0)
    assert life.driver.setpoint(Actuator.HEATER) == 100
    life.teardown()


@pytest.mark.verify
@pytest.mark.timeout(3600)
def test_ten_thousand_lives() -> None:
    run_state_machine_as_test(RoasterLife, settings=lives(10_000))


@pytest.mark.verify
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "name",
    [
        "stale_reading",
        "bean_temperature",
        "drum_turns",
        "minimum_fan",
        "service_alive",
        "probe_follows",
        "rise_without_heat",
        "not_restarted",
    ],
)
def test_lives_find_a_missing_interlock(name: str) -> None:
    """The machine would notice: with a rule taken out some life breaks an invariant."""

    class Without(RoasterLife):
        interlocks: ClassVar = {other: rule for other, rule in INTERLOCKS.items() if other != name}
        patience: ClassVar = name in ("probe_follows", "rise_without_heat")

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Without, settings=lives(2000, derandomize=True, phases=[Phase.generate])
        )
