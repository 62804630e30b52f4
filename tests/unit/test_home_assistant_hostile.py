"""The bus of a Home Assistant that fires nonsense: each event counts for itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from roastwatch.channel import Events, Latest
from roastwatch.sinks.home_assistant.sink import HomeAssistantSink
from roastwatch.sinks.home_assistant.sink import HomeAssistantSinkOptions as SinkOptions
from roastwatch.sinks.sink import SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import ComponentState, InstructionKind, RoastEvent, Snapshot
from tests.fakes.home_assistant import FakeHomeAssistant, home_assistant
from tests.support.http import Person

INSTRUCT = "roastwatch_instruct"


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


EVENTS: dict[str, Any] = {
    "deep": {"kind": "note", "value": deep(500)},
    "surrogate": {"kind": "note", "value": "\ud800"},
    "NUL": {"kind": "note", "value": "\0"},
    "escape": {"kind": "note", "value": "\x1b[2J"},
    "huge": {"kind": "sensitivity", "value": 10**400},
    "overflow": {"kind": "sensitivity", "value": 1e308},
    "bool": {"kind": "sensitivity", "value": True},
    "list kind": {"kind": ["emergency_stop"]},
    "object station": {"kind": "drop", "station": {"kitchen": 1}},
    "odd instance": {"kind": "drop", "instance": [1]},
    "odd claim": {"kind": "claim", "instance": "roastwatch", "session": [], "since": {}},
    "no date claim": {
        "kind": "claim",
        "instance": "roastwatch",
        "session": "a",
        "since": "",
        "where": "x",
    },
    "nothing": {},
}
FRAMES = {
    "deep": "[" * 100_000,
    "no id": '{"type": "event"}',
    "list id": '{"id": [1], "type": "event", "event": {}}',
    "unknown id": '{"id": 999, "type": "event", "event": {}}',
    "no event": '{"id": 2, "type": "event"}',
    "odd event": '{"id": 2, "type": "event", "event": 5}',
    "odd data": '{"id": 2, "type": "event", "event": {"event_type": "x", "data": [1]}}',
    "pong": '{"id": 77, "type": "pong"}',
    "list": "[1]",
    "number": "9" * 5000,
}


@contextlib.asynccontextmanager
async def running(fake: FakeHomeAssistant) -> AsyncIterator[tuple[ComponentHealth, Person]]:
    person, part = Person(), ComponentHealth("home_assistant")
    context = SinkContext("roastwatch", ["kitchen"], "en", person, part)
    sink = HomeAssistantSink(SinkOptions(url=fake.url, token="beans", states=False), context)
    events: Events[RoastEvent] = Events()
    latest: Latest[dict[str, Snapshot]] = Latest()
    task = asyncio.create_task(sink.run(events, latest))
    try:
        yield part, person
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def works(fake: FakeHomeAssistant, part: ComponentHealth, person: Person) -> None:
    """It is connected, perhaps again, and does what is asked."""
    async with asyncio.timeout(30):
        while not (fake.heard and part.state is ComponentState.RUNNING):
            await asyncio.sleep(0.01)
        before = len(person.asked)
        while len(person.asked) == before:
            await fake.fire(INSTRUCT, {"kind": "emergency_stop"})
            await asyncio.sleep(0.05)
    assert person.asked[-1].kind is InstructionKind.EMERGENCY_STOP


async def test_no_event_of_the_bus_ends_the_sink_or_its_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with home_assistant() as fake, running(fake) as (part, person):
        await works(fake, part, person)
        for data in EVENTS.values():
            await fake.fire(INSTRUCT, data)
        await works(fake, part, person)
        assert {asked.kind for asked in person.asked} == {InstructionKind.EMERGENCY_STOP}
        assert fake.connections == 1
        refused = [data for kind, data in fake.fired if kind == "roastwatch_refused"]
        assert len(refused) == 5
        assert part.counters["messages_refused"] == 5
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("name", FRAMES)
async def test_an_invalid_frame_costs_a_connection_at_most(name: str) -> None:
    async with home_assistant() as fake, running(fake) as (part, person):
        await works(fake, part, person)
        await fake.send(FRAMES[name])
        await works(fake, part, person)
        assert fake.connections <= 2
