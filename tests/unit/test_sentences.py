"""The program's sentences in German, and in °F."""

import ast
from pathlib import Path

import pytest

import roastwatch
from roastwatch.printing.german import SENTENCES
from roastwatch.printing.sentences import for_people

INTERLOCKS = Path(roastwatch.__file__).parent / "roaster" / "guardian" / "interlocks"


def _texts(node: ast.expr) -> list[str]:
    """What an expression may say, with 7 for each value in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        parts = [v.value if isinstance(v, ast.Constant) else "7" for v in node.values]
        return ["".join(map(str, parts))]
    if isinstance(node, ast.IfExp):
        return _texts(node.body) + _texts(node.orelse)
    if isinstance(node, ast.BoolOp):
        return [text for one in node.values for text in _texts(one)]
    return []


def _of_interlocks() -> list[str]:
    calls = [
        node
        for path in INTERLOCKS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    bounds = [one.args[1] for one in calls if one.func.id == "Bound"]  # type: ignore[attr-defined]
    return [text for bound in bounds for text in _texts(bound)]


def test_every_sentence_of_an_interlock_is_translated() -> None:
    named = {"The 7 by 7 °C/min": "The beans rise by 7 °C/min", "The 7 is at": "The drum is at"}
    named |= {"7 has lasted": "The roast has lasted"}
    texts = []
    for text in _of_interlocks():
        for hole, name in named.items():
            text = text.replace(hole, name)
        texts.append(text.replace("7 while 7.", "The drum must turn while heat is on."))
    texts = [text.replace("7 until", "The drum must turn until") for text in texts]
    assert len(texts) > 25
    assert not [text for text in texts if for_people(text, "de") == text]


def test_every_hole_is_filled_in_german_too() -> None:
    for english, german in SENTENCES.items():
        holes = german.count("{}") or sum(f"{{{number}}}" in german for number in range(9))
        assert holes <= english.count("{}"), english
        assert not english.endswith("{}") or german.endswith("}"), english


@pytest.mark.parametrize(
    ("english", "german", "fahrenheit"),
    [
        (
            "The beans are at 232 °C; 230 °C is the limit.",
            "Die Bohnen haben 232 °C; die Grenze ist 230 °C.",
            "The beans are at 450 °F; 446 °F is the limit.",
        ),
        (
            "The beans rise by 50 °C/min; 40 is the limit.",
            "Die Bohnen steigen um 50 °C/min; die Grenze ist 40.",
            "The beans rise by 90 °F/min; 72 is the limit.",
        ),
        (
            "The roaster got 15 °C hotter, to 120 °C, with heat off: pull the plug.",
            "Der Röster wurde bei ausgeschalteter Heizung um 15 °C heißer, auf 120 °C: "
            "Stecker ziehen.",
            "The roaster got 27 °F hotter, to 248 °F, with heat off: pull the plug.",
        ),
        (
            "Not armed: The door is open: close it first.",
            "Nicht scharfgeschaltet: Die Klappe ist offen: zuerst schließen.",
            "Not armed: The door is open: close it first.",
        ),
    ],
)
def test_sentences_in_german_and_fahrenheit(english: str, german: str, fahrenheit: str) -> None:
    assert for_people(english, "de") == german
    assert for_people(english, "en") == english
    assert for_people(english, "en", fahrenheit=True) == fahrenheit


def test_an_unknown_sentence_stays_as_it_is() -> None:
    assert for_people("The moon is blue.", "de") == "The moon is blue."
