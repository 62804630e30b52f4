"""Messages on `…/set/<key>` become an instruction or a command, or are refused with a reason.

Pure: whatever bytes come in, a wish or a BadInputError comes out.
"""

import math

from roastwatch import inbound
from roastwatch.entities import BY_KEY, Entity, Platform
from roastwatch.errors import BadInputError
from roastwatch.sinks.incoming import of_entity
from roastwatch.vocabulary import Command, Instruction

LONGEST_PAYLOAD = 1024
_SWITCH = {"ON": True, "OFF": False}
_VALVE = {"OPEN": True, "CLOSE": False}


def wish(
    station: str, key: str, payload: bytes, *, retained: bool = False
) -> Instruction | Command:
    """The instruction or command in a message.

    Raises:
        BadInputError: it asks for nothing that there is; the text says why.
    """
    entity = BY_KEY.get(key.replace("-", "_"))  # Artisan can't send `_`
    if entity is None or not (entity.asks or entity.actuator):
        raise BadInputError(f"Nothing named '{key[:40]}' can be set.")
    if retained:
        raise BadInputError(f"'{key}' was retained: a retained request would act at every start.")
    text = _text(key, payload)
    value = _value(entity, text if entity.platform is Platform.TEXT else _unquoted(text))
    return of_entity(station, entity, value, by="mqtt")


def _text(key: str, payload: bytes) -> str:
    return inbound.utf8(payload, f"'{key}'", LONGEST_PAYLOAD).strip()


def _unquoted(text: str) -> str:
    """Artisan sends words as JSON, in quotes."""
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1] if quoted else text


def _value(entity: Entity, text: str) -> float | bool | str:
    shown = f"not '{text[:40]}'"
    match entity.platform:
        case Platform.BUTTON:
            if text.upper() != "PRESS":
                raise BadInputError(f"'{entity.key}' takes PRESS, {shown}.")
            return True
        case Platform.SWITCH | Platform.VALVE:
            words = _SWITCH if entity.platform is Platform.SWITCH else _VALVE
            if text.upper() not in words:
                raise BadInputError(f"'{entity.key}' takes {' or '.join(words)}, {shown}.")
            return words[text.upper()]
        case Platform.NUMBER:
            limits = f"a number from {entity.minimum:g} to {entity.maximum:g}"
            try:
                number = float(text)
            except ValueError:
                number = math.nan
            if not entity.minimum <= number <= entity.maximum:
                raise BadInputError(f"'{entity.key}' takes {limits}, {shown}.")
            return number
        case _:
            longest, shortest = int(entity.maximum), int(entity.minimum)
            return inbound.text(text, f"'{entity.key}'", longest, shortest)
