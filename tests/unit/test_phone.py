"""Alerts reach real HTTP servers that speak each service's protocol; failures are retried."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiohttp import web

from roastwatch.channel import Events, Latest
from roastwatch.errors import SettingsError
from roastwatch.sinks.monotonic_utc import MonotonicUtc
from roastwatch.sinks.outbox.dedupe_set import DedupeSet
from roastwatch.sinks.outbox.memory import MemoryOutbox
from roastwatch.sinks.phone.alerts import PersonOptions, alert
from roastwatch.sinks.phone.notification_actions import NotificationActions
from roastwatch.sinks.phone.options import PhoneOptions
from roastwatch.sinks.phone.sink import PhoneSink
from roastwatch.sinks.sink import SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    Outcome,
    RoasterState,
    RoastEvent,
    Snapshot,
    Urgency,
)


class Push:
    """A push service: takes whatever is posted, answering from a list of statuses."""

    def __init__(self, statuses: list[int]) -> None:
        self.statuses = statuses
        self.taken: list[tuple[str, str]] = []
        self.signatures: list[str] = []
        self.refused = 0
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.text()
        status = self.statuses.pop(0) if self.statuses else 200
        if status != 200:
            self.refused += 1
            return web.Response(status=status)
        self.taken.append((request.path, body))
        self.signatures.append(request.headers.get("X-Roastwatch-Signature", ""))
        return web.json_response({"ok": True, "status": 1, "result": {"message_id": 1}})

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Push"]:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.port = runner.addresses[0][1]
            yield self
        finally:
            await runner.cleanup()


class Person:
    def __init__(self, outcome: Outcome = Outcome.APPLIED) -> None:
        self.asked: list[Instruction] = []
        self.commands: list[Command] = []
        self.outcome = outcome

    def instruct(self, instruction: Instruction) -> None:
        self.asked.append(instruction)

    async def command(self, command: Command) -> CommandResult:
        self.commands.append(command)
        return CommandResult(command.command_id, self.outcome)


def context(requests: Person) -> SinkContext:
    return SinkContext("roastwatch", ["kitchen"], "en", requests, ComponentHealth("phone"))


def crack(level: Level = Level.FIRST_CRACK, revoked: bool = False) -> RoastEvent:
    now = datetime.now(UTC)
    return RoastEvent(
        event_id="r1-1",
        station="kitchen",
        roast_id="r1",
        kind=EventKind.FIRST_CRACK,
        happened_at=now,
        decided_at=now,
        origin=Origin.SOUND,
        level=level,
        revoked=revoked,
    )


async def tell(url: str, push: Push, *events: RoastEvent, expect: int) -> ComponentHealth:
    options = PhoneOptions.model_validate({"people": [{"name": "ada", "urls": [url]}]})
    given = context(Person())
    sink = PhoneSink(options, given)
    queue: Events[RoastEvent] = Events()
    for event in events:
        queue.put(event)
    task = asyncio.create_task(sink.run(queue, Latest[dict[str, Snapshot]]({})))
    try:
        async with asyncio.timeout(60):
            while len(push.taken) < expect:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return given.part


async def test_ntfy_notifies_once_per_crack_and_sends_correction() -> None:
    async with Push([]).serving() as push:
        grown = (crack(), crack(Level.CERTAIN), crack(revoked=True))
        await tell(f"ntfy://127.0.0.1:{push.port}/roasts", push, *grown, expect=2)
    titles = sorted(json.loads(body)["title"] for _, body in push.taken)
    assert titles == ["False alarm: no first crack · kitchen", "First crack · kitchen"]


def test_a_wrong_url_is_reported_without_its_secrets() -> None:
    options = PhoneOptions.model_validate({"people": [{"urls": ["ntfyy://secret-topic"]}]})
    with pytest.raises(SettingsError, match=r"people\[0\].urls\[0\] \(ntfyy\)") as error:
        PhoneSink(options, context(Person()))
    assert "secret-topic" not in str(error.value)


def asking(person: Person) -> NotificationActions:
    remembered = DedupeSet(MemoryOutbox(), "phone-answered", MonotonicUtc())
    return NotificationActions(person, ["kitchen"], remembered)


async def test_an_answer_counts_once_if_two_people_press() -> None:
    person = Person()
    answers = asking(person)
    pressed = {"action": "RW|NOT_A_CRACK|kitchen|r1-1", "device_id": "pixel"}
    assert await answers.take(pressed) == "r1-1"
    assert await answers.take(pressed | {"device_id": "iphone"}) is None
    assert [one.kind for one in person.asked] == [InstructionKind.NOT_A_CRACK]
    assert answers.has_seen("r1-1")
    for foreign in ("OTHER", "RW|DROP|garage|r1-1", "RW|DANCE|kitchen|r1-1", ""):
        assert await answers.take({"action": foreign}) is None


async def test_a_confirmation_names_its_crack() -> None:
    person = Person()
    assert await asking(person).take({"action": "RW|CONFIRM|kitchen|r1-first_crack-1"})
    (said,) = person.asked
    assert (said.kind, said.value) == (InstructionKind.CONFIRM_CRACK, "r1-first_crack-1")


async def test_every_button_of_an_alert_is_accepted() -> None:
    seen = set()
    driven = RoasterState(True, True, actuators=(Actuator.HEATER,))
    for kind in EventKind:
        for roast_id, urgency in (("r1", None), (None, None), ("r1", Urgency.NEEDS_YOU)):
            event = replace(crack(), kind=kind, roast_id=roast_id, event_id="e", urgency=urgency)
            shown = Snapshot("kitchen", event.decided_at, roaster=driven)
            at = event.decided_at
            said = alert(PersonOptions(), event, shown, language="en", station_title="k", now=at)
            for action, words in said.actions:
                assert words
                seen.add(action.split("|")[1])
                assert await asking(Person()).take({"action": action}) == "e", action
    assert {"CONFIRM", "NOT_A_CRACK", "DROP", "UNDER_WAY", "STOP_HEAT", "PRESENT"} < seen


@pytest.mark.parametrize(
    ("outcome", "stopped"),
    [(Outcome.APPLIED, []), (Outcome.FAILED, [InstructionKind.EMERGENCY_STOP])],
)
async def test_stop_heat_sets_heat_0_or_requests_an_emergency_stop(
    outcome: Outcome, stopped: list[InstructionKind]
) -> None:
    person = Person(outcome)
    await asking(person).take({"action": "RW|STOP_HEAT|kitchen|e"})
    assert [(one.actuator, one.target) for one in person.commands] == [(Actuator.HEATER, 0.0)]
    assert [one.kind for one in person.asked] == stopped
