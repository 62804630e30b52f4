"""What outlives the service, the picture of the roast, and news of updates."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from roastwatch import __version__
from roastwatch.roastlog.log import RoastLog
from roastwatch.vocabulary import ComponentState, Phase
from tests.support.events import event, snapshot
from tests.support.mosquitto import Broker
from tests.support.mqtt import listener, sink
from tests.support.until import until

EVENT = "roastwatch/test/roaster/event"
CONFIG = "homeassistant/device/roastwatch_test_roaster/config"


def waiting(broker: Broker) -> str:
    """Where events wait in the log; what was delivered is remembered beside it."""
    return f"mqtt:127.0.0.1:{broker.port}"


async def test_unsent_events_of_a_dead_service_are_sent_by_the_next(tmp_path: Path) -> None:
    broker = Broker(tmp_path)  # not started: nothing can be sent
    path = tmp_path / "roasts.sqlite"
    async with RoastLog.open(path) as log, sink(broker.port, outbox=log) as rig:
        await until(lambda: rig.part.state is ComponentState.RETRYING)
        rig.events.put(event("untold"))
        while not await log.outbox_due(target=waiting(broker)):
            pass
    broker.start()
    try:
        async with listener(broker.port) as (heard, client):
            async with RoastLog.open(path) as log, sink(broker.port, outbox=log) as rig:
                rig.show(snapshot())
                (found,) = await until(lambda: heard.json(EVENT))
                assert found["event_id"] == "untold"
                assert found["late"]
                while await log.outbox_due(target=waiting(broker)):
                    rig.show(snapshot())
            await client.publish("all", "arrived", qos=1)  # behind what is still on its way
            await until(lambda: heard.newest("all"))
            heard.forget()
            async with RoastLog.open(path) as log, sink(broker.port, outbox=log) as rig:
                await until(lambda: rig.part.state is ComponentState.RUNNING)
                rig.events.put(event("new"))
                await until(lambda: heard.json(EVENT))
                assert [item["event_id"] for item in heard.json(EVENT)] == ["new"]
    finally:
        broker.kill()


async def test_events_without_a_listener_are_sent_by_the_next_run(
    broker: Broker, tmp_path: Path
) -> None:
    async with listener(broker.port, EVENT) as (heard, _):
        async with RoastLog.open(tmp_path / "roasts.sqlite") as log:
            async with sink(broker.port, outbox=log) as rig:
                rig.events.put(event("unheard"))
                await until(lambda: heard.json(EVENT))
                while not await log.outbox_due(target=waiting(broker)):
                    pass
                # Not announced yet: that the broker has it says nothing.
                await until(lambda: rig.part.counters.get("events_told"))
            assert await log.outbox_due(target=waiting(broker))
        heard.forget()
        async with (
            RoastLog.open(tmp_path / "roasts.sqlite") as log,
            sink(broker.port, outbox=log) as rig,
        ):
            found = await until(lambda: heard.json(EVENT))
            assert found[0]["event_id"] == "unheard"
            while await log.outbox_due(target=waiting(broker)):
                rig.show(snapshot())


async def test_the_picture_is_sent_at_each_phase(broker: Broker) -> None:
    drawn: list[str] = []

    async def picture(station: str) -> bytes | None:
        drawn.append(station)
        return b"\x89PNG " + str(len(drawn)).encode()

    image = "roastwatch/test/roaster/state/image"
    async with (
        sink(broker.port, picture=picture) as rig,
        listener(broker.port) as (heard, _),
    ):
        rig.show(snapshot())
        config = (await until(lambda: heard.json(CONFIG)))[-1]["components"]["image"]
        assert config["image_topic"] == image
        assert config["content_type"] == "image/png"
        rig.show(snapshot(roast_id="r1", phase=Phase.ROASTING))
        await until(lambda: [m for m in heard.messages if m[0] == image])
        rig.show(snapshot(roast_id="r1", phase=Phase.ROASTING, elapsed_s=5.0))
        rig.show(snapshot(roast_id="r1", phase=Phase.DEVELOPMENT))
        await until(lambda: len([m for m in heard.messages if m[0] == image]) == 2)
        assert drawn == ["roaster", "roaster"]


@dataclass
class Index:
    """A package index: its address, and what it says."""

    port: int
    newest: dict[str, Any] | bytes


@pytest.fixture
async def index() -> AsyncIterator[Index]:
    found = Index(0, {"info": {"version": "99.1"}})

    async def answer(_request: web.Request) -> web.Response:
        if isinstance(found.newest, bytes):
            return web.Response(body=found.newest, content_type="application/json")
        return web.json_response(found.newest)

    app = web.Application()
    app.router.add_get("/json", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server: Any = site._server
    found.port = server.sockets[0].getsockname()[1]
    yield found
    await runner.cleanup()


async def test_updates_are_published_if_configured(broker: Broker, index: Index) -> None:
    url = f"http://127.0.0.1:{index.port}/json"
    update = "roastwatch/test/roaster/state/update"
    async with sink(broker.port, update_url=url) as rig, listener(broker.port) as (heard, _):
        rig.show(snapshot())
        state = json.loads(await until(lambda: heard.newest(update)))
        assert state["installed_version"] == __version__
        assert state["latest_version"] == "99.1"
        config = (await until(lambda: heard.json(CONFIG)))[-1]
        assert config["components"]["update"]["device_class"] == "firmware"
    index.newest = {"nothing": 1}
    async with sink(broker.port, "other", update_url=url), listener(broker.port) as (heard, _):
        state = json.loads(await until(lambda: heard.newest(update.replace("/test/", "/other/"))))
        assert "latest_version" not in state


@pytest.mark.parametrize(
    "newest",
    [
        b"[" * 100_000,
        b'{"info": ' + b"[" * 100_000,
        b'{"info": {"version": "\\ud800"}}',
        b'{"info": {"version": "1\\u001b[2J"}}',
        b'{"info": {"version": [1]}}',
        b'{"info": 5}',
        b"[1]",
        b'{"info": "' + b"x" * 9_000_000 + b'"}',
    ],
)
async def test_an_absurd_package_index_ends_nothing(
    broker: Broker, index: Index, newest: bytes
) -> None:
    index.newest = newest
    url = f"http://127.0.0.1:{index.port}/json"
    update = "roastwatch/test/roaster/state/update"
    async with sink(broker.port, update_url=url) as rig, listener(broker.port) as (heard, _):
        state = json.loads(await until(lambda: heard.newest(update)))
        assert "latest_version" not in state
        rig.show(snapshot(elapsed_s=3.0))
        elapsed = "roastwatch/test/roaster/state/elapsed"
        await until(lambda: heard.newest(elapsed) == "3")
