"""Brokers that speak MQTT 3.1.1 only."""

import pytest

from roastwatch.vocabulary import ComponentState, InstructionKind, Phase
from tests.fakes.old_broker import old_broker
from tests.support.events import event, snapshot
from tests.support.mosquitto import Broker
from tests.support.mqtt import listener, sink
from tests.support.until import until

STATE = "roastwatch/test/roaster/state"
EVENT = "roastwatch/test/roaster/event"
CONFIG = "homeassistant/device/roastwatch_test_roaster/config"


@pytest.mark.parametrize("answers", [True, False])
async def test_an_old_broker_gets_everything(broker: Broker, answers: bool) -> None:
    async with (
        old_broker(broker.port, answers=answers) as old,
        listener(broker.port) as (heard, client),
    ):
        async with sink(old.port) as rig:
            rig.show(snapshot(phase=Phase.ROASTING))
            await until(lambda: heard.newest(f"{STATE}/phase") == "roasting")
            await until(lambda: heard.newest(CONFIG))
            rig.events.put(event("e1"))
            await until(lambda: heard.json(EVENT))
            await client.publish("roastwatch/test/roaster/set/drop", "PRESS", qos=1)
            await until(lambda: rig.person.instructions)
            assert rig.person.instructions[0].kind is InstructionKind.DROP
            assert rig.part.problem is None
            assert old.levels == [5, 4]
        await until(lambda: heard.newest("roastwatch/test/available") == "offline")


async def test_retained_requests_are_refused_on_an_old_broker(broker: Broker) -> None:
    async with old_broker(broker.port) as old, listener(broker.port) as (_, client):
        await client.publish("roastwatch/test/roaster/set/start", "PRESS", qos=1, retain=True)
        async with sink(old.port) as rig:
            await until(lambda: rig.part.counters.get("wishes_refused") == 1)
            assert not rig.person.instructions


async def test_a_protocol_version_can_be_required(broker: Broker) -> None:
    async with old_broker(broker.port) as old:
        async with sink(old.port, protocol="3.1.1") as rig:
            await until(lambda: rig.part.state is ComponentState.RUNNING)
        assert set(old.levels) == {4}
        async with sink(old.port, protocol="5") as rig:
            await until(lambda: rig.part.problem)
            assert "does not support MQTT 5: set `protocol: auto`" in (rig.part.problem or "")


async def test_a_broker_that_closes_every_connection_is_retried(broker: Broker) -> None:
    async with old_broker(1, answers=False) as old, sink(old.port) as rig:
        await until(lambda: rig.part.problem)
        assert "can't be reached (it closed the connection at once)" in (rig.part.problem or "")
        assert rig.part.state is ComponentState.RETRYING
        old.behind = broker.port
        await until(lambda: rig.part.state is ComponentState.RUNNING)
