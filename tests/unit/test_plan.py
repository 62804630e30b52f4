"""Plans: what is read, what is refused, what is asked when; and the PID that follows a profile."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from roastwatch.errors import BadInputError
from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.plans.pid import Follower, Pid, PidOptions, SetpointProfile
from roastwatch.roaster.plans.plan import parse_plan, read_plan, refuse_too_hot
from roastwatch.roaster.plans.rehearsal import rehearse
from roastwatch.roaster.plans.run import PlanRun
from roastwatch.vocabulary import Actuator, EventKind, Origin

PLANS = Path(__file__).parents[2] / "config" / "plans"


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.yaml")), ids=lambda path: path.name)
def test_example_plans_can_be_read(path: Path) -> None:
    assert read_plan(path).steps


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({}, "no steps"),
        ({"steps": []}, "steps"),
        ({"steps": [{"heater_percent": 5}]}, "at_s"),
        ({"steps": [{"at_s": 0, "heater_percent": 101}]}, "steps[0].heater_percent"),
        ({"steps": [{"at_s": -1, "heater_percent": 5}]}, "steps[0].at_s"),
        (
            {"steps": [{"at_s": 0, "heat": 5}]},
            "steps[0].heat is not a key: the known keys are after_s",
        ),
        ({"steps": [{"at_s": 0, "door": "ajar"}]}, "door is open or closed"),
        ({"steps": [{"at_s": 0, "drop": True}, {"at_s": 5, "heater_percent": 9}]}, "after the"),
        ({"steps": [{"at_s": 0}], "follow": True}, "follow needs"),
        ({"steps": [{"at_s": float("nan"), "heater_percent": 5}]}, "at_s"),
        ({"steps": [{"at_s": 0, "note": "half a pair: \ud800"}]}, "steps[0].note"),
        ({"steps": [{"at_s": 0, "note": "red\x1b[31m"}]}, "steps[0].note"),
        ("heat it", "no steps"),
    ],
)
def test_wrong_plans_are_explained(raw: object, says: str) -> None:
    with pytest.raises(BadInputError) as refused:
        parse_plan(raw)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_steps_are_taken_once_and_in_a_safe_order() -> None:
    plan = parse_plan(
        {
            "steps": [
                {"at_s": 5, "heater_percent": 0, "fan_percent": 80},
                {"at_s": 0, "heater_percent": 60, "fan_percent": 30, "drum_percent": 100},
            ]
        }
    )
    run = PlanRun(plan)
    (first,) = run.due(0.0, None, {})
    assert [a for a, _ in first.step.settings()] == [Actuator.DRUM, Actuator.FAN, Actuator.HEATER]
    assert run.due(1.0, None, {}) == []
    (second,) = run.due(5.1, None, {})
    assert second.step.settings()[0] == (Actuator.HEATER, 0.0)
    assert run.ended(5.1)


def test_first_crack_steps_have_origin_sound_and_temperatures_follow_turn() -> None:
    plan = parse_plan(
        {
            "steps": [
                {"at_event": "first_crack", "after_s": 10, "heater_percent": 40},
                {"at_bean_temp_c": 150, "fan_percent": 50},
            ]
        }
    )
    run = PlanRun(plan)
    assert run.due(0.0, 180.0, {}) == []  # still falling after the charge
    assert run.due(60.0, 100.0, {}) == []
    assert [ask.index for ask in run.due(200.0, 151.0, {})] == [1]
    assert run.due(300.0, 190.0, {EventKind.FIRST_CRACK: 295.0}) == []
    (ask,) = run.due(306.0, 190.0, {EventKind.FIRST_CRACK: 295.0})
    assert ask.origin is Origin.SOUND
    assert run.ended(306.0)


def test_pid_takes_over_without_a_jump_and_keeps_its_limits() -> None:
    pid = Pid(PidOptions(heater_max_percent=80), heater_percent=55)
    assert pid.next(150, 140, 2.0) == pytest.approx(55, abs=1)
    for _ in range(500):
        high = pid.next(200, 140, 2.0)
    assert high == 80
    for _ in range(30):
        low = pid.next(100, 140, 2.0)
    assert low == 0  # what the limit cut off was not wound up


def test_profile_is_interpolated_and_none_outside() -> None:
    profile = SetpointProfile.of([(100, 150), (0, 100)])
    assert profile.at(50) == pytest.approx(125)
    assert profile.at(-1) is None
    assert profile.at(101) is None
    follower = Follower(profile, PidOptions())
    assert follower.next(200, 150, 50) is None


def test_plan_follows_its_profile_on_the_model() -> None:
    plan = read_plan(PLANS / "profile.yaml")
    found = asyncio.run(
        rehearse(plan, SimulatedRoaster.Options(), Limits(), SetpointProfile.of(plan.target))
    )
    assert found.tripped is None
    assert found.deviation_rms_c is not None
    assert found.deviation_rms_c < 4
    assert found.first_crack_s is not None
    assert found.drop_s == pytest.approx(660, abs=1)


def test_plan_that_would_overheat_is_ended_by_an_interlock() -> None:
    plan = parse_plan({"steps": [{"at_s": 0, "heater_percent": 100}, {"at_s": 1800}]})
    limits = Limits(bean_temp_max_c=200)
    found = asyncio.run(rehearse(plan, SimulatedRoaster.Options(), limits))
    assert "200 °C is the limit" in (found.tripped or "")
    last = found.readings[-1][1]
    assert last.heater_percent == 0
    assert last.drum_percent == 100
    assert found.hottest_c < 205


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (
            {"steps": [{"at_s": 0}], "target": [[0, 100], [600, 260]], "follow": True},
            "reaches 260 °C; heat goes off at 220 °C",
        ),
        ({"steps": [{"at_bean_temp_c": 220, "heater_percent": 0}]}, r"steps\[0\] waits for 220"),
    ],
)
def test_plan_that_only_an_interlock_would_end_is_refused(raw: dict[str, Any], says: str) -> None:
    plan = parse_plan(raw)
    profile = SetpointProfile.of(plan.target) if plan.target else None
    with pytest.raises(BadInputError, match=says):
        refuse_too_hot(plan, profile, Limits(bean_temp_max_c=220))


def test_hot_profile_that_is_only_shown_is_accepted() -> None:
    plan = parse_plan({"steps": [{"at_s": 0}], "target": [[0, 100], [600, 260]]})
    refuse_too_hot(plan, SetpointProfile.of(plan.target), Limits(bean_temp_max_c=220))


def test_heat_changed_from_outside_is_kept_until_the_plan_sets_it() -> None:
    follower = Follower(SetpointProfile.of([(0, 100), (600, 200)]), PidOptions())
    assert follower.next(0, 100, 50) is None  # as it is: no jump
    wanted = follower.next(4, 95, 50)
    assert wanted is not None
    follower.applied(wanted)
    assert follower.next(8, 95, 0) is None
    assert follower.taken_over
    assert follower.next(60, 95, 0) is None
    follower.begin()
    assert follower.next(62, 95, 40) is None
    assert (follower.next(66, 90, 40) or 0) > 40
