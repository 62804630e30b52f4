"""Every combination of link, lease and arming: one of them allows heat."""

from itertools import product

import pytest

from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.guardian.states import ArmingState, LeaseState, LinkState
from roastwatch.vocabulary import Actuator, Command, Origin, Reading
from tests.support.interlock_scenarios import MACHINE

NOW_S = 100.5


def guard_in(link: LinkState, lease: LeaseState, arming: ArmingState) -> SafetyState:
    guard = SafetyState(MACHINE, Limits())
    if link is not LinkState.NEVER:
        guard.link_up(100.0)
        guard.read(Reading("r", NOW_S, 100.0, 120.0, heater_percent=0.0, door_open=False), NOW_S)
    if lease is not LeaseState.NEVER:
        guard.renew(NOW_S)
    if lease is LeaseState.ENDED:
        guard.lease_ended()
    if arming is ArmingState.STOPPED:
        guard.emergency_stop("Stop.")
    if link is LinkState.SILENT:
        guard.silent("No valid frame.")
    if link is LinkState.LOST:
        guard.link_lost("cable")
    if arming is ArmingState.ARMED:
        guard.armed_until_s = NOW_S + 100.0  # whatever should have ended it
    return guard


@pytest.mark.parametrize(
    ("link", "lease", "arming"),
    [*product([one for one in LinkState if one != "silent"], LeaseState, ArmingState)],
)
def test_heat_needs_an_open_link_a_held_lease_and_arming(
    link: LinkState, lease: LeaseState, arming: ArmingState
) -> None:
    guard = guard_in(link, lease, arming)
    assert (guard.machine.link, guard.lease(NOW_S), guard.arming) == (link, lease, arming)
    command = Command("c", "r", Actuator.HEATER, 50.0, Origin.PERSON, NOW_S)
    heats = any(
        actuator is Actuator.HEATER and percent > 0
        for actuator, percent in guard.request(command, NOW_S).writes
    )
    assert heats is ((link, lease, arming) == ("up", "held", "armed"))


@pytest.mark.parametrize("link", [LinkState.SILENT, LinkState.LOST])
def test_leaving_the_open_link_ends_arming(link: LinkState) -> None:
    guard = guard_in(LinkState.UP, LeaseState.HELD, ArmingState.DISARMED)
    assert guard.arm(600.0, NOW_S) is None
    (guard.silent if link is LinkState.SILENT else guard.link_lost)("No valid frame.")
    guard.tick(NOW_S)
    assert (guard.machine.link, guard.arming) == (link, ArmingState.DISARMED)


def test_silence_of_the_service_ends_its_lease_and_arming() -> None:
    guard = guard_in(LinkState.UP, LeaseState.HELD, ArmingState.DISARMED)
    assert guard.arm(600.0, NOW_S) is None
    guard.tick(NOW_S + 0.6)
    assert guard.lease(NOW_S + 0.6) is LeaseState.ENDED
    assert guard.arming is ArmingState.DISARMED
