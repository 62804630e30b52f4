"""Tells an MQTT broker, and Home Assistant through it. The only file that imports aiomqtt.

One connection at a time; all that must outlive it (events, what was offered) is kept outside.
"""

import asyncio
import contextlib
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
from paho.mqtt.subscribeoptions import SubscribeOptions
from pydantic import Field, SecretStr

from roastwatch.channel import Events, Latest
from roastwatch.errors import BadInputError, LostError
from roastwatch.options import Options
from roastwatch.sinks.mqtt_commands import wish
from roastwatch.sinks.mqtt_discovery import components_of, device, offered
from roastwatch.sinks.mqtt_outbox import Outbox
from roastwatch.sinks.mqtt_rival import Claim, Rivals
from roastwatch.sinks.mqtt_states import States
from roastwatch.sinks.mqtt_topics import DISCOVERY_PREFIX, OFFLINE, ONLINE, Topics
from roastwatch.sinks.sink import Told
from roastwatch.supervise import retry_forever
from roastwatch.vocabulary import Command, Outcome, PartState, RoastEvent, Snapshot

_log = logging.getLogger("roastwatch.mqtt")
_client_log = logging.getLogger("roastwatch.mqtt.client")
_client_log.setLevel(logging.ERROR)

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
        description="Seconds that Home Assistant has after its start until missed events come.",
        ge=0,
    )


class MqttSink:
    """Events with QoS 1 and one event_id, states and discovery retained, wishes taken in."""

    Options = MqttOptions

    def __init__(self, options: MqttOptions, told: Told) -> None:
        self._options = options
        self._told = told
        self._part = told.part
        self._topics = Topics(told.instance, options.discovery_prefix.strip("/"))
        self._outbox = Outbox(time.monotonic())
        self._to_tell = asyncio.Event()
        self._states = States(self._topics)
        self._offered: dict[str, frozenset[str]] = {}
        self._announced: dict[str, dict[str, str]] = {}
        self._rivals = Rivals(Claim.mine())
        self._commands: set[asyncio.Task[None]] = set()
        self._latest: Latest[dict[str, Snapshot]] = Latest()

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Tell until cancelled; a lost broker is looked for again for ever."""
        self._latest = latest
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._collect(events), name="mqtt:collect")
            tasks.create_task(retry_forever(self._part, self._session), name="mqtt:session")

    async def _collect(self, events: Events[RoastEvent]) -> None:
        async for event in events:
            self._outbox.add(event, time.monotonic(), datetime.now(UTC))
            self._part.counters["events_lost"] = events.dropped + self._outbox.lost
            self._to_tell.set()

    async def _session(self) -> None:
        """One connection, from its beginning to its end."""
        try:
            async with self._connect() as client:
                await self._begin(client)
                try:
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(self._tell_events(client), name="mqtt:events")
                        tasks.create_task(self._tell_states(client), name="mqtt:states")
                        tasks.create_task(self._listen(client, tasks), name="mqtt:listen")
                finally:
                    self._outbox.link_lost(time.monotonic())
                    if not self._rivals.yielded:  # else the name is the other's
                        with contextlib.suppress(aiomqtt.MqttError):
                            await client.publish(
                                self._topics.available, OFFLINE, qos=1, retain=True, timeout=1
                            )
        except aiomqtt.MqttError as error:
            raise self._lost(error) from error
        except ExceptionGroup as group:
            ours, others = group.split((aiomqtt.MqttError, LostError))
            if others is not None:
                raise others from None
            raise self._lost(_first(ours)) from group

    def _connect(self) -> aiomqtt.Client:
        options = self._options
        return aiomqtt.Client(
            options.host,
            options.port,
            username=options.username,
            password=options.password.get_secret_value() if options.password else None,
            identifier=f"roastwatch-{self._told.instance}-{self._rivals.mine.session[:8]}",
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            keepalive=options.keepalive_s,
            will=aiomqtt.Will(self._topics.available, OFFLINE, qos=1, retain=True),
            tls_context=self._tls(),
            logger=_client_log,
            timeout=10,
        )

    def _tls(self) -> ssl.SSLContext | None:
        options = self._options
        if not options.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=options.ca_file)
            if options.client_cert_file:
                context.load_cert_chain(options.client_cert_file, options.client_key_file)
        except (OSError, ssl.SSLError) as error:
            raise LostError(
                f"MQTT: the certificates can't be used ({error}): check ca_file, client_cert_file "
                "and client_key_file."
            ) from error
        return context

    def _lost(self, error: Exception) -> LostError:
        """What is wrong with the broker, in a sentence that says what to do."""
        if isinstance(error, LostError):
            return error
        place = f"{self._options.host}:{self._options.port}"
        if isinstance(error, aiomqtt.MqttCodeError) and _code(error) in _NOT_AUTHORISED:
            return LostError(
                f"The MQTT broker at {place} refuses the user name or password: check username "
                "and password_file of the mqtt sink."
            )
        return LostError(
            f"The MQTT broker at {place} can't be reached ({error}): is it running, and are host, "
            "port and tls of the mqtt sink right?"
        )

    # The beginning of a connection

    async def _begin(self, client: aiomqtt.Client) -> None:
        """Learn what the broker still holds of us, and that nobody else bears our name."""
        topics, stations = self._topics, self._told.stations
        await client.subscribe(
            [
                (topics.session, SubscribeOptions(qos=1)),
                (topics.state("+", "+"), SubscribeOptions(qos=0)),
                *((topics.discovery(name), SubscribeOptions(qos=1)) for name in stations),
            ]
        )
        self._rivals.yielded = False
        await client.publish(topics.session, self._rivals.mine.message(), qos=1)
        stale: list[str] = []
        async for message in self._until_quiet(client):
            topic, held = message.topic.value, _bytes(message.payload)
            of_ours = topics.parts_of(topic)
            if topic == topics.session:
                await self._meet(client, held)
            elif not held:
                continue
            elif of_ours is not None and of_ours[0] not in stations:
                stale.append(topic)
            else:
                for name in stations:
                    if topic == topics.discovery(name) and name not in self._announced:
                        self._announced[name] = components_of(_json(held))
        await client.unsubscribe(
            [topics.state("+", "+"), *(topics.discovery(name) for name in stations)]
        )
        for topic in stale:
            await client.publish(topic, None, qos=1, retain=True)
        for gone in {(topics.parts_of(topic) or ("",))[0] for topic in stale}:
            await client.publish(topics.discovery(gone), None, qos=1, retain=True)
        as_sent = SubscribeOptions(qos=1, retainAsPublished=True)
        granted = await client.subscribe(
            [(topics.set("+", "+"), as_sent), (topics.birth, SubscribeOptions(qos=1))]
        )
        await client.publish(topics.available, ONLINE, qos=1, retain=True)
        self._states.forget()
        self._outbox.link_back(time.monotonic())
        for station, keys in self._offered.items():
            await self._announce(client, station, keys)
        self._part.running()
        if any(getattr(code, "value", code) >= 128 for code in granted):
            self._part.trouble(
                PartState.DEGRADED,
                f"The MQTT broker doesn't let us read {topics.set('+', '+')} or {topics.birth}: "
                "allow it in the broker's access list.",
            )

    async def _until_quiet(self, client: aiomqtt.Client) -> AsyncIterator[aiomqtt.Message]:
        """What is retained, and what a rival answers within a moment after our own claim's echo."""
        messages = client.messages
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(5) as limit:
                async for message in messages:
                    if self._rivals.is_mine(_bytes(message.payload)):
                        limit.reschedule(loop.time() + 0.25)
                    else:
                        yield message
        except TimeoutError:
            return

    async def _meet(self, client: aiomqtt.Client, claim: bytes) -> None:
        """Somebody claims our name: the elder stays, the younger stands down and says so."""
        rival = self._rivals.meet(claim, time.monotonic())
        if rival is None:
            return
        sentence = (
            f"Two roastwatches named '{self._told.instance}' are on this broker (the other: "
            f"{rival.where}): give one of them another `instance` in its settings."
        )
        if rival.is_elder_than(self._rivals.mine):
            self._rivals.yielded = True
            raise LostError(sentence)
        await client.publish(self._topics.session, self._rivals.mine.message(), qos=1)
        self._part.trouble(PartState.DEGRADED, sentence)

    async def _announce(self, client: aiomqtt.Client, station: str, keys: frozenset[str]) -> None:
        """Publish a station's discovery, and clear what it no longer has."""
        before = self._announced.get(station, {})
        title = self._told.titles.get(station) or station.replace("_", " ").capitalize()
        message = device(self._topics, station, title, self._told.language, keys, before)
        topic = self._topics.discovery(station)
        await client.publish(topic, json.dumps(message), qos=1, retain=True)
        living = components_of(message)
        gone = before.keys() - living.keys()
        for key in gone:
            await client.publish(self._topics.state(station, key), None, qos=1, retain=True)
        self._announced[station] = living
        if gone:  # Home Assistant removed them; the retained message need not name them for ever
            message = device(self._topics, station, title, self._told.language, keys)
            await client.publish(topic, json.dumps(message), qos=1, retain=True)

    # While connected

    async def _tell_events(self, client: aiomqtt.Client) -> None:
        while True:
            kept = self._outbox.untold()
            if kept is None:
                self._to_tell.clear()
                await self._to_tell.wait()
                continue
            now_s = time.monotonic()
            topic = self._topics.event(kept.event.station)
            await client.publish(topic, json.dumps(kept.message(now_s)), qos=1)
            kept.told_s = now_s
            self._part.count("events_told")

    async def _tell_states(self, client: aiomqtt.Client) -> None:
        async for snapshots in self._latest.changes():
            for snapshot in snapshots.values():
                await self._tell_state(client, snapshot)
            if self._rivals.is_over(time.monotonic()):
                self._part.running()

    async def _tell_state(self, client: aiomqtt.Client, snapshot: Snapshot) -> None:
        station = snapshot.station
        known = self._offered.get(station)
        before = self._announced.get(station, {}) if known is None else known
        keys = offered(snapshot, before, self._absent())
        if keys != known:
            self._offered[station] = keys
            await self._announce(client, station, keys)
        for topic, text in self._states.due(snapshot, keys, time.monotonic()):
            await client.publish(topic, text, retain=True)

    def _absent(self) -> frozenset[str]:
        return frozenset({"image", "update"})

    async def _listen(self, client: aiomqtt.Client, tasks: asyncio.TaskGroup) -> None:
        async for message in client.messages:
            topic, payload = message.topic.value, _bytes(message.payload)
            if topic == self._topics.birth:
                if payload == ONLINE.encode():
                    tasks.create_task(self._welcome(client), name="mqtt:welcome")
                elif payload == OFFLINE.encode():
                    self._outbox.listener_gone(time.monotonic())
            elif topic == self._topics.session:
                if not self._rivals.is_mine(payload):
                    await self._meet(client, payload)
            elif (of_ours := self._topics.parts_of(topic)) and of_ours[1] == "set":
                await self._ask(client, of_ours[0], of_ours[2], payload, message.retain, tasks)

    async def _welcome(self, client: aiomqtt.Client) -> None:
        """Home Assistant came: say who is here, give it a moment, and tell what it missed."""
        for station, keys in self._offered.items():
            await self._announce(client, station, keys)
        await client.publish(self._topics.available, ONLINE, qos=1, retain=True)
        await asyncio.sleep(self._options.birth_settle_s)
        if self._outbox.listener_back(time.monotonic()):
            self._to_tell.set()

    async def _ask(
        self,
        client: aiomqtt.Client,
        station: str,
        key: str,
        payload: bytes,
        retained: bool,
        tasks: asyncio.TaskGroup,
    ) -> None:
        try:
            if station not in self._told.stations:
                raise BadInputError(f"There is no station named '{station[:40]}'.")
            asked = wish(station, key, payload, retained=retained)
        except BadInputError as error:
            self._refused(str(error))
            return
        self._part.count("wishes")
        if isinstance(asked, Command):
            tasks.create_task(self._command(client, asked, key), name="mqtt:command")
            return
        self._told.requests.instruct(asked)
        # Whatever comes of it, a switch that was pressed shows what is.
        self._states.forget(self._topics.state(station, key))

    def _refused(self, reason: str) -> None:
        """Counted each; logged while they are few, then each thousandth."""
        self._part.count("wishes_refused")
        count = int(self._part.counters["wishes_refused"])
        if count <= 10 or count % 1000 == 0:
            _log.warning("Refused an MQTT message (%d so far): %s", count, reason)

    async def _command(self, client: aiomqtt.Client, command: Command, key: str) -> None:
        """Pass a command on; what was not applied is explained and set back."""
        result = await self._told.requests.command(command)
        if result.outcome is not Outcome.APPLIED:
            reason = result.reason or f"{key}: {result.outcome.value}"
            _log.info("%s %s: %s", key, result.outcome.value, reason)
            refusal = self._topics.state(command.station, "last_refusal")
            await client.publish(refusal, reason[:255], retain=True)
        self._states.forget(self._topics.state(command.station, key))
        snapshots = self._latest.value or {}
        if command.station in snapshots:
            await self._tell_state(client, snapshots[command.station])


def _code(error: aiomqtt.MqttCodeError) -> int:
    value: Any = getattr(error.rc, "value", error.rc)
    return value if isinstance(value, int) else -1


def _first(group: BaseException | None) -> Exception:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group if isinstance(group, Exception) else LostError("The connection ended.")


def _bytes(payload: object) -> bytes:
    return payload if isinstance(payload, bytes) else b""


def _json(payload: bytes) -> object:
    try:
        return json.loads(payload)
    except ValueError:
        return None
