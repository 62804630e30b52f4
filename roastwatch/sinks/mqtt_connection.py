"""One connection to an MQTT broker. The only file that imports aiomqtt (and paho below it)."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions
from pydantic import Field, SecretStr

from roastwatch.errors import LostError
from roastwatch.options import Options
from roastwatch.sinks.mqtt_topics import DISCOVERY_PREFIX
from roastwatch.supervise import cancellations, heed

_log = logging.getLogger("roastwatch.mqtt.client")
_log.setLevel(logging.ERROR)

T = TypeVar("T")

_LARGEST_PACKET = 1024 * 1024
"""Bytes of one message from the broker; our own pictures have at most half of it."""

_NOT_AUTHORISED = (4, 5, 134, 135, 140)
"""CONNACK codes (MQTT 3 and 5) that say that the user, the password or the right is wrong."""


class MqttOptions(Options):
    """How the broker is reached."""

    host: str = Field("localhost", description="Name or address of the MQTT broker.")
    port: int = Field(1883, description="Its port; 8883 is usual with TLS.", ge=1, le=65535)
    username: str | None = Field(None, description="User name at the broker.")
    password: SecretStr | None = Field(
        None, description="Password at the broker; better `password_file: PATH`."
    )
    tls: bool = Field(False, description="Whether the connection is encrypted.")
    ca_file: Path | None = Field(
        None, description="Certificate authority of the broker (PEM); none: the system's."
    )
    client_cert_file: Path | None = Field(None, description="Certificate of this client (PEM).")
    client_key_file: Path | None = Field(None, description="Its private key (PEM).")
    discovery_prefix: str = Field(
        DISCOVERY_PREFIX, description="Where Home Assistant looks for devices."
    )
    keepalive_s: int = Field(
        15, description="Seconds between signs of life on a quiet connection.", ge=5, le=600
    )
    birth_settle_s: float = Field(
        3.0,
        description="Seconds that Home Assistant has after its start, or after a station was "
        "announced to a broker that held nothing of it, until what it missed is told again.",
        ge=0,
    )
    update_url: str = Field(
        "",
        description="Package index (JSON, such as https://pypi.org/pypi/roastwatch/json) that is "
        "asked once a day for a newer version; empty: never.",
    )


@dataclass(frozen=True, slots=True)
class Message:
    """What a broker hands on."""

    topic: str
    payload: bytes
    retained: bool


class _Client(aiomqtt.Client):
    """Writes a message in the moment in which it is published.

    aiomqtt (2.5) has the loop write two turns later, behind whatever else is ready then: ten
    milliseconds of others' HTTP requests, measured.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        queue = self._client.publish

        def publish(*args: Any, **kwargs: Any) -> Any:
            info = queue(*args, **kwargs)
            self._write_now()
            return info

        self._client.publish = publish  # type: ignore[method-assign]

    def post(self, topic: str, text: str) -> asyncio.Event:
        """Publish with QoS 1, now and without waiting; the event is set when the broker has it."""
        info = self._client.publish(topic, text, qos=1)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc, "Could not publish message")
        acknowledged = asyncio.Event()
        if info.is_published():
            acknowledged.set()
        else:
            self._pending_publishes[info.mid] = acknowledged
        return acknowledged

    async def wait_for(self, acknowledged: asyncio.Event) -> None:
        """Until the broker has what was posted."""
        await self._wait_for(acknowledged.wait(), None)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # it connects on a thread
            super()._on_socket_register_write(client, userdata, sock)
        else:  # at once: `_write_now` may unregister again before the loop's next turn
            loop.add_writer(sock.fileno(), self._write_now)

    def _write_now(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:  # noqa: BLE001 - as aiomqtt does: the connection is broken
            if not self._disconnected.done():
                self._disconnected.set_exception(error)


class Connection:
    """Publishes, subscribes and listens, until the connection is no more."""

    failures = (aiomqtt.MqttError,)
    """What its calls raise; `connected` turns them into a LostError."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    def post(self, topic: str, text: str) -> asyncio.Event:
        """Publish with QoS 1 before anything else happens; to be awaited with `wait_for`."""
        return self._client.post(topic, text)

    async def wait_for(self, posted: asyncio.Event) -> None:
        """Return when the broker has what was posted."""
        await _heeding(self._client.wait_for(posted))

    async def publish(
        self, topic: str, text: str | bytes | None, *, retain: bool, qos: int = 1
    ) -> None:
        """Publish; with QoS 1 this returns when the broker has it. None clears what is retained."""
        await _heeding(self._client.publish(topic, text, qos=qos, retain=retain))

    async def subscribe(self, *topics: str) -> list[str]:
        """Subscribe with QoS 1; returns those that the broker refuses."""
        options = SubscribeOptions(qos=1, retainAsPublished=True)
        wishes = [(topic, options) for topic in topics]
        granted = await _heeding(self._client.subscribe(wishes))
        codes: list[Any] = [getattr(code, "value", code) for code in granted]
        return [topic for topic, code in zip(topics, codes, strict=False) if code >= 128]

    async def unsubscribe(self, *topics: str) -> None:
        """Hear no more of these."""
        await _heeding(self._client.unsubscribe(list(topics)))

    async def messages(self) -> AsyncIterator[Message]:
        """What arrives, until the connection is lost."""
        async for message in self._client.messages:
            yield Message(message.topic.value, message.payload, message.retain)


@contextlib.asynccontextmanager
async def connected(
    options: MqttOptions, identifier: str, will_topic: str, will: str
) -> AsyncIterator[Connection]:
    """A connection with a retained last will.

    Raises:
        LostError: it can't be made, or ended; a sentence that says what to do.
    """
    cancelled = cancellations()
    try:
        async with _client(options, identifier, will_topic, will) as client:
            heed(cancelled)
            yield Connection(client)
    except (aiomqtt.MqttError, ExceptionGroup) as error:
        heed(cancelled)
        first: Exception = error
        while isinstance(first, ExceptionGroup):
            if first.split((aiomqtt.MqttError, LostError))[1] is not None:
                raise
            first = first.exceptions[0]
        raise (first if isinstance(first, LostError) else _lost(first, options)) from error


async def _heeding(call: Awaitable[T]) -> T:
    """Await a call without losing a cancellation that comes in the moment of its answer.

    aiomqtt awaits with asyncio.wait_for, which up to Python 3.11 drops such a cancellation
    (https://github.com/python/cpython/issues/86296).
    """
    cancelled = cancellations()
    answer = await call
    heed(cancelled)
    return answer


def _client(options: MqttOptions, identifier: str, will_topic: str, will: str) -> _Client:
    return _Client(
        options.host,
        options.port,
        username=options.username,
        password=options.password.get_secret_value() if options.password else None,
        identifier=identifier,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=True,
        keepalive=options.keepalive_s,
        will=aiomqtt.Will(will_topic, will, qos=1, retain=True),
        tls_context=_tls(options),
        logger=_log,
        timeout=10,
        properties=_connect_properties(),
        # An event that follows a state must not wait until the broker has confirmed the state.
        socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
    )


def _connect_properties() -> Properties:
    """What is larger than anything meant for us the broker keeps to itself."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = _LARGEST_PACKET
    return properties


def _tls(options: MqttOptions) -> ssl.SSLContext | None:
    if not options.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
        if options.client_cert_file:
            context.load_cert_chain(options.client_cert_file, options.client_key_file)
    except OSError as error:  # an SSLError is one too
        raise LostError(
            f"The certificates for MQTT can't be used ({error}): check ca_file, client_cert_file "
            "and client_key_file."
        ) from error
    return context


def _lost(error: Exception, options: MqttOptions) -> LostError:
    """What is wrong with the broker, in a sentence that says what to do."""
    place = f"{options.host}:{options.port}"
    if isinstance(error, aiomqtt.MqttCodeError):
        code = getattr(error.rc, "value", error.rc)
        if code in _NOT_AUTHORISED:
            return LostError(
                f"The MQTT broker at {place} refuses the user name or password: check username "
                "and password_file of the mqtt sink."
            )
    return LostError(
        f"The MQTT broker at {place} can't be reached ({error}): is it running, and are host, "
        "port and tls of the mqtt sink right?"
    )
