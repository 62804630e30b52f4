"""Tells an MQTT broker, and Home Assistant through it.

One connection at a time; all that must outlive it (events, what was offered) is kept outside.
"""

import asyncio
import contextlib
import json
import logging
import math
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from roastwatch.channel import Events, Latest
from roastwatch.entities import answers, drives
from roastwatch.errors import BadInputError, LostError
from roastwatch.inbound import Mishaps
from roastwatch.sinks.arming import ArmingRequests
from roastwatch.sinks.duplicate_instance import Claim, DuplicateInstances
from roastwatch.sinks.mqtt.artisan import ArtisanRows
from roastwatch.sinks.mqtt.check import check_broker
from roastwatch.sinks.mqtt.connection import BrokerConnection, Message, connected
from roastwatch.sinks.mqtt.discovery_publisher import DiscoveryPublisher
from roastwatch.sinks.mqtt.extras import Pictures, send_updates
from roastwatch.sinks.mqtt.options import MqttOptions
from roastwatch.sinks.mqtt.requests import MqttRequests
from roastwatch.sinks.mqtt.states import States
from roastwatch.sinks.mqtt.topics import OFFLINE, ONLINE, Topics
from roastwatch.sinks.outbox.event_outbox import Outbox, QueuedEvent
from roastwatch.sinks.outbox.event_store import EventStore
from roastwatch.sinks.sink import Finding, Sink, SinkContext
from roastwatch.supervise import NEAR, retry_forever
from roastwatch.vocabulary import ComponentState, RoastEvent, Snapshot

_log = logging.getLogger(__name__)
_FAREWELL_S = 2.0
"""How long remaining events may be sent when the service ends."""


class MqttSink(Sink):
    """Sends events with QoS 1, retains states and discovery, and receives requests."""

    Options = MqttOptions
    sends_at_once = True

    def __init__(self, options: MqttOptions, context: SinkContext) -> None:
        self._options = options
        self._context = context
        self._part = context.part
        self._topics = Topics(context.instance, options.discovery_prefix.strip("/"))
        self._outbox = Outbox(time.monotonic())
        self._to_send = asyncio.Event()
        self._link: BrokerConnection | None = None
        self._posted: tuple[QueuedEvent, asyncio.Event] | None = None
        self._arming = ArmingRequests()
        self._states = States(self._topics, self._arming.waits, context.said)
        self._artisan = ArtisanRows(self._topics, options.artisan)
        self._announcing = DiscoveryPublisher(
            self._topics,
            context,
            options.update_url,
            options.birth_settle_s,
            words=options.words,
        )
        self._durable = EventStore(
            context.outbox, f"mqtt:{options.host}:{options.port}", self._announcing.is_heard
        )
        self._rivals = DuplicateInstances(Claim.mine())
        self._latest: Latest[dict[str, Snapshot]] = Latest()
        self._welcomes = 0
        self._mishaps = Mishaps(_log, self._part.count, let_through=BrokerConnection.failures)
        self._asked = MqttRequests(
            self._topics,
            context,
            self._states,
            self._arming,
            self._mishaps,
            self._show,
            self._artisan.note,
        )
        self._left_out: set[str] = set()
        self._pictures: Pictures | None = None
        self._refused_topics: list[str] = []

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Publish until cancelled; a lost broker is retried forever."""
        self._latest = latest
        if self._context.picture is not None:
            self._pictures = Pictures(self._topics, latest, self._context.picture)
        await self._durable.restore(self._outbox)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._collect(events, tasks), name="mqtt:collect")
            tasks.create_task(retry_forever(self._part, self._session, NEAR), name="mqtt:session")

    async def check(self) -> Sequence[Finding]:
        """Log in, and try what the sink does there."""
        return await check_broker(self._options, self._context, self._topics, self._announcing)

    async def _collect(self, events: Events[RoastEvent], tasks: asyncio.TaskGroup) -> None:
        async for event in events:
            kept = self._outbox.add(event, time.monotonic(), datetime.now(UTC))
            if kept is None:
                continue
            self._post(kept)
            self._to_send.set()
            tasks.create_task(self._durable.keep(kept), name="mqtt:keep")
            if self._outbox.lost:
                self._part.counters["events_lost"] = self._outbox.lost

    def _post(self, kept: QueuedEvent) -> None:
        """Send an event the moment it arrives: other sinks wake before `_send_events`."""
        link = self._link
        if link is None or self._outbox.unsent() is not kept:
            return
        with contextlib.suppress(*link.failures):  # the session sees them too
            self._posted = kept, self._sent(link, kept)

    async def _session(self) -> None:
        """One connection, from start to end."""
        identifier = f"roastwatch-{self._context.instance}-{self._rivals.mine.session[:8]}"
        will = (self._topics.available, OFFLINE)
        async with connected(self._options, identifier, will) as link:
            link.leave_out = self._leave_out
            await self._begin(link)
            self._link = link
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._send_events(link), name="mqtt:events")
                    tasks.create_task(self._send_states(link), name="mqtt:states")
                    if self._pictures is not None:
                        tasks.create_task(self._pictures.send(link), name="mqtt:pictures")
                    if self._options.update_url:
                        updates = send_updates(
                            link, self._topics, self._context.stations[0], self._options.update_url
                        )
                        tasks.create_task(updates, name="mqtt:updates")
                    # In the body and not as a task: a group that waits only for its tasks leaves
                    # a cancellation behind when one fails (Python 3.11).
                    await self._listen(link, tasks)
            except asyncio.CancelledError:
                await self._farewell(link)
                raise
            finally:
                self._link = self._posted = None
                self._outbox.link_lost(time.monotonic())

    # Start and end of a connection

    async def _begin(self, link: BrokerConnection) -> None:
        """Learn what the broker holds of this instance, and that no other has its name."""
        topics, stations = self._topics, self._context.stations
        configs = [
            topic
            for name in stations
            for topic in (topics.discovery(name), topics.discovery_parts(name))
        ]
        await link.subscribe(topics.session, topics.state("+", "+"), *configs)
        self._rivals.yielded = False
        self._announcing.begin(time.monotonic())
        await link.publish(topics.session, self._rivals.mine.message(), retain=False)
        stale: list[str] = []
        async for message in self._until_quiet(link):
            of_ours = topics.parts_of(message.topic)
            with self._mishaps.contained(f"A message on {message.topic}"):
                if message.topic == topics.session:
                    await self._claimed(link, message)
                elif not message.payload:
                    continue
                elif of_ours is not None and of_ours[0] not in stations:
                    stale.append(message.topic)
                elif of_ours is None:
                    for name in stations:
                        part = topics.discovery_part_of(name, message.topic)
                        if part is not None:
                            self._announcing.held(name, part, message.payload)
        await link.unsubscribe(topics.state("+", "+"), *configs)
        if stale:
            await self._clear(link, stale)
        refused = await link.subscribe(topics.set("+", "+"), topics.birth)
        await link.publish(topics.available, ONLINE, retain=True)
        self._states.forget()
        self._outbox.link_back(time.monotonic())
        await self._announcing.all_again(link)
        self._refused_topics = refused
        self._is_well()

    def _is_well(self) -> None:
        """Connected, except for what the broker or another instance on it does not allow."""
        refused = self._refused_topics
        self._part.running()
        for sentence in self._announcing.clashes():
            self._part.trouble(ComponentState.DEGRADED, sentence)
        if refused:
            self._part.trouble(
                ComponentState.DEGRADED,
                f"The MQTT broker does not allow reading {' or '.join(refused)}: allow it in the "
                "broker's access list.",
            )

    async def _clear(self, link: BrokerConnection, stale: list[str]) -> None:
        """Clear what removed stations have left behind, but only if it was ours."""
        topics = self._topics
        for topic in stale:
            await link.publish(topic, None, retain=True)
        configs: list[str] = []
        for gone in sorted({(topics.parts_of(topic) or ("",))[0] for topic in stale}):
            configs += (topics.discovery(gone), topics.discovery_parts(gone))
        await link.subscribe(*configs)
        await link.publish(topics.session, self._rivals.mine.message(), retain=False)
        async for message in self._until_quiet(link):
            of_session = message.topic == topics.session
            if not of_session and message.payload and self._announcing.is_ours(message.payload):
                await link.publish(message.topic, None, retain=True)
        await link.unsubscribe(*configs)

    def _leave_out(self, topic: str, size_bytes: int, limit_bytes: int) -> None:
        """Skip a message that is too long for the broker, which would close the connection."""
        if topic in self._left_out:
            return
        self._left_out.add(topic)
        self._part.count("left_out")
        _, _, key = self._topics.parts_of(topic) or ("", "", "")
        what = "the picture of the roast" if key == "image" else topic
        sentence = (
            f"The MQTT broker accepts at most {limit_bytes} bytes per message: {what} "
            f"({size_bytes} bytes) is left out. Raise the broker's limit (Mosquitto: "
            "max_packet_size)."
        )
        if key == "image":
            _log.warning("%s", sentence)
        else:
            self._part.trouble(ComponentState.DEGRADED, sentence)

    async def _until_quiet(self, link: BrokerConnection) -> AsyncIterator[Message]:
        """Read retained messages, and a rival's answer shortly after the echo of our own claim."""
        loop, echoed = asyncio.get_running_loop(), False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5) as limit:
                async for message in link.messages():
                    if not self._rivals.is_mine(message.payload):
                        yield message
                    elif not echoed:  # once, or a client that repeats it would keep us here
                        echoed = True
                        limit.reschedule(loop.time() + 0.25)

    async def _claimed(self, link: BrokerConnection, message: Message) -> None:
        """A live instance answers now: a retained claim is nobody's, and is cleared."""
        if not message.retained:
            await self._meet(link, message)
        elif message.payload:
            await link.publish(self._topics.session, None, retain=True)
            raise BadInputError("a claim is never retained")

    async def _meet(self, link: BrokerConnection, claim: Message) -> None:
        """Another instance claims our name: the older stays, the younger yields and reports it."""
        rival = self._rivals.meet(claim.payload, time.monotonic())
        if rival is None:
            return
        sentence = self._rivals.clash(self._context.instance, rival, "on this broker")
        if rival.is_elder_than(self._rivals.mine):
            self._rivals.yielded = True
            raise LostError(sentence)
        await link.publish(self._topics.session, self._rivals.mine.message(), retain=False)
        self._part.trouble(ComponentState.DEGRADED, sentence)

    async def _farewell(self, link: BrokerConnection) -> None:
        """The service ends: send the remaining events, and that it is offline."""
        with contextlib.suppress(LostError, TimeoutError, *link.failures):
            async with asyncio.timeout(_FAREWELL_S):
                self._heard_from_now_on(math.inf)
                while await self._send_event(link):
                    pass
                for snapshot in (self._latest.value or {}).values():
                    await self._tell_state(link, snapshot)
                await link.publish(self._topics.available, OFFLINE, retain=True)

    # While connected

    async def _send_events(self, link: BrokerConnection) -> None:
        while True:
            if not await self._send_event(link):
                self._to_send.clear()
                await self._to_send.wait()

    async def _send_event(self, link: BrokerConnection) -> bool:
        """Send the oldest unsent event; False if there is none."""
        kept = self._outbox.unsent()
        if kept is None:
            return False
        now_s = time.monotonic()
        posted, self._posted = self._posted, None
        if posted is not None and posted[0] is kept:
            await link.wait_for(posted[1])
        else:
            await link.wait_for(self._sent(link, kept))
        kept.sent_s = now_s
        self._part.count("events_told")
        await self._durable.sent(kept)
        return True

    def _sent(self, link: BrokerConnection, kept: QueuedEvent) -> asyncio.Event:
        topic, message = self._topics.event(kept.station), self._message(kept)
        text = json.dumps(message)
        if not link.fits(topic, text):
            text = json.dumps(message | {"message": ""})  # the only part of unbounded length
        return link.post(topic, text)

    def _message(self, kept: QueuedEvent) -> dict[str, Any]:
        """An event with the buttons that answer it, and their topic."""
        snapshot = (self._latest.value or {}).get(kept.station)
        question = kept.type == "possible_crack" and kept.facts["roast_id"] is None
        message = kept.message(time.monotonic())
        return message | {
            "message": self._context.said(str(message["message"])),
            "answers": answers(
                "question" if question else kept.type,
                origin=str(message.get("origin", "")),
                urgency=str(message.get("urgency", "danger")),
                drives=drives(snapshot),
            ),
            "set_topic": self._topics.set(kept.station, "").removesuffix("/"),
        }

    async def _send_states(self, link: BrokerConnection) -> None:
        async for snapshots in self._latest.changes():
            await self._artisan.send(link, snapshots.values())
            for snapshot in snapshots.values():
                await self._tell_state(link, snapshot)
            self._heard_from_now_on(time.monotonic())
            if self._rivals.is_over(time.monotonic()):
                self._is_well()

    def _heard_from_now_on(self, now_s: float) -> None:
        """Home Assistant has subscribed to new stations: send again what it missed."""
        for station, since_s in self._announcing.settled(now_s):
            if self._outbox.unheard(station, since_s):
                self._to_send.set()

    async def _tell_state(self, link: BrokerConnection, snapshot: Snapshot) -> None:
        keys = await self._announcing.keys(link, snapshot)
        for topic, text in self._states.due(snapshot, keys, time.monotonic()):
            await asyncio.sleep(0)  # events go before states
            await link.publish(topic, text, retain=True, qos=0)

    async def _show(self, link: BrokerConnection, station: str) -> None:
        snapshot = (self._latest.value or {}).get(station)
        if snapshot is not None:
            await self._tell_state(link, snapshot)

    async def _listen(self, link: BrokerConnection, tasks: asyncio.TaskGroup) -> None:
        async for message in link.messages():
            with self._mishaps.contained(f"A message on {message.topic}"):
                await self._deal_with(link, message, tasks)

    async def _deal_with(
        self, link: BrokerConnection, message: Message, tasks: asyncio.TaskGroup
    ) -> None:
        if message.topic == self._topics.birth:
            self._welcomes += 1  # a welcome in progress is for a listener that is gone
            if message.payload == ONLINE.encode():
                welcome = self._welcome(link, self._welcomes)
                tasks.create_task(welcome, name="mqtt:welcome")
            elif message.payload == OFFLINE.encode():
                self._outbox.listener_gone(time.monotonic())
        elif message.topic == self._topics.session:
            if not self._rivals.is_mine(message.payload):
                await self._claimed(link, message)
        else:
            self._asked.ask(link, message, tasks)

    async def _welcome(self, link: BrokerConnection, number: int) -> None:
        """Home Assistant is back: announce, wait a moment, and send what it missed."""
        await self._announcing.all_again(link)
        await link.publish(self._topics.available, ONLINE, retain=True)
        await asyncio.sleep(self._options.birth_settle_s)
        if number == self._welcomes and self._outbox.listener_back(time.monotonic()):
            self._to_send.set()
