"""Requests to stations with their outcome: entities that are set, instructions that are awaited."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from roastwatch.errors import RefusedError
from roastwatch.sinks.arming import CONFIRM_ARMING
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    Instruction,
    InstructionKind,
    Origin,
    Outcome,
    Phase,
    Snapshot,
)
from tests.support.events import roaster
from tests.support.http import Person, Served, serving

STATION = Snapshot(
    "kitchen", datetime.now(UTC), Phase.ROASTING, "r1", roaster=roaster(Actuator.HEATER)
)


@dataclass
class Roasting(Person):
    """A station that carries out what it is asked for, and refuses with a sentence."""

    refuses: str = ""
    busy: asyncio.Event | None = None
    result: CommandResult = field(default_factory=lambda: CommandResult("c", Outcome.APPLIED, 40.0))

    def instruct(self, instruction: Instruction) -> None:
        if instruction.origin is Origin.AGENT and instruction.kind is InstructionKind.ARM:
            raise RefusedError("An agent can't arm the roaster.")
        super().instruct(instruction)

    async def outcome(self, station: str) -> str:
        assert station == "kitchen"
        if self.busy is not None:
            await self.busy.wait()
        return self.refuses

    async def command(self, command: Command) -> CommandResult:
        self.commands.append(command)
        return self.result


@contextlib.asynccontextmanager
async def asking(
    person: Roasting, station: Snapshot = STATION
) -> AsyncIterator[tuple[Served, aiohttp.ClientSession]]:
    headers = {"Authorization": "Bearer beans"}
    async with (
        serving(person, {"kitchen": station}, outcome=person.outcome) as api,
        aiohttp.ClientSession(api.url, headers=headers) as session,
    ):
        yield api, session


async def post(
    session: aiohttp.ClientSession, path: str, body: object, **headers: str
) -> tuple[int, dict[str, Any]]:
    url = f"/api/v1/stations/kitchen/{path}"
    async with session.post(url, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("key", "value", "kind", "given"),
    [
        ("drop", None, InstructionKind.DROP, None),
        ("emergency_stop", "anything", InstructionKind.EMERGENCY_STOP, None),
        ("listening", True, InstructionKind.LISTEN_ON, None),
        ("listening", False, InstructionKind.LISTEN_OFF, None),
        ("sensitivity", 25, InstructionKind.SENSITIVITY, 0.25),
        ("note", "sweet", InstructionKind.NOTE, "sweet"),
        ("arm", False, InstructionKind.DISARM, None),
    ],
)
async def test_an_entity_is_set_with_a_value_of_json(
    key: str, value: object, kind: InstructionKind, given: object
) -> None:
    person = Roasting()
    async with asking(person) as (_, session):
        said, answer = await post(session, f"set/{key}", {"value": value})
    assert (said, answer["outcome"], answer["code"]) == (200, "applied", None)
    assert [(one.kind, one.value) for one in person.asked] == [(kind, given)]


async def test_an_actuator_answers_with_what_the_interlocks_allow() -> None:
    person = Roasting()
    async with asking(person) as (_, session):
        said, answer = await post(session, "set/heater", {"value": 40})
        assert (said, answer["outcome"], answer["applied"]) == (200, "applied", 40.0)
        said, answer = await post(session, "set/door", {"value": True})
        assert (person.commands[1].actuator, person.commands[1].target) == (Actuator.DOOR, 100.0)
        person.result = CommandResult("c", Outcome.LIMITED, 30.0, "heater_ceiling", "At most 30 %.")
        said, answer = await post(session, "set/heater", {"value": 90})
        assert (said, answer["outcome"], answer["applied"]) == (200, "limited", 30.0)
        assert (answer["reason"], answer["code"]) == ("At most 30 %.", "not_offered")
        person.result = CommandResult("c", Outcome.REFUSED, None, "armed", "Not armed.")
        assert await post(session, "set/heater", {"value": 1}) == (
            409, {"error": "Not armed.", "code": "not_armed"},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "body", "status"),
    [
        ("heater", {"value": 101}, 400),
        ("heater", {"value": "40"}, 400),
        ("heater", {}, 400),
        ("listening", {"value": "ON"}, 400),
        ("note", {"value": ""}, 400),
        ("phase", {"value": "idle"}, 404),
        ("dance", {}, 404),
        ("drop?wait=soon", {}, 400),
        ("drop?wait=nan", {}, 400),
        ("drop?wait=11", {}, 400),
    ],
)
async def test_what_can_not_be_set_is_refused(key: str, body: object, status: int) -> None:
    person = Roasting()
    async with asking(person) as (_, session):
        said, answer = await post(session, f"set/{key}", body)
    assert (said, set(answer)) == (status, {"error"})
    assert not person.asked
    assert not person.commands


async def test_a_refusal_carries_its_sentence_and_a_code() -> None:
    person = Roasting(refuses="The door is open.")
    async with asking(person) as (_, session):
        assert await post(session, "set/drop", {}) == (
            409, {"error": "The door is open.", "code": "other"},
        )  # fmt: skip
        assert (await post(session, "instruct", {"kind": "drop"}))[0] == 202  # not awaited
        said, answer = await post(session, "instruct?wait=1", {"kind": "drop"})
        assert (said, answer["error"]) == (409, "The door is open.")
        person.refuses = ""
        said, answer = await post(session, "set/under_way", {})
        assert (said, answer["code"]) == (409, "roast_active")  # it had no effect
        person.busy = asyncio.Event()
        said, answer = await post(session, "set/drop?wait=0.1", {})
        assert (said, answer["outcome"]) == (202, "pending")
    assert len(person.asked) == 5  # all were passed on


async def test_what_makes_safe_is_passed_on_and_never_refused() -> None:
    person, idle = Roasting(), Snapshot("kitchen", datetime.now(UTC))
    async with asking(person, idle) as (_, session):
        for key, value in (("emergency_stop", None), ("stop", None), ("arm", False)):
            said, answer = await post(session, f"set/{key}", {"value": value})
            assert (said, answer["outcome"]) == (200, "applied")
        said, answer = await post(session, "set/note", {"value": "late"})
        assert (said, answer["code"]) == (409, "no_roast")
    assert len(person.asked) == 4


async def test_arming_takes_two_steps() -> None:
    person = Roasting()
    async with asking(person) as (_, session):
        said, answer = await post(session, "set/confirm_arming", {})
        assert (said, answer["code"]) == (409, "nothing_to_confirm")
        said, answer = await post(session, "set/arm", {"value": True})
        assert (said, answer["outcome"], answer["reason"]) == (202, "unconfirmed", CONFIRM_ARMING)
        assert answer["confirm_within_s"] == 30.0
        assert not person.asked
        said, answer = await post(session, "set/confirm_arming", {})
        assert (said, answer["outcome"]) == (200, "applied")
        assert [one.kind for one in person.asked] == [InstructionKind.ARM]
        assert (await post(session, "set/confirm_arming", {}))[0] == 409  # once
        for key in ("emergency_stop", "arm"):
            await post(session, "set/arm", {"value": True})
            await post(session, f"set/{key}", {"value": False})  # it withdraws the request
            assert (await post(session, "set/confirm_arming", {}))[0] == 409
        said, answer = await post(session, "instruct", {"kind": "arm"})
        assert said == 202
        assert person.asked[-1].kind is InstructionKind.ARM  # the page asks the person itself
    assert [one.kind for one in person.asked].count(InstructionKind.ARM) == 2


async def test_a_program_on_behalf_of_a_viewer_only_reads() -> None:
    person, viewer = Roasting(), {"Roastwatch-Role": "viewer"}
    async with asking(person) as (_, session):
        for path, body in (
            ("set/drop", {}),
            ("set/emergency_stop", {}),
            ("instruct", {"kind": "drop"}),
            ("command", {"actuator": "heater", "percent": 50}),
        ):
            assert (await post(session, path, body, **viewer))[0] == 403
        async with session.get("/api/v1/me", headers=viewer) as answer:
            assert (await answer.json())["role"] == "viewer"
        async with session.get("/api/v1/programs", headers=viewer) as answer:
            assert answer.status == 403
        async with session.get("/api/v1/me", headers={"Roastwatch-Role": "other"}) as answer:
            assert (await answer.json())["role"] == "operator"
    assert not person.asked
    assert not person.commands


async def test_an_agent_arms_in_no_way() -> None:
    person, agent = Roasting(), {"Roastwatch-Agent": "claude"}
    async with asking(person) as (_, session):
        for path, body in (
            ("set/arm", {"value": True}),
            ("set/confirm_arming", {}),
            ("instruct?wait=1", {"kind": "arm"}),
        ):
            said, answer = await post(session, path, body, **agent)
            assert (said, answer["code"]) == (403, "agent")
    assert not person.asked
