"""Input from outside: any bytes give a checked value or a BadInputError."""

import json
import logging
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roastwatch import inbound
from roastwatch.errors import BadInputError, LostError
from roastwatch.inbound import Mishaps
from roastwatch.printing.printable import printable, printable_lines, without_credentials

DEEP = 100_000


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"[" * 60_000, "nested more than 16"),
        (b'{"a":' * 10_000, "nested more than 16"),
        (b"[" * 100 + b"]" * 100, "nested more than 16"),
        (b" " * 70_000, "at most 65536 bytes"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 400 + b"}", "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too large"),
        (b'{"a": 1e300}', "too large"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "Infinity is not a number"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"\\udfff": 1}', "half a character"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"a": 1, "a": 2}', "key appears twice"),
        (b"\xff\xfe{\x00}\x00", "UTF-8"),
        (b"\xed\xa0\x80", "UTF-8"),
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"null", "JSON object"),
        (b"[1]", "JSON object"),
    ],
)
def test_an_invalid_message_is_refused_in_a_sentence(raw: bytes, said: str) -> None:
    with pytest.raises(BadInputError, match=said) as refused:
        inbound.json_object(raw, "The body")
    assert str(refused.value).startswith("The body")
    assert len(str(refused.value)) < 120


@pytest.mark.parametrize(
    "raw", [b'"' + b'\\"' * 32_000, b'[1,"' * 16_000, b'"' * 64_000, b"\\" * 64_000]
)
def test_parsing_time_is_linear_in_the_message_length(raw: bytes) -> None:
    began_s = time.process_time()
    with pytest.raises(BadInputError):
        inbound.json_object(raw, "The body")
    assert time.process_time() - began_s < 0.5


def test_brackets_in_a_string_do_not_count_as_depth() -> None:
    said = {"a": "[" * 1000 + '\\"{{', "b": [1, 2.5, True, None]}
    assert inbound.json_object(json.dumps(said).encode(), "The body") == said


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, categories=None))
    | st.just(10**400),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def is_fit(value: Any) -> bool:
    if isinstance(value, dict):
        return all(is_fit(key) and is_fit(item) for key, item in value.items())
    if isinstance(value, list):
        return all(is_fit(item) for item in value)
    if isinstance(value, str):
        value.encode("utf-8")
        return "\0" not in value
    if isinstance(value, float):
        return math.isfinite(float(value))
    return value is None or abs(value) <= 2**53


@given(ANYTHING)
def test_accepted_values_can_be_stored_sent_and_calculated_with(value: Any) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: inbound.json_value(json.dumps(value).encode(), "It"),
        lambda: inbound.checked(value, "It"),
    )
    for call in calls:
        try:
            assert is_fit(call())
        except BadInputError as error:
            assert str(error).startswith("It")  # noqa: PT017


@given(st.binary(max_size=300))
def test_any_bytes_give_a_value_or_a_sentence(raw: bytes) -> None:
    try:
        assert is_fit(inbound.json_value(raw, "It"))
    except BadInputError as error:
        assert str(error).startswith("It")  # noqa: PT017


def test_a_decoded_value_has_the_same_depth_limit() -> None:
    deep: Any = None
    for _ in range(DEEP):
        deep = [deep]
    with pytest.raises(BadInputError, match="nested"):
        inbound.checked(deep, "An event")
    while deep is not None:  # or its end takes the interpreter's stack with it
        deep = deep[0]


@pytest.mark.parametrize(
    "value", ["a\nb", "\x1b[2J", "\u202egnp", "\x9b0m", "a" * 256, 5, None, ""]
)
def test_text_must_be_one_printable_line(value: object) -> None:
    with pytest.raises(BadInputError, match=r"^note"):
        inbound.text(value, "note", 255, shortest=1)


def test_text_in_any_language_is_accepted() -> None:
    for said in ("Äthiopien, zweite Charge", "ばいせん", "👨‍👩‍👧 helped", "שלום"):
        assert inbound.text(said, "note") == said


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400, -0.1, 100.1, True, "5", None, []])
def test_a_number_must_be_within_its_bounds(value: object) -> None:
    with pytest.raises(BadInputError, match="percent must be a number from 0 to 100"):
        inbound.number(value, "percent", 0, 100)


def test_a_failed_message_is_counted_logged_and_contained(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[str] = []
    mishaps = Mishaps(logging.getLogger("roastwatch.test"), counted.append)
    for number in range(2000):
        with mishaps.contained("A message"):
            if number % 2:
                raise BadInputError("It says \x1b[2J nothing.")
            raise RecursionError
    assert len(counted) == 2000
    assert len(caplog.records) == 12
    assert "\x1b" not in caplog.text
    with pytest.raises(LostError), mishaps.contained("A message"):
        raise LostError("gone")


@given(st.text(st.characters(codec=None, categories=None)))
def test_printable_text_has_no_terminal_control(text: str) -> None:
    shown = printable(text)
    assert inbound.text(shown, "it", longest=10**6) == shown
    assert printable(shown) == shown
    shown.encode("utf-8")


def test_printable_shows_removed_characters_as_escapes() -> None:
    assert printable("a\x1b[31m\nb\x07\u202e\ud800") == "a\\x1b[31m\\nb\\x07\\u202e\\ud800"
    assert printable_lines("a\n\x1bb\r") == "a\n\\x1bb\\r"
    assert printable("x" * 50, 10) == "x" * 9 + "…"
    assert without_credentials("at mqtt://me:s3cret@host:1") == "at mqtt://***@host:1"
