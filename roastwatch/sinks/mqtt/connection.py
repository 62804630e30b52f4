"""One connection to an MQTT broker. The only file that imports aiomqtt (and paho below it)."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from roastwatch.errors import LostError
from roastwatch.sinks.mqtt.options import MqttOptions
from roastwatch.sinks.mqtt.tls import tls_context, tls_problem
from roastwatch.supervise import cancellations, heed

_log = logging.getLogger(__name__)
_client_log = logging.getLogger(f"{__name__}.client")
_client_log.setLevel(logging.CRITICAL)
"""The library also raises what it logs, and it is reported once."""

T = TypeVar("T")

_LARGEST_PACKET = 1024 * 1024
"""Maximum bytes of one message from the broker; our own pictures have at most half of it."""

_NOT_AUTHORISED = (4, 5, 134, 135, 140)
"""CONNACK codes (MQTT 3 and 5) for a wrong user name or password, or missing rights."""
_UNKNOWN_VERSION = (1, 132)
"""CONNACK codes (MQTT 3 and 5) of a broker that does not support the tried version."""
_ENCODED_LENGTH_BYTES = 5
"""Maximum bytes of a packet's type and length."""


class _Closed(aiomqtt.MqttError):
    """The broker closed the connection without an answer, as some do for a later version."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message from the broker."""

    topic: str
    payload: bytes
    retained: bool


class _Client(aiomqtt.Client):
    """Writes a message at the moment of its publication.

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

    largest_bytes: int | None = None
    """The longest packet that the broker accepts; None: any."""
    awaits_answer = False
    """Whether the socket is open and an answer of the broker is awaited."""

    def _on_connect(
        self,
        client: Any,
        userdata: Any,
        flags: Any,
        reason_code: Any,
        properties: Any = None,
    ) -> None:
        self.largest_bytes = getattr(properties, "MaximumPacketSize", None)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _client_connect(self) -> None:
        super()._client_connect()
        self.awaits_answer = True

    def _on_disconnect(self, *args: Any, **kwargs: Any) -> None:
        super()._on_disconnect(*args, **kwargs)
        self._loop.call_soon_threadsafe(self._closed_early)

    def _closed_early(self) -> None:
        """aiomqtt would wait ten seconds for an answer that can't arrive any more."""
        if self.awaits_answer and not self._connected.done():
            self._connected.set_exception(_Closed("it closed the connection at once"))

    def post(self, topic: str, text: str) -> asyncio.Event:
        """Publish with QoS 1 without waiting; the event is set when the broker has it."""
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
        """Wait until the broker has what was posted."""
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


class BrokerConnection:
    """Publishes, subscribes and listens until the connection ends."""

    failures = (aiomqtt.MqttError,)
    """What its calls raise; `connected` turns these into a LostError."""

    def __init__(self, client: _Client) -> None:
        self._client = client
        self._is_5 = client._client.protocol == paho.MQTTv5
        self.leave_out: Callable[[str, int, int], None] = _say_left_out
        """Called with topic, bytes and limit of a message that the broker would not accept."""

    @property
    def protocol(self) -> str:
        """The version of MQTT of this connection."""
        return "5" if self._is_5 else "3.1.1"

    @property
    def largest_bytes(self) -> int | None:
        """The longest packet that the broker accepts; None: any."""
        return self._client.largest_bytes

    def room_bytes(self, topic: str) -> int | None:
        """The longest payload that the broker accepts on a topic; None: any.

        A longer one makes a broker close the connection.
        """
        if self.largest_bytes is None:
            return None
        # topic with its length, packet identifier, property length
        head = _ENCODED_LENGTH_BYTES + 2 + len(topic.encode()) + 2 + 1
        return max(0, self.largest_bytes - head)

    def fits(self, topic: str, payload: str | bytes | None) -> bool:
        """Whether the broker accepts a message of this length."""
        room = self.room_bytes(topic)
        return room is None or _length(payload) <= room

    def post(self, topic: str, text: str) -> asyncio.Event:
        """Publish with QoS 1 before anything else happens; await it with `wait_for`.

        What is too long for the broker is left out.
        """
        if not self.fits(topic, text):
            self.leave_out(topic, _length(text), self.largest_bytes or 0)
            nothing = asyncio.Event()
            nothing.set()
            return nothing
        return self._client.post(topic, text)

    async def wait_for(self, posted: asyncio.Event) -> None:
        """Return when the broker has what was posted."""
        await _heeding(self._client.wait_for(posted))

    async def publish(
        self, topic: str, text: str | bytes | None, *, retain: bool, qos: int = 1
    ) -> None:
        """Publish; with QoS 1 this returns when the broker has it. None clears a retained message.

        What is too long for the broker is left out.
        """
        if not self.fits(topic, text):
            self.leave_out(topic, _length(text), self.largest_bytes or 0)
            return
        await _heeding(self._client.publish(topic, text, qos=qos, retain=retain))

    async def subscribe(self, *topics: str) -> list[str]:
        """Subscribe with QoS 1; returns the topics that the broker refuses."""
        # MQTT 3.1.1 has no such options: there a retained message that comes later looks fresh.
        how: Any = SubscribeOptions(qos=1, retainAsPublished=True) if self._is_5 else 1
        wishes = [(topic, how) for topic in topics]
        granted = await _heeding(self._client.subscribe(wishes))
        codes: list[Any] = [getattr(code, "value", code) for code in granted]
        return [topic for topic, code in zip(topics, codes, strict=False) if code >= 128]

    async def unsubscribe(self, *topics: str) -> None:
        """Unsubscribe from these topics."""
        await _heeding(self._client.unsubscribe(list(topics)))

    async def messages(self) -> AsyncIterator[Message]:
        """The messages that arrive, until the connection is lost."""
        async for message in self._client.messages:
            yield Message(message.topic.value, message.payload, message.retain)


@contextlib.asynccontextmanager
async def connected(
    options: MqttOptions, identifier: str, will: tuple[str, str] | None = None
) -> AsyncIterator[BrokerConnection]:
    """A connection, with a retained last will (topic and text) if there is one.

    Raises:
        LostError: it can't be made, or ended; a sentence that says what to do.
    """
    cancelled = cancellations()
    try:
        async with contextlib.AsyncExitStack() as stack:
            client = await _entered(options, identifier, will)
            stack.push_async_exit(client)
            heed(cancelled)
            yield BrokerConnection(client)
    except (aiomqtt.MqttError, ExceptionGroup) as error:
        heed(cancelled)
        first: Exception = error
        while isinstance(first, ExceptionGroup):
            if first.split((aiomqtt.MqttError, LostError))[1] is not None:
                raise
            first = first.exceptions[0]
        raise (first if isinstance(first, LostError) else _lost(first, options)) from error


async def _entered(options: MqttOptions, identifier: str, will: tuple[str, str] | None) -> _Client:
    """A connected client, by MQTT 5 or the older version of the broker."""
    v5, v311 = aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311
    versions = {"auto": (v5, v311), "5": (v5,), "3.1.1": (v311,)}[options.protocol]
    refused: aiomqtt.MqttError | None = None
    for version in versions:
        client = _client(options, version, identifier, will)
        try:
            await _connect(client)
        except aiomqtt.MqttError as error:
            if isinstance(error, _Closed) and refused is not None:
                raise refused from error  # it closes any connection: not because of the version
            code = getattr(getattr(error, "rc", None), "value", getattr(error, "rc", None))
            if not isinstance(error, _Closed) and code not in _UNKNOWN_VERSION:
                raise
            refused = error
        else:
            return client
    assert refused is not None
    raise refused


async def _connect(client: _Client) -> None:
    try:
        await client.__aenter__()
    except ValueError as error:  # from paho and Python, for an invalid host
        raise aiomqtt.MqttError(str(error)) from error
    finally:
        client.awaits_answer = False


async def _heeding(call: Awaitable[T]) -> T:
    """Await a call without losing a cancellation that arrives together with its answer.

    aiomqtt awaits with asyncio.wait_for, which up to Python 3.11 drops such a cancellation
    (https://github.com/python/cpython/issues/86296).
    """
    cancelled = cancellations()
    answer = await call
    heed(cancelled)
    return answer


def _client(
    options: MqttOptions,
    version: aiomqtt.ProtocolVersion,
    identifier: str,
    will: tuple[str, str] | None,
) -> _Client:
    is_5 = version is aiomqtt.ProtocolVersion.V5
    return _Client(
        options.host,
        options.port,
        username=options.username or None,
        password=options.password.get_secret_value() if options.password else None,
        identifier=identifier,
        protocol=version,
        clean_start=True if is_5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
        clean_session=None if is_5 else True,
        keepalive=options.keepalive_s,
        will=aiomqtt.Will(*will, qos=1, retain=True) if will else None,
        tls_context=tls_context(options),
        logger=_client_log,
        timeout=10,
        properties=_connect_properties() if is_5 else None,
        # An event after a state must not wait for the broker's confirmation of the state.
        socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
    )


def _connect_properties() -> Properties:
    """Ask the broker to withhold messages larger than any that we use."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = _LARGEST_PACKET
    return properties


def _lost(error: Exception, options: MqttOptions) -> LostError:
    """A sentence about what is wrong with the broker, and what to do."""
    place = f"{options.host}:{options.port}"
    if problem := tls_problem(error, options):
        return LostError(problem)
    if isinstance(error, _Closed) and options.tls and options.client_cert_file is None:
        return LostError(
            f"The MQTT broker at {place} closes the encrypted connection at once: does it require "
            "a certificate (client_cert_file and client_key_file)?"
        )
    if isinstance(error, aiomqtt.MqttCodeError):
        code = getattr(error.rc, "value", error.rc)
        if code in _UNKNOWN_VERSION:
            return LostError(
                f"The MQTT broker at {place} does not support MQTT {options.protocol}: set "
                "`protocol: auto` in the mqtt sink."
            )
        if code in _NOT_AUTHORISED:
            return LostError(
                f"The MQTT broker at {place} refuses the user name or password: check username "
                "and password_file of the mqtt sink."
            )
    return LostError(
        f"The MQTT broker at {place} can't be reached ({error}): is it running, and are host, "
        "port and tls of the mqtt sink right?"
    )


def _length(payload: str | bytes | None) -> int:
    return len(payload.encode() if isinstance(payload, str) else payload or b"")


def _say_left_out(topic: str, size_bytes: int, limit_bytes: int) -> None:
    _log.warning("%s (%d bytes) is left out: the broker takes %d", topic, size_bytes, limit_bytes)
