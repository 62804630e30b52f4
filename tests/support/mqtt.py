"""A running MQTT sink, and a subscriber that records what it gets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiomqtt

from roastwatch.channel import Events, Latest
from roastwatch.sinks.mqtt.options import MqttOptions
from roastwatch.sinks.mqtt.sink import MqttSink
from roastwatch.sinks.sink import SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    Instruction,
    Outcome,
    RoastEvent,
    Snapshot,
)


@dataclass
class Person:
    """Where wishes arrive: the boundary to the rest of the service."""

    instructions: list[Instruction] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    answer: tuple[Outcome, str] = (Outcome.APPLIED, "")

    def instruct(self, instruction: Instruction) -> None:
        self.instructions.append(instruction)

    async def command(self, command: Command) -> CommandResult:
        self.commands.append(command)
        outcome, reason = self.answer
        return CommandResult(command.command_id, outcome, reason=reason)


@dataclass
class Running:
    """A sink that runs, and the ends of what goes into it."""

    part: ComponentHealth
    events: Events[RoastEvent]
    latest: Latest[dict[str, Snapshot]]
    person: Person

    def show(self, *snapshots: Snapshot) -> None:
        self.latest.set({snapshot.station: snapshot for snapshot in snapshots})


@asynccontextmanager
async def sink(
    port: int, instance: str = "test", stations: tuple[str, ...] = ("roaster",), **options: Any
) -> AsyncIterator[Running]:
    """The MQTT sink at a port, ended at the end."""
    person, part = options.pop("person", None) or Person(), ComponentHealth("mqtt")
    more = {name: options.pop(name) for name in ("outbox", "picture") if name in options}
    context = SinkContext(instance, stations, options.pop("language", "en"), person, part, **more)
    options = {"host": "127.0.0.1", "birth_settle_s": 0.05} | options
    running = Running(part, Events(), Latest(), person)
    task = asyncio.create_task(
        MqttSink(MqttOptions(port=port, **options), context).run(running.events, running.latest)
    )
    try:
        yield running
    finally:
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=60)
        assert done, task.get_stack()
        assert task.cancelled(), task


@dataclass
class Heard:
    """Everything that a subscriber got."""

    messages: list[tuple[str, bytes, bool]] = field(default_factory=list)

    def newest(self, topic: str) -> str | None:
        for heard, payload, _ in reversed(self.messages):
            if heard == topic:
                return payload.decode()
        return None

    def json(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for heard, payload, _ in self.messages if heard == topic]

    def forget(self) -> None:
        self.messages.clear()


@asynccontextmanager
async def listener(port: int, *topics: str) -> AsyncIterator[tuple[Heard, aiomqtt.Client]]:
    """Somebody at the broker who hears everything and may say something."""
    heard = Heard()
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        for topic in topics or ("#",):
            await client.subscribe(topic, qos=1)

        async def listen() -> None:
            async for message in client.messages:
                payload = message.payload if isinstance(message.payload, bytes) else b""
                heard.messages.append((message.topic.value, payload, message.retain))

        task = asyncio.create_task(listen())
        try:
            yield heard, client
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
