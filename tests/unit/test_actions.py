"""What a person may ask of a station, in every state, and that it agrees with what happens."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from roastwatch import plugins
from roastwatch.app.instructions import instruct
from roastwatch.entities import Reason, actions
from roastwatch.pipeline import Pipeline
from roastwatch.roast.roast import RoastOptions
from roastwatch.vocabulary import (
    Actuator,
    ComponentState,
    ComponentStatus,
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    Phase,
    Snapshot,
)
from roastwatch.web.rows import actions_row
from tests.support.events import event, reading, roaster, snapshot

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ALL = tuple(Actuator)


def disabled(shown: Snapshot) -> dict[str, str]:
    """The disabled actions, and why."""
    found = actions(shown)
    assert all(one.reason is not None for one in found.values() if not one.enabled)
    return {
        name: one.reason.code
        for name, one in found.items()
        if not one.enabled and one.reason is not None
    }


def test_without_a_roaster_there_is_nothing_of_one() -> None:
    names = set(actions(snapshot()))
    assert not names & {"arm", "disarm", "present", "emergency_stop", "heater", "fan", "door"}
    assert not names & {"detector", "profile"}
    assert set(actions(snapshot(detectors=("pops",), profiles=("a",)))) > {"detector", "profile"}


def test_idle_all_that_needs_a_roast_is_disabled() -> None:
    assert disabled(snapshot()) == {
        "confirm_crack": "no_roast",
        "not_a_crack": "no_crack",
        "drop": "no_roast",
        "stop": "no_roast",
        "note": "no_roast",
        "listen_on": "listening_on",
    }


def test_during_a_roast_selections_wait() -> None:
    shown = snapshot(
        phase=Phase.MAILLARD, roast_id="r1", detectors=("pops",), profiles=("a",), listening=False
    )
    assert disabled(shown) == {
        "under_way": "roast_active",
        "confirm_crack": "no_crack",
        "not_a_crack": "no_crack",
        "listen_off": "listening_off",
        "detector": "during_roast",
        "profile": "during_roast",
    }
    assert actions(shown)["charge"].reason is Reason.BEGINS_ANEW


def test_a_crack_or_a_question_can_be_answered() -> None:
    cracked = snapshot(phase=Phase.FIRST_CRACK, roast_id="r1", first_crack=event())
    assert not {"confirm_crack", "not_a_crack"} & set(disabled(cracked))
    asked = snapshot(last_event=event(level=Level.POSSIBLE, roast_id=None))
    assert "not_a_crack" not in disabled(asked)
    revoked = replace(cracked, first_crack=event(revoked=True))
    assert disabled(revoked)["not_a_crack"] == "no_crack"


@pytest.mark.parametrize(
    ("state", "more", "heater"),
    [
        ({"connected": False}, {}, "roaster_lost"),
        ({}, {}, "not_armed"),
        ({"armed": True, "emergency": True}, {}, "emergency"),
        ({"armed": True}, {"reading": reading(door_open=True)}, "door_open"),
        ({"armed": True}, {"reading": reading(door_open=False)}, None),
    ],
)
def test_heat_needs_a_connected_armed_and_closed_roaster(
    state: dict[str, Any], more: dict[str, Any], heater: str | None
) -> None:
    shown = snapshot(roaster=roaster(*ALL, **state), **more)
    assert disabled(shown).get("heater") == heater
    assert actions(shown)["emergency_stop"].enabled


def test_a_lost_roaster_takes_nothing_but_an_emergency_stop() -> None:
    found = disabled(snapshot(roaster=roaster(*ALL, connected=False)))
    names = {*(one.value for one in ALL), "arm", "present"}
    assert {found[name] for name in names} == {"roaster_lost"}
    assert "emergency_stop" not in found
    assert "stop" not in found


def test_heat_can_be_lowered_while_the_log_fails() -> None:
    failed = ComponentStatus("log", ComponentState.DEGRADED, "The disk is full.")
    shown = snapshot(roaster=roaster(*ALL, armed=True), parts=(failed,))
    assert actions(shown)["heater"].enabled
    assert actions(shown)["heater"].reason is Reason.LOG_FAILED


def test_an_open_door_is_closed_first_where_that_is_possible() -> None:
    still = reading(door_open=True)
    can = snapshot(roaster=roaster(*ALL), reading=still)
    can_not = snapshot(roaster=roaster(Actuator.HEATER), reading=still)
    assert "charge" not in disabled(can)
    assert disabled(can_not)["charge"] == "door_open"


def test_every_kind_of_instruction_has_a_rule() -> None:
    full = snapshot(roaster=roaster(*ALL), detectors=("a",), profiles=("a",))
    assert set(actions(full)) == {*(one.value for one in (*InstructionKind, *Actuator))}


def test_rows_have_a_sentence_and_its_code() -> None:
    row = actions_row(snapshot())
    assert row["charge"] == {"enabled": True, "reason": None, "code": None}
    assert row["drop"] == {
        "enabled": False,
        "reason": "No roast is in progress.",
        "code": "no_roast",
    }


def begun(pipeline: Pipeline) -> None:
    pipeline.roast.begin(NOW, Origin.PERSON)


def cracked(pipeline: Pipeline) -> None:
    begun(pipeline)
    pipeline.roast.crack(EventKind.FIRST_CRACK, Level.FIRST_CRACK, NOW, NOW)


def dropped(pipeline: Pipeline) -> None:
    cracked(pipeline)
    pipeline.roast.drop(NOW, Origin.PERSON)


@pytest.mark.parametrize("state", [lambda _pipeline: None, begun, cracked, dropped])
@pytest.mark.parametrize("kind", InstructionKind)
def test_a_disabled_instruction_changes_nothing(
    kind: InstructionKind, state: Callable[[Pipeline], None]
) -> None:
    made = plugins.load("models", "transients")
    pipeline = Pipeline(
        "kitchen",
        made(made.Options()),
        16_000,
        started_at=NOW - timedelta(minutes=1),
        roast=RoastOptions(begins="person"),
    )
    state(pipeline)
    roast = pipeline.roast
    shown = snapshot(
        phase=roast.phase,
        roast_id=roast.roast_id,
        first_crack=roast.first_crack,
        last_event=roast.last_event,
        listening=pipeline.listening,
    )
    found = actions(shown).get(kind.value)
    if found is None or found.enabled:
        return
    before = roast.phase, roast.roast_id, roast.first_crack, pipeline.listening
    asked = Instruction("kitchen", kind, Origin.PERSON, NOW + timedelta(seconds=1))
    assert instruct(pipeline, asked) == []
    assert (roast.phase, roast.roast_id, roast.first_crack, pipeline.listening) == before
