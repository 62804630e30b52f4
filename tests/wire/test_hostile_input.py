"""What comes over a roaster's own wires: the guardian's socket and an MQTT device's topics."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.roaster.client.control import RoasterControl
from roastwatch.roaster.drivers.mqtt_options import MqttRoasterOptions
from roastwatch.roaster.drivers.mqtt_roaster import MqttRoaster
from roastwatch.vocabulary import Actuator
from tests.fakes.mqtt_device import OPTIONS, FakeMqttRoaster, on_broker
from tests.support.mosquitto import Broker
from tests.support.until import until

LINES = (
    b"[" * 60_000,
    b'{"v":1,"seq":1,"do":' + b"[" * 50_000,
    b'{"v":1,"seq":' + b"9" * 5000 + b"}",
    b'{"v":1,"seq":1,"do":["arm"]}',
    b'{"v":1,"seq":1,"do":{"arm":1}}',
    b'{"v":1,"seq":1,"do":"arm","for_s":1e999}',
    b'{"v":1,"seq":2,"do":"arm","for_s":NaN}',
    b'{"v":1,"seq":3,"do":"command","actuator":["heater"],"target":[1]}',
    b'{"v":1,"seq":4,"do":"command","command_id":{},"target":"1e999"}',
    b'{"v":1,"seq":5,"do":"\\ud800"}',
    b'{"v":1,"seq":6,"v":2}',
    b'{"v":1,"seq":true}',
    b'{"v":1}',
    b"\xff\xfe",
    b"null",
    b"x" * 200_000,
)


async def test_no_line_on_its_socket_ends_the_guardian(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(tmp_path))
    machine = RoasterLaunch.chosen("simulated", "e", (), None, None, None, True)
    async with RoasterControl(machine.socket, machine.launch) as control:
        async with asyncio.timeout(60):
            await control.answering()
        assert await control.arm(100) is None
        pid = json.dumps(control.raw_state.get("pid"))
        for line in LINES:
            _, writer = await asyncio.open_unix_connection(str(machine.socket))
            writer.write(line + b"\n" + b'{"v":1,"seq":100,"do":"renew"}\n')
            await writer.drain()
            writer.close()
        # It is the same guardian, armed as before, and it obeys.
        async with asyncio.timeout(20):
            assert control.state().armed
            assert await control.emergency_stop("Stop.") is None
            await until(lambda: control.state().emergency)
        assert json.dumps(control.raw_state.get("pid")) == pid


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    running = Broker(tmp_path).start()
    yield running
    running.kill()


async def test_no_message_on_its_topics_ends_a_roaster_on_mqtt(broker: Broker) -> None:
    options = MqttRoasterOptions.model_validate(
        {"port": f"mqtt://127.0.0.1:{broker.port}", **OPTIONS, "silence_s": 5}
    )
    topics = ("tele/roaster/SENSOR", "tele/roaster/air", "stat/roaster/POWER1", "tele/roaster/LWT")
    device = FakeMqttRoaster(speed=0)
    async with (
        on_broker(device, broker.port),
        MqttRoaster(options, "kitchen") as roaster,
        aiomqtt.Client("127.0.0.1", broker.port) as other,
    ):
        await roaster.read()
        for topic in topics:
            for payload in (*LINES, b'{"DS18B20":' * 40_000, b'{"DS18B20":{"Temperature":1e999}}'):
                await other.publish(topic, payload, qos=1)
        for _ in range(20):
            reading = await roaster.read()
        assert reading.bean_temp_c is not None
        await roaster.write(Actuator.HEATER, 100)
        await until(lambda: device.heater == "ON")
