"""ntfy, Pushover and Telegram by real HTTP, through failures, restarts and acknowledgements."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roastwatch.channel import Events, Latest
from roastwatch.roastlog.log import RoastLog
from roastwatch.sinks.phone.options import PhoneOptions
from roastwatch.sinks.phone.sink import PhoneSink
from roastwatch.sinks.sink import AlertOutbox, SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import ComponentState, EventKind, Level, Phase, RoastEvent, Snapshot
from tests.fakes.push import HANGS, PushService, serving
from tests.support.until import until
from tests.unit.test_phone import Person, crack


@dataclass
class Telling:
    """A phone sink that runs, and the ends of what goes into it."""

    part: ComponentHealth
    events: Events[RoastEvent]
    latest: Latest[dict[str, Snapshot]]

    def show(self, **more: Any) -> None:
        shown = replace(Snapshot("kitchen", datetime.now(UTC), roast_id="r1"), **more)
        self.latest.set({"kitchen": shown})


@contextlib.asynccontextmanager
async def telling(
    push: PushService, outbox: AlertOutbox | None = None, **person: Any
) -> AsyncIterator[Telling]:
    people = [{"name": "ada", "urls": [push.url]} | person]
    options = PhoneOptions.model_validate({"people": people, "retry_after_s": 0.02})
    part = ComponentHealth("phone")
    context = SinkContext("roastwatch", ["kitchen"], "en", Person(), part, outbox=outbox)
    running = Telling(part, Events(), Latest())
    task = asyncio.create_task(PhoneSink(options, context).run(running.events, running.latest))
    try:
        yield running
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def happened(kind: EventKind, event_id: str = "r1-x", **more: Any) -> RoastEvent:
    return replace(crack(), event_id=event_id, kind=kind, level=None, **more)


@pytest.mark.parametrize("name", ["ntfy", "pushover", "telegram"])
async def test_a_failing_service_is_retried_and_reported(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(name, monkeypatch) as push:
        push.troubles = [429, 500, HANGS]
        async with telling(push) as rig:
            rig.events.put(crack())
            await until(lambda: rig.part.problem)
            assert rig.part.state is ComponentState.DEGRADED
            assert "ada: The service" in (rig.part.problem or "")
            assert "retried" in (rig.part.problem or "")
            await until(lambda: push.taken)
            await until(lambda: rig.part.problem is None)
            assert dict(rig.part.counters)["alerts_failed"] == 3
            assert dict(rig.part.counters)["alerts_told"] == 1
    assert push.refused == 3
    assert not push.malformed
    [taken] = push.taken
    assert "First crack" in taken.title + taken.text


async def test_a_fault_is_repeated_until_somebody_acknowledges(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "roasts.sqlite"
    async with serving("ntfy", monkeypatch) as push:
        later = datetime.now(UTC) + timedelta(seconds=40)
        async with RoastLog.open(path) as log, telling(push, log) as rig:
            rig.show()
            fault = happened(EventKind.FAULT, message="The drum stands still.")
            rig.events.put(fault)
            await until(lambda: len(push.taken) >= 1)
            assert "The drum stands still." in push.taken[0].text
            await waiting(log, [1], later)
        # As after a restart: the repetition is due in 30 s, and nobody acknowledged yet.
        async with RoastLog.open(path) as log, telling(push, log) as rig:
            [again] = await log.outbox_due(later, "phone")
            assert again.payload["number"] == 1
            rig.show(acknowledged_at=None)
            await log.outbox_add(  # due now instead of in 30 s
                again.alert_id, again.payload, event_id=again.event_id, target="phone"
            )
            await until(lambda: len(push.taken) == 2)
            await waiting(log, [2], later)
            rig.show(acknowledged_at=datetime.now(UTC))
            while not await log.outbox_due(later, "phone-answered"):
                await asyncio.sleep(0.01)
            [third] = await log.outbox_due(later, "phone")
            assert third.payload["number"] == 2
            await log.outbox_add(
                third.alert_id, third.payload, event_id=third.event_id, target="phone"
            )
            await waiting(log, [], later)
            assert len(push.taken) == 2


async def waiting(log: RoastLog, numbers: list[int], later: datetime) -> None:
    """Until these repetitions wait in the outbox, due or not."""
    async with asyncio.timeout(60):
        while [one.payload["number"] for one in await log.outbox_due(later, "phone")] != numbers:
            await asyncio.sleep(0.01)


async def test_nothing_is_sent_twice_over_a_restart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "roasts.sqlite"
    person: dict[str, Any] = {"development_s": 90, "events": ["first_crack", "drop", "countdown"]}
    developing: dict[str, Any] = {"phase": Phase.DEVELOPMENT, "development_s": 70.0}
    drop = happened(EventKind.DROP, "r1-drop")
    async with serving("ntfy", monkeypatch) as push:
        async with RoastLog.open(path) as log, telling(push, log, **person) as rig:
            rig.events.put(crack())
            rig.show(**developing)
            rig.events.put(drop)
            await until(lambda: len(push.taken) == 3)
        async with RoastLog.open(path) as log, telling(push, log, **person) as rig:
            rig.events.put(crack(Level.CERTAIN))  # the same one has grown
            rig.show(**developing)
            rig.events.put(drop)
            rig.events.put(happened(EventKind.DROP, "r2-drop"))
            await until(lambda: len(push.taken) >= 4)
            # A person notified before the restart still gets the correction.
            rig.events.put(crack(Level.CERTAIN, revoked=True))
            await until(lambda: len(push.taken) >= 5)
    titles = [taken.title for taken in push.taken]
    assert sorted(titles[:3]) == [
        "Drop soon · kitchen",
        "Dropped · kitchen",
        "First crack · kitchen",
    ]
    assert titles[3:] == ["Dropped · kitchen", "False alarm: no first crack · kitchen"]


async def test_an_event_before_a_restart_says_how_late_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=125)
    async with serving("ntfy", monkeypatch) as push, telling(push) as rig:
        rig.events.put(replace(crack(), happened_at=before, decided_at=before))
        await until(lambda: push.taken)
    assert "delivered 2:0" in push.taken[0].text
    assert "min late" in push.taken[0].text


async def test_a_clock_jump_makes_no_alert_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event's own clock is an hour behind the wall clock by now."""
    loop_s = asyncio.get_running_loop().time()
    before = datetime.now(UTC) - timedelta(hours=1)
    event = replace(crack(), happened_at=before, decided_at=before, known_s=loop_s)
    async with serving("ntfy", monkeypatch) as push, telling(push) as rig:
        rig.events.put(event)
        await until(lambda: push.taken)
    assert "late" not in push.taken[0].text
    assert "h ago" not in push.taken[0].text


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        (EventKind.NO_CRACK_YET, "No first crack yet · kitchen"),
        (EventKind.SOUND_LOST, "The microphone is lost · kitchen"),
        (EventKind.ROASTER_LOST, "The roaster is lost · kitchen"),
    ],
)
async def test_a_fault_during_a_roast_is_notified(
    kind: EventKind, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving("ntfy", monkeypatch) as push, telling(push) as rig:
        rig.events.put(happened(kind, message="It was unplugged."))
        await until(lambda: push.taken)
    assert push.taken[0].title == title
    assert "It was unplugged." in push.taken[0].text


async def test_quiet_hours_apply_to_services(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now()
    hours = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=1):%H:%M}"
    async with (
        serving("ntfy", monkeypatch) as push,
        telling(push, quiet_hours=hours, language="de") as rig,
    ):
        rig.events.put(crack())
        rig.events.put(happened(EventKind.FAULT))
        await until(lambda: push.taken)
    assert [taken.title for taken in push.taken] == ["Etwas stimmt nicht · kitchen"]
