"""A machine with a panel of its own is left to it until a person asks for control."""

import pytest

from roastwatch.roaster.drivers.hottop import Hottop, HottopOptions
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.vocabulary import Actuator, Command, Origin, Outcome, Reading


@pytest.mark.parametrize(
    ("origin", "taken"),
    [
        (Origin.SOUND, False),
        (Origin.RULE, False),
        (Origin.INTERLOCK, False),
        (Origin.PERSON, True),
        (Origin.PLAN, True),
    ],
)
def test_only_people_and_plans_take_control_from_a_panel(origin: Origin, taken: bool) -> None:
    guard = SafetyState(Hottop(HottopOptions(port="/dev/none"), "r").capabilities, Limits())
    guard.link_up(0.0)
    guard.renew(0.0)
    guard.read(Reading("r", 0.5, 150.0, 160.0, heater_percent=0.0), 0.5)
    guard.renew(0.5)
    decision = guard.request(Command("1", "r", Actuator.FAN, 60.0, origin, 0.5), 0.5)
    assert (decision.outcome is not Outcome.REFUSED) is taken
    assert (decision.interlock == "panel") is not taken
