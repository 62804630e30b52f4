"""How long from a decision until it is published, and until an automation has fired. Printed."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from tests.broker.conftest import listener, sink
from tests.broker.nouns import event, snapshot
from tests.home_assistant.conftest import Home
from tests.home_assistant.running import Talk

pytestmark = [pytest.mark.home_assistant, pytest.mark.verify, pytest.mark.timeout(900)]

EVENTS = 100


def percentile(found_ms: Sequence[float], share: float) -> float:
    return sorted(found_ms)[min(len(found_ms) - 1, int(share * len(found_ms)))]


async def arrived(somewhere: Sequence[object]) -> None:
    async with asyncio.timeout(60):
        while not somewhere:
            await asyncio.sleep(0.0002)


async def test_latency_over_a_hundred_events(home: Home, talk: Talk) -> None:
    topic, entity = "roastwatch/quick/roaster/event", "event.quick_roaster_event"
    decided: dict[str, float] = {}
    published: dict[str, float] = {}
    fired: dict[str, float] = {}
    async with (
        sink(home.broker.port, "quick") as told,
        listener(home.broker.port, topic) as (
            heard,
            _,
        ),
    ):
        told.show(snapshot())
        await talk.until(lambda: talk.shows(entity, "unknown"))
        event_id = "{{ trigger.to_state.attributes.event_id }}"
        await talk.automate(
            "quick",
            {
                "mode": "queued",
                "triggers": [{"trigger": "state", "entity_id": entity}],
                "actions": [{"event": "quick_fired", "event_data": {"event_id": event_id}}],
            },
        )
        firings = await talk.subscribe("subscribe_events", event_type="quick_fired")
        for number in range(EVENTS):
            name = f"q{number}"
            decided[name] = time.monotonic()
            told.events.put(event(name))
            await arrived(heard.messages)
            published[name] = time.monotonic()
            await arrived(firings)
            fired[name] = time.monotonic()
            heard.forget()
            firings.clear()
            await asyncio.sleep(0.02)
    for label, times, target_ms in (
        ("decision to published", published, 5),
        ("decision to automation fired", fired, 50),
    ):
        found_ms = [1000 * (times[name] - decided[name]) for name in decided]
        middle, high = percentile(found_ms, 0.5), percentile(found_ms, 0.95)
        print(
            f"\n{label}: p50 {middle:.1f} ms, p95 {high:.1f} ms, most {max(found_ms):.1f} ms "
            f"over {len(found_ms)} events (wanted: p95 under {target_ms} ms)"
        )
    assert len(fired) == EVENTS
