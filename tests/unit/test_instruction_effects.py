"""The registry of instructions: every kind has an entry, applied in the declared order."""

import contextlib
import re
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from roastwatch.app.instructions import EFFECTS, Effects, Unconnected, confirms
from roastwatch.entities import ENTITIES
from roastwatch.errors import BadInputError
from roastwatch.roast.roast import Roast, RoastOptions
from roastwatch.sinks import incoming
from roastwatch.vocabulary import EventKind, Instruction, InstructionKind, Origin, RoastEvent
from tests.unit.test_station_readings import Moment, station_at

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOTHING = Effects()
VALUES = {
    InstructionKind.SENSITIVITY: 0.4,
    InstructionKind.NOTE: "smells of bread",
    InstructionKind.DETECTOR: "pops",
    InstructionKind.PROFILE: "light",
}


@pytest.mark.parametrize("kind", InstructionKind)
def test_every_kind_of_instruction_has_an_effect(kind: InstructionKind) -> None:
    assert kind in EFFECTS, f"{kind} is not in app/instructions.py: EFFECTS"
    assert EFFECTS[kind] != NOTHING


@pytest.mark.parametrize("kind", InstructionKind)
def test_every_kind_is_accepted_from_people(kind: InstructionKind) -> None:
    asked = {"kind": kind.value, "value": VALUES.get(kind)}
    assert incoming.instruction("kitchen", asked, by="test").kind is kind


@pytest.mark.parametrize("page", ["integrations/contract.md", "docs/reference/http-api.md"])
def test_every_kind_that_takes_a_value_is_on_the_page(page: str) -> None:
    text = (Path(__file__).parents[2] / page).read_text(encoding="utf-8")
    missing = {kind.value for kind in InstructionKind if takes_value(kind)} - set(
        re.findall(r"`(\w+)`", text)
    )
    assert missing == set()


def takes_value(kind: InstructionKind) -> bool:
    for value in (VALUES.get(kind), 1, "c1"):
        with contextlib.suppress(BadInputError):
            asked = {"kind": kind.value, "value": value}
            if incoming.instruction("kitchen", asked, by="test").value is not None:
                return True
    return False


def test_every_button_requests_a_registered_kind() -> None:
    assert {kind for entity in ENTITIES for kind in entity.asks} <= EFFECTS.keys()


def test_the_roaster_comes_before_log_and_roast() -> None:
    names = [field.name for field in fields(Effects)]
    order = [names.index(name) for name in ("selection", "begins", "roaster", "log", "roast")]
    assert order == sorted(order)


def test_an_emergency_stop_is_delivered_without_a_connection() -> None:
    reached = {kind for kind, effects in EFFECTS.items()
               if effects.unconnected is Unconnected.DELIVERED}  # fmt: skip
    assert reached == {InstructionKind.EMERGENCY_STOP}


def test_a_selection_has_no_other_effect() -> None:
    for effects in EFFECTS.values():
        if effects.selection is not None:
            assert effects == Effects(selection=effects.selection)


class Roaster:
    """Writes down what is requested of it."""

    def __init__(self) -> None:
        self.done: list[object] = []

    async def arm(self, for_s: float | None) -> None:
        self.done.append(("arm", for_s))

    async def disarm(self) -> None:
        self.done.append("disarm")

    async def emergency_stop(self, by: str) -> None:
        self.done.append(("emergency_stop", by))

    async def present(self) -> None:
        self.done.append("present")

    async def charge(self) -> None:
        self.done.append("charge")

    async def stop_roast(self) -> None:
        self.done.append("stop_roast")

    async def drop(self, origin: Origin) -> None:
        self.done.append("drop")


@pytest.mark.parametrize(
    ("kind", "origin", "value", "done"),
    [
        (InstructionKind.ARM, Origin.PERSON, 600, [("arm", 600.0)]),
        (InstructionKind.ARM, Origin.PERSON, None, [("arm", None)]),
        (InstructionKind.DISARM, Origin.PERSON, None, ["disarm"]),
        (InstructionKind.EMERGENCY_STOP, Origin.PERSON, None, [("emergency_stop", "Ada")]),
        (InstructionKind.PRESENT, Origin.PERSON, None, ["present"]),
        (InstructionKind.ACKNOWLEDGE, Origin.PERSON, None, ["present"]),
        (InstructionKind.START, Origin.PERSON, None, ["charge"]),
        (InstructionKind.CHARGE, Origin.PERSON, None, ["charge"]),
        (InstructionKind.UNDER_WAY, Origin.PERSON, None, ["charge"]),
        (InstructionKind.STOP, Origin.PERSON, None, ["stop_roast"]),
        (InstructionKind.DROP, Origin.PERSON, None, ["drop"]),
        (InstructionKind.DROP, Origin.TEMPERATURE, None, []),
    ],
)
async def test_what_an_instruction_does_at_the_roaster(
    kind: InstructionKind, origin: Origin, value: float | None, done: list[object]
) -> None:
    roaster, apply = Roaster(), EFFECTS[kind].roaster
    assert apply is not None
    await apply(roaster, Instruction("kitchen", kind, origin, NOW, value, by="Ada"))
    assert roaster.done == done


def test_kinds_without_an_effect_on_the_roaster() -> None:
    without = {kind.value for kind, effects in EFFECTS.items() if effects.roaster is None}
    assert without == {
        "first_crack_now", "confirm_crack", "not_a_crack", "listen_on", "listen_off",
        "sensitivity", "note", "detector", "profile",
    }  # fmt: skip


class Notes:
    """Writes down what is added to the log."""

    def __init__(self) -> None:
        self.added: list[tuple[str, str]] = []

    def label(self, event_id: str, label: str, by: str) -> None:
        self.added.append((event_id, label))

    def note(self, text: str) -> None:
        self.added.append(("", text))


@pytest.mark.parametrize(
    ("kind", "value", "added"),
    [
        (InstructionKind.FIRST_CRACK_NOW, None, [("c1", "crack")]),
        (InstructionKind.CONFIRM_CRACK, None, [("c1", "crack")]),
        (InstructionKind.CONFIRM_CRACK, "c1", [("c1", "crack")]),
        (InstructionKind.CONFIRM_CRACK, "another", []),
        (InstructionKind.NOT_A_CRACK, None, [("c1", "not_a_crack")]),
        (InstructionKind.NOTE, "smells of bread", [("", "smells of bread")]),
        (InstructionKind.NOTE, "", []),
    ],
)
def test_what_an_instruction_adds_to_the_log(
    kind: InstructionKind, value: str | None, added: list[tuple[str, str]]
) -> None:
    roast = Roast("kitchen", RoastOptions())
    roast.begin(NOW, Origin.PERSON)
    roast.first_crack = RoastEvent(
        "c1", "kitchen", "r", EventKind.FIRST_CRACK, NOW, NOW, Origin.SOUND
    )
    notes, apply = Notes(), EFFECTS[kind].log
    assert apply is not None
    apply(notes, roast, Instruction("kitchen", kind, Origin.PERSON, NOW, value))
    assert notes.added == added


def test_only_an_answer_confirms_a_crack() -> None:
    crack = RoastEvent("c1", "kitchen", "r", EventKind.FIRST_CRACK, NOW, NOW, Origin.SOUND)
    kinds = {kind.value for kind in InstructionKind
             if confirms(Instruction("kitchen", kind, Origin.PERSON, NOW), crack)}  # fmt: skip
    assert kinds == {"first_crack_now", "confirm_crack"}


def test_an_instruction_about_the_roaster_alone_changes_no_roast() -> None:
    station, published = station_at(Moment())
    for kind, effects in EFFECTS.items():
        if effects.roast is None:
            station.instruct(Instruction("roaster", kind, Origin.PERSON, NOW))
    assert published == []
    assert not station.roast.active
