"""Rules act on events: signed webhooks, commands through the door; wrong ones are refused."""

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from roastwatch.channel import Events, Latest
from roastwatch.roastlog.log import RoastLog
from roastwatch.sinks.rules import RuleOptions, RulesOptions, RulesSink
from roastwatch.sinks.sink import SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    EventKind,
    Level,
    Origin,
    Outcome,
    RoastEvent,
    Snapshot,
)
from tests.unit.test_phone import Person, Push, context, crack


async def act(rule: dict[str, Any], person: Person, done: Callable[[], bool], level: Level) -> None:
    sink = RulesSink(RulesOptions.model_validate({"rules": [rule]}), context(person))
    queue: Events[RoastEvent] = Events()
    queue.put(crack(level))
    task = asyncio.create_task(sink.run(queue, Latest[dict[str, Snapshot]]({})))
    try:
        async with asyncio.timeout(60):
            while not done():
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_webhook_is_signed_and_retried() -> None:
    async with Push([503]).serving() as push:
        rule = {
            "on": "first_crack",
            "webhook": f"http://127.0.0.1:{push.port}/roast",
            "secret": "beans",
        }
        await act(rule, Person(), lambda: bool(push.taken), Level.FIRST_CRACK)
    [(path, body)] = push.taken
    assert path == "/roast"
    assert push.refused == 1
    assert json.loads(body)["event_type"] == "first_crack"
    assert push.signatures[-1] == (
        "sha256=" + hmac.new(b"beans", body.encode(), hashlib.sha256).hexdigest()
    )


async def test_a_command_of_a_rule_passes_the_interlocks() -> None:
    person = Person(Outcome.REFUSED)
    rule = {"on": "first_crack_certain", "heater_percent": 30}
    await act(rule, person, lambda: bool(person.commands), Level.CERTAIN)
    assert [(one.origin, one.target) for one in person.commands] == [(Origin.RULE, 30.0)]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"on": "first_krack", "scene": "scene.a"}, "there is no event 'first_krack'"),
        ({"on": "drop"}, "it names none"),
        ({"on": "drop", "scene": "scene.a", "webhook": "http://a"}, "scene and webhook"),
        ({"on": "drop", "heater_percent": 0}, "a loop"),
        ({"on": "drop", "mqtt_topic": "roastwatch/roastwatch/roaster/set/stop"}, "a loop"),
        ({"on": "drop", "scene": "light.a"}, "scene"),
        ({"on": "drop", "webhook": "htp://a"}, "webhook"),
        ({"on": "drop", "scene": "scene.a", "fields": {"x": 1}}, "belong to a service"),
    ],
)
def test_an_invalid_rule_is_refused_at_startup(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RuleOptions.model_validate(rule)


def test_every_event_kind_can_have_a_rule() -> None:
    for kind in EventKind:
        assert (
            RuleOptions.model_validate({"on": kind.value, "webhook": "http://a"}).on == kind.value
        )


async def test_a_rule_that_triggers_itself_is_paused_and_reported() -> None:
    """Through somebody else, as when a service presses our own button: no check can see that."""
    part, person = ComponentHealth("rules"), Person()
    options = {"rules": [{"on": "first_crack", "fan_percent": 80}]}
    queue: Events[RoastEvent] = Events()

    class Loop(Person):
        async def command(self, command: Command) -> CommandResult:
            answer = await person.command(command)
            queue.put(replace(crack(), event_id=f"again-{len(person.commands)}"))
            return answer

    sink = RulesSink(
        RulesOptions.model_validate(options),
        SinkContext("roastwatch", ["kitchen"], "en", Loop(), part),
    )
    queue.put(crack())
    task = asyncio.create_task(sink.run(queue, Latest[dict[str, Snapshot]]({})))
    try:
        async with asyncio.timeout(60):
            while "Look for a loop" not in (part.problem or ""):
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert "Rule 1 acted 10 times" in (part.problem or "")
    assert len(person.commands) == 10


async def test_a_rule_acts_once_over_a_restart(tmp_path: Path) -> None:
    person = Person()
    options = RulesOptions.model_validate({"rules": [{"on": "first_crack", "fan_percent": 80}]})
    for _ in range(2):
        async with RoastLog.open(tmp_path / "roasts.sqlite") as log:
            given = SinkContext(
                "roastwatch", ["kitchen"], "en", person, ComponentHealth("rules"), outbox=log
            )
            queue: Events[RoastEvent] = Events()
            queue.put(crack())
            task = asyncio.create_task(
                RulesSink(options, given).run(queue, Latest[dict[str, Snapshot]]({}))
            )
            async with asyncio.timeout(60):
                await queue.settled()
                while not person.commands or await log.outbox_due(target="rules"):
                    await asyncio.sleep(0.01)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    assert len(person.commands) == 1
