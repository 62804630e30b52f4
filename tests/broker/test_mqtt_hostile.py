"""The MQTT sink at a real Mosquitto against messages made to hurt, live and retained."""

import gzip
import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roastwatch.entities import ENTITIES
from roastwatch.sinks.duplicate_instance import Claim
from roastwatch.vocabulary import Command, CommandResult, ComponentState, InstructionKind
from tests.support.events import snapshot
from tests.support.mosquitto import Broker
from tests.support.mqtt import Person, Running, listener, sink
from tests.support.until import until

BASE = "roastwatch/test"
PAYLOADS: dict[str, bytes] = {
    "deep list": b"[" * 100_000,
    "deep object": b'{"session":' * 50_000,
    "huge number": b'{"session": ' + b"9" * 5000 + b"}",
    "infinite": b'{"session": Infinity, "since": NaN, "where": 1e999}',
    "surrogates": b'{"session": "\\ud800", "since": "\\udfff", "where": "\\ud800"}',
    "wrong types": b'{"session": [1], "since": {}, "where": null}',
    "no date": b'{"session": "a", "since": "0", "where": "x"}',
    "escape": b'{"session": "\\u001b[2J", "since": "2020-01-01", "where": "x\\ny"}',
    "not UTF-8": b"\xff\xfe\x00",
    "gzip": gzip.compress(b"[" * 100_000),
    "components": b'{"components": {"a": {"platform": [[]], "b": 1}, "c": 5, "d": [1]}}',
    "components list": b'{"components": [1, 2]}',
    "null": b"null",
    "large": b"x" * 900_000,
    "too large": b"x" * 5_000_000,
}
TOPICS = (
    f"{BASE}/session",
    f"{BASE}/roaster/set/sensitivity",
    f"{BASE}/roaster/set/note",
    f"{BASE}/roaster/set/heater",
    f"{BASE}/roaster/state/phase",
    f"{BASE}/attic/state/phase",
    "homeassistant/device/roastwatch_test_roaster/config",
    "homeassistant/status",
)


async def works(rig: Running, port: int) -> None:
    """It is connected, shows states, and does what is asked."""
    async with listener(port, f"{BASE}/roaster/state/#", f"{BASE}/available") as (heard, client):
        await until(lambda: heard.newest(f"{BASE}/available") == "online")
        before = len(rig.person.instructions)
        percent = (before + 7) % 100
        rig.show(snapshot(sensitivity=percent / 100))
        await until(lambda: heard.newest(f"{BASE}/roaster/state/sensitivity") == f"{percent}")
        await client.publish(f"{BASE}/roaster/set/emergency_stop", "PRESS", qos=1)
        await until(lambda: len(rig.person.instructions) > before)
        assert rig.person.instructions[-1].kind is InstructionKind.EMERGENCY_STOP
    assert rig.part.state is ComponentState.RUNNING


@pytest.mark.parametrize("retained", [False, True])
async def test_no_message_on_any_topic_ends_the_sink(
    broker: Broker, retained: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with sink(broker.port) as rig:
        await works(rig, broker.port)
        async with listener(broker.port, "nothing") as (_, client):
            for topic, payload in itertools.product(TOPICS, PAYLOADS.values()):
                await client.publish(topic, payload, qos=1, retain=retained)
        await works(rig, broker.port)
        harmless = {InstructionKind.EMERGENCY_STOP, InstructionKind.NOTE}  # any text is a note
        assert {one.kind for one in rig.person.instructions} <= harmless
        assert not rig.person.commands
        assert rig.part.counters.get("events_lost", 0) == 0
    assert not [record for record in caplog.records if record.exc_info]
    assert len(caplog.text) < 50_000


@pytest.mark.parametrize("name", PAYLOADS)
async def test_retained_messages_do_not_end_the_sink_at_startup(broker: Broker, name: str) -> None:
    async with listener(broker.port, "nothing") as (_, client):
        for topic in TOPICS:
            await client.publish(topic, PAYLOADS[name], qos=1, retain=True)
    async with sink(broker.port) as rig:
        await works(rig, broker.port)


async def test_a_retained_claim_blocks_no_instance(broker: Broker) -> None:
    elder = Claim("0" * 32, "2000-01-01T00:00:00+00:00", "a grave")
    async with listener(broker.port, f"{BASE}/session") as (heard, client):
        await client.publish(f"{BASE}/session", elder.message(), qos=1, retain=True)
        await until(lambda: heard.messages)
        async with sink(broker.port) as rig:
            await works(rig, broker.port)
            # It is cleared, so that it lies in nobody's way.
            await until(lambda: heard.newest(f"{BASE}/session") == "")
            await works(rig, broker.port)


class Absurd(Person):
    """A service that fails at every wish."""

    def instruct(self, instruction: Any) -> None:
        super().instruct(instruction)
        raise RuntimeError("a defect")

    async def command(self, command: Command) -> CommandResult:
        self.commands.append(command)
        raise OverflowError("another")


async def test_a_defect_in_one_request_ends_nothing(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with sink(broker.port, person=Absurd()) as rig:
        async with listener(broker.port, f"{BASE}/available") as (heard, client):
            await until(lambda: heard.newest(f"{BASE}/available") == "online")
            for _ in range(50):
                await client.publish(f"{BASE}/roaster/set/start", "PRESS", qos=1)
                await client.publish(f"{BASE}/roaster/set/heater", "0", qos=1)
        await until(lambda: len(rig.person.commands) == 50)
        await until(lambda: rig.part.counters.get("messages_refused") == 100)
        assert rig.part.state is ComponentState.RUNNING
    logged = [line for line in caplog.messages if "could not be processed" in line]
    assert len(logged) == 10


ODD = (
    st.binary(max_size=200)
    | st.text(max_size=50).map(str.encode)
    | st.sampled_from(
        [b"PRESS", b"ON", b"OPEN", b"50", b"1e999", b"nan", b"9" * 400, b"\xed\xa0\x80"]
    )
    | st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    ).map(lambda value: json.dumps(value).encode())
)
KEYS = st.sampled_from([entity.key for entity in ENTITIES] + ["ünsinn", " ", "a" * 300])


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(KEYS, ODD), min_size=20, max_size=20))
async def test_any_payload_on_any_entity_is_accepted_or_refused(
    broker: Broker, wishes: list[tuple[str, bytes]]
) -> None:
    async with sink(broker.port) as rig:
        await works(rig, broker.port)
        async with listener(broker.port, "nothing") as (_, client):
            for key, payload in wishes:
                await client.publish(f"{BASE}/roaster/set/{key}", payload, qos=1)
                await client.publish(f"{BASE}/session", payload, qos=1)
        await works(rig, broker.port)
        for asked in rig.person.instructions:
            if isinstance(asked.value, str):
                assert asked.value.encode().decode() == asked.value
                assert len(asked.value) <= 255
            else:
                assert asked.value is None or 0 <= asked.value <= 100
        assert all(0 <= command.target <= 100 for command in rig.person.commands)
