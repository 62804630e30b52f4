"""MQTT payloads, and the driver against a device on the real Mosquitto."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiomqtt
import pytest
from pydantic import ValidationError

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.drivers.mqtt_options import (
    ControlTopics,
    MqttRoasterOptions,
    Temperature,
    number,
    word,
)
from roastwatch.roaster.drivers.mqtt_roaster import MqttRoaster
from roastwatch.roaster.transport.spike_filter import probe_value
from roastwatch.vocabulary import Actuator
from tests.fakes.line import read_for_ever
from tests.fakes.mqtt_device import OPTIONS, FakeMqttRoaster, on_broker
from tests.support.mosquitto import Broker
from tests.support.until import until


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    running = Broker(tmp_path).start()
    yield running
    running.kill()


def driver(broker: Broker, **options: Any) -> MqttRoaster:
    return MqttRoaster(
        MqttRoasterOptions.model_validate(
            {"port": f"mqtt://127.0.0.1:{broker.port}", **OPTIONS, **options}
        ),
        "kitchen",
    )


@pytest.mark.parametrize(
    ("payload", "path", "value"),
    [
        (b"190.5", "", 190.5),
        (b' {"a": {"b": [1, 2.5]}} ', "a.b.1", 2.5),
        (b'{"a": "190.5"}', "a", 190.5),
        (b'{"a": null}', "a", None),
        (b'{"a": 1}', "b", None),
        (b"{", "a", None),
        (b"nan", "", None),
        (b"unavailable", "", None),
        (b"\xff", "", None),
        (b"", "", None),
        (b'{"a": {}}', "a", None),
    ],
)
def test_numbers_in_messages(payload: bytes, path: str, value: float | None) -> None:
    assert number(payload, path) == value


def test_payloads_of_switches_and_dimmers() -> None:
    switch = ControlTopics(
        command_topic="x", on="ON", off="OFF", state_topic="y", state_path="POWER"
    )
    assert (switch.payload_of(0, down=True), switch.payload_of(1, down=True)) == ("OFF", "ON")
    assert switch.percent_of(b'{"POWER": "on"}') == 100
    assert switch.percent_of(b'{"POWER": "?"}') is None
    dimmer = ControlTopics(command_topic="x", full=255, payload='{"brightness": {value}}')
    assert dimmer.payload_of(50.1, down=True) == '{"brightness": 127}'
    assert dimmer.percent_of(b"127") == pytest.approx(49.8, abs=0.1)
    assert dimmer.percent_of(b"300") is None
    assert (
        ControlTopics.model_validate({"command_topic": "x", "on": True, "off": False}).payload_of(
            100, down=True
        )
        == "ON"
    )
    assert word(b'{"a": [1]}', "a.9") is None
    assert Temperature(topic="x", unit="F").value_c(b"392") == 200
    absent = Temperature(topic="x").value_c(b"-127")  # a missing DS18B20
    doubts: dict[str, str] = {}
    assert probe_value(doubts, "bean_temp_c", absent) is None
    assert "-127.0 °C" in doubts["bean_temp_c"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"bean_temp": None, "environment_temp": None},
        {"heater": {"command_topic": "x", "on": "ON"}},
        {"heater": {"command_topic": "x", "payload": "five"}},
        {"heater": {"comand_topic": "x"}},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MqttRoasterOptions.model_validate({**OPTIONS, **wrong})


async def test_reads_and_writes(broker: Broker) -> None:
    fake = FakeMqttRoaster(speed=0)
    fake.heater = "ON"
    async with on_broker(fake, broker.port):
        async with driver(broker, silence_s=10) as roaster:
            await until(lambda: fake.heater == "OFF")
            reading = await roaster.read()
            while reading.environment_temp_c is None or reading.heater_percent != 0:
                reading = await roaster.read()
            assert (reading.bean_temp_c, reading.environment_temp_c) == (25, 25)
            await roaster.write(Actuator.FAN, 44.4)
            await roaster.write(Actuator.HEATER, 60)
            await until(lambda: (fake.heater, fake.fan) == ("ON", 45))
            while reading.heater_percent != 100 or reading.fan_percent != 45:
                reading = await roaster.read()
            with pytest.raises(BadInputError, match="no topic for its cooling"):
                await roaster.write(Actuator.COOLING, 100)
            await roaster.make_safe()
            await until(lambda: (fake.heater, fake.drum, fake.fan) == ("OFF", "ON", 100))
            await roaster.write(Actuator.HEATER, 60)
            await until(lambda: fake.heater == "ON")
        await until(lambda: fake.heater == "OFF")


async def test_lost_broker_is_reopened(broker: Broker) -> None:
    fake = FakeMqttRoaster(speed=0)
    async with on_broker(fake, broker.port):
        roaster = driver(broker, silence_s=10)
        await roaster.__aenter__()
        await roaster.read()
        broker.kill()
        with pytest.raises(LostError):
            await read_for_ever(roaster)
        with pytest.raises(LostError):
            await roaster.make_safe()
        await roaster.__aexit__()
    broker.start()
    fake.heater, fake.commands = "ON", []
    async with on_broker(fake, broker.port), driver(broker, silence_s=10) as again:
        await again.read()
        await until(lambda: fake.heater == "OFF")


async def test_device_that_goes_offline_is_lost(broker: Broker) -> None:
    fake = FakeMqttRoaster(speed=0)
    async with on_broker(fake, broker.port), driver(broker, silence_s=10) as roaster:
        await roaster.read()
        async with aiomqtt.Client("127.0.0.1", broker.port) as other:
            await other.publish("tele/roaster/LWT", "offline")
        with pytest.raises(LostError, match="offline"):
            await read_for_ever(roaster)


async def test_retained_temperature_is_not_a_reading(broker: Broker) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port) as other:
        await other.publish("tele/roaster/air", "180", retain=True)
    async with driver(broker, silence_s=0.5) as roaster:
        with pytest.raises(LostError, match="nothing valid"):
            await roaster.read()


async def test_heater_that_stays_on_is_reported(broker: Broker) -> None:
    fake = FakeMqttRoaster(speed=0)
    fake.stuck, fake.heater = True, "ON"
    async with on_broker(fake, broker.port):
        async with aiomqtt.Client("127.0.0.1", broker.port) as other:
            await other.publish("stat/roaster/POWER1", "ON", retain=True)
        async with driver(broker) as roaster:
            assert (await roaster.read()).heater_percent == 100


async def test_device_that_loses_its_heat_has_restarted(broker: Broker) -> None:
    fake = FakeMqttRoaster(speed=0)
    async with on_broker(fake, broker.port), driver(broker) as roaster:
        await roaster.write(Actuator.HEATER, 100)
        await until(lambda: fake.heater == "ON")
        roaster._heat_written_s -= 10  # it has been on for a while
        async with aiomqtt.Client("127.0.0.1", broker.port) as other:
            fake.heater = "OFF"
            await other.publish("stat/roaster/POWER1", "OFF")
            await until(lambda: roaster.restarts == 1)
            fake.commands.clear()
            await until(lambda: ("cmnd/roaster/POWER1", "OFF") in fake.commands)
            await other.publish("tele/roaster/LWT", "online")  # it greets again
        await until(lambda: roaster.restarts == 2)
        assert fake.heater == "OFF"


async def test_absent_probe_has_a_reason_and_a_fire_is_reported_as_read(broker: Broker) -> None:
    fake = FakeMqttRoaster(speed=0)
    fake.thermal.bean_c, fake.thermal.air_c = -127.0, 560.0
    async with on_broker(fake, broker.port), driver(broker) as roaster:
        while (reading := await roaster.read()).environment_temp_c != 560:
            pass
        assert reading.bean_temp_c is None
        assert "-127.0 °C" in roaster.doubts["bean_temp_c"]


async def test_broker_turns_heat_off_after_sigkill(broker: Broker, tmp_path: Path) -> None:
    fake = FakeMqttRoaster(speed=0)
    script = tmp_path / "host.py"
    script.write_text(
        dedent(f"""
        import asyncio
        from roastwatch.roaster.drivers.mqtt_options import MqttRoasterOptions
        from roastwatch.roaster.drivers.mqtt_roaster import MqttRoaster
        from roastwatch.vocabulary import Actuator

        async def main():
            options = MqttRoasterOptions.model_validate(
                {{"port": "mqtt://127.0.0.1:{broker.port}", **{OPTIONS!r}}}
            )
            async with MqttRoaster(options, "kitchen") as roaster:
                await roaster.write(Actuator.HEATER, 100)
                await asyncio.sleep(600)

        asyncio.run(main())
        """)
    )
    async with on_broker(fake, broker.port):
        host = await asyncio.create_subprocess_exec(sys.executable, str(script))
        await until(lambda: fake.heater == "ON", 60)
        host.send_signal(signal.SIGKILL)
        await host.wait()
        await until(lambda: fake.heater == "OFF")


async def test_missing_broker_is_lost(broker: Broker) -> None:
    broker.kill()
    with pytest.raises(LostError, match="can't be reached"):
        await driver(broker).__aenter__()
    with pytest.raises(BadInputError, match="not a broker"):
        await driver(broker, port="/dev/ttyUSB0").__aenter__()
