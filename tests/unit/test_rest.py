"""The HTTP API over real HTTP."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest

from roastwatch.channel import Events, Latest
from roastwatch.errors import SettingsError
from roastwatch.settings.model import chosen
from roastwatch.sinks.sink import SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    ComponentState,
    ComponentStatus,
    Instruction,
    InstructionKind,
    Outcome,
    Phase,
    RoastEvent,
    Snapshot,
)
from roastwatch.web.sink import RestOptions, RestSink

PARTS = (
    ComponentStatus("kitchen-microphone", ComponentState.FAILED, "The microphone 'USB' is gone."),
)
TOKEN = {"Authorization": "Bearer beans"}


class Person:
    """Writes down what is asked; has no roaster."""

    def __init__(self) -> None:
        self.asked: list[Instruction] = []

    def instruct(self, instruction: Instruction) -> None:
        self.asked.append(instruction)

    async def command(self, command: Command) -> CommandResult:
        return CommandResult(command.command_id, Outcome.REFUSED, reason="no roaster here")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def served(person: Person) -> AsyncIterator[aiohttp.ClientSession]:
    port, part = free_port(), ComponentHealth("rest")
    context = SinkContext("roastwatch", ["kitchen"], "en", person, part)
    sink = RestSink(RestOptions(port=port, token="beans"), context)
    events: Events[RoastEvent] = Events()
    now = datetime.now(UTC)
    latest = Latest(
        {"kitchen": Snapshot("kitchen", now, Phase.ROASTING, elapsed_s=61.0, parts=PARTS)}
    )
    task = asyncio.create_task(sink.run(events, latest))
    try:
        async with asyncio.timeout(20):
            while part.state is not ComponentState.RUNNING:
                await asyncio.sleep(0)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=TOKEN) as session:
            yield session
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_states_and_metrics_come_from_the_one_table() -> None:
    async with served(Person()) as session:
        async with session.get("/api/stations") as answer:
            values = (await answer.json())["kitchen"]
        assert values["phase"] == "roasting"
        assert values["elapsed"] == 61.0
        async with session.get("/metrics") as answer:
            assert 'roastwatch_elapsed{station="kitchen"} 61.0' in await answer.text()
        async with session.get("/health", headers={"Authorization": ""}) as answer:
            assert answer.status == 200
            assert await answer.json() == {"problems": 1}
        async with session.get("/health") as answer:
            assert await answer.json() == {"problems": ["The microphone 'USB' is gone."]}


async def test_an_instruction_reaches_its_station_and_a_refusal_has_a_reason() -> None:
    person = Person()
    async with served(person) as session:
        url = "/api/stations/kitchen/instruct"
        async with session.post(url, json={"kind": "charge"}) as answer:
            assert answer.status == 202
        assert [one.kind for one in person.asked] == [InstructionKind.CHARGE]
        body = {"actuator": "heater", "percent": 50}
        async with session.post("/api/stations/kitchen/command", json=body) as answer:
            assert answer.status == 409
            assert (await answer.json())["reason"] == "no roaster here"


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "said"),
    [
        ("instruct", {"kind": "dance"}, {}, 400, "kind must be one of"),
        ("command", {"actuator": "heater", "percent": 101}, {}, 400, "0 to 100"),
        ("command", {"actuator": "lid", "percent": 1}, {}, 400, "actuator must be one of"),
        ("instruct", [1], {}, 400, "JSON object"),
        ("instruct", {"kind": "charge"}, {"Authorization": "Bearer x"}, 401, "token"),
        ("instruct", {"kind": "charge"}, {"Origin": "http://evil"}, 415, "web page"),
    ],
)
async def test_bad_requests_are_refused_with_a_reason(
    path: str, body: object, headers: dict[str, str], status: int, said: str
) -> None:
    person = Person()
    async with served(person) as session:
        url = f"/api/stations/kitchen/{path}"
        async with session.post(url, json=body, headers=headers) as answer:
            assert answer.status == status
            assert said in (await answer.json())["error"]
    assert person.asked == []


def test_serving_beyond_this_machine_needs_a_token() -> None:
    with pytest.raises(SettingsError, match="set a token"):
        chosen("sinks", "rest", host="0.0.0.0")
