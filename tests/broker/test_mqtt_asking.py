"""What people ask through the broker: wishes, refusals, nonsense."""

import logging
import random

import pytest

from roastwatch.vocabulary import Actuator, InstructionKind, Outcome
from tests.support.events import reading, roaster, snapshot
from tests.support.mosquitto import Broker
from tests.support.mqtt import listener, sink
from tests.support.until import until

SET = "roastwatch/test/roaster/set"
STATE = "roastwatch/test/roaster/state"


async def test_requests_become_instructions_and_commands(broker: Broker) -> None:
    async with sink(broker.port) as rig, listener(broker.port) as (heard, client):
        await until(lambda: heard.newest("roastwatch/test/available") == "online")
        for key, payload in (
            ("start", "PRESS"),
            ("under_way", "PRESS"),
            ("listening", "OFF"),
            ("listening", "ON"),
            ("sensitivity", "75"),
            ("not_a_crack", "PRESS"),
            ("emergency_stop", "PRESS"),
            ("note", "Äthiopien, zweite Charge"),
            ("heater", "55.5"),
            ("cooling", "ON"),
            ("door", "OPEN"),
        ):
            await client.publish(f"{SET}/{key}", payload, qos=1)
        await until(lambda: len(rig.person.commands) == 3)
        assert [(asked.kind, asked.value) for asked in rig.person.instructions] == [
            (InstructionKind.START, None),
            (InstructionKind.UNDER_WAY, None),
            (InstructionKind.LISTEN_OFF, None),
            (InstructionKind.LISTEN_ON, None),
            (InstructionKind.SENSITIVITY, 0.75),
            (InstructionKind.NOT_A_CRACK, None),
            (InstructionKind.EMERGENCY_STOP, None),
            (InstructionKind.NOTE, "Äthiopien, zweite Charge"),
        ]
        assert [(asked.actuator, asked.target) for asked in rig.person.commands] == [
            (Actuator.HEATER, 55.5),
            (Actuator.COOLING, 100.0),
            (Actuator.DOOR, 100.0),
        ]
        assert {asked.station for asked in rig.person.commands} == {"roaster"}


async def test_a_refused_command_has_a_reason_and_is_reverted(broker: Broker) -> None:
    async with sink(broker.port) as rig, listener(broker.port) as (heard, client):
        rig.person.answer = (Outcome.REFUSED, "Not armed: heat can't be raised.")
        rig.show(snapshot(roaster=roaster(Actuator.HEATER), reading=reading(heater_percent=20.0)))
        await until(lambda: heard.newest(f"{STATE}/heater") == "20")
        await until(lambda: heard.newest(f"{STATE}/status"))
        heard.forget()
        await client.publish(f"{SET}/heater", "90", qos=1)
        await until(lambda: heard.newest(f"{STATE}/heater") == "20")
        said = [payload for topic, payload, _ in heard.messages if topic.endswith("last_refusal")]
        assert said[0] == b"Not armed: heat can't be raised."


@pytest.mark.parametrize(
    ("key", "payload", "sentence"),
    [
        ("start", b"", "takes PRESS"),
        ("start", b"\xff\xfe", "UTF-8"),
        ("sensitivity", b"NaN", "a number from 0 to 100"),
        ("sensitivity", b"101", "a number from 0 to 100"),
        ("heater", b"hot", "a number from 0 to 100"),
        ("heater", b"-inf", "a number from 0 to 100"),
        ("listening", b"maybe", "takes ON or OFF"),
        ("door", b"ON", "takes OPEN or CLOSE"),
        ("note", b"x" * 5000, "at most 1024 bytes"),
        ("phase", b"idle", "can be set"),
        ("coffee", b"PRESS", "can be set"),
    ],
)
async def test_an_invalid_request_is_refused_with_a_reason(
    broker: Broker, key: str, payload: bytes, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with sink(broker.port) as rig, listener(broker.port) as (heard, client):
        await until(lambda: heard.newest("roastwatch/test/available") == "online")
        await client.publish(f"{SET}/{key}", payload, qos=1)
        await until(lambda: rig.part.counters.get("wishes_refused") == 1)
        assert sentence in caplog.text
        assert not rig.person.instructions
        assert not rig.person.commands


async def test_a_switch_arms_only_if_its_button_confirms_that(broker: Broker) -> None:
    """Areas, groups and voices turn switches on; none of them presses the button afterwards."""
    button = "roastwatch/test/roaster/available/arming"
    async with sink(broker.port) as rig, listener(broker.port) as (heard, client):
        rig.show(snapshot(roaster=roaster(*Actuator)))
        await until(lambda: heard.newest(button) == "offline")
        await client.publish(f"{SET}/confirm_arming", "PRESS", qos=1)
        await until(lambda: "Nothing was armed" in (heard.newest(f"{STATE}/last_refusal") or ""))
        await client.publish(f"{SET}/arm", "ON", qos=1)
        await until(lambda: heard.newest(button) == "online")
        await until(lambda: heard.newest(f"{STATE}/arm") == "OFF")
        await until(lambda: "Confirm arming" in (heard.newest(f"{STATE}/last_refusal") or ""))
        assert not rig.person.instructions
        await client.publish(f"{SET}/confirm_arming", "PRESS", qos=1)
        await until(lambda: rig.person.instructions)
        assert [asked.kind for asked in rig.person.instructions] == [InstructionKind.ARM]
        # One confirmation arms once; turning the switch off needs none.
        rig.person.instructions.clear()
        await client.publish(f"{SET}/confirm_arming", "PRESS", qos=1)
        await client.publish(f"{SET}/arm", "ON", qos=1)
        await client.publish(f"{SET}/arm", "OFF", qos=1)
        await client.publish(f"{SET}/confirm_arming", "PRESS", qos=1)
        await client.publish(f"{SET}/start", "PRESS", qos=1)
        await until(lambda: len(rig.person.instructions) == 2)
        kinds = [asked.kind for asked in rig.person.instructions]
        assert kinds == [InstructionKind.DISARM, InstructionKind.START]


async def test_a_retained_request_is_refused(broker: Broker) -> None:
    async with listener(broker.port) as (_, client):
        await client.publish(f"{SET}/start", "PRESS", qos=1, retain=True)
        async with sink(broker.port) as rig:
            await until(lambda: rig.part.counters.get("wishes_refused") == 1)
            assert not rig.person.instructions


async def test_ten_thousand_malformed_messages_do_no_harm(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(1)
    keys = ["start", "heater", "note", "sensitivity", "cooling", "nothing", "ünsinn", "event"]
    caplog.set_level(logging.INFO)
    async with (
        sink(broker.port) as rig,
        listener(broker.port, "roastwatch/test/#") as (heard, client),
    ):
        rig.show(snapshot(sensitivity=0.1))
        await until(lambda: heard.newest(f"{STATE}/sensitivity") == "10")
        for _ in range(10_000):
            payload = b"\x80" + chance.randbytes(chance.randrange(0, 60))
            await client.publish(f"{SET}/{chance.choice(keys)}", payload, qos=0)
        await client.publish(f"{SET}/start", "PRESS", qos=1)
        await until(lambda: rig.person.instructions)
        assert rig.part.counters["wishes_refused"] == 10_000
        assert not rig.person.commands
        assert rig.part.problem is None
        assert len([line for line in caplog.messages if "Refused" in line]) < 30
        rig.show(snapshot(sensitivity=0.2))
        await until(lambda: heard.newest(f"{STATE}/sensitivity") == "20")
