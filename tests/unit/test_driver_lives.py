"""Random lives of every driver that can set heat: some here, thousands under `dev verify`."""

from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from roastwatch.roaster.guardian.interlocks import INTERLOCKS
from tests.support.driver_benches import BENCHES, Make, hottop
from tests.support.driver_life import DriverLife


def lives(make: Make, count: int, without: str = "", **more: Any) -> None:
    class Life(DriverLife):
        interlocks: ClassVar = {name: rule for name, rule in INTERLOCKS.items() if name != without}

    Life.make = staticmethod(make)
    run_state_machine_as_test(
        Life,
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
