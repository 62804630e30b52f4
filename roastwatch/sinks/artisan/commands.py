"""A message of Artisan becomes a request for values, an instruction or a command.

Artisan replaces every `_` of a command by the answer to its last request (and `$` by the state of a
button), so its commands are written with `-`: `emergency-stop`.

Pure: whatever text comes in, a request or a BadInputError comes out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from roastwatch import inbound
from roastwatch.errors import BadInputError
from roastwatch.sinks import incoming
from roastwatch.vocabulary import Command, Instruction

LIMITS = inbound.InboundLimits(size=2048, depth=4)
GET_DATA = "getData"
SET = "set"
_LARGEST_ID = 10**9
_LONGEST_MESSAGE = 150
"""Letters of a sentence in an answer: Artisan evaluates at most 300 of a command with it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One message of Artisan."""

    number: int | None
    """Its id, which the answer repeats; None: no answer is expected."""
    wish: Instruction | Command | None
    """None: the values of the channels."""


def number_of(message: Mapping[str, Any]) -> int | None:
    """The id of a message; None if it has none, or one that Artisan does not send."""
    number = message.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return number if 0 <= number <= _LARGEST_ID else None


def request(station: str, message: Mapping[str, Any]) -> Request:
    """What a message asks for.

    Raises:
        BadInputError: it is not a command that there is; the text says why.
    """
    number = number_of(message)
    word = inbound.text(message.get("command"), "command", 40, shortest=1)
    if word == GET_DATA:
        return Request(number, None)
    params = message.get("params", {})
    if not isinstance(params, dict):
        raise BadInputError("params must be a JSON object.")
    if word == SET:
        if len(params) != 1:
            raise BadInputError('set takes one value, such as {"heater": 40}.')
        ((actuator, percent),) = params.items()
        wished = {"actuator": actuator, "percent": percent}
        return Request(number, incoming.command(station, wished))
    wished = {"kind": word.replace("-", "_"), "value": params.get("value")}
    return Request(number, incoming.instruction(station, wished, by="artisan"))


def answer(number: int, ok: bool, sentence: str) -> dict[str, Any]:
    """The answer to a command. Artisan can show its `message`."""
    shown = sentence if len(sentence) <= _LONGEST_MESSAGE else sentence[:_LONGEST_MESSAGE] + "…"
    return {"id": number, "data": {"ok": ok, "message": shown}}
