"""Requests of people through HTTP or Home Assistant's bus, checked field by field.

Pure: a decoded message becomes an instruction or a command, or a BadInputError that says why not.
(For MQTT, which uses topics, see mqtt/commands.py.)
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from roastwatch import inbound
from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Actuator, Command, Instruction, InstructionKind, Origin

_LONGEST_ARM_S = 86_400.0
_WORD = (
    InstructionKind.CONFIRM_CRACK,
    InstructionKind.NOT_A_CRACK,
    InstructionKind.UNDER_WAY,
    InstructionKind.ACKNOWLEDGE,
)
"""They may name the event that is meant."""


def instruction(
    station: str, asked: Mapping[str, Any], by: str, origin: Origin = Origin.PERSON
) -> Instruction:
    """The instruction in a message, of a person or an agent.

    Raises:
        BadInputError: a field is missing, unknown or not what it should be.
    """
    known = [kind.value for kind in InstructionKind]
    kind = InstructionKind(inbound.one_of(asked.get("kind"), "kind", known))
    value = _value(kind, asked.get("value"))
    return Instruction(station, kind, origin, datetime.now(UTC), value, by=by)


def of_person(
    station: str, kind: InstructionKind, value: float | str | None = None, *, by: str
) -> Instruction:
    """What a person requests now; `by` is the person or the device, where known."""
    return Instruction(station, kind, Origin.PERSON, datetime.now(UTC), value, by=by)


def command(
    station: str, asked: Mapping[str, Any], by: str = "", origin: Origin = Origin.PERSON
) -> Command:
    """The command in a message, of a person or an agent.

    Raises:
        BadInputError: a field is missing, unknown or not what it should be.
    """
    percent = inbound.number(asked.get("percent"), "percent", 0, 100)
    known = [actuator.value for actuator in Actuator]
    actuator = Actuator(inbound.one_of(asked.get("actuator"), "actuator", known))
    return Command.new(station, actuator, percent, origin, by=by)


def _value(kind: InstructionKind, value: object) -> float | str | None:
    match kind:
        case InstructionKind.SENSITIVITY:
            return inbound.number(value, "value", 0, 1)
        case InstructionKind.NOTE | InstructionKind.DETECTOR | InstructionKind.PROFILE:
            return inbound.text(value, "value", 255, shortest=1)
        case InstructionKind.EMERGENCY_STOP | InstructionKind.DISARM | InstructionKind.STOP:
            return None  # what makes safe is never refused for a superfluous value
    if value is None or value == "":
        return None
    if kind is InstructionKind.ARM:
        return inbound.number(value, "value (seconds)", 0, _LONGEST_ARM_S)
    if kind in _WORD:
        return inbound.text(value, "value", 100)
    raise BadInputError(f"{kind.value} takes no value.")
