"""A broker in memory behind aiomqtt's client interface: delivery, last will, and outages.

For thousands of random lives in virtual time; all else meets a real Mosquitto.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import aiomqtt

from tests.fakes.mqtt_device import FakeMqttRoaster

LATENCY_S = 0.005
TELLS_S = 0.25


@dataclass
class Message:
    topic: aiomqtt.Topic
    payload: bytes
    retain: bool = False


class MemoryBroker:
    """One broker with one device. `plugged`: whether it runs; `swallow`: commands get lost."""

    def __init__(self, device: FakeMqttRoaster, loop: asyncio.AbstractEventLoop) -> None:
        self.device = device
        self.plugged = True
        self.clients: list[Client] = []
        self._loop = loop

    def tick(self, passed_s: float) -> None:
        self.tell(self.device.tick(passed_s))

    def tell(self, messages: list[tuple[str, str]]) -> None:
        for client in self.clients if self.plugged else ():
            for topic, text in messages:
                if topic in client.topics:
                    message = Message(aiomqtt.Topic(topic), text.encode())
                    self._loop.call_later(LATENCY_S, client.queue.put_nowait, message)

    def command(self, topic: str, text: str) -> None:
        if self.plugged:
            self.tell(self.device.obey(topic, text))

    def pull(self) -> None:
        self.plugged = False
        self.drop_host(will=False)

    def plug(self) -> None:
        self.plugged = True

    def drop_host(self, *, will: bool = True) -> None:
        """Kill the clients; a running broker sends their last will."""
        for client in self.clients[:]:
            self.clients.remove(client)
            client.queue.put_nowait(None)
            if will and client.will is not None:
                self.command(client.will.topic, str(client.will.payload))


class Client:
    """The part of `aiomqtt.Client` that the driver uses."""

    broker: MemoryBroker

    def __init__(self, *_: Any, will: aiomqtt.Will | None = None, **__: Any) -> None:
        self.will = will
        self.topics: set[str] = set()
        self.queue: asyncio.Queue[Message | None] = asyncio.Queue()

    async def __aenter__(self) -> "Client":
        await asyncio.sleep(LATENCY_S)
        self._check(joined=False)
        self.broker.clients.append(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self in self.broker.clients:
            self.broker.clients.remove(self)
        await asyncio.sleep(0)

    def _check(self, *, joined: bool = True) -> None:
        if not self.broker.plugged or (joined and self not in self.broker.clients):
            raise aiomqtt.MqttError("Disconnected")

    async def subscribe(self, topics: list[tuple[str, int]]) -> None:
        self._check()
        self.topics |= {topic for topic, _ in topics}
        await asyncio.sleep(LATENCY_S)

    async def publish(self, topic: str, text: str, *, qos: int = 0) -> None:
        self._check()
        await asyncio.sleep(LATENCY_S)
        self._check()
        self.broker.command(topic, text)

    @property
    async def messages(self) -> AsyncIterator[Message]:
        while (message := await self.queue.get()) is not None:
            yield message
        raise aiomqtt.MqttError("Disconnected")


@contextlib.contextmanager
def on_memory_broker(broker: MemoryBroker) -> Iterator[None]:
    """Within this context, every MQTT client connects to this broker."""
    ours = type("OurClient", (Client,), {"broker": broker})
    with mock.patch.object(aiomqtt, "Client", ours):
        yield
