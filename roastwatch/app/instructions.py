"""What a person says of a roast, as events. What concerns the roaster is not handled here."""

from datetime import datetime

from roastwatch.pipeline import Pipeline
from roastwatch.vocabulary import (
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    RoastEvent,
)


def instruct(pipeline: Pipeline, instruction: Instruction) -> list[RoastEvent]:
    """Do what a person asks; the events that follow at once."""
    at, origin = instruction.at, instruction.origin
    roast, onset = pipeline.roast, pipeline.onset
    sample = max(0, pipeline.clock.sample(at))
    match instruction.kind:
        case InstructionKind.START | InstructionKind.CHARGE:
            onset.arm(sample, charged=True)
            return roast.begin(at, origin, sample=sample)
        case InstructionKind.UNDER_WAY if not roast.active:
            return _under_way(pipeline, at, sample, origin)
        case InstructionKind.FIRST_CRACK_NOW:
            return _first_crack_now(pipeline, at, sample, origin)
        case InstructionKind.CONFIRM_CRACK if roast.active:
            crack = roast.first_crack
            if crack is not None and confirms(instruction, crack):
                return _confirmed(pipeline, crack)
        case InstructionKind.NOT_A_CRACK:
            pipeline.question.denied()
            onset.not_a_crack(sample)
            return roast.not_a_crack(at)
        case InstructionKind.DROP:
            return roast.drop(at, origin)
        case InstructionKind.STOP:
            onset.arm(sample)
            return roast.finish(at, origin)
        case InstructionKind.LISTEN_ON | InstructionKind.LISTEN_OFF:
            pipeline.listening = instruction.kind is InstructionKind.LISTEN_ON
        case InstructionKind.SENSITIVITY if isinstance(instruction.value, int | float):
            onset.sensitivity = min(1.0, max(0.0, float(instruction.value)))
        case _:
            pass
    return []


def confirms(instruction: Instruction, crack: RoastEvent) -> bool:
    """Whether a person says that this very first crack, told before, is one."""
    match instruction.kind:
        case InstructionKind.FIRST_CRACK_NOW:
            return True
        case InstructionKind.CONFIRM_CRACK:
            return instruction.value in (None, crack.event_id)
        case _:
            return False


def _first_crack_now(
    pipeline: Pipeline, at: datetime, sample: int, origin: Origin
) -> list[RoastEvent]:
    """What was told is confirmed, and keeps its date; otherwise first crack begins now."""
    roast = pipeline.roast
    crack = roast.first_crack
    if roast.active and crack is not None and crack.level is not Level.POSSIBLE:
        return _confirmed(pipeline, crack)
    began = [] if roast.active else roast.begin(at, origin, start_known=False)
    return began + roast.crack(
        EventKind.FIRST_CRACK,
        Level.CERTAIN,
        at,
        at,
        origin=origin,
        confidence=1.0,
        happened_sample=sample,
        decided_sample=sample,
    )


def _confirmed(pipeline: Pipeline, crack: RoastEvent) -> list[RoastEvent]:
    """A person hears it, too; when it was known is when it was told."""
    return pipeline.roast.crack(
        EventKind.FIRST_CRACK,
        Level.CERTAIN,
        crack.happened_at,
        crack.decided_at,
        origin=crack.origin,
        confidence=1.0,
        happened_sample=crack.happened_sample,
        decided_sample=crack.decided_sample,
    )


def _under_way(pipeline: Pipeline, at: datetime, sample: int, origin: Origin) -> list[RoastEvent]:
    """A roast is begun late: what was heard is its noise, what was asked is its first crack."""
    pipeline.onset.arm(sample, same_noise=True)
    asked = pipeline.question.answered(sample)
    if asked is None:
        return pipeline.roast.begin(at, origin, start_known=False)
    happened_at = pipeline.clock.at(asked.happened_sample)
    events = pipeline.roast.begin(happened_at, origin, start_known=False)
    return events + pipeline.roast.crack(
        EventKind.FIRST_CRACK,
        Level.CERTAIN,
        happened_at,
        pipeline.clock.at(asked.decided_sample),
        confidence=asked.confidence,
        happened_sample=asked.happened_sample,
        decided_sample=asked.decided_sample,
    )
