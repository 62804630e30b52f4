"""Random lives of every driver that can set heat: some here, thousands under `dev verify`."""

from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from roastwatch.roaster.guardian.interlocks import INTERLOCKS
from tests.support.driver_benches import BENCHES, Make, aillio_r1, hottop
from tests.support.driver_life import DriverLife


def life_of(make: Make, without: str = "") -> type[DriverLife]:
    class Life(DriverLife):
        interlocks: ClassVar = {name: rule for name, rule in INTERLOCKS.items() if name != without}

    Life.make = staticmethod(make)
    return Life


def lives(make: Make, count: int, without: str = "", **more: Any) -> None:
    run_state_machine_as_test(
        life_of(make, without),
        settings=settings(
            max_examples=count,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],  # shrinking a life takes longer than reading one
            print_blob=True,
            **more,
        ),
    )


@pytest.mark.parametrize("make", BENCHES, ids=lambda make: make.__name__)
def test_random_lives_of_a_driver_stay_safe(make: Make) -> None:
    lives(make, 10, derandomize=True)


def test_inherited_control_is_not_released_while_the_machine_heats_unseen() -> None:
    """The guardian died, the cable was out, and it is back before the port is opened again."""
    life = life_of(aillio_r1)()
    try:
        life.wakes()
        life.arm_and_heat(percent=100.0)
        life.cable(plugged=False)
        life.guardian_dies_and_is_started_again(inherits=True)
        life.time_passes(3.0)
        life.cable(plugged=True)
        assert life.bench.heat() > 0
        assert not life.guard.machine.ever_connected
        life.release()
        life.time_passes(20.0)
        assert life.bench.heat() == 0
    finally:
        life.teardown()


@pytest.mark.verify
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("make", BENCHES, ids=lambda make: make.__name__)
def test_many_random_lives_of_a_driver_stay_safe(make: Make) -> None:
    lives(make, 200)


@pytest.mark.verify
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["service_alive", "drum_turns", "minimum_fan"])
def test_random_lives_find_a_missing_interlock(name: str) -> None:
    """The machine would notice: with a rule taken out some life of a Hottop breaks."""
    with pytest.raises(AssertionError):
        lives(hottop, 300, without=name, derandomize=True)
