"""Brokers that take messages of a certain length only; devices of the same ids."""

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from roastwatch.sinks.mqtt.discovery import components_of
from roastwatch.vocabulary import ComponentState, EventKind, Phase
from tests.fakes.old_broker import old_broker
from tests.support.events import event, snapshot
from tests.support.mosquitto import Broker
from tests.support.mqtt import Heard, listener, sink
from tests.support.until import until

EVENT = "roastwatch/test/roaster/event"
STATE = "roastwatch/test/roaster/state"
CONFIG = "homeassistant/device/roastwatch_test_roaster/config"
LIMIT = 4000


def small(folder: Path) -> Broker:
    """A broker of small packets, which closes the connection of who sends a larger one."""
    return Broker(folder, f"max_packet_size {LIMIT}").start()


def parts(heard: Heard) -> dict[str, dict[str, Any]]:
    """The newest discovery on each topic."""
    found = {t: p for t, p, _ in heard.messages if t.startswith("homeassistant/device/")}
    return {topic: json.loads(payload) for topic, payload in found.items() if payload}


def living(heard: Heard) -> list[str]:
    return [name for message in parts(heard).values() for name in components_of(message)]


async def test_an_oversized_message_is_skipped_and_the_link_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    broker = small(tmp_path)

    async def picture(_station: str) -> bytes | None:
        return b"\x89PNG" + bytes(LIMIT)

    try:
        async with (
            sink(broker.port, picture=picture) as rig,
            listener(broker.port) as (heard, _),
        ):
            rig.show(snapshot(roast_id="r1", phase=Phase.ROASTING))
            await until(lambda: rig.part.counters.get("left_out") == 1)
            rig.show(snapshot(roast_id="r1", phase=Phase.DEVELOPMENT))
            await until(lambda: heard.newest(f"{STATE}/phase") == "development")
            rig.events.put(event("long", EventKind.FAULT, None, message="x" * 5000))
            await until(lambda: heard.json(EVENT))
            assert heard.json(EVENT)[0]["message"] == ""
            assert rig.part.state is ComponentState.RUNNING
            said = [line for line in caplog.messages if "left out" in line]
            assert len(said) == 1
            assert f"at most {LIMIT} bytes" in said[0]
            assert "the picture of the roast" in said[0]
            assert "max_packet_size" in said[0]
    finally:
        broker.kill()


async def test_an_old_broker_that_closes_on_pictures_gets_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """MQTT 3.1.1 has no way to say how long a message may be."""
    caplog.set_level(logging.WARNING)
    broker = Broker(tmp_path, "max_packet_size 50000").start()
    drawn = []

    async def picture(_station: str) -> bytes | None:
        drawn.append(1)
        return b"\x89PNG" + bytes(60_000)

    try:
        async with (
            old_broker(broker.port) as old,
            sink(old.port, picture=picture) as rig,
            listener(broker.port) as (heard, _),
        ):
            rig.show(snapshot(roast_id="r1", phase=Phase.ROASTING))
            await until(lambda: any("pictures are left out" in line for line in caplog.messages))
            rig.show(snapshot(roast_id="r1", phase=Phase.DEVELOPMENT))
            await until(lambda: heard.newest(f"{STATE}/phase") == "development")
            await until(lambda: rig.part.state is ComponentState.RUNNING)
            assert len(drawn) == 2
    finally:
        broker.kill()


async def test_discovery_is_split_into_parts_that_fit(broker: Broker, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    little = small(tmp_path / "small")
    try:
        async with sink(broker.port) as rig, listener(broker.port) as (heard, _):
            rig.show(snapshot())
            await until(lambda: heard.json(CONFIG))
            whole = heard.json(CONFIG)[-1]
        async with sink(little.port) as rig, listener(little.port) as (heard, _):
            rig.show(snapshot())
            await until(lambda: heard.newest(f"{STATE}/status"))
            assert sorted(living(heard)) == sorted(components_of(whole))
            assert len(parts(heard)) > 4
            for message in parts(heard).values():
                assert message["device"] == whole["device"]
                assert message["origin"] == whole["origin"]
                for name, component in message["components"].items():
                    assert component == whole["components"][name]
    finally:
        little.kill()


async def test_a_new_limit_moves_components_that_no_longer_fit(tmp_path: Path) -> None:
    broker = Broker(tmp_path, "persistence true", f"persistence_location {tmp_path}/").start()
    try:
        async with sink(broker.port) as rig, listener(broker.port) as (heard, _):
            rig.show(snapshot())
            await until(lambda: heard.newest(f"{STATE}/status"))
            everything = sorted(living(heard))
        broker.restart(f"max_packet_size {LIMIT}")
        async with sink(broker.port) as rig, listener(broker.port) as (heard, _):
            await until(lambda: living(heard))
            heard.forget()
            rig.show(snapshot())
            await until(lambda: len(living(heard)) >= len(everything))
            assert sorted(living(heard)) == everything
            # What moves is removed from where it was before it is announced elsewhere.
            removed = heard.json(CONFIG)[0]["components"]
            moved = {name for name, found in removed.items() if len(found) == 1}
            assert moved == set(everything) - set(components_of(parts(heard)[CONFIG]))
    finally:
        broker.kill()


async def test_a_removed_limit_joins_the_parts_again(broker: Broker, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    little = small(tmp_path / "small")
    try:
        async with sink(little.port) as rig, listener(little.port) as (heard, _):
            rig.show(snapshot())
            await until(lambda: heard.newest(f"{STATE}/status"))
            before, everything = parts(heard), sorted(living(heard))
    finally:
        little.kill()
    assert len(before) > 4
    async with listener(broker.port) as (heard, client):
        for topic, message in before.items():
            await client.publish(topic, json.dumps(message), qos=1, retain=True)
        await until(lambda: len(heard.messages) == len(before))
        heard.forget()
        async with sink(broker.port) as rig:
            rig.show(snapshot())
            await until(lambda: sorted(living(heard)) == everything)
            assert list(parts(heard)) == [CONFIG]
            topics = [topic for topic, *_ in heard.messages]
            cleared = [topic for topic in topics if "/part" in topic]
            assert sorted([*cleared, CONFIG]) == sorted(before)
            assert max(map(topics.index, cleared)) < topics.index(CONFIG)
    async with listener(broker.port, "homeassistant/#") as (heard, _):
        await until(lambda: heard.newest(CONFIG))
        assert Counter(living(heard)) == Counter(everything)


async def test_instances_with_the_same_ids_keep_their_own_device(
    broker: Broker,
) -> None:
    config = "homeassistant/device/roastwatch_a_b_c/config"
    async with (
        sink(broker.port, "a", ("b_c", "d")) as first,
        listener(broker.port) as (heard, _),
    ):
        first.show(snapshot("b_c"), snapshot("d"))
        await until(lambda: heard.newest("roastwatch/a/b_c/state/status"))
        before = heard.newest(config)
        async with sink(broker.port, "a_b", ("c",)) as second:
            second.show(snapshot("c", phase=Phase.DRYING))
            await until(lambda: heard.newest("roastwatch/a_b/c/state/phase") == "drying")
            await until(lambda: second.part.problem)
            said = second.part.problem or ""
            assert "Station 'c' of 'a_b' and one of 'a'" in said
            assert "same ids in Home Assistant: rename one" in said
            assert second.part.state is ComponentState.DEGRADED
            second.events.put(event("e1", station="c"))
            await until(lambda: heard.json("roastwatch/a_b/c/event"))
        assert heard.newest(config) == before
        assert first.part.problem is None


async def test_a_renamed_station_leaves_the_other_device_alone(broker: Broker) -> None:
    config = "homeassistant/device/roastwatch_a_b_c/config"
    async with listener(broker.port) as (heard, _):
        async with sink(broker.port, "a_b", ("c",)) as other:
            other.show(snapshot("c"))
            await until(lambda: heard.newest("roastwatch/a_b/c/state/status"))
        async with sink(broker.port, "a", ("b_c",)) as rig:
            rig.show(snapshot("b_c"))
            await until(lambda: rig.part.problem)
            await until(lambda: heard.newest("roastwatch/a/b_c/state/status"))
        async with sink(broker.port, "a", ("kitchen",)) as rig:
            rig.show(snapshot("kitchen"))
            await until(lambda: heard.newest("roastwatch/a/b_c/state/status") == "")
            await until(lambda: heard.newest("roastwatch/a/kitchen/state/status"))
            assert rig.part.problem is None
        assert json.loads(heard.newest(config) or "null")["device"]["name"] == "C"


async def test_a_retained_claim_of_a_dead_instance_blocks_nobody(
    broker: Broker,
) -> None:
    async with listener(broker.port) as (_, client):
        claim = {"session": "x", "since": "2000-01-01", "where": "long gone"}
        await client.publish("roastwatch/test/session", json.dumps(claim), qos=1, retain=True)
        await client.publish(CONFIG, "[" * 100_000, qos=1, retain=True)
        async with sink(broker.port) as rig:
            await until(lambda: rig.part.state is ComponentState.RUNNING)
