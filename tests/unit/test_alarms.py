"""The loud alarm that stands, as everybody who looks at the guardian or a station sees it."""

from datetime import UTC, datetime

import pytest

from roastwatch.entities import values
from roastwatch.roaster.guardian.alarms import Alarms
from roastwatch.roaster.plans.drive_end import Afterheat
from roastwatch.vocabulary import Reading, RoasterState, Snapshot, StopState


def test_rise_without_heat_stands_until_it_has_cooled() -> None:
    """A stuck relay that has reached its temperature rises no more, and heats."""
    alarms = Alarms()
    rise = {"rise_without_heat": "It rises."}
    alarms.interlock("rise_without_heat", "It rises.", 0.0)
    alarms.hold(rise, 0.0, 220.0)
    assert alarms.alarm == "It rises."
    alarms.hold({}, 10.0, 250.0)
    alarms.hold({}, 20.0, 241.0)
    assert alarms.alarm == "It rises."
    alarms.hold({}, 30.0, 239.0)
    assert alarms.alarm is None


def test_alarm_is_no_interlock_that_is_not_loud() -> None:
    alarms = Alarms()
    alarms.hold({"emergency_stop": "Stopped.", "link_up": "Gone."}, 0.0, 220.0)
    assert alarms.alarm is None
    alarms.hold({"link_up": "Gone.", "over_range": "Too hot."}, 1.0, 220.0)
    assert alarms.alarm == "Too hot."
    alarms.hold({}, 2.0, 220.0)
    assert alarms.alarm is None


def test_alarm_comes_before_the_stop_that_was_delivered() -> None:
    state = RoasterState(True, False, emergency=True, stop=StopState.DELIVERED, alarm="It rises.")
    snapshot = Snapshot("kitchen", datetime.now(UTC), roaster=state)
    first, second = values.problems(snapshot)
    assert first == "It rises."
    assert "delivered" in second
    alone = Snapshot("kitchen", datetime.now(UTC), roaster=RoasterState(True, False, alarm="Hot."))
    assert values.roaster_problem(alone)


def seen(air_c_per_s: float, bean_c_per_s: float, for_s: int) -> bool | None:
    """The verdict after this long without heat, the guardian seeing no rise."""
    after = Afterheat()
    after.read(Reading("r", -1.0, 150.0, 200.0), 60.0)
    for at_s in range(for_s + 1):
        beans, air = 150.0 + bean_c_per_s * at_s, 200.0 + air_c_per_s * at_s
        after.read(Reading("r", float(at_s), beans, air), 0.0)
    return after.verdict(float(for_s), False)


def test_no_drive_ends_within_ten_seconds_of_heat() -> None:
    """More fan makes a machine that heats on cooler at first."""
    assert seen(-2.0, -2.0, 8) is None
    assert seen(-2.0, -2.0, 12) is False
    assert seen(-0.02, -0.02, 12) is None


def test_probe_that_falls_hides_none_that_rises() -> None:
    assert seen(0.3, -1.0, 12) is True
    assert seen(-1.0, 0.3, 12) is True


@pytest.mark.parametrize(
    ("bean_c_per_s", "air_c_per_s", "alarming"),
    [(0.3, -0.2, False), (0.3, 0.3, True), (-0.1, 0.3, True)],
)
def test_beans_that_follow_hotter_air_are_no_alarm_20_s_after_heat(
    bean_c_per_s: float, air_c_per_s: float, alarming: bool
) -> None:
    after = Afterheat()
    for turn in range(61):
        bean_c, air_c = 120 + bean_c_per_s * turn / 2, 220 + air_c_per_s * turn / 2
        after.read(Reading("r", 100 + turn / 2, bean_c, air_c), 0.0)
    assert after.rising(130.0)
    assert after.alarming(130.0, hotter=False) is alarming
