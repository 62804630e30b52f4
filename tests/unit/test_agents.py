"""What an agent may request, and what only a person may: by rule, and over HTTP."""

import json
from typing import Any

import pytest

from roastwatch.app.agents import AgentSituation, refused_command, refused_instruction
from roastwatch.errors import RefusedError
from roastwatch.vocabulary import Actuator, Command, Instruction, InstructionKind, Origin
from roastwatch.web.sink import RestOptions
from tests.support.http import Person, request, send, serving

ARMED = AgentSituation(roasting=True, drives=True, armed=True)
IDLE = AgentSituation(roasting=False, drives=True)
ALWAYS = {
    InstructionKind.EMERGENCY_STOP,
    InstructionKind.FIRST_CRACK_NOW,
    InstructionKind.CONFIRM_CRACK,
    InstructionKind.NOT_A_CRACK,
    InstructionKind.NOTE,
}
BEGINS = {InstructionKind.START, InstructionKind.CHARGE, InstructionKind.UNDER_WAY}


@pytest.mark.parametrize("kind", InstructionKind)
def test_an_agent_may_only_mark_and_stop(kind: InstructionKind) -> None:
    refused = refused_instruction(kind, ARMED)
    assert (refused is None) == (kind in ALWAYS)
    assert refused is None or refused.endswith((".", ")."))
    assert (refused_instruction(kind, IDLE) is None) == (kind in ALWAYS | BEGINS)


def test_an_agent_drops_with_leave_and_while_armed_only() -> None:
    drop = InstructionKind.DROP
    leave = AgentSituation(roasting=True, drives=True, armed=True, may_drop=True)
    assert refused_instruction(drop, leave) is None
    unarmed = AgentSituation(roasting=True, drives=True, may_drop=True)
    assert "not armed" in (refused_instruction(drop, unarmed) or "")
    assert "agent_drop" in (refused_instruction(drop, ARMED) or "")
    assert refused_instruction(drop, AgentSituation(roasting=True)) is None  # only a mark


def test_an_agent_begins_no_plan_that_heats() -> None:
    plan = AgentSituation(roasting=False, drives=True, armed=True, follows_plan=True)
    assert "agent_raise" in (refused_instruction(InstructionKind.START, plan) or "")


@pytest.mark.parametrize(
    ("actuator", "percent", "refused"),
    [
        (Actuator.HEATER, 0, False),
        (Actuator.HEATER, 10, True),
        (Actuator.FAN, 50, True),
        (Actuator.DOOR, 100, True),
    ],
)
def test_an_unarmed_roaster_moves_for_no_agent(
    actuator: Actuator, percent: float, refused: bool
) -> None:
    command = Command.new("kitchen", actuator, percent, Origin.AGENT)
    assert bool(refused_command(command, IDLE)) is refused
    assert refused_command(command, ARMED) is None  # the guardian judges it


class Strict(Person):
    """Refuses what agents request, as the service does."""

    def instruct(self, instruction: Instruction) -> None:
        if instruction.origin is Origin.AGENT:
            raise RefusedError("An agent can't arm the roaster: only a person who is there may.")
        super().instruct(instruction)


BEARER: dict[str, Any] = {"Authorization": "Bearer helper"}
ARM = {"kind": "arm"}


async def test_the_agents_token_makes_an_agent_of_everybody() -> None:
    async with serving(Strict(), agent_token="helper") as served:
        answer = await send(served.port, request(body=ARM, **BEARER))
        assert (answer.status, "can't arm" in answer.error) == (403, True)
        command = request(
            "/api/v1/stations/kitchen/command", {"actuator": "heater", "percent": 5}, **BEARER
        )
        answer = await send(served.port, command)
        assert (answer.status, json.loads(answer.body)["outcome"]) == (409, "refused")
        [sent] = served.person.commands
        assert (sent.origin, sent.by) == (Origin.AGENT, "agent without a name")
        body = {"role": "viewer", "password": "0123456789", "current": "x"}
        answer = await send(served.port, request("/api/v1/password", body, **BEARER))
        assert (answer.status, "only a person" in answer.error) == (403, True)
        assert (
            await send(served.port, request("/api/v1/me", method="GET", **BEARER))
        ).status == 200


async def test_the_header_takes_a_persons_rights_away() -> None:
    async with serving() as served:
        note = {"kind": "note", "value": "hello"}
        assert (
            await send(served.port, request(body=note, Roastwatch_Agent="claude"))
        ).status == 202
        assert (await send(served.port, request(body=note))).status == 202
        agent, person = served.person.asked
        assert (agent.origin, agent.by) == (Origin.AGENT, "agent claude")
        assert (person.origin, person.by) == (Origin.PERSON, "rest 127.0.0.1")


@pytest.mark.parametrize(
    "more",
    [
        {"agent_token": "helper"},
        {"agent_token": "beans", "token": "beans"},
        {"agent_token": "look", "viewer_token": "look", "token": "beans"},
    ],
)
def test_an_agents_token_is_its_own_and_not_the_only_one(more: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"agent_token|viewer_token"):
        RestOptions(**more)
