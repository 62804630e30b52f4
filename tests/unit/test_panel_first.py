"""A machine that is only read stays with its panel, and is watched there."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from roastwatch.roaster.drivers.hottop import Hottop, HottopOptions
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import Demand, SafetyState
from roastwatch.roaster.guardian.stop_record import heat_problem
from roastwatch.roaster.handover import Handover
from roastwatch.vocabulary import Actuator, Command, Origin, Outcome, Reading

PANEL = Hottop(HottopOptions(port="/dev/none"), "kitchen").capabilities
HEATER, FAN, DOOR = Actuator.HEATER, Actuator.FAN, Actuator.DOOR


def read(guard: SafetyState, at_s: float, bean_c: float, heater: float) -> None:
    guard.read(Reading("r", at_s, bean_c, bean_c, heater_percent=heater, door_open=False), at_s)


def reading(heater: float, bean_c: float = 150.0) -> SafetyState:
    """A guard that has read a Hottop once."""
    guard = SafetyState(PANEL, Limits())
    guard.link_up(100.0)
    read(guard, 100.5, bean_c, heater)
    return guard


@pytest.mark.parametrize("heater", [0.0, 70.0])
@pytest.mark.parametrize("origin", [one for one in Origin if one not in ("person", "plan")])
def test_nothing_automatic_takes_control(origin: Origin, heater: float) -> None:
    for actuator, percent in ((FAN, 60.0), (HEATER, 0.0), (DOOR, 100.0)):
        guard = reading(heater)
        found = guard.request(Command("c", "r", actuator, percent, origin, 100.5), 100.6)
        assert (found.outcome, found.writes) == (Outcome.REFUSED, ())
        assert (found.interlock, "can't take control" in found.reason) == ("panel", True)


@pytest.mark.parametrize(
    ("actuator", "percent", "heater", "written"),
    [
        (FAN, 60.0, 70.0, False),
        (HEATER, 50.0, 70.0, False),
        (HEATER, 0.0, 70.0, True),
        (DOOR, 100.0, 70.0, True),
        (FAN, 60.0, 0.0, True),
    ],
)
@pytest.mark.parametrize("origin", [Origin.PERSON, Origin.PLAN])
def test_person_takes_control_unless_another_heats_at_the_panel(
    actuator: Actuator, percent: float, heater: float, written: bool, origin: Origin
) -> None:
    guard = reading(heater)
    found = guard.request(Command("c", "r", actuator, percent, origin, 100.5), 100.6)
    assert bool(found.writes) is written
    assert found.reason.startswith("Not set: the roaster heats by its own panel") is not written


@pytest.mark.parametrize(("bean_c", "panel"), [(40.0, True), (190.0, False)])
def test_control_that_a_lost_link_has_ended_is_not_taken_again_by_itself(
    bean_c: float, panel: bool
) -> None:
    """Its panel rules a machine that ejected and was switched on again, unless it was lost hot."""
    guard = reading(0.0, bean_c)
    guard.take_control()
    assert not guard.only_reads
    guard.link_lost("unplugged")
    assert guard.only_reads is panel


def test_stop_is_kept_over_a_lost_link() -> None:
    guard = reading(0.0, 40.0)
    guard.emergency_stop("Stop.")
    guard.link_lost("unplugged")
    assert not guard.only_reads


def test_machine_that_is_woken_is_guarded_as_one_that_is_driven() -> None:
    woken = Hottop(HottopOptions(port="/dev/none", wake=True), "kitchen").capabilities
    assert woken == replace(PANEL, listens_first=False)
    guard = SafetyState(woken, Limits())
    guard.link_up(100.0)
    read(guard, 100.5, 205.0, 0.0)
    assert guard.tick(100.6).make_safe  # found hot: it must turn and cool
    assert guard.may_release(100.6)


def test_control_that_was_inherited_outlives_a_link_that_is_not_open_yet() -> None:
    """The last guardian may still hold the port; frames must go on as soon as it is free."""
    guard = SafetyState(PANEL, Limits())
    guard.inherit(Handover(100.0, False))
    guard.link_lost("busy")
    assert not guard.only_reads


def roast(heater: Callable[[int], float], bean_c: float, rise_c_per_s: float) -> SafetyState:
    """200 s at the panel; nothing is ever demanded."""
    guard = SafetyState(PANEL, Limits())
    guard.link_up(100.0)
    for turn in range(400):
        now_s = 100.5 + 0.5 * turn
        read(guard, now_s, bean_c + 0.5 * turn * rise_c_per_s, heater(turn))
        assert guard.tick(now_s) == Demand(False, ())
    return guard


@pytest.mark.parametrize(
    ("heater", "bean_c", "rise_c_per_s", "warned_of"),
    [
        (lambda _turn: 70.0, 100.0, 0.56, set()),  # a roast to 212 °C
        (lambda _turn: 0.0, 200.0, -0.2, set()),  # it cools
        (lambda _turn: 70.0, 100.0, 0.8, {"bean_temperature"}),
        (lambda turn: 70.0 if turn < 100 else 0.0, 120.0, 0.5, {"rise_without_heat"}),
    ],
)
def test_dangers_at_the_panel_are_notified_and_nothing_is_written(
    heater: Callable[[int], float], bean_c: float, rise_c_per_s: float, warned_of: set[str]
) -> None:
    notices = roast(heater, bean_c, rise_c_per_s).notices
    assert {notice.interlock for notice in notices} == warned_of
    assert {notice.kind for notice in notices} <= {"fault"}
    assert all("switch its heat off at its panel" in notice.message for notice in notices)


def test_danger_of_before_is_judged_anew_once_control_is_taken() -> None:
    guard = roast(lambda _turn: 70.0, 100.0, 0.8)
    guard.take_control()
    assert guard.tick(300.5).make_safe


@pytest.mark.parametrize(("heater", "problem"), [(70.0, "by its own panel (70 %)"), (0.0, "")])
def test_heat_of_the_panel_is_not_called_heat_that_roastwatch_left_on(
    heater: float, problem: str
) -> None:
    guard = reading(heater)
    guard.ask_safe("The roast was stopped.")
    guard.tick(100.7)
    found = heat_problem(guard, None, None)
    assert problem in found
    assert "Heat 0 was written" not in found
