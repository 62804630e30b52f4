"""The template of a sink works as a sink: copy this test together with it."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from roastwatch.app.outlet import Outlet
from roastwatch.app.service import Service
from roastwatch.channel import Events, Latest
from roastwatch.settings import model as settings
from roastwatch.sinks._template import TemplateOptions, TemplateSink
from roastwatch.sinks.sink import SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    ComponentState,
    EventKind,
    Instruction,
    Origin,
    Phase,
    RoastEvent,
    Snapshot,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Nobody:
    """Requests that this sink never makes."""

    def instruct(self, instruction: Instruction) -> None:
        raise AssertionError(instruction)

    async def command(self, command: Command) -> CommandResult:
        raise AssertionError(command)


def made(path: Path) -> tuple[TemplateSink, ComponentHealth]:
    part = ComponentHealth("template")
    context = SinkContext("roastwatch", ["kitchen"], "en", Nobody(), part)
    return TemplateSink(TemplateOptions(path=path), context), part


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_events_are_sent_in_order_with_the_phase(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    sink, part = made(path)
    events: Events[RoastEvent] = Events()
    for kind in (EventKind.CHARGE, EventKind.DROP):
        events.put(RoastEvent(kind.value, "kitchen", "r", kind, NOW, NOW, Origin.PERSON))
    shown = {"kitchen": Snapshot("kitchen", NOW, phase=Phase.ROASTING)}
    running = asyncio.create_task(sink.run(events, Latest(shown)))
    async with asyncio.timeout(10):
        await events.settled()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [(row["type"], row["phase"]) for row in lines(path)] == [
        ("charge", "roasting"),
        ("drop", "roasting"),
    ]
    assert (part.state, part.counters) == (ComponentState.RUNNING, {"events_told": 2})


async def test_a_lost_peer_is_shown_and_the_event_sent_once_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "away" / "events.jsonl"
    sink, part = made(path)
    assert [finding.good for finding in await sink.check()] == [False]
    events: Events[RoastEvent] = Events()
    events.put(RoastEvent("1", "kitchen", "r", EventKind.DROP, NOW, NOW, Origin.PERSON))
    running = asyncio.create_task(sink.run(events, Latest({})))
    async with asyncio.timeout(10):
        while part.state is not ComponentState.RETRYING:
            await asyncio.sleep(0)
        assert "can't be written" in (part.problem or "")
        path.parent.mkdir()
        await events.settled()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [row["event_id"] for row in lines(path)] == ["1"]
    assert (part.state, part.problem) == (ComponentState.RUNNING, None)
    assert [finding.good for finding in await sink.check()] == [True]


async def test_it_runs_in_the_service_as_any_sink(tmp_path: Path) -> None:
    demo = {"type": "demo", "seed": 3, "speed": 0, "first_crack_at_s": 40, "fooling_per_h": 0}
    station = {
        "name": "kitchen",
        "source": demo,
        "model": {"type": "transients"},
        "roast": {"begins": "charge"},
    }
    service = Service(settings.parse({"stations": [station]}))
    sink, part = made(tmp_path / "events.jsonl")
    service.outlets = [Outlet("template", sink, part)]
    await service.run()
    types = [row["type"] for row in lines(tmp_path / "events.jsonl")]
    assert types[0] == "charge"
    assert "first_crack" in types
