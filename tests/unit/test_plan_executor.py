"""The one interpreter of plans: pure, so that each rule is a table of moments and what is asked."""

from typing import Any

import pytest

from roastwatch.errors import BadInputError
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.plans.actions import Action, Answer, Charge, Dropped, Moment, Say, Set, Took
from roastwatch.roaster.plans.executor import PlanExecutor
from roastwatch.roaster.plans.pid import SetpointProfile
from roastwatch.roaster.plans.plan import parse_plan, refuse_unattended
from roastwatch.vocabulary import Actuator, CommandResult, EventKind, Level, Origin, Outcome

HEATER, FAN, DOOR, COOLING = Actuator.HEATER, Actuator.FAN, Actuator.DOOR, Actuator.COOLING
ALL = frozenset(Actuator)

Sets = list[tuple[Actuator, float]]


class Front:
    """Carries out what the executor wants, as a machine without faults would."""

    def __init__(
        self, steps: list[dict[str, Any]], actuators: frozenset[Actuator] = ALL, **plan: Any
    ) -> None:
        parsed = parse_plan({"steps": steps, **plan})
        profile = SetpointProfile.of(parsed.target) if parsed.target else None
        hears = True
        self.executor = PlanExecutor(parsed, profile, actuators=actuators, hears=hears)
        self.set = dict.fromkeys(Actuator, 0.0)
        self.outcome: dict[Actuator, CommandResult] = {}
        self.charge: str | None = None
        self.said: list[Say] = []
        self.all: list[Action] = []

    def turn(self, elapsed_s: float, bean_c: float | None = None, **more: Any) -> Sets:
        """What was set, in order."""
        turn = self.executor.turn(Moment(elapsed_s, bean_c, self.set[HEATER], **more))
        answer: Answer = None
        sets: Sets = []
        while True:
            try:
                action = turn.send(answer)
            except StopIteration:
                return sets
            answer = self.do(action)
            self.all.append(action)
            if isinstance(action, Set):
                sets.append((action.actuator, action.percent))

    def do(self, action: Action) -> Answer:
        match action:
            case Set(actuator, percent):
                refused = self.outcome.get(actuator)
                if refused is not None:
                    return refused
                self.set[actuator] = percent
                return CommandResult("", Outcome.APPLIED, percent)
            case Charge():
                return self.charge
            case Say():
                self.said.append(action)
        return None

    def dropped(self) -> int:
        return sum(isinstance(action, Dropped) for action in self.all)


def refused(outcome: Outcome = Outcome.REFUSED, interlock: str = "armed") -> CommandResult:
    return CommandResult("", outcome, None, interlock, "because")


def test_cooling_follows_a_drop_from_any_source() -> None:
    front = Front([{"at_s": 0, "heater_percent": 60}, {"at_s": 10, "drop": True},
                   {"at_s": 15, "cooling_percent": 100}])  # fmt: skip
    front.turn(0)
    assert front.turn(10) == [(HEATER, 0), (DOOR, 100)]
    assert front.dropped() == 1
    front.executor.event(EventKind.DROP, 10.4)  # the machine's door echoes it
    assert front.turn(15) == [(COOLING, 100)]
    assert front.executor.ended(15)


@pytest.mark.parametrize(
    "drop",
    [
        {"at_s": 50, "drop": True},
        {"at_bean_temp_c": 190, "drop": True},
        {"at_event": "first_crack", "drop": True},
        {"at_event": "second_crack", "after_s": 3, "drop": True},
        {"at_bean_temp_c": 190, "door": "open"},
        None,
    ],
)
def test_nothing_heats_after_a_drop_of_any_kind(drop: dict[str, Any] | None) -> None:
    steps: list[dict[str, Any]] = [
        {"at_s": 0, "heater_percent": 60},
        {"at_event": "dry_end", "heater_percent": 70},
    ]
    front = Front(steps + ([drop] if drop else []), target=[[0, 100], [900, 230]], follow=True)
    front.turn(0, 100)
    front.turn(40, 150)
    if drop is None:
        front.executor.event(EventKind.DROP, 50)  # a person, the door, or the curve
        front.set[HEATER] = 0
    else:
        front.executor.event(EventKind.FIRST_CRACK, 45)
        front.executor.event(EventKind.SECOND_CRACK, 45)
    front.turn(50, 190)
    assert front.set[HEATER] == 0
    front.executor.event(EventKind.DRY_END, 51)
    for elapsed_s in range(51, 120):
        assert [s for s in front.turn(elapsed_s, 150) if s[0] is HEATER and s[1] > 0] == []
    assert front.executor.dropped


def test_heat_delayed_by_a_busy_guardian_is_not_set_after_the_drop() -> None:
    front = Front([{"at_s": 5, "heater_percent": 60}])
    front.outcome[HEATER] = refused(interlock="busy")
    front.turn(5)
    front.executor.event(EventKind.DROP, 5.2)
    front.outcome.clear()
    assert front.turn(5.3) == []


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([{"at_event": "first_crack", "after_s": 90, "drop": True},
          {"at_event": "first_crack", "after_s": 95, "heater_percent": 9}], r"steps\[1\] heats"),
        ([{"at_bean_temp_c": 210, "drop": True}, {"at_bean_temp_c": 215, "heater_percent": 9}],
         "after the drop at 210 °C"),
        ([{"at_s": 9, "drop": True}, {"at_event": "drop", "heater_percent": 9}], "after the drop"),
        ([{"at_s": 9, "drop": True, "heater_percent": 9}], "while the beans leave"),
        ([{"at_s": 9, "door": "open"}, {"at_s": 10, "heater_percent": 9}], "after the drop at 9 s"),
    ],
)  # fmt: skip
def test_plan_with_heat_after_a_drop_is_refused(steps: list[Any], says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        parse_plan({"steps": steps})


def test_door_open_before_the_charge_is_not_a_drop() -> None:
    front = Front([{"at_s": 0, "door": "open"}, {"at_s": 5, "door": "closed"},
                   {"at_s": 6, "heater_percent": 50}, {"at_s": 9, "charge": True}])  # fmt: skip
    for elapsed_s in (0, 5, 6):
        front.turn(elapsed_s)
    assert front.set[HEATER] == 50
    assert front.dropped() == 0


def test_sound_lowers_heat_and_never_raises_it() -> None:
    crack = {"at_event": "first_crack", "heater_percent": 40}
    front = Front([{"at_s": 0, "heater_percent": 60}, crack])
    front.turn(0)
    front.executor.event(EventKind.FIRST_CRACK, 5)
    assert front.turn(5) == [(HEATER, 40)]
    front = Front([{"at_s": 0, "heater_percent": 30}, crack])
    front.turn(0)
    front.executor.event(EventKind.FIRST_CRACK, 5)
    assert front.turn(5) == []
    assert "sound never raises heat" in front.said[-1].text


def following(crack: dict[str, Any]) -> Front:
    """A profile that is followed; the beans lag behind it, so that the PID wants more."""
    front = Front([{"at_s": 0, "heater_percent": 50}, {"at_event": "first_crack", **crack},
                   {"at_s": 200, "heater_percent": 45}],
                  target=[[0, 100], [900, 230]], follow=True)  # fmt: skip
    for elapsed_s in range(60):
        front.turn(elapsed_s, 95)
    assert front.set[HEATER] > 50
    return front


@pytest.mark.parametrize("crack", [{"heater_percent": 60}, {"heater_percent": 5}])
def test_heat_set_by_a_person_is_kept_when_sound_is_detected(crack: dict[str, Any]) -> None:
    """The step by sound used to restart the PID, refused or not: 10 % became 29 % in 10 s."""
    front = following(crack)
    front.set[HEATER] = 10
    front.turn(60, 95)
    front.executor.event(EventKind.FIRST_CRACK, 61)
    stands = min(10, crack["heater_percent"])
    for elapsed_s in range(61, 200):
        front.turn(elapsed_s, 95 if elapsed_s < 130 else 240)  # too cold, then too hot
        assert front.set[HEATER] == stands
    assert front.turn(200, 95) == [(HEATER, 45)]
    for elapsed_s in range(201, 230):
        front.turn(elapsed_s, 95)
    assert front.set[HEATER] > 45  # a step by time hands the heat back to the profile


def test_refused_step_does_not_resume_the_profile() -> None:
    front = following({"fan_percent": 60})
    front.set[HEATER] = 10
    front.turn(60, 95)
    front.outcome[HEATER] = CommandResult(
        "", Outcome.REFUSED, 10.0, "attendance", "nobody is there"
    )
    front.turn(200, 95)
    front.outcome.clear()
    for elapsed_s in range(201, 260):
        front.turn(elapsed_s, 95)
    assert front.set[HEATER] == 10
    front.executor.hand_back()  # a person arms again
    for elapsed_s in range(260, 300):
        front.turn(elapsed_s, 95)
    assert front.set[HEATER] > 10


def test_profile_stays_below_the_limit_of_a_step_by_sound() -> None:
    front = following({"heater_percent": 40})
    front.executor.event(EventKind.FIRST_CRACK, 60)
    for elapsed_s in range(60, 200):
        front.turn(elapsed_s, 95)
        assert front.set[HEATER] <= 40
    front.turn(200, 95)
    for elapsed_s in range(201, 230):
        front.turn(elapsed_s, 95)
    assert front.set[HEATER] > 45


def test_setting_refused_as_busy_is_retried() -> None:
    front = Front([{"at_s": 0, "heater_percent": 60}, {"at_s": 5, "drop": True}])
    front.turn(0)
    front.outcome = {HEATER: refused(interlock="busy"), DOOR: refused(Outcome.FAILED)}
    front.turn(5)
    assert front.set[HEATER] == 60
    assert (front.dropped(), front.said) == (0, [])
    assert not front.executor.ended(5)
    front.outcome.clear()
    assert front.turn(5.25) == [(HEATER, 0), (DOOR, 100)]
    front.turn(5.5)
    assert front.dropped() == 1
    assert front.executor.ended(5.5)


def owing() -> Front:
    """Heat 65 % found the door busy at 240 s."""
    front = Front([{"at_s": 0, "heater_percent": 75}, {"at_s": 240, "heater_percent": 65},
                   {"at_s": 640, "drop": True}])  # fmt: skip
    front.turn(0)
    front.outcome[HEATER] = refused(interlock="busy")
    front.turn(240)
    front.outcome.clear()
    return front


@pytest.mark.parametrize("heat", [0.0, 10.0, 90.0])
def test_retried_heat_gives_way_to_a_person(heat: float) -> None:
    front = owing()
    front.set[HEATER] = heat
    assert front.turn(240.25) == []
    assert front.turn(240.5) == []
    assert any("changed from outside" in say.text for say in front.said)
    assert front.executor.unheated


def test_retried_heat_is_dropped_when_the_machine_is_disarmed() -> None:
    front = owing()
    front.executor.unarmed()
    assert front.turn(241) == []
    front = owing()
    front.executor.hand_back()
    assert front.turn(241) == []


def test_retried_heat_is_dropped_when_it_is_late() -> None:
    front = owing()
    assert front.turn(251) == []
    assert front.turn(252) == []
    assert [say.text for say in front.said] == ["heater 65 % refused: because"]
    assert owing().turn(249) == [(HEATER, 65)]


def test_retried_heat_0_is_set_however_late() -> None:
    front = Front([{"at_s": 0, "heater_percent": 75}, {"at_s": 240, "heater_percent": 0}])
    front.turn(0)
    front.outcome[HEATER] = refused(interlock="busy")
    front.turn(240)
    front.outcome.clear()
    front.executor.unarmed()
    front.set[HEATER] = 60.0
    assert front.turn(260) == [(HEATER, 0)]


def test_refused_door_reports_no_drop() -> None:
    front = Front([{"at_s": 0, "heater_percent": 60}, {"at_s": 5, "drop": True}])
    front.turn(0)
    front.outcome[DOOR] = refused(interlock="door_and_fire")
    front.turn(5)
    assert front.set[HEATER] == 0
    assert front.dropped() == 0
    assert front.said[-1].refused


def test_missing_actuators_are_skipped_with_one_notice() -> None:
    front = Front([{"at_s": 0, "heater_percent": 60, "fan_percent": 30, "drum_percent": 100},
                   {"at_s": 5, "drop": True}, {"at_s": 6, "drum_percent": 50}],
                  actuators=frozenset({HEATER, FAN}))  # fmt: skip
    assert front.turn(0) == [(FAN, 30), (HEATER, 60)]
    assert front.turn(5) == [(HEATER, 0)]
    assert front.turn(6) == []
    assert front.dropped() == 1
    about_drum = [say for say in front.said if "drum" in say.text]
    assert len(about_drum) == 1
    assert not any(say.refused for say in front.said)
    assert any("drop the beans now" in say.text for say in front.said)


def test_less_heat_than_set_is_reported_and_recorded() -> None:
    front = Front([{"at_s": 0, "heater_percent": 60}, {"at_s": 60, "fan_percent": 50}])
    front.turn(0, reported_percent=0.0)
    front.turn(1, reported_percent=55.0)  # it takes a moment, and counts in coarse steps
    for elapsed_s in range(2, 40):
        front.turn(elapsed_s, reported_percent=60.0)
    assert front.executor.unheated is None
    for elapsed_s in range(40, 50):
        front.turn(elapsed_s, reported_percent=0.0)
    assert "reports heat 0 %" in (front.executor.unheated or "")
    assert len([say for say in front.said if "reports heat 0 %" in say.text]) == 1


@pytest.mark.parametrize("how", ["refused", "outside"])
def test_heat_that_was_not_set_is_recorded(how: str) -> None:
    front = Front([{"at_s": 0, "heater_percent": 60}, {"at_s": 9, "fan_percent": 5}])
    if how == "refused":
        front.outcome[HEATER] = refused()
    front.turn(0)
    if how == "outside":
        front.set[HEATER] = 0  # an interlock took it away
    front.turn(1)
    assert front.executor.unheated


def test_charge_is_checked_and_starts_the_profile() -> None:
    front = Front([{"at_s": 0, "heater_percent": 50}, {"at_s": 100, "charge": True},
                   {"at_event": "charge", "after_s": 10, "fan_percent": 40}],
                  target=[[0, 100], [600, 200]], follow=True)  # fmt: skip
    front.executor.event(EventKind.CHARGE, 0)  # a person pressed Start: the plan knows better
    for elapsed_s in range(100):
        front.turn(elapsed_s, 180)
    assert front.set[HEATER] == 50  # nothing to follow before the beans are in
    front.charge = "The door is open."
    front.turn(100, 180)
    assert (front.said[-1].text, front.said[-1].refused) == ("The door is open.", True)
    front = Front([{"at_s": 100, "charge": True}, {"at_event": "charge", "after_s": 10,
                                                    "fan_percent": 40}])  # fmt: skip
    front.turn(100)
    assert front.turn(109) == []
    assert front.turn(110) == [(FAN, 40)]


def test_notes_and_steps_are_shown() -> None:
    front = Front([{"at_s": 3, "note": "look"}])
    front.turn(3)
    (took,) = [action for action in front.all if isinstance(action, Took)]
    assert took.step.note == "look"


def test_plan_ends_even_if_nothing_listens_for_first_crack() -> None:
    plan = parse_plan({"steps": [{"at_s": 5, "heater_percent": 0},
                                 {"at_event": "first_crack", "fan_percent": 60}]})  # fmt: skip
    executor = PlanExecutor(plan, hears=False)
    said = [a for a in executor.turn(Moment(0.0)) if isinstance(a, Say)]
    assert "Nothing listens for first crack" in said[0].text
    turn = executor.turn(Moment(5.0))
    assert isinstance(next(turn), Took)
    assert next(turn) == Set(HEATER, 0.0, Origin.PLAN)
    with pytest.raises(StopIteration):
        turn.send(CommandResult("", Outcome.APPLIED, 0.0))
    assert executor.ended(5.0)


def test_first_crack_below_the_plans_level_triggers_nothing() -> None:
    front = Front([{"at_event": "first_crack", "fan_percent": 60}])
    front.executor.event(EventKind.FIRST_CRACK, 1, Level.FIRST_CRACK)
    assert front.turn(2) == []
    front.executor.event(EventKind.FIRST_CRACK, 1, Level.CERTAIN)
    front.executor.event(EventKind.FIRST_CRACK, 1, Level.CERTAIN, revoked=True)
    assert front.turn(2) == []
    front.executor.event(EventKind.FIRST_CRACK, 1, Level.CERTAIN)
    assert front.turn(2) == [(FAN, 60)]


@pytest.mark.parametrize(
    ("steps", "ends_s"),
    [
        ([{"at_s": 0, "fan_percent": 60}, {"at_s": 5000}], 0.0),
        ([{"at_s": 0, "heater_percent": 60}, {"at_s": 640, "drop": True}, {"at_s": 900}], 640.0),
        ([{"at_s": 0, "heater_percent": 60}, {"at_s": 630, "heater_percent": 0}], 630.0),
        ([{"at_s": 0, "heater_percent": 60}, {"at_s": 650, "fan_percent": 9}], 650.0),
        ([{"at_s": 0, "heater_percent": 60}, {"at_bean_temp_c": 200, "drop": True}], None),
    ],
)
def test_plan_that_heats_unattended_for_too_long_is_refused(
    steps: list[Any], ends_s: float | None
) -> None:
    plan = parse_plan({"steps": steps})
    assert plan.heat_ends_s == ends_s
    if not ends_s:  # none, or it can't be known: the guardian turns it off in time
        refuse_unattended(plan, Limits())
        return
    with pytest.raises(BadInputError, match="run it in a terminal"):
        refuse_unattended(plan, Limits())
    refuse_unattended(plan, Limits(attendance_s=ends_s))
    late = [{"at_bean_temp_c": 200, "drop": True}, {"at_s": 601, "heater_percent": 9}]
    with pytest.raises(BadInputError, match=r"heats for 10\.0 minutes"):
        refuse_unattended(parse_plan({"steps": late}), Limits())
