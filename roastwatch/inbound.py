"""Validates all input from outside: bytes become checked values, or a BadInputError.

HTTP bodies, MQTT messages, Home Assistant events and the lines of the guardian all pass through
here. Pure, and bounded in time and memory: size, depth, numbers and text are checked before use.
`Mishaps` contains what still fails with one message, so that its reader goes on.
"""

import contextlib
import json
import logging
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from roastwatch.errors import BadInputError, LostError
from roastwatch.printing.printable import UNFIT, printable

_LARGEST_NUMBER = 2**53
"""Beyond this, JSON numbers are not exact."""
_LOGGED_FIRST, _LOGGED_EACH = 10, 1000
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_NEVER_TEXT = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class InboundLimits:
    """How large a message may be."""

    size: int = 64 * 1024
    """Bytes."""
    depth: int = 16
    """Levels of nested objects and lists."""
    whole_text: bool = True
    """Whether NUL and lone surrogates are refused in every text."""


MESSAGE = InboundLimits()


def json_value(raw: bytes | str, what: str, limits: InboundLimits = MESSAGE) -> Any:
    """The JSON value in a message; `what` is the subject of the sentence if it is refused.

    Raises:
        BadInputError: it is too large or too deep, not UTF-8, not JSON, repeats a key, or contains
            a number beyond ±2**53 or invalid text.
    """
    text = utf8(raw, what, limits.size) if isinstance(raw, bytes) else raw
    if len(text) > limits.size:
        raise BadInputError(f"{what} has more than {limits.size} bytes.")
    _check_depth(text, what, limits.depth)
    try:
        found = json.loads(
            text,
            parse_int=_whole_number,
            parse_float=_finite_number,
            parse_constant=_no_constant,
            object_pairs_hook=_without_doubles,
        )
    except json.JSONDecodeError as error:
        raise BadInputError(
            f"{what} is not JSON (line {error.lineno}, column {error.colno})."
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{what} is refused: {error}.") from error
    return checked(found, what, limits)


def json_object(raw: bytes | str, what: str, limits: InboundLimits = MESSAGE) -> dict[str, Any]:
    """The JSON object in a message.

    Raises:
        BadInputError: as `json_value`, or it is not an object.
    """
    found = json_value(raw, what, limits)
    if not isinstance(found, dict):
        raise BadInputError(f"{what} must be a JSON object.")
    return found


def checked(value: Any, what: str, limits: InboundLimits = MESSAGE) -> Any:
    """Check a value that a library has already decoded against the same limits, except size.

    Raises:
        BadInputError: it is too deep, or contains an invalid number or text.
    """
    waiting = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, dict | list | tuple):
            if depth > limits.depth:
                raise BadInputError(f"{what} is nested more than {limits.depth} deep.")
            if isinstance(one, dict):
                waiting += [(key, depth) for key in one]
                waiting += [(item, depth + 1) for item in one.values()]
            else:
                waiting += [(item, depth + 1) for item in one]
        elif isinstance(one, str):
            if limits.whole_text and _NEVER_TEXT.search(one):
                raise BadInputError(f"{what} contains text with a NUL or half a character.")
        elif isinstance(one, int | float) and not abs(one) <= _LARGEST_NUMBER:
            raise BadInputError(f"{what} contains a number that is too large.")
    return value


def utf8(raw: bytes, what: str, longest: int = MESSAGE.size) -> str:
    """The text in a message.

    Raises:
        BadInputError: it is longer than `longest` bytes, or not UTF-8.
    """
    if len(raw) > longest:
        raise BadInputError(f"{what} must have at most {longest} bytes, but has {len(raw)}.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{what} must be UTF-8 text.") from error


def text(value: object, what: str, longest: int = 255, shortest: int = 0) -> str:
    """One line of text, safe to show and to store.

    Raises:
        BadInputError: it is not text, too short, too long, or contains a control character.
    """
    if not isinstance(value, str):
        raise BadInputError(f"{what} must be text.")
    if not shortest <= len(value) <= longest:
        raise BadInputError(
            f"{what} must have {shortest} to {longest} characters, but has {len(value)}."
        )
    if UNFIT.search(value):
        raise BadInputError(f"{what} must be one line of text without control characters.")
    return value


def number(value: object, what: str, lowest: float, highest: float) -> float:
    """A number within bounds, both included.

    Raises:
        BadInputError: it is not a number, or out of bounds.
    """
    fits = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and lowest <= value <= highest  # NaN is not
    )
    if not fits:
        raise BadInputError(f"{what} must be a number from {lowest:g} to {highest:g}.")
    return float(value)  # type: ignore[arg-type]


def one_of(value: object, what: str, known: Sequence[str]) -> str:
    """One of a list of known words.

    Raises:
        BadInputError: it is not in the list.
    """
    if not isinstance(value, str) or value not in known:
        raise BadInputError(f"{what} must be one of {', '.join(known)}.")
    return value


class Mishaps:
    """Contains failures of single messages: catches and counts them, and logs some.

    A `LostError` concerns the connection and not the message: it is raised on.
    """

    def __init__(
        self,
        log: logging.Logger,
        count: Callable[[str], None],
        counter: str = "messages_refused",
        let_through: tuple[type[Exception], ...] = (),
    ) -> None:
        self._log = log
        self._count = count
        self._counter = counter
        self._let_through: tuple[type[Exception], ...] = (LostError, *let_through)
        self._seen = 0

    @contextlib.contextmanager
    def contained(self, what: str) -> Iterator[None]:
        """Process one message; an exception ends only this block."""
        try:
            yield
        except self._let_through:
            raise
        except BadInputError as error:
            self._note("%s was refused: %s", what, error)
        except Exception as error:  # noqa: BLE001 - a defect here must not end the component
            self._note("%s could not be processed (%s)", what, type(error).__name__, error)

    def _note(self, sentence: str, what: str, said: object, trace: Exception | None = None) -> None:
        self._count(self._counter)
        self._seen += 1
        if self._seen <= _LOGGED_FIRST or self._seen % _LOGGED_EACH == 0:
            shown = printable(str(said), 300)
            self._log.warning(sentence + " (%d so far)", what, shown, self._seen, exc_info=trace)


def _check_depth(text: str, what: str, deepest: int) -> None:
    """Refuse deep nesting before parsing, because a recursive parser runs out of stack.

    An unterminated string counts to the end of the text, so that each character is read once.
    """
    depth = 0
    for match in _TOKEN.finditer(text):
        sign = match.group()
        if sign in "[{":
            depth += 1
            if depth > deepest:
                raise BadInputError(f"{what} is nested more than {deepest} deep.")
        elif sign in "]}":
            depth -= 1


def _whole_number(literal: str) -> int:
    if len(literal) > 17:
        raise ValueError(f"the number {literal[:12]}… is too large")
    return int(literal)


def _finite_number(literal: str) -> float:
    value = float(literal)
    if not math.isfinite(value):
        raise ValueError(f"the number {literal[:12]} is too large")
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found
