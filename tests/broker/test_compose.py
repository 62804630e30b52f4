"""The broker that the compose file starts: its own configuration, in a real Mosquitto."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest
import yaml

from tests.support.events import snapshot
from tests.support.mosquitto import PROGRAM, Broker
from tests.support.mqtt import sink
from tests.support.until import until

COMPOSE = Path(__file__).parents[2] / "integrations" / "compose"
SET = "roastwatch/test/roaster/set/emergency_stop"
ARM = "roastwatch/test/roaster/set/arm"


class Shipped(Broker):
    """Mosquitto with the shipped configuration; only paths and port are this machine's."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        text = (COMPOSE / "mosquitto" / "mosquitto.conf").read_text()
        text = text.replace("/mosquitto/config", str(folder))
        text = text.replace("listener 1883", f"listener {self.port} 127.0.0.1\nuser root")
        (folder / "mosquitto.conf").write_text(text)
        shutil.copy(COMPOSE / "mosquitto" / "acl", folder / "acl")


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[Shipped]:
    broker = Shipped(tmp_path)
    for create, user in (("-c", "roastwatch"), ("", "homeassistant"), ("", "guest")):
        words = [word for word in ("mosquitto_passwd", "-b", create) if word]
        subprocess.run([*words, str(tmp_path / "passwords"), user, f"{user}-pw"], check=True)
    broker.start()
    yield broker
    broker.kill()


def client(port: int, user: str | None, password: str | None = None) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1",
        port,
        username=user,
        password=password or f"{user}-pw",
        protocol=aiomqtt.ProtocolVersion.V5,
    )


def test_the_compose_file_uses_the_shipped_configuration() -> None:
    services = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
    broker = services["mosquitto"]
    assert broker["command"] == ["mosquitto", "-c", "/mosquitto/config/mosquitto.conf"]
    assert broker["volumes"] == ["./mosquitto:/mosquitto/config"]
    assert "ports" not in services["roastwatch"]


def test_the_broker_does_not_start_without_passwords(tmp_path: Path) -> None:
    Shipped(tmp_path)
    words = [str(PROGRAM), "-c", str(tmp_path / "mosquitto.conf")]
    done = subprocess.run(words, capture_output=True, timeout=20, check=False)
    assert done.returncode != 0
    assert b"passwords" in done.stdout + done.stderr


async def test_a_login_without_a_password_is_refused(shipped: Shipped) -> None:
    for user, password in ((None, None), ("homeassistant", "wrong"), ("nobody", "x")):
        with pytest.raises(aiomqtt.MqttError):
            async with client(shipped.port, user, password):
                pass


async def test_only_home_assistant_can_arm_and_stop(shipped: Shipped) -> None:
    async with (
        sink(shipped.port, username="roastwatch", password="roastwatch-pw") as rig,
        client(shipped.port, "homeassistant") as home,
    ):
        available: list[str] = []
        await home.subscribe("#", qos=1)

        async def hear() -> None:
            async for message in home.messages:
                available.append(message.topic.value)  # noqa: PERF401 - it never ends

        hearing = asyncio.create_task(hear())
        rig.show(snapshot(elapsed_s=1.0))
        await until(lambda: "roastwatch/test/roaster/state/elapsed" in available)
        assert "homeassistant/device/roastwatch_test_roaster/config" in available
        async with client(shipped.port, "guest") as guest:
            # Mosquitto takes QoS 1 from who may not write and drops it, saying so in MQTT 5.
            await guest.publish(ARM, "ON", qos=1)
        await home.publish(SET, "PRESS", qos=1)
        await until(lambda: rig.person.instructions)
        assert [one.kind.value for one in rig.person.instructions] == ["emergency_stop"]
        await home.publish("homeassistant/status", "online", qos=1, retain=True)
        hearing.cancel()


async def test_roastwatch_writes_only_where_it_belongs(shipped: Shipped) -> None:
    async with (
        client(shipped.port, "homeassistant") as home,
        client(shipped.port, "roastwatch") as ours,
    ):
        await home.subscribe("#", qos=1)
        await ours.publish("zigbee2mqtt/oven/set", "ON", qos=1)
        await ours.publish("roastwatch/test/available", "online", qos=1)
        async for message in home.messages:
            assert message.topic.value == "roastwatch/test/available"
            break
