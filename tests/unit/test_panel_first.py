"""A machine that is only read stays with its panel, and is watched there."""

from dataclasses import replace

import pytest

from roastwatch.roaster.drivers.hottop import Hottop, HottopOptions
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
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
        assert (found.interlock, "does not take control" in found.reason) == ("panel", True)


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
