"""Requests of people through MQTT, HTTP or Home Assistant's bus, checked field by field.

Pure: a decoded message becomes an instruction or a command, or a BadInputError that says why not.
(For the topics and texts of MQTT see mqtt/commands.py.)
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from roastwatch import inbound
from roastwatch.entities import Entity, Platform
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
_WITH_VALUE = (Platform.NUMBER, Platform.TEXT, Platform.SELECT)


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


def of_entity(
    station: str,
    entity: Entity,
    value: float | bool | str,
    by: str = "",
    origin: Origin = Origin.PERSON,
) -> Instruction | Command:
    """What setting an entity to a value requests; of a button the value does not matter."""
    if entity.actuator is not None:
        percent = float(value) if entity.platform is Platform.NUMBER else 100.0 * bool(value)
        return Command.new(station, entity.actuator, percent, origin, by=by)
    kind = entity.asks[1] if value is False and len(entity.asks) == 2 else entity.asks[0]
    given = value if entity.platform in _WITH_VALUE else None
    if kind is InstructionKind.SENSITIVITY and isinstance(given, float):
        given /= 100.0
    return Instruction(station, kind, origin, datetime.now(UTC), given, by=by)


def value_of(entity: Entity, value: object) -> float | bool | str:
    """The value in a JSON message that sets an entity; for a button it may be anything.

    Raises:
        BadInputError: it is not one that the entity takes.
    """
    match entity.platform:
        case Platform.BUTTON:
            return True
        case Platform.SWITCH | Platform.VALVE:
            if not isinstance(value, bool):
                raise BadInputError("value must be true or false.")
            return value
        case Platform.NUMBER:
            return float(inbound.number(value, "value", entity.minimum, entity.maximum))
        case _:
            return inbound.text(value, "value", int(entity.maximum), int(entity.minimum))


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
