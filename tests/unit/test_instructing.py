"""What a person says of a roast: that it is under way, that a crack is one, or that it is none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from roastwatch.app.instructions import charge, instruct
from roastwatch.detection.odds import probability
from roastwatch.detection.pops.model import PopsModel
from roastwatch.pipeline import Pipeline
from roastwatch.vocabulary import (
    CrackScore,
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    Pop,
    RoastEvent,
)

RATE = 16000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
FAINT = probability(0.9)
CRACKS_S = tuple(320 + 1.9 * number + 0.3 * (number % 3) for number in range(25))


def asked(kind: InstructionKind, at_s: float) -> Instruction:
    return Instruction("kitchen", kind, Origin.PERSON, BEGAN + timedelta(seconds=at_s))


def heard(kind: InstructionKind, pressed_s: float = 300.0) -> tuple[Pipeline, list[RoastEvent]]:
    """Five quiet minutes, a button, and faint cracks 20 s later."""
    pipeline = Pipeline("kitchen", PopsModel(), RATE, started_at=BEGAN)
    events = []
    for tenth in range(1, 4000):
        if tenth == pressed_s * 10:
            events += instruct(pipeline, asked(kind, pressed_s))
        pops = [at for at in CRACKS_S if (tenth - 1) / 10 <= at < tenth / 10]
        score = CrackScore(
            tenth * RATE // 10,
            0.0,
            0.1,
            "pops",
            tuple(Pop(round(at * RATE), FAINT) for at in pops),
        )
        events += pipeline.decide([score]).events
    return pipeline, events


def test_noise_before_a_late_start_is_remembered() -> None:
    pipeline, events = heard(InstructionKind.UNDER_WAY)
    reported = next(e for e in events if e.level is Level.FIRST_CRACK)
    assert reported.roast_id == pipeline.roast.roast_id is not None
    assert (reported.decided_at - BEGAN).total_seconds() < 355
    _, events = heard(InstructionKind.START)
    assert not [
        e for e in events if e.kind is EventKind.FIRST_CRACK and e.level is not Level.POSSIBLE
    ]


def test_the_question_becomes_first_crack_of_a_roast_under_way() -> None:
    pipeline, events = heard(InstructionKind.UNDER_WAY, pressed_s=360)
    question, reported = (e for e in events if e.kind is EventKind.FIRST_CRACK)
    assert (question.level, question.roast_id) == (Level.POSSIBLE, None)
    assert (reported.level, reported.roast_id) == (Level.CERTAIN, pipeline.roast.roast_id)
    assert reported.happened_at == question.happened_at
    assert reported.decided_at == question.decided_at
    assert pipeline.roast.first_crack == reported
    now = BEGAN + timedelta(seconds=390)
    assert pipeline.roast.development_s(now) == (now - reported.happened_at).total_seconds()


@pytest.mark.parametrize(("denied", "pressed_s"), [(True, 400), (False, 700)])
def test_a_denied_or_old_question_is_no_first_crack(denied: bool, pressed_s: float) -> None:
    pipeline, _ = heard(InstructionKind.NOTE)
    if denied:
        instruct(pipeline, asked(InstructionKind.NOT_A_CRACK, 400))
    assert instruct(pipeline, asked(InstructionKind.UNDER_WAY, pressed_s)) == []
    assert pipeline.roast.active
    assert pipeline.roast.first_crack is None


def test_a_roast_under_way_has_no_known_charge() -> None:
    pipeline, events = heard(InstructionKind.UNDER_WAY)
    assert not [event for event in events if event.kind is EventKind.CHARGE]
    now = BEGAN + timedelta(seconds=400)
    assert pipeline.roast.active
    assert pipeline.roast.prior_llr(now) == 0
    assert pipeline.roast.development_ratio_percent(now) is None


def test_a_roast_in_progress_is_not_started_again() -> None:
    pipeline, _ = heard(InstructionKind.START)
    before = pipeline.roast.roast_id, pipeline.onset.statistic
    assert instruct(pipeline, asked(InstructionKind.UNDER_WAY, 400)) == []
    assert (pipeline.roast.roast_id, pipeline.onset.statistic) == before
    assert pipeline.roast.start_known


def test_a_confirmation_applies_to_the_crack_it_names() -> None:
    pipeline, events = heard(InstructionKind.UNDER_WAY)
    crack = next(e for e in events if e.level is Level.POSSIBLE)
    said = asked(InstructionKind.CONFIRM_CRACK, 399)
    assert instruct(pipeline, replace(said, value="another")) == []
    pipeline.roast.first_crack = crack  # as it stood before it grew
    (grown,) = instruct(pipeline, replace(said, value=crack.event_id))
    assert replace(grown, level=crack.level, confidence=crack.confidence) == crack
    assert grown.level is Level.CERTAIN
    assert instruct(pipeline, said) == []
    instruct(pipeline, asked(InstructionKind.STOP, 399))
    assert instruct(pipeline, said) == []
    assert not pipeline.roast.active


@pytest.mark.parametrize(
    ("origin", "pressed_s", "begins"),
    [
        (Origin.TEMPERATURE, 60.0, False),  # the probe saw the same charge first
        (Origin.TEMPERATURE, 120.0, True),
        (Origin.PERSON, 2.0, False),  # pressed twice
        (Origin.PERSON, 10.0, True),
    ],
)
def test_start_after_the_same_charge_begins_no_ghost(
    origin: Origin, pressed_s: float, begins: bool
) -> None:
    pipeline = Pipeline("kitchen", PopsModel(), RATE, started_at=BEGAN)
    charge(pipeline, BEGAN + timedelta(seconds=100.0), origin)
    first = pipeline.roast.roast_id
    events = instruct(pipeline, asked(InstructionKind.START, 100.0 + pressed_s))
    assert [event.kind for event in events] == ([EventKind.CHARGE] if begins else [])
    assert (pipeline.roast.roast_id != first) is begins
