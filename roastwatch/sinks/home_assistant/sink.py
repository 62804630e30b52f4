"""Home Assistant without a broker: events on its bus, states as sensors, and requests.

Each event is fired as `roastwatch_<type>` with the payload of integrations/contract.md.
Instructions come as `roastwatch_instruct` events: {"station", "kind", "value", "instance"}.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import Field

from roastwatch.channel import Events, Latest
from roastwatch.entities import ENTITIES, Entity
from roastwatch.errors import BadInputError, LostError, MissingExtraError
from roastwatch.inbound import Mishaps
from roastwatch.sinks import incoming as asking
from roastwatch.sinks.duplicate_instance import Claim, DuplicateInstances
from roastwatch.sinks.home_assistant.check import check_bus
from roastwatch.sinks.home_assistant.options import HomeAssistantOptions
from roastwatch.sinks.mqtt.states import payload
from roastwatch.sinks.outbox.event_outbox import Outbox
from roastwatch.sinks.outbox.event_store import EventStore
from roastwatch.sinks.paced import PacedValues
from roastwatch.sinks.sink import Finding, Sink, SinkContext
from roastwatch.supervise import NEAR, retry_forever, together
from roastwatch.vocabulary import ComponentState, Instruction, RoastEvent, Snapshot

if TYPE_CHECKING:
    from roastwatch.sinks.home_assistant.link import HomeAssistantLink

_log = logging.getLogger(__name__)
_INSTRUCT = "roastwatch_instruct"
_FAREWELL_S = 2.0
_ELDERS_ANSWER_WITHIN_S = 0.25
_SHOWN_EVERY_S = 5.0
"""Interval at which states are updated: each is a request of its own."""


class HomeAssistantSinkOptions(HomeAssistantOptions):
    """Home Assistant over REST and WebSocket."""

    states: bool = Field(True, description="Show states as sensors (sensor.roastwatch_…).")
    words: bool = Field(
        True,
        description="Show phases and levels as words of `language` (their keys stay in the "
        "attribute `key`); false: as keys such as first_crack.",
    )


class HomeAssistantSink(Sink):
    """Fires events on Home Assistant's bus, and receives requests from it."""

    Options = HomeAssistantSinkOptions

    def __init__(self, options: HomeAssistantSinkOptions, context: SinkContext) -> None:
        """Check the library and the token; connect later.

        Raises:
            MissingExtraError: the library is not installed.
            SettingsError: there is no token.
        """
        try:
            from roastwatch.sinks.home_assistant.link import HomeAssistantLink
        except ModuleNotFoundError as missing:
            raise MissingExtraError("The sink home_assistant", "homeassistant") from missing
        self._link_to: Callable[[], HomeAssistantLink] = partial(HomeAssistantLink, options)
        options.door()
        self._options = options
        self._context = context
        self._outbox = Outbox(time.monotonic())
        self._durable = EventStore(context.outbox, f"home_assistant:{options.url}")
        self._to_send = asyncio.Event()
        self._heard = asyncio.Event()
        self._rivals = DuplicateInstances(Claim.mine())
        self._mishaps = Mishaps(_log, context.part.count)
        self._shown: dict[str, tuple[str, ...]] = {}
        self._paced = PacedValues()
        self._latest: Latest[dict[str, Snapshot]] = Latest()

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Publish until cancelled; a lost Home Assistant is retried forever."""
        self._latest = latest
        await self._durable.restore(self._outbox)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._collect(events, tasks), name="home_assistant:collect")
            tasks.create_task(
                retry_forever(self._context.part, self._session, NEAR),
                name="home_assistant:session",
            )

    async def check(self) -> Sequence[Finding]:
        """Fire an event that nothing uses, and receive it."""
        return await check_bus(self._link_to, self._options.url)

    async def _collect(self, events: Events[RoastEvent], tasks: asyncio.TaskGroup) -> None:
        async for event in events:
            kept = self._outbox.add(event, time.monotonic(), datetime.now(UTC))
            if kept is None:
                continue
            self._to_send.set()  # before anything that may wait: tasks wake in this order
            tasks.create_task(self._durable.keep(kept), name="home_assistant:keep")
            self._context.part.counters["events_lost"] = events.dropped + self._outbox.lost

    async def _session(self) -> None:
        async with self._link_to() as link:
            self._outbox.listener_back(time.monotonic())
            self._shown.clear()
            self._heard.clear()
            try:
                await together(self._listen(link), self._tell(link))
            except asyncio.CancelledError:
                await self._farewell(link)
                raise
            finally:
                self._outbox.link_lost(time.monotonic())

    async def _tell(self, link: "HomeAssistantLink") -> None:
        """Start once our own claim is received, and none of an older instance of our name."""
        while not self._heard.is_set():
            await self._claim(link)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._heard.wait()
        await asyncio.sleep(_ELDERS_ANSWER_WITHIN_S)
        self._context.part.running()
        shows = [self._send_states(link)] if self._options.states else []
        await together(self._send_events(link), *shows)

    async def _claim(self, link: "HomeAssistantLink") -> None:
        claim = {"instance": self._context.instance, "kind": "claim", **asdict(self._rivals.mine)}
        await link.fire(_INSTRUCT, claim)

    async def _meet(self, link: "HomeAssistantLink", claim: dict[str, Any]) -> None:
        """Another instance claims our name: the older stays, the younger yields and reports it."""
        if claim.get("session") == self._rivals.mine.session:
            self._heard.set()
            return
        rival = self._rivals.meet(json.dumps(claim).encode(), time.monotonic())
        if rival is None:
            return
        sentence = self._rivals.clash(self._context.instance, rival, "at this Home Assistant")
        if rival.is_elder_than(self._rivals.mine):
            raise LostError(sentence)
        await self._claim(link)
        self._context.part.trouble(ComponentState.DEGRADED, sentence)

    async def _farewell(self, link: "HomeAssistantLink") -> None:
        """The service ends: send the remaining events, and show states as unavailable."""
        with contextlib.suppress(LostError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                while await self._send_event(link):
                    pass
                shown, self._shown = self._shown, {}
                await asyncio.gather(
                    *(link.set_state(entity_id, "unavailable", {}) for entity_id in shown)
                )

    async def _send_events(self, link: "HomeAssistantLink") -> None:
        while True:
            if not await self._send_event(link):
                self._to_send.clear()
                await self._to_send.wait()

    async def _send_event(self, link: "HomeAssistantLink") -> bool:
        """Send the oldest unsent event; False if there is none."""
        kept = self._outbox.unsent()
        if kept is None:
            return False
        now_s = time.monotonic()
        message = {"instance": self._context.instance, **kept.message(now_s)}
        message["message"] = self._context.said(str(message["message"]))
        await link.fire(f"roastwatch_{kept.type}", message)
        kept.sent_s = now_s
        self._context.part.count("events_told")
        await self._durable.sent(kept)
        return True

    async def _send_states(self, link: "HomeAssistantLink") -> None:
        while True:
            for name, snapshot in (self._latest.value or {}).items():
                self._paced.begin(snapshot)
                for entity in ENTITIES:
                    known = entity.value_of is not None and not entity.hidden
                    if known and entity.offered(snapshot):
                        await self._show(link, name, entity, snapshot)
            if self._rivals.is_over(time.monotonic()):
                self._context.part.running()
            await asyncio.sleep(_SHOWN_EVERY_S)

    async def _show(
        self, link: "HomeAssistantLink", station: str, entity: Entity, snapshot: Snapshot
    ) -> None:
        value, more = self._paced.shown(entity, snapshot, time.monotonic())
        more = {name: self._context.said(one) for name, one in more.items()}
        if entity.sentence and isinstance(value, str):
            value = self._context.said(value)
        if entity.words and self._options.words and isinstance(value, str):
            more["key"], value = value, entity.word(value, self._context.language)
        unit = entity.unit
        if entity.is_difference and self._context.fahrenheit:
            unit = str(unit).replace("°C", "°F")
            value = round(value * 1.8, 1) if isinstance(value, float) else value
        state = payload(entity.platform, value)
        kind = "binary_sensor" if entity.platform.value == "binary_sensor" else "sensor"
        entity_id = f"{kind}.{self._context.instance}_{station}_{entity.key}".replace("-", "_")
        state = {"ON": "on", "OFF": "off", "None": "unknown", "": "unknown"}.get(state, state)
        shown = (state, *more.values())
        if self._shown.get(entity_id) == shown:
            return
        attributes: dict[str, Any] = {
            "friendly_name": f"{station} {entity.title(self._context.language)}",
            "unit_of_measurement": unit,
            "device_class": entity.device_class,
            "state_class": entity.state_class,
            "icon": entity.icon,
        }
        given = {key: value for key, value in attributes.items() if value is not None} | more
        await link.set_state(entity_id, state, given)
        self._shown[entity_id] = shown

    async def _listen(self, link: "HomeAssistantLink") -> None:
        await link.listen(_INSTRUCT, partial(self._asked, link), self._mishaps)

    async def _asked(self, link: "HomeAssistantLink", asked: dict[str, Any]) -> None:
        if asked.get("kind") == "claim":
            if asked.get("instance") == self._context.instance:
                await self._meet(link, asked)
            return
        try:
            instruction = self._instruction(asked)
        except BadInputError as error:
            self._context.part.count("refused")
            await link.fire("roastwatch_refused", {"reason": str(error)})
            return
        if instruction is not None:
            self._context.requests.instruct(instruction)

    def _instruction(self, asked: dict[str, Any]) -> Instruction | None:
        """The instruction in a bus event; None if it is for another instance."""
        if asked.get("instance", self._context.instance) != self._context.instance:
            return None
        station = asked.get("station", self._context.stations[0])
        if station not in self._context.stations:
            known = ", ".join(self._context.stations)
            raise BadInputError(f"There is no station {str(station)[:40]!r}: {known}.")
        return asking.instruction(station, asked, by="home assistant")
