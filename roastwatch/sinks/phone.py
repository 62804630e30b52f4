"""Phones: Home Assistant's companion app, and any service that apprise knows.

Alerts wait in the outbox until they are delivered, each under an id that makes it unique, so that
a restart loses none and sends none twice. A person's answer counts once, whoever presses.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import Field

from roastwatch.channel import Events, Latest
from roastwatch.entities import event_type
from roastwatch.errors import BadInputError, LostError, MissingExtraError
from roastwatch.options import Options
from roastwatch.sinks import companion
from roastwatch.sinks.alerts import Alert, PersonOptions, alert, countdown, wanted
from roastwatch.sinks.answers import Answers
from roastwatch.sinks.home_assistant_options import HomeAssistantOptions
from roastwatch.sinks.memory_outbox import MemoryOutbox
from roastwatch.sinks.sink import AlertOutbox, Told, WaitingAlert
from roastwatch.supervise import retry_forever, together
from roastwatch.vocabulary import PartState, Phase, RoastEvent, Snapshot

if TYPE_CHECKING:
    from roastwatch.sinks.apprise_link import AppriseLink
    from roastwatch.sinks.home_assistant_link import Link

_log = logging.getLogger("roastwatch.phone")
_TARGET = "phone"
_YOUNG_S = 600.0
"""An alert that could not be delivered for so long is of no use any more."""
_LATE_AFTER_S = 15.0


class PhoneOptions(Options):
    """Who is told on a phone."""

    people: tuple[PersonOptions, ...] = Field((), description="One entry for each person.")
    home_assistant: HomeAssistantOptions | None = Field(
        None, description="Needed for companion apps only."
    )


@dataclass(frozen=True, slots=True)
class _Target:
    person: PersonOptions
    service: str = ""
    """A notify service of Home Assistant, or empty for an apprise URL."""
    url: int = 0

    @property
    def key(self) -> str:
        return self.service or f"url{self.url}"


class PhoneSink:
    """Tells people, repeats until acknowledged, and takes their answers."""

    Options = PhoneOptions

    def __init__(self, options: PhoneOptions, told: Told) -> None:
        """Check every address; connect later.

        Raises:
            MissingExtraError: a library is not installed.
            SettingsError: a URL or the token is wrong.
        """
        self._options, self._told = options, told
        self._outbox: AlertOutbox = told.outbox or MemoryOutbox()
        self._targets = {
            f"{person.name}:{target.key}": target
            for person in options.people
            for target in (
                *(_Target(person, service) for service in person.companion),
                *(_Target(person, url=index) for index, _ in enumerate(person.urls)),
            )
        }
        self._services = {target.service for target in self._targets.values() if target.service}
        self._apprise = _apprise(options)
        self._link_to = _link(options, self._services)
        self._link: Link | None = None
        self._answers = Answers(told.requests, told.stations)
        self._wake = asyncio.Event()
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._said: set[tuple[str, str]] = set()
        self._latest: Latest[dict[str, Snapshot]] = Latest()
        self._phases: dict[str, tuple[str | None, Phase]] = {}

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Tell until cancelled."""
        self._latest = latest
        jobs = [self._collect(events), self._deliver(), self._watch()]
        if self._link_to is not None:
            jobs.append(retry_forever(self._told.part, self._session))
        else:
            self._told.part.running()
        try:
            await together(*jobs)
        finally:
            for task in self._in_flight.values():
                task.cancel()

    async def _collect(self, events: Events[RoastEvent]) -> None:
        async for event in events:
            self._told.part.counters["events_lost"] = events.dropped
            now = datetime.now(UTC)
            for person in self._options.people:
                if not self._news(person, event) or not wanted(person, event, now.astimezone()):
                    continue
                said = alert(
                    person,
                    event,
                    (self._latest.value or {}).get(event.station),
                    language=self._told.language,
                    station_title=self._told.titles.get(event.station) or event.station,
                    now=now,
                )
                self._said.add((event.event_id, person.name))
                await self._keep(person, said)

    def _news(self, person: PersonOptions, event: RoastEvent) -> bool:
        """A crack that grows is told once; that it was none, to those who were told."""
        told = (event.event_id, person.name) in self._said
        if event.revoked:
            return told
        return not told or event_type(event) not in (
            "possible_crack", "first_crack", "first_crack_certain",
        )  # fmt: skip

    async def _keep(self, person: PersonOptions, said: Alert) -> None:
        for key, target in self._targets.items():
            if target.person is person:
                await self._add(key, said, datetime.now(UTC))
        self._wake.set()

    async def _add(self, key: str, said: Alert, due_at: datetime, number: int = 0) -> None:
        alert_id = f"{said.alert_id}:{key}" + (f"#{number}" if number else "")
        row = asdict(said)
        row["happened_at"] = said.happened_at.isoformat() if said.happened_at else None
        await self._outbox.outbox_add(
            alert_id,
            {"alert": row, "to": key, "number": number, "due_at": due_at.isoformat()},
            due_at=due_at,
            expires_at=due_at + timedelta(seconds=_YOUNG_S),
            event_id=said.tag,
            target=_TARGET,
        )

    async def _watch(self) -> None:
        """What follows from states: the countdown and the live notification."""
        async for snapshots in self._latest.changes():
            for station, snapshot in snapshots.items():
                title = self._told.titles.get(station) or station
                for person in self._options.people:
                    soon = countdown(
                        person, snapshot, language=self._told.language, station_title=title
                    )
                    if soon is not None and (soon.tag, person.name) not in self._said:
                        self._said.add((soon.tag, person.name))
                        await self._keep(person, soon)
                phase = (snapshot.roast_id, snapshot.phase)
                if self._phases.get(station, (None, Phase.IDLE)) != phase:
                    before, self._phases[station] = self._phases.get(station), phase
                    await self._progress(snapshot, title, before[0] if before else None)

    async def _progress(self, snapshot: Snapshot, title: str, roast_before: str | None) -> None:
        link = self._link
        roast_id = snapshot.roast_id or roast_before
        if link is None or roast_id is None:
            return
        message = companion.progress(snapshot, title, f"{roast_id}-progress")
        for target in self._targets.values():
            if target.service and target.person.progress:
                try:
                    await link.call(target.service, message)
                except (LostError, BadInputError) as error:
                    _log.info("the live notification was not shown: %s", error)

    async def _deliver(self) -> None:
        """Start what is due, all at once; wake for news, and each second for what waits."""
        while True:
            self._wake.clear()
            for waiting in await self._outbox.outbox_due(target=_TARGET):
                if waiting.alert_id not in self._in_flight:
                    task = asyncio.create_task(self._one(waiting), name=f"phone:{waiting.alert_id}")
                    self._in_flight[waiting.alert_id] = task
                    task.add_done_callback(partial(self._landed, waiting.alert_id))
            try:
                async with asyncio.timeout(1.0):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _landed(self, alert_id: str, _task: asyncio.Task[None]) -> None:
        self._in_flight.pop(alert_id, None)

    async def _one(self, waiting: WaitingAlert) -> None:
        row = waiting.payload["alert"]
        happened = row["happened_at"]
        said = Alert(
            **{
                **row,
                "happened_at": datetime.fromisoformat(happened) if happened else None,
                "actions": tuple((one, words) for one, words in row["actions"]),
            }
        )
        key, number = waiting.payload["to"], waiting.payload["number"]
        target = self._targets.get(key)
        if target is None or (number and said.tag in self._answers.acknowledged):
            await self._outbox.outbox_done(waiting.alert_id)
            return
        due_at = datetime.fromisoformat(waiting.payload["due_at"])
        waited_s = (datetime.now(UTC) - due_at).total_seconds()
        if waited_s > _LATE_AFTER_S:
            said = replace(said, text=companion.late(said.text, waited_s, self._language(target)))
        try:
            await self._send(target, said)
        except (LostError, BadInputError) as error:
            wait_s = min(60.0, 2.0 * 2.0 ** min(waiting.attempts, 5))
            again = datetime.now(UTC) + timedelta(seconds=wait_s)
            self._told.part.count("alerts_failed")
            self._told.part.trouble(PartState.DEGRADED, f"{target.person.name}: {error}")
            await self._outbox.outbox_failed(waiting.alert_id, str(error), again)
            return
        self._told.part.count("alerts_told")
        if self._told.part.state is PartState.DEGRADED:
            self._told.part.running()
        if said.repeat_every_s and said.repeats_left and said.tag not in self._answers.acknowledged:
            due = datetime.now(UTC) + timedelta(seconds=said.repeat_every_s)
            again_said = replace(said, repeats_left=said.repeats_left - 1)
            await self._add(key, again_said, due, number + 1)
        await self._outbox.outbox_done(waiting.alert_id)

    async def _send(self, target: _Target, said: Alert) -> None:
        if target.service:
            if self._link is None:
                raise LostError("Home Assistant is not connected.")
            message = companion.message(said, target.person.picture_entity)
            await self._link.call(target.service, message)
        else:
            assert self._apprise is not None
            url = target.person.urls[target.url].get_secret_value()
            await self._apprise.tell(url, said.title, said.text, critical=said.critical)

    def _language(self, target: _Target) -> str:
        return target.person.language or self._told.language

    async def _session(self) -> None:
        assert self._link_to is not None
        async with self._link_to() as link:
            missing = self._services - await link.services()
            self._link = link
            self._told.part.running()
            if missing:
                self._told.part.trouble(
                    PartState.DEGRADED,
                    f"Home Assistant has no {', '.join(sorted(missing))}: open the companion app "
                    "once, and look the name up under Developer tools, Actions.",
                )
            self._wake.set()
            try:
                async for fired in link.events("mobile_app_notification_action"):
                    await self._answer(link, json.loads(json.dumps(fired)))
            finally:
                self._link = None

    async def _answer(self, link: "Link", fired: dict[str, Any]) -> None:
        tag = await self._answers.take(fired)
        if tag is None:
            return
        self._told.part.count("answers")
        for service in self._services:
            try:
                await link.call(service, companion.cleared(tag))
            except BadInputError as error:
                _log.info("%s", error)


def _apprise(options: PhoneOptions) -> "AppriseLink | None":
    urls = [
        (f"people[{number}].urls[{index}]", url.get_secret_value())
        for number, person in enumerate(options.people)
        for index, url in enumerate(person.urls)
    ]
    if not urls:
        return None
    try:
        from roastwatch.sinks.apprise_link import AppriseLink
    except ModuleNotFoundError as missing:
        raise MissingExtraError("Telling phones through apprise", "phone") from missing
    return AppriseLink(urls)


def _link(options: PhoneOptions, services: set[str]) -> "Callable[[], Link] | None":
    if not services:
        return None
    try:
        from roastwatch.sinks.home_assistant_link import Link
    except ModuleNotFoundError as missing:
        raise MissingExtraError("Telling companion apps", "homeassistant") from missing
    where = options.home_assistant or HomeAssistantOptions()
    where.door()
    return lambda: Link(where)
