"""What an agent may request of a station: the one place to look.

An agent is a program that acts by its own judgement. It may look, mark, lower heat, and always
stop; it is never somebody who is there. So it can't arm, confirm presence or change a setting. The
guardian judges its commands with the origin `agent`: it refuses more heat, and the drop, unless the
station's `roaster_limits` allow them.
"""

from dataclasses import dataclass

from roastwatch.vocabulary import Actuator, Command, InstructionKind

_BEGINS = (InstructionKind.START, InstructionKind.CHARGE, InstructionKind.UNDER_WAY)
_MARKS = (
    InstructionKind.FIRST_CRACK_NOW,
    InstructionKind.CONFIRM_CRACK,
    InstructionKind.NOT_A_CRACK,
    InstructionKind.NOTE,
)
_PERSON = {
    InstructionKind.ARM: "An agent can't arm the roaster: only a person who is there may.",
    InstructionKind.PRESENT: "An agent can't confirm that a person is there.",
    InstructionKind.ACKNOWLEDGE: "An agent can't acknowledge alerts: they are for people.",
}
UNARMED = "The roaster is not armed, and an agent can't arm it: a person must."


@dataclass(frozen=True, slots=True)
class AgentSituation:
    """What decides about an agent's request at one moment."""

    roasting: bool
    drives: bool = False
    """Whether the station has a roaster that can be driven."""
    armed: bool = False
    follows_plan: bool = False
    may_raise: bool = False
    """`agent_raise` of the station's `roaster_limits`."""
    may_drop: bool = False
    """`agent_drop` of them."""


def refused_instruction(kind: InstructionKind, now: AgentSituation) -> str | None:
    """Why an agent may not give an instruction now, as a sentence; None: it may."""
    if kind is InstructionKind.EMERGENCY_STOP or kind in _MARKS:
        return None
    if kind in _BEGINS:
        if now.roasting:
            return "A roast is in progress: an agent can't begin another one."
        if now.follows_plan and now.armed and not now.may_raise:
            return (
                "This would begin a plan, which raises heat: a person must start the roast "
                "(setting agent_raise)."
            )
        return None
    if kind is InstructionKind.DROP:
        if not now.drives:
            return None  # only a mark
        if not now.may_drop:
            return "An agent may not drop the beans: press drop yourself (setting agent_drop)."
        return None if now.armed else UNARMED
    return _PERSON.get(kind, f"An agent may not do this: {kind.value} is for people.")


def refused_command(command: Command, now: AgentSituation) -> str | None:
    """Why an agent may not set an actuator now, as a sentence; None: the guardian judges it."""
    heat_off = command.actuator is Actuator.HEATER and command.target == 0
    if now.drives and not now.armed and not heat_off:
        return UNARMED
    return None
