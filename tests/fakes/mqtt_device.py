"""A Tasmota-like device behind the real Mosquitto: two plugs, a dimmer and a thermometer."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import aiomqtt

from tests.fakes.thermal import Thermal

OPTIONS = {
    "bean_temp": {"topic": "tele/roaster/SENSOR", "path": "DS18B20.Temperature"},
    "environment_temp": {"topic": "tele/roaster/air"},
    "heater": {
        "command_topic": "cmnd/roaster/POWER1",
        "on": "ON",
        "off": "OFF",
        "state_topic": "stat/roaster/POWER1",
    },
    "fan": {"command_topic": "cmnd/roaster/Dimmer", "state_topic": "stat/roaster/Dimmer"},
    "drum": {"command_topic": "cmnd/roaster/POWER2", "on": "ON", "off": "OFF"},
    "availability_topic": "tele/roaster/LWT",
}


class FakeMqttRoaster:
    def __init__(self, speed: float = 1.0) -> None:
        self.thermal = Thermal(speed)
        self.heater = self.drum = "OFF"
        self.fan = 0
        self.commands: list[tuple[str, str]] = []
        self.stuck = False
        self.tells = True

    def tick(self, passed_s: float) -> list[tuple[str, str]]:
        """Pass time; returns what the device publishes."""
        heat = 1.0 if self.heater == "ON" else 0.0
        self.thermal.pass_time(passed_s, heat, self.fan / 100)
        if not self.tells:
            return []
        beans = {"DS18B20": {"Temperature": round(self.thermal.bean_c, 1)}}
        return [
            ("tele/roaster/SENSOR", json.dumps(beans)),
            ("tele/roaster/air", f"{self.thermal.air_c:.1f}"),
        ]

    def obey(self, topic: str, text: str) -> list[tuple[str, str]]:
        """Handle a command; returns what the device publishes."""
        self.commands.append((topic, text))
        match topic.rsplit("/", 1)[1]:
            case "POWER1":
                self.heater = "ON" if self.stuck else text
                return [("stat/roaster/POWER1", self.heater)]
            case "POWER2":
                self.drum = text
            case "Dimmer":
                self.fan = int(text)
                return [("stat/roaster/Dimmer", text)]
        return []

    async def run(self, port: int, period_s: float = 0.1) -> None:
        will = aiomqtt.Will("tele/roaster/LWT", "offline", retain=True)
        async with aiomqtt.Client("127.0.0.1", port, will=will) as client:
            await client.publish("tele/roaster/LWT", "online", retain=True)
            await client.subscribe("cmnd/roaster/#")
            await client.publish("stat/roaster/POWER1", self.heater)
            listener = asyncio.create_task(self._obey(client))
            try:
                while True:
                    await asyncio.sleep(period_s)
                    for topic, text in self.tick(period_s):
                        await client.publish(topic, text)
            finally:
                await _end(listener)

    async def _obey(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            for topic, text in self.obey(message.topic.value, message.payload.decode()):
                await client.publish(topic, text)


@contextlib.asynccontextmanager
async def on_broker(machine: FakeMqttRoaster, port: int) -> AsyncIterator[None]:
    task = asyncio.create_task(machine.run(port))
    try:
        yield
    finally:
        await _end(task)


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel until it ends: asyncio.wait_for below aiomqtt may lose one (Python 3.11)."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)
    if not task.cancelled():
        task.exception()  # the broker may have gone first
