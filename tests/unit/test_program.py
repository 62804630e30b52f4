"""The service follows a person's plan from the charge."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from roastwatch.app.program import StationPlan
from roastwatch.roast.roast import Roast, RoastOptions
from roastwatch.roaster.plans.pid import SetpointProfile
from roastwatch.roaster.plans.plan import parse_plan
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    EventKind,
    Level,
    Origin,
    Outcome,
    Reading,
    RoastEvent,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


class Door:
    """Writes down what is asked."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.outcome = Outcome.APPLIED

    async def __call__(self, command: Command) -> CommandResult:
        self.asked.append(command)
        applied = command.target if self.outcome is Outcome.APPLIED else None
        return CommandResult(command.command_id, self.outcome, applied, reason="because")

    def taken(self) -> list[tuple[Actuator, float]]:
        found = [(command.actuator, command.target) for command in self.asked]
        self.asked.clear()
        return found


def crack(level: Level, at: datetime, revoked: bool = False) -> RoastEvent:
    return RoastEvent(
        "e", "r", "x", EventKind.FIRST_CRACK, at, at, Origin.SOUND, level=level, revoked=revoked
    )


def charged() -> Roast:
    roast = Roast("r", RoastOptions())
    roast.begin(START, Origin.PERSON)
    return roast


PLAN = parse_plan(
    {
        "steps": [
            {"at_s": 0, "heater_percent": 60},
            {"at_event": "first_crack", "after_s": 10, "heater_percent": 40, "fan_percent": 60},
        ]
    }
)


async def test_steps_wait_for_a_certain_crack_and_lower_heat() -> None:
    program, door, roast = StationPlan("r", PLAN, None), Door(), charged()
    reading = Reading("r", 0.0, bean_temp_c=180.0, heater_percent=60.0)
    await program.turn(roast, START + timedelta(seconds=1), reading, door)
    assert door.taken() == [(Actuator.HEATER, 60)]
    at = START + timedelta(seconds=400)
    program.event(crack(Level.FIRST_CRACK, at))
    await program.turn(roast, at + timedelta(seconds=60), reading, door)
    assert door.taken() == []
    program.event(crack(Level.CERTAIN, at))
    await program.turn(roast, at + timedelta(seconds=5), reading, door)
    assert door.taken() == []
    await program.turn(roast, at + timedelta(seconds=61), reading, door)
    assert {command.origin for command in door.asked} == {Origin.SOUND}
    assert door.taken() == [(Actuator.FAN, 60), (Actuator.HEATER, 40)]


async def test_a_revoked_crack_triggers_nothing() -> None:
    program, door, roast = StationPlan("r", PLAN, None), Door(), charged()
    at = START + timedelta(seconds=400)
    program.event(crack(Level.CERTAIN, at))
    program.event(crack(Level.CERTAIN, at, revoked=True))
    await program.turn(roast, at + timedelta(seconds=60), None, door)
    assert door.taken() == [(Actuator.HEATER, 60)]


async def test_refusals_are_kept_and_a_new_roast_restarts_the_plan() -> None:
    program, door, roast = StationPlan("r", PLAN, None), Door(), charged()
    door.outcome = Outcome.REFUSED
    await program.turn(roast, START + timedelta(seconds=1), None, door)
    assert "because" in program.refusals[0]
    door.taken()
    later = START + timedelta(hours=1)
    roast.begin(later, Origin.PERSON)
    await program.turn(roast, later + timedelta(seconds=1), None, door)
    assert door.taken() == [(Actuator.HEATER, 60)]


async def test_a_plan_waits_for_a_known_charge() -> None:
    program, door = StationPlan("r", PLAN, None), Door()
    idle = Roast("r", RoastOptions())
    await program.turn(idle, START, None, door)
    unknown = Roast("r", RoastOptions())
    unknown.begin(START, Origin.SOUND, start_known=False)
    await program.turn(unknown, START + timedelta(seconds=5), None, door)
    assert door.taken() == []


async def test_the_deviation_from_the_profile() -> None:
    program = StationPlan("r", PLAN, SetpointProfile.of([(0, 100), (100, 200)]))
    reading = Reading("r", 0.0, bean_temp_c=148.0)
    now = START + timedelta(seconds=50)
    assert program.deviation_c(charged(), now, reading) == -2.0
    assert program.deviation_c(charged(), now, replace(reading, bean_temp_c=None)) is None


async def test_past_steps_do_not_raise_heat_for_a_moment() -> None:
    """Armed in the tenth minute: only what the plan wants now is asked for."""
    plan = parse_plan(
        {
            "steps": [
                {"at_s": 0, "heater_percent": 90, "fan_percent": 30},
                {"at_s": 300, "heater_percent": 60},
                {"at_s": 500, "heater_percent": 30, "fan_percent": 60},
            ]
        }
    )
    program, door = StationPlan("r", plan, None), Door()
    await program.turn(charged(), START + timedelta(seconds=600), None, door)
    assert sorted(door.taken()) == [(Actuator.FAN, 60), (Actuator.HEATER, 30)]


async def test_the_profile_does_not_revert_a_persons_heat() -> None:
    plan = parse_plan(
        {
            "steps": [{"at_s": 0, "heater_percent": 50}, {"at_s": 90, "heater_percent": 40}],
            "target": [[0, 100], [600, 200]],
            "follow": True,
        }
    )
    program, door, roast = (
        StationPlan("r", plan, SetpointProfile.of(plan.target)),
        Door(),
        charged(),
    )
    reading = Reading("r", 0.0, bean_temp_c=90.0)
    heat = 0.0
    for second in range(0, 60, 2):
        await program.turn(roast, START + timedelta(seconds=second), reading, door, heat)
        heat = next((p for a, p in reversed(door.taken()) if a is Actuator.HEATER), heat)
    assert heat > 50
    await program.turn(roast, START + timedelta(seconds=62), reading, door, 0.0)
    await program.turn(roast, START + timedelta(seconds=70), reading, door, 0.0)
    assert door.taken() == []
    assert [text for text in program.refusals if "changed from outside" in text]
    await program.turn(roast, START + timedelta(seconds=91), reading, door, 0.0)
    assert door.taken() == [(Actuator.HEATER, 40)]
    await program.turn(roast, START + timedelta(seconds=93), reading, door, 40.0)
    await program.turn(roast, START + timedelta(seconds=96), reading, door, 40.0)
    assert [a for a, _ in door.taken()] == [Actuator.HEATER]


LOWERED = parse_plan(
    {
        "steps": [
            {"at_s": 0, "heater_percent": 75, "fan_percent": 40},
            {"at_bean_temp_c": 160, "heater_percent": 55},
            {"at_event": "first_crack", "after_s": 10, "heater_percent": 35},
            {"at_s": 600, "heater_percent": 50},
            {"at_s": 640, "drop": True},
        ]
    }
)


def started_again(events: list[RoastEvent]) -> tuple[StationPlan, Roast]:
    before = charged()
    again = Roast("r", RoastOptions())
    assert before.roast_id is not None
    begun = RoastEvent("c", "r", before.roast_id, EventKind.CHARGE, START, START, Origin.PERSON)
    again.resume(before.roast_id, START, [begun, *events])
    return StationPlan("r", LOWERED, None), again


async def test_lowered_heat_stays_lowered_after_a_restart() -> None:
    """Armed again with 30 % heat at 545 s: it was set to 75 %, and the crack was forgotten."""
    at = START + timedelta(seconds=500)
    program, roast = started_again([crack(Level.CERTAIN, at)])
    door = Door()

    async def turn(second: float, bean_c: float, heat: float) -> list[tuple[Actuator, float]]:
        reading = Reading("r", 0.0, bean_temp_c=bean_c)
        now = START + timedelta(seconds=second)
        await program.turn(roast, now, reading, door, heat, resumed=True)
        return door.taken()

    assert await turn(545, 198.0, 30.0) == [(Actuator.FAN, 40)]
    assert any("before the restart" in text for text in program.refusals)
    assert await turn(550, 200.5, 30.0) == []  # the step at 160 °C was due long ago
    assert await turn(601, 204.0, 30.0) == [(Actuator.HEATER, 50)]
    assert await turn(641, 210.0, 50.0) == [(Actuator.HEATER, 0), (Actuator.DOOR, 100)]


async def test_a_crack_before_the_restart_lowers_heat_after_it() -> None:
    at = START + timedelta(seconds=500)
    program, roast = started_again([crack(Level.CERTAIN, at)])
    door, reading = Door(), Reading("r", 0.0, bean_temp_c=198.0)
    await program.turn(roast, at + timedelta(seconds=5), reading, door, 55.0, resumed=True)
    assert door.taken() == [(Actuator.FAN, 40)]
    await program.turn(roast, at + timedelta(seconds=11), reading, door, 55.0, resumed=True)
    assert door.taken() == [(Actuator.HEATER, 35)]
