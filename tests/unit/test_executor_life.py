"""Random lives of a plan: whatever happens, nothing heats after a drop and sound raises nothing.

Each life is lived twice on the same readings, once deaf: what is heard never brings more heat.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roastwatch.app.program import StationPlan
from roastwatch.app.station_clock import StationClock
from roastwatch.errors import BadInputError
from roastwatch.roast.roast import Roast, RoastOptions
from roastwatch.roaster.plans.actions import Charge, Moment, Set
from roastwatch.roaster.plans.executor import PlanExecutor
from roastwatch.roaster.plans.pid import SetpointProfile
from roastwatch.roaster.plans.plan import Plan, parse_plan
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    EventKind,
    Origin,
    Outcome,
    Reading,
)

HEATER = Actuator.HEATER
SOUNDS = (EventKind.FIRST_CRACK, EventKind.FIRST_CRACK_END, EventKind.SECOND_CRACK)
OTHERS = (EventKind.CHARGE, EventKind.TURNING_POINT, EventKind.DRY_END, EventKind.DROP)
LATE_C = 2.0
"""Heat is rounded to whole percents, and changed from one on."""

conditions = st.one_of(
    st.fixed_dictionaries({"at_s": st.integers(0, 120)}),
    st.fixed_dictionaries({"at_bean_temp_c": st.integers(90, 220)}),
    st.fixed_dictionaries(
        {
            "at_event": st.sampled_from([*SOUNDS, *SOUNDS, *OTHERS]),
            "after_s": st.integers(0, 20),
        }
    ),
)
deeds = st.one_of(
    st.fixed_dictionaries({"heater_percent": st.sampled_from([0, 5, 20, 40, 60, 80, 100])}),
    st.fixed_dictionaries({"fan_percent": st.sampled_from([0, 50, 100])}),
    st.just({"drop": True}),
    st.just({"door": "open"}),
    st.just({"charge": True}),
)
steps = st.lists(st.builds(lambda when, what: {**when, **what}, conditions, deeds), max_size=6)
turns = st.lists(
    st.tuples(
        st.sampled_from([0.25, 0.25, 1.0, 2.0, 7.0]),
        st.sampled_from([None, 80.0, 95.0, 120.0, 151.0, 180.0, 200.0]),
        st.sampled_from([None] * 6 + [*SOUNDS, *SOUNDS, *OTHERS]),
        st.sampled_from([None] * 8 + [0.7, 10.7, 55.7]),
        st.sampled_from(["", "", "", "", "busy", "failed"]),
    ),
    max_size=80,
)


class Life:
    """One plan on one machine."""

    def __init__(self, plan: Plan) -> None:
        self.executor = PlanExecutor(plan, SetpointProfile.of(plan.target) if plan.target else None)
        self.heat = 0.0
        self.gone = False

    def turn(self, elapsed_s: float, bean_c: float | None, trouble: str) -> None:
        turn = self.executor.turn(Moment(elapsed_s, bean_c, self.heat))
        answer = None
        while True:
            try:
                action = turn.send(answer)
            except StopIteration:
                return
            answer = None
            if isinstance(action, Set):
                answer = self.set(action, trouble)
            assert not isinstance(action, Charge) or not self.gone

    def set(self, wish: Set, trouble: str) -> CommandResult:
        if wish.actuator is HEATER:
            assert not (self.executor.dropped and wish.percent > 0), "heats after the drop"
            assert wish.origin is not Origin.SOUND or wish.percent <= self.heat, "sound heats"
        if trouble == "busy":
            return CommandResult("", Outcome.REFUSED, None, "busy", "busy")
        if trouble:
            return CommandResult("", Outcome.FAILED, reason="gone")
        if wish.actuator is HEATER:
            self.heat = wish.percent
        if wish.actuator is Actuator.DOOR and wish.percent > 0:
            self.heat = 0.0  # the guardian takes it away
        return CommandResult("", Outcome.APPLIED, wish.percent)


def live(raw: list[dict[str, Any]], moments: list[tuple[Any, ...]], *, follow: bool) -> None:
    more = {"follow": True, "target": [[0, 100], [150, 230]]} if follow else {}
    try:
        plan = parse_plan({"steps": [{"at_s": 0, "heater_percent": 50}, *raw], **more})
    except BadInputError:
        return  # it would heat after a drop, and says so when it is read
    heard, deaf, elapsed_s = Life(plan), Life(plan), 0.0
    for passed_s, bean_c, event, person, trouble in moments:
        elapsed_s += passed_s
        for life in (heard, deaf):
            if event is not None and (event not in SOUNDS or life is heard):
                life.executor.event(event, elapsed_s)
            if person is not None and not life.executor.dropped:
                life.heat = person
            life.turn(elapsed_s, bean_c, trouble)
        assert heard.heat <= deaf.heat + LATE_C, "what was heard brought more heat"


@settings(
    max_examples=300, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(steps, turns, st.booleans())
def test_random_plans_never_heat_by_sound_or_after_a_drop(
    raw: list[dict[str, Any]], moments: list[tuple[Any, ...]], follow: bool
) -> None:
    live(raw, moments, follow=follow)


@pytest.mark.verify
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps, turns, st.booleans())
def test_ten_thousand_random_plans(
    raw: list[dict[str, Any]], moments: list[tuple[Any, ...]], follow: bool
) -> None:
    live(raw, moments, follow=follow)


async def asked(
    raw: list[dict[str, Any]], clock: Callable[[], datetime], pass_s: Callable[[], bool]
) -> list[Any]:
    """What the service's plan asks for, and when by the clock that never jumps."""
    program = StationPlan("r", parse_plan({"steps": raw}), None)
    found = []
    roast = Roast("r", RoastOptions())
    roast.begin(clock(), Origin.PERSON)
    began = clock()

    async def ask(command: Command) -> CommandResult:
        at_s = (clock() - began).total_seconds()
        found.append((round(at_s, 3), command.actuator, command.target))
        return CommandResult("", Outcome.APPLIED, command.target)

    while pass_s():
        await program.turn(roast, clock(), Reading("r", 0.0, bean_temp_c=120.0), ask, None)
    return found


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 100)), min_size=1, max_size=5),
    st.lists(st.sampled_from([0.0, 0.0, 0.0, 700.0, -3600.0, 86400.0, -0.3]), max_size=30),
)
async def test_plan_ignores_changes_of_the_computers_clock(
    raw: list[tuple[int, int]], jumps: list[float]
) -> None:
    plan = [{"at_s": at_s, "fan_percent": fan} for at_s, fan in raw]

    async def lived(steps_s: list[float]) -> list[Any]:
        now = {"s": 1000.0, "off": 0.0}
        left = list(steps_s)
        clock = StationClock(
            lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=now["s"] + now["off"]),
            lambda: now["s"],
        )

        def passes() -> bool:
            now["s"] += 2.0
            if not left:
                return False
            now["off"] += left.pop()
            return True

        return await asked(plan, clock, passes)

    assert await lived(jumps) == await lived([0.0] * len(jumps))
