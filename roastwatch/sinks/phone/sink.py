"""Phones: Home Assistant's companion app, and any service that apprise knows.

Alerts wait in the outbox until they are delivered, each under an id that makes it unique, so that
a restart loses none and sends none twice. An answer counts once, even if two people press it.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from roastwatch.channel import Events, Latest
from roastwatch.errors import BadInputError, LostError
from roastwatch.inbound import Mishaps
from roastwatch.sinks.home_assistant.check import check_names
from roastwatch.sinks.home_assistant.options import HomeAssistantOptions
from roastwatch.sinks.monotonic_utc import present
from roastwatch.sinks.outbox.dedupe_set import DedupeSet
from roastwatch.sinks.outbox.delivery import Delivery
from roastwatch.sinks.outbox.memory import MemoryOutbox
from roastwatch.sinks.phone import companion
from roastwatch.sinks.phone.alerts import (
    LATE_AFTER_S,
    Alert,
    PersonOptions,
    alert,
    countdown,
    grown,
    is_over,
    restored,
    wanted,
    without_drop,
)
from roastwatch.sinks.phone.links import Target, apprise_link, companion_link
from roastwatch.sinks.phone.notification_actions import NotificationActions
from roastwatch.sinks.phone.options import PhoneOptions
from roastwatch.sinks.phone.quiet_hours import warn_of_utc
from roastwatch.sinks.sink import Finding, Sink, SinkContext, WaitingAlert
from roastwatch.supervise import NEAR, Backoff, retry_forever, together
from roastwatch.vocabulary import ComponentState, EventKind, Phase, RoastEvent, Snapshot

if TYPE_CHECKING:
    from roastwatch.sinks.home_assistant.link import HomeAssistantLink

_log = logging.getLogger(__name__)
_YOUNG_S = 600.0
"""An alert that could not be delivered for longer is discarded."""
_SNAPSHOT_S = 2.0
"""A snapshot is as new as an alert that has waited for longer."""


class PhoneSink(Sink):
    """Notifies people, repeats until acknowledged, and handles their answers."""

    Options = PhoneOptions

    def __init__(self, options: PhoneOptions, context: SinkContext) -> None:
        """Check every address; connect later.

        Raises:
            MissingExtraError: a library is not installed.
            SettingsError: a URL or the token is wrong.
        """
        self._options, self._context = options, context
        self._targets = {
            f"{person.name}:{target.key}": target
            for person in options.people
            for target in (
                *(Target(person, service) for service in person.companion),
                *(Target(person, url=index) for index, _ in enumerate(person.urls)),
            )
        }
        self._services = {target.service for target in self._targets.values() if target.service}
        self._apprise = apprise_link(options)
        self._link_to = companion_link(options, self._services)
        self._link: HomeAssistantLink | None = None
        self._delivery = Delivery(
            context.outbox or MemoryOutbox(),
            "phone",
            self._one,
            self._failed,
            young_s=_YOUNG_S,
            backoff=Backoff(options.retry_after_s, max(60.0, options.retry_after_s)),
        )
        outbox, clock = self._delivery.outbox, self._delivery.clock
        self._said = DedupeSet(outbox, "phone-said", clock)
        self._answers = NotificationActions(
            context.requests, context.stations, DedupeSet(outbox, "phone-answered", clock)
        )
        self._mishaps = Mishaps(_log, context.part.count)
        self._repeating: dict[str, set[str]] = {}
        self._shown: dict[str, dict[str, str]] = {}
        """Of each station: tags of alerts on companion apps that will be over, and their types."""
        self._losses: dict[str, str] = {}
        """Of each station: what was last reported of a lost microphone."""
        self._seen_at: dict[str, datetime | None] = {}
        self._latest: Latest[dict[str, Snapshot]] = Latest()
        self._phases: dict[str, tuple[str | None, Phase]] = {}
        self._order: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Of each tag: what is sent and what is removed goes out in its order."""

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Notify until cancelled."""
        self._latest = latest
        if any(person.quiet_hours for person in self._options.people):
            warn_of_utc(self._context.zone)
        await self._said.restore()
        await self._answers.restore()
        jobs = [self._collect(events), self._delivery.run(), self._watch()]
        if self._link_to is not None:
            jobs.append(retry_forever(self._context.part, self._session, NEAR))
        else:
            self._context.part.running()
        await together(*jobs)

    async def check(self) -> Sequence[Finding]:
        """Whether the companion apps exist; other services are not tried, as a phone would ring."""
        found: list[Finding] = []
        urls = sum(1 for target in self._targets.values() if not target.service)
        if urls:
            found.append(Finding(None, f"URLs of other services ({urls}): valid; nothing was sent"))
        if self._link_to is not None:
            where = self._options.home_assistant or HomeAssistantOptions()
            found += await check_names(self._link_to, where.url, sorted(self._services), ())
        return found or [Finding(False, "no people: add some with companion or urls")]

    async def _collect(self, events: Events[RoastEvent]) -> None:
        async for event in events:
            self._context.part.counters["events_lost"] = events.dropped
            local = datetime.now(UTC).astimezone(self._context.zone)
            if event.kind is EventKind.SOUND_LOST:
                self._losses[event.station] = event.message
            for person in self._options.people:
                if not wanted(person, event, local) or self._repeats_loss(person, event):
                    continue
                said = alert(
                    person,
                    event,
                    (self._latest.value or {}).get(event.station),
                    language=self._context.language,
                    station_title=self._context.titles.get(event.station) or event.station,
                    now=present(event),
                    fahrenheit=self._context.fahrenheit,
                    only=len(self._options.people) == 1,
                )
                if said.alert_id in self._said:
                    continue
                if self._is_growth(person, event, said):
                    if not self._answers.has_seen(said.tag):
                        await self._keep(person, grown(said))
                elif not event.revoked or self._is_notified(person, said):
                    await self._keep(person, said)

    def _repeats_loss(self, person: PersonOptions, event: RoastEvent) -> bool:
        """Whether first crack may not be heard for a lost microphone that was reported."""
        loss = self._losses.get(event.station)
        hard = event.kind is EventKind.HARD_TO_HEAR and "sound_lost" in person.events
        return hard and loss is not None and event.message.endswith(loss)

    def _is_notified(self, person: PersonOptions, said: Alert) -> bool:
        """Whether a person was notified of the same event before, also before a restart."""
        return f"{said.tag}:{person.name}" in self._said

    def _is_growth(self, person: PersonOptions, event: RoastEvent, said: Alert) -> bool:
        """Whether a first crack of which the person was notified is more certain now."""
        crack = event.kind is EventKind.FIRST_CRACK and not event.revoked
        return crack and self._is_notified(person, said)

    async def _keep(self, person: PersonOptions, said: Alert) -> None:
        """Keep the alert and that it was created, at once: a crash keeps both or neither."""
        due_at = self._delivery.clock()
        await asyncio.gather(
            self._said.add(said.alert_id),
            self._said.add(f"{said.tag}:{person.name}"),
            *(
                self._add(key, said, due_at)
                for key, target in self._targets.items()
                if target.person is person and (target.service or not said.replaces)
            ),
        )

    async def _add(self, key: str, said: Alert, due_at: datetime, number: int = 0) -> None:
        row = asdict(said)
        row["happened_at"] = said.happened_at.isoformat() if said.happened_at else None
        await self._delivery.add(
            f"{said.alert_id}:{key}" + (f"#{number}" if number else ""),
            {"alert": row, "to": key, "number": number, "due_at": due_at.isoformat()},
            event_id=said.tag,
            due_at=due_at,
        )

    async def _watch(self) -> None:
        """What follows from states: the countdown, the live notification, acknowledgements."""
        async for snapshots in self._latest.changes():
            for station, snapshot in snapshots.items():
                title = self._context.titles.get(station) or station
                for person in self._options.people:
                    soon = countdown(
                        person, snapshot, language=self._context.language, station_title=title
                    )
                    if soon is not None and soon.alert_id not in self._said:
                        await self._keep(person, soon)
                await self._seen(station, snapshot.acknowledged_at)
                phase = (snapshot.roast_id, snapshot.phase)
                if self._phases.get(station, (None, Phase.IDLE)) != phase:
                    before, self._phases[station] = self._phases.get(station), phase
                    await self._progress(snapshot, title, before[0] if before else None)
                    await self._remove_old(station, snapshot.phase)

    async def _remove_old(self, station: str, phase: Phase) -> None:
        """Remove what is no news in this phase: a Drop button must not outlive its roast."""
        shown = self._shown.get(station, {})
        for tag in [tag for tag, kind in shown.items() if is_over(kind, phase)]:
            del shown[tag]
            if self._link is not None:
                await self._clear(self._link, tag)

    async def _seen(self, station: str, at: datetime | None) -> None:
        """Somebody acknowledged on a dashboard: no alert of this station is repeated."""
        if at is None or self._seen_at.get(station) == at:
            return
        self._seen_at[station] = at
        for tag in self._repeating.pop(station, set()):
            await self._answers.acknowledge(tag)
            if self._link is not None:
                await self._clear(self._link, tag)

    async def _progress(self, snapshot: Snapshot, title: str, roast_before: str | None) -> None:
        link = self._link
        roast_id = snapshot.roast_id or roast_before
        if link is None or roast_id is None:
            return
        tag = f"{roast_id}-progress"
        for target in self._targets.values():
            if target.service and target.person.progress:
                message = companion.progress(snapshot, title, tag, self._language(target))
                try:
                    await link.call(target.service, message)
                except (LostError, BadInputError) as error:
                    _log.info("The live notification was not shown: %s", error)

    async def _one(self, waiting: WaitingAlert) -> None:
        """Deliver one alert, and add its repetition if it has one."""
        said = restored(waiting.payload["alert"])
        key, number = waiting.payload["to"], waiting.payload["number"]
        target = self._targets.get(key)
        if target is None or (number and self._answers.has_seen(said.tag)):
            return
        due_at = datetime.fromisoformat(waiting.payload["due_at"])
        waited_s = (self._delivery.clock() - due_at).total_seconds()
        text = said.text
        snapshot = (self._latest.value or {}).get(said.station)
        if snapshot is not None and waited_s > _SNAPSHOT_S:
            said = without_drop(said, snapshot)
        if waited_s > LATE_AFTER_S:
            text = companion.late(text, waited_s, self._language(target))
        await self._send(target, replace(said, text=text))
        self._context.part.count("alerts_told")
        if self._context.part.state is ComponentState.DEGRADED:
            self._context.part.running()
        if said.repeat_every_s and said.repeats_left and not self._answers.has_seen(said.tag):
            self._repeating.setdefault(said.station, set()).add(said.tag)
            due = self._delivery.clock() + timedelta(seconds=said.repeat_every_s)
            again = replace(said, repeats_left=said.repeats_left - 1)
            await self._add(key, again, due, number + 1)

    def _failed(self, waiting: WaitingAlert, error: Exception) -> bool:
        self._context.part.count("alerts_failed")
        person = str(waiting.payload["to"]).partition(":")[0]
        self._context.part.trouble(ComponentState.DEGRADED, f"{person}: {error}")
        return True

    async def _send(self, target: Target, said: Alert) -> None:
        if target.service:
            if self._link is None:
                raise LostError("Home Assistant is not connected.")
            message = companion.message(said, target.person.picture_entity)
            async with self._in_order(said.tag):
                await self._link.call(target.service, message)
            shown = self._shown.setdefault(said.station, {})
            shown.pop(said.tag, None)
            if is_over(said.type, Phase.IDLE):
                shown[said.tag] = said.type
        else:
            assert self._apprise is not None
            url = target.person.urls[target.url].get_secret_value()
            await self._apprise.send(url, said.title, said.text, critical=said.critical)

    def _language(self, target: Target) -> str:
        return target.person.language or self._context.language

    async def _session(self) -> None:
        assert self._link_to is not None
        async with self._link_to() as link:
            missing = self._services - await link.services()
            self._link = link
            self._context.part.running()
            if missing:
                self._context.part.trouble(
                    ComponentState.DEGRADED,
                    f"Home Assistant has no {', '.join(sorted(missing))}: open the companion app "
                    "once, and look up the name under Developer tools, Actions.",
                )
            self._delivery.wake()
            try:
                answer = partial(self._answer, link)
                await link.listen("mobile_app_notification_action", answer, self._mishaps)
            finally:
                self._link = None

    async def _answer(self, link: "HomeAssistantLink", fired: dict[str, Any]) -> None:
        tag = await self._answers.take(fired)
        if tag is None:
            return
        self._context.part.count("answers")
        await self._clear(link, tag)

    async def _clear(self, link: "HomeAssistantLink", tag: str) -> None:
        """Remove an alert from every phone; what replaces it from now on stays."""
        async with self._in_order(tag):
            for service in self._services:
                try:
                    await link.call(service, companion.cleared(tag))
                except (LostError, BadInputError) as error:
                    _log.info("%s", error)

    def _in_order(self, tag: str) -> asyncio.Lock:
        """Held while a message of this tag is on its way."""
        lock = self._order.get(tag)
        if lock is None:
            lock = self._order[tag] = asyncio.Lock()
        return lock
