"""Every kind of instruction and what it does: `EFFECTS` is the one place to look, and to add one.

A new kind is one entry here with its handlers, its name in `vocabulary.InstructionKind`, and a row
in `entities/` where people should have a button for it.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Protocol

from roastwatch.pipeline import Pipeline
from roastwatch.roast.roast import Roast
from roastwatch.vocabulary import (
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    RoastEvent,
)


class SelectionTarget(Protocol):
    """What a person selects between roasts."""

    async def choose(self, kind: InstructionKind, value: object) -> None:
        """Select the detector or profile of this name, or show why not."""
        ...


class RoasterTarget(Protocol):
    """A connected roaster. Each method reports by itself what was refused."""

    async def arm(self, for_s: float | None) -> None:
        """Allow heat for this many seconds; None: for the usual time."""
        ...

    async def disarm(self) -> None:
        """Allow no more heat."""
        ...

    async def emergency_stop(self, by: str) -> None:
        """Heat off now, and no heat before somebody arms again."""
        ...

    async def present(self) -> None:
        """Somebody is with the roaster."""
        ...

    async def charge(self) -> None:
        """The beans are in."""
        ...

    async def stop_roast(self) -> None:
        """End the plan and make the roaster safe."""
        ...

    async def drop(self, origin: Origin) -> None:
        """Heat off, and the door open where it can be set."""
        ...


class LogTarget(Protocol):
    """What people add to the logged roast of a station."""

    def label(self, event_id: str, label: str, by: str) -> None:
        """Say what an event was."""
        ...

    def note(self, text: str) -> None:
        """Add a remark at the present time; ignored while no roast is logged."""
        ...


class Unconnected(Enum):
    """What becomes of an instruction while the roaster's guardian is not connected."""

    IGNORED = auto()
    """The roast follows it; the roaster has no part in it."""
    REFUSED = auto()
    """It concerns the roaster alone, so the person is notified that nothing happened."""
    DELIVERED = auto()
    """It is brought to whichever guardian holds the roaster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What one kind of instruction does. The service applies the fields from top to bottom.

    The roaster comes before the log and the roast: nothing that fails in these may keep an
    emergency stop from it.
    """

    acknowledges: bool = False
    """Alerts are not repeated."""
    selection: Callable[[SelectionTarget, Instruction], Coroutine[Any, Any, None]] | None = None
    """Where this is set, nothing else of the instruction is applied."""
    begins: bool = False
    """It begins a roast: held back while the roaster's door is open."""
    roaster: Callable[[RoasterTarget, Instruction], Coroutine[Any, Any, None]] | None = None
    unconnected: Unconnected = Unconnected.IGNORED
    only_idle: bool = False
    """During a roast the roaster has no part in it."""
    log: Callable[[LogTarget, Roast, Instruction], None] | None = None
    roast: Callable[[Pipeline, Instruction], list[RoastEvent]] | None = None
    """Gives the events that follow at once."""
    confirms: Callable[[Instruction, RoastEvent], bool] = lambda _instruction, _crack: False
    """Whether a person says with it that this first crack, reported before, is one."""


def instruct(pipeline: Pipeline, instruction: Instruction) -> list[RoastEvent]:
    """Apply an instruction to the roast; the events that follow at once."""
    apply = EFFECTS[instruction.kind].roast
    return apply(pipeline, instruction) if apply is not None else []


def confirms(instruction: Instruction, crack: RoastEvent) -> bool:
    """Whether a person says that this very first crack, reported before, is one."""
    return EFFECTS[instruction.kind].confirms(instruction, crack)


# The roaster


async def _arm(roaster: RoasterTarget, instruction: Instruction) -> None:
    for_s = instruction.value if isinstance(instruction.value, int | float) else None
    await roaster.arm(float(for_s) if for_s else None)


async def _disarm(roaster: RoasterTarget, _instruction: Instruction) -> None:
    await roaster.disarm()


async def _emergency_stop(roaster: RoasterTarget, instruction: Instruction) -> None:
    await roaster.emergency_stop(instruction.by)


async def _present(roaster: RoasterTarget, _instruction: Instruction) -> None:
    await roaster.present()


async def _charge_roaster(roaster: RoasterTarget, _instruction: Instruction) -> None:
    await roaster.charge()


async def _stop_roaster(roaster: RoasterTarget, _instruction: Instruction) -> None:
    await roaster.stop_roast()


async def _drop_beans(roaster: RoasterTarget, instruction: Instruction) -> None:
    if instruction.origin in (Origin.PERSON, Origin.AGENT):
        await roaster.drop(instruction.origin)


# The log


def _by_ear(instruction: Instruction) -> bool:
    """Whether somebody heard it: `learn` takes labels for the truth, and an agent hears nothing."""
    return instruction.origin is not Origin.AGENT


def _label_crack(notes: LogTarget, roast: Roast, instruction: Instruction) -> None:
    crack = roast.first_crack
    if crack is not None and _by_ear(instruction) and confirms(instruction, crack):
        notes.label(crack.event_id, "crack", instruction.by)


def _label_crack_of_roast(notes: LogTarget, roast: Roast, instruction: Instruction) -> None:
    if roast.active:
        _label_crack(notes, roast, instruction)


def _label_no_crack(notes: LogTarget, roast: Roast, instruction: Instruction) -> None:
    if roast.first_crack is not None and _by_ear(instruction):
        notes.label(roast.first_crack.event_id, "not_a_crack", instruction.by)


def _note(notes: LogTarget, _roast: Roast, instruction: Instruction) -> None:
    if instruction.value:
        notes.note(str(instruction.value))


# The roast


def charge(pipeline: Pipeline, at: datetime, origin: Origin) -> list[RoastEvent]:
    """The beans went in at a time: a roast begins then."""
    sample = _sample(pipeline, at)
    pipeline.onset.arm(sample, charged=True)
    return pipeline.roast.begin(at, origin, sample=sample)


_SAME_CHARGE_S = {Origin.TEMPERATURE: 90.0, Origin.PERSON: 3.0}
"""A person who starts the roast this soon after it began means the same charge: the probe saw it
first, or the button was pressed twice. A second roast would leave a ghost of some seconds."""


def _is_charged_already(roast: Roast, instruction: Instruction) -> bool:
    last = roast.last_event
    if not roast.active or last is None or last.kind is not EventKind.CHARGE:
        return False
    if instruction.origin is not Origin.PERSON or last.roast_id != roast.roast_id:
        return False
    since_s = (instruction.at - last.happened_at).total_seconds()
    return 0.0 <= since_s <= _SAME_CHARGE_S.get(last.origin, 0.0)


def _sample(pipeline: Pipeline, at: datetime) -> int:
    return max(0, pipeline.clock.sample(at))


def _charge(pipeline: Pipeline, instruction: Instruction) -> list[RoastEvent]:
    if _is_charged_already(pipeline.roast, instruction):
        return []
    return charge(pipeline, instruction.at, instruction.origin)


def _under_way(pipeline: Pipeline, instruction: Instruction) -> list[RoastEvent]:
    """Begin a roast late: earlier sound is its noise, and the question is its first crack."""
    if pipeline.roast.active:
        return []
    sample = _sample(pipeline, instruction.at)
    pipeline.onset.arm(sample, same_noise=True)
    prompt = pipeline.question.answered(sample)
    if prompt is None:
        return pipeline.roast.begin(instruction.at, instruction.origin, start_known=False)
    happened_at = pipeline.clock.at(prompt.happened_sample)
    events = pipeline.roast.begin(happened_at, instruction.origin, start_known=False)
    return events + pipeline.roast.crack(
        EventKind.FIRST_CRACK,
        Level.CERTAIN,
        happened_at,
        pipeline.clock.at(prompt.decided_sample),
        confidence=prompt.confidence,
        happened_sample=prompt.happened_sample,
        decided_sample=prompt.decided_sample,
    )


def _first_crack_now(pipeline: Pipeline, instruction: Instruction) -> list[RoastEvent]:
    """A crack that was reported is confirmed and keeps its date; otherwise it begins now."""
    at, origin = instruction.at, instruction.origin
    sample = _sample(pipeline, at)
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


def _confirm_crack(pipeline: Pipeline, instruction: Instruction) -> list[RoastEvent]:
    crack = pipeline.roast.first_crack
    if not pipeline.roast.active or crack is None or not confirms(instruction, crack):
        return []
    return _confirmed(pipeline, crack)


def _confirmed(pipeline: Pipeline, crack: RoastEvent) -> list[RoastEvent]:
    """A person hears it, too: it was known when it was reported."""
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


def _not_a_crack(pipeline: Pipeline, instruction: Instruction) -> list[RoastEvent]:
    pipeline.question.denied()
    pipeline.onset.not_a_crack(_sample(pipeline, instruction.at))
    return pipeline.roast.not_a_crack(instruction.at, instruction.origin)


def _drop(pipeline: Pipeline, instruction: Instruction) -> list[RoastEvent]:
    return pipeline.roast.drop(instruction.at, instruction.origin)


def _stop(pipeline: Pipeline, instruction: Instruction) -> list[RoastEvent]:
    pipeline.onset.arm(_sample(pipeline, instruction.at))
    return pipeline.roast.finish(instruction.at, instruction.origin)


def _listen(pipeline: Pipeline, instruction: Instruction) -> list[RoastEvent]:
    pipeline.listening = instruction.kind is InstructionKind.LISTEN_ON
    return []


def _sensitivity(pipeline: Pipeline, instruction: Instruction) -> list[RoastEvent]:
    if isinstance(instruction.value, int | float):
        pipeline.onset.sensitivity = min(1.0, max(0.0, float(instruction.value)))
    return []


# The selection


async def _select(selection: SelectionTarget, instruction: Instruction) -> None:
    await selection.choose(instruction.kind, instruction.value)


_CHARGE = Effects(begins=True, roaster=_charge_roaster, roast=_charge)

EFFECTS: Mapping[InstructionKind, Effects] = {
    InstructionKind.START: _CHARGE,
    InstructionKind.CHARGE: _CHARGE,
    InstructionKind.UNDER_WAY: Effects(
        roaster=_charge_roaster,
        only_idle=True,  # the time of the roast runs already, and must not restart
        roast=_under_way,
    ),
    InstructionKind.FIRST_CRACK_NOW: Effects(
        log=_label_crack_of_roast,
        roast=_first_crack_now,
        confirms=lambda _instruction, _crack: True,
    ),
    InstructionKind.CONFIRM_CRACK: Effects(
        log=_label_crack,
        roast=_confirm_crack,
        confirms=lambda instruction, crack: instruction.value in (None, crack.event_id),
    ),
    InstructionKind.NOT_A_CRACK: Effects(log=_label_no_crack, roast=_not_a_crack),
    InstructionKind.DROP: Effects(roaster=_drop_beans, roast=_drop),
    InstructionKind.STOP: Effects(roaster=_stop_roaster, roast=_stop),
    InstructionKind.LISTEN_ON: Effects(roast=_listen),
    InstructionKind.LISTEN_OFF: Effects(roast=_listen),
    InstructionKind.SENSITIVITY: Effects(roast=_sensitivity),
    InstructionKind.NOTE: Effects(log=_note),
    InstructionKind.ACKNOWLEDGE: Effects(acknowledges=True, roaster=_present),
    InstructionKind.PRESENT: Effects(roaster=_present, unconnected=Unconnected.REFUSED),
    InstructionKind.ARM: Effects(roaster=_arm, unconnected=Unconnected.REFUSED),
    InstructionKind.DISARM: Effects(roaster=_disarm, unconnected=Unconnected.REFUSED),
    InstructionKind.EMERGENCY_STOP: Effects(
        roaster=_emergency_stop, unconnected=Unconnected.DELIVERED
    ),
    InstructionKind.DETECTOR: Effects(selection=_select),
    InstructionKind.PROFILE: Effects(selection=_select),
}
