"""What waits in the outbox, or was delivered, where the clock is set back before a restart."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from roastwatch.roastlog.log import RoastLog
from roastwatch.sinks.monotonic_utc import MonotonicUtc
from roastwatch.sinks.outbox.dedupe_set import DedupeSet
from roastwatch.sinks.outbox.delivery import Delivery
from roastwatch.sinks.outbox.event_outbox import Outbox, QueuedEvent
from roastwatch.sinks.outbox.event_store import EventStore
from roastwatch.sinks.sink import WaitingAlert
from roastwatch.supervise import Backoff
from roastwatch.vocabulary import EventKind, Origin, RoastEvent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "roasts.db"


def ahead() -> MonotonicUtc:
    """As of a process that started while the computer's clock was an hour ahead."""
    clock = MonotonicUtc()
    clock._from += timedelta(hours=1)
    return clock


async def test_deliveries_are_remembered_after_the_clock_is_set_back(path: Path) -> None:
    async with RoastLog.open(path) as log:
        await DedupeSet(log, "rules-done", ahead()).add("rule0:e1:drop")
    async with RoastLog.open(path) as log:
        assert await DedupeSet(log, "rules-done", MonotonicUtc()).restore() == ["rule0:e1:drop"]


async def test_a_waiting_alert_is_sent_after_the_clock_is_set_back(path: Path) -> None:
    sent: list[str] = []

    async def send(waiting: WaitingAlert) -> None:
        sent.append(waiting.alert_id)

    def delivery(log: RoastLog) -> Delivery:
        return Delivery(log, "phone", send, lambda *_: True, young_s=60.0, backoff=Backoff())

    async with RoastLog.open(path) as log:
        earlier = delivery(log)
        earlier.clock = ahead()
        await earlier.add("a1", {}, event_id="e1")
    async with RoastLog.open(path) as log:
        running = asyncio.create_task(delivery(log).run())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                while not sent:
                    await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert sent == ["a1"]


async def test_an_unsent_event_is_restored_after_the_clock_is_set_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    event = RoastEvent("e1", "roaster", "r1", EventKind.DROP, now, now, Origin.PERSON)
    async with RoastLog.open(path) as log:
        store = EventStore(log, "mqtt")
        store._clock = ahead()
        with monkeypatch.context() as clock:
            later = now + timedelta(hours=1)
            clock.setattr("roastwatch.roastlog.log.utc_now", lambda: later)
            await store.keep(QueuedEvent.of(event, "drop", 0.0, 0.0))
    into = Outbox(0.0)
    async with RoastLog.open(path) as log:
        await EventStore(log, "mqtt").restore(into)
    into.listener_back(1.0)
    kept = into.unsent()
    assert kept is not None
    assert kept.event_id == "e1"
