"""Rules of our own, for people without Home Assistant automations.

    on: first_crack → a scene, a service, an MQTT message, a signed webhook, a roaster command.

A command on a drop or an interlock, and a message on our own topics, would be loops: both are
refused at the start. A loop through somebody else (a service that presses our button) is noticed
when a rule acts too often.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self

import aiohttp
import aiomqtt
from pydantic import Field, SecretStr, field_validator, model_validator

from roastwatch.channel import Events, Latest
from roastwatch.entities import EVENT_TYPES, event_type
from roastwatch.errors import BadInputError, LostError, MissingExtraError
from roastwatch.option_types import Host
from roastwatch.options import Options
from roastwatch.sinks.home_assistant.check import check_names
from roastwatch.sinks.home_assistant.options import HomeAssistantOptions
from roastwatch.sinks.monotonic_utc import age_s
from roastwatch.sinks.mqtt.options import refuse_password_alone
from roastwatch.sinks.outbox.dedupe_set import DedupeSet
from roastwatch.sinks.outbox.delivery import Delivery
from roastwatch.sinks.outbox.event_outbox import QueuedEvent
from roastwatch.sinks.outbox.memory import MemoryOutbox
from roastwatch.sinks.sink import Finding, Sink, SinkContext, WaitingAlert
from roastwatch.supervise import Backoff, together
from roastwatch.vocabulary import (
    Actuator,
    Command,
    ComponentState,
    Origin,
    Outcome,
    RoastEvent,
    Snapshot,
)

_log = logging.getLogger(__name__)
_YOUNG_S = 300.0
_LOOP_TIMES, _LOOP_WITHIN_S = 10, 60.0
_CAUSED_BY_COMMANDS = ("drop", "interlock")
_ACTIONS = ("scene", "service", "mqtt_topic", "webhook", "heater_percent", "fan_percent")


class RuleOptions(Options):
    """One rule: when it acts, and its one action."""

    on: str = Field(description="Event that it acts on, such as first_crack or drop.")
    station: str | None = Field(None, description="Only at this station; null: at every station.")
    scene: str | None = Field(
        None,
        description="Home Assistant scene to turn on, such as scene.cooling.",
        pattern=r"^scene\.\w+$",
    )
    service: str | None = Field(
        None,
        description="Home Assistant action to call, such as light.turn_on.",
        pattern=r"^\w+\.\w+$",
    )
    fields: dict[str, Any] = Field(
        default_factory=dict, description="Fields of the service call, such as entity_id."
    )
    mqtt_topic: str | None = Field(
        None, description="Topic to publish the event to, as JSON.", pattern=r"^[^#+\x00]+$"
    )
    webhook: str | None = Field(
        None, description="URL to POST the event to, as JSON.", pattern=r"^https?://[^/\s]+"
    )
    secret: SecretStr | None = Field(
        None, description="Signs the webhook: X-Roastwatch-Signature is sha256=HMAC of the body."
    )
    heater_percent: float | None = Field(
        None, ge=0, le=100, description="Heat to set, in percent, through the interlocks."
    )
    fan_percent: float | None = Field(
        None, ge=0, le=100, description="Fan to set, in percent, through the interlocks."
    )

    @field_validator("on")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in EVENT_TYPES:
            raise ValueError(f"there is no event {name!r}: {', '.join(EVENT_TYPES)}")
        return name

    @model_validator(mode="after")
    def _one_action_without_a_loop(self) -> Self:
        actions = [name for name in _ACTIONS if getattr(self, name) is not None]
        if len(actions) != 1:
            raise ValueError(
                "name exactly one of scene, service, mqtt_topic, webhook, heater_percent and "
                f"fan_percent (it names {' and '.join(actions) or 'none'})"
            )
        if actions[0].endswith("_percent") and self.on in _CAUSED_BY_COMMANDS:
            raise ValueError(f"a command on {self.on} would trigger itself again: a loop")
        if self.mqtt_topic is not None and self.mqtt_topic.startswith("roastwatch/"):
            raise ValueError("a rule can't publish on roastwatch's own topics: a loop")
        if self.fields and self.service is None:
            raise ValueError("fields belong to a service")
        if self.secret is not None and self.webhook is None:
            raise ValueError("secret signs a webhook, and this rule has none: remove it")
        return self


class RulesOptions(Options):
    """Actions on events."""

    rules: tuple[RuleOptions, ...] = Field((), description="Each runs one action on one event.")
    home_assistant: HomeAssistantOptions | None = Field(
        None, description="Needed for scenes and services only."
    )
    mqtt_host: Host = Field("localhost", description="Broker of the MQTT messages.")
    mqtt_port: int = Field(1883, ge=1, le=65535, description="Its TCP port.")
    mqtt_username: str | None = Field(None, description="User name at the broker.")
    mqtt_password: SecretStr | None = Field(None, description="Password at the broker.")

    @model_validator(mode="after")
    def _no_password_is_left_out(self) -> Self:
        refuse_password_alone(self.mqtt_username, self.mqtt_password, "mqtt_")
        return self


class RulesSink(Sink):
    """Runs the rules; a failed action is retried for 5 minutes, and shown."""

    Options = RulesOptions

    def __init__(self, options: RulesOptions, context: SinkContext) -> None:
        """Check what can be checked without a network.

        Raises:
            MissingExtraError: scenes or services need a library that is not installed.
            SettingsError: scenes or services need a token.
        """
        self._options, self._context = options, context
        self._delivery = Delivery(
            context.outbox or MemoryOutbox(),
            "rules",
            self._one,
            self._failed,
            young_s=_YOUNG_S,
            backoff=Backoff(1.0, 30.0),
        )
        self._done = DedupeSet(self._delivery.outbox, "rules-done", self._delivery.clock)
        self._problems: dict[object, str] = {}
        """Current problems by their subject: a rule, its loop, the check of Home Assistant."""
        self._acted: list[deque[float]] = [deque() for _ in options.rules]
        self._link_to: Callable[[], Any] | None = None
        if any(rule.scene or rule.service for rule in options.rules):
            try:
                from roastwatch.sinks.home_assistant.link import HomeAssistantLink
            except ModuleNotFoundError as missing:
                raise MissingExtraError("Scenes and services", "homeassistant") from missing
            where = options.home_assistant or HomeAssistantOptions()
            where.door()
            self._link_to = partial(HomeAssistantLink, where)

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Act until cancelled."""
        self._context.part.running()
        await self._done.restore()
        jobs = [self._collect(events), self._delivery.run()]
        await together(*jobs, *([self._check()] if self._link_to is not None else []))

    async def check(self) -> Sequence[Finding]:
        """Log in where rules act; no rule is run."""
        rules = self._options.rules
        found: list[Finding] = []
        if self._link_to is not None:
            where = self._options.home_assistant or HomeAssistantOptions()
            services = [rule.service for rule in rules if rule.service]
            scenes = [rule.scene for rule in rules if rule.scene]
            found += await check_names(self._link_to, where.url, services, scenes)
        if any(rule.mqtt_topic for rule in rules):
            place = f"{self._options.mqtt_host}:{self._options.mqtt_port}"
            try:
                async with self._broker():
                    found.append(Finding(True, f"{place}: logged in"))
            except LostError as error:
                found.append(Finding(False, str(error)))
        if webhooks := sum(rule.webhook is not None for rule in rules):
            found.append(Finding(None, f"webhooks ({webhooks}): none was called"))
        return found or [Finding(None, f"{len(rules)} rules, nothing to check")]

    async def _collect(self, events: Events[RoastEvent]) -> None:
        async for event in events:
            now_s, now = time.monotonic(), datetime.now(UTC)
            message = QueuedEvent.of(
                event, event_type(event), 0.0, age_s(event, now_s, now)
            ).message(0.0)
            for number, rule in enumerate(self._options.rules):
                if rule.on != event_type(event) or rule.station not in (None, event.station):
                    continue
                alert_id = f"rule{number}:{event.event_id}:{rule.on}"
                if alert_id in self._done or self._loops(number, now_s):
                    continue
                await asyncio.gather(
                    self._done.add(alert_id),
                    self._delivery.add(
                        alert_id, {"rule": number, "message": message}, event_id=event.event_id
                    ),
                )

    def _loops(self, number: int, now_s: float) -> bool:
        """Whether a rule acts so often that it must trigger itself."""
        acted = self._acted[number]
        while acted and now_s - acted[0] > _LOOP_WITHIN_S:
            acted.popleft()
        if len(acted) >= _LOOP_TIMES:
            self._context.part.count("rules_refused")
            self._problem(
                ("loop", number),
                f"Rule {number + 1} acted {_LOOP_TIMES} times within {_LOOP_WITHIN_S:.0f} s: it "
                "seems to trigger itself, and is paused. Look for a loop.",
            )
            return True
        self._problem(("loop", number), None)
        acted.append(now_s)
        return False

    async def _one(self, waiting: WaitingAlert) -> None:
        number = waiting.payload["rule"]
        if number < len(self._options.rules):
            await self._do(self._options.rules[number], waiting.payload["message"])
            self._context.part.count("rules_done")
            self._problem(number, None)
            if self._options.rules[number].scene or self._options.rules[number].service:
                self._problem("check", None)

    def _failed(self, waiting: WaitingAlert, error: Exception) -> bool:
        """Retry an action whose peer was lost; a refused one would be refused again."""
        lost = isinstance(error, LostError)
        self._context.part.count("rules_retried" if lost else "rules_refused")
        number = int(waiting.payload["rule"])
        self._problem(number, f"Rule {number + 1}: {error}")
        return lost

    def _problem(self, of: object, text: str | None) -> None:
        """Show the newest current problem; None: the problem of `of` is over."""
        before = dict(self._problems)
        self._problems.pop(of, None)
        if text is not None:
            self._problems[of] = text
        if self._problems == before and text is None:
            return
        if self._problems:
            self._context.part.trouble(ComponentState.DEGRADED, list(self._problems.values())[-1])
        else:
            self._context.part.running()

    async def _do(self, rule: RuleOptions, message: dict[str, Any]) -> None:
        if rule.scene:
            await self._call("scene.turn_on", {"entity_id": rule.scene})
        elif rule.service:
            await self._call(rule.service, rule.fields)
        elif rule.mqtt_topic:
            await self._publish(rule.mqtt_topic, message)
        elif rule.webhook:
            await self._post(rule.webhook, rule.secret, message)
        elif rule.heater_percent is not None:
            await self._set(Actuator.HEATER, rule.heater_percent, message["station"])
        elif rule.fan_percent is not None:
            await self._set(Actuator.FAN, rule.fan_percent, message["station"])

    async def _check(self) -> None:
        """Show missing scenes and services before they are needed."""
        assert self._link_to is not None
        try:
            async with self._link_to() as link:
                services, entities = await link.services(), await link.entities()
        except LostError as error:
            self._problem("check", str(error))
            return
        for number, rule in enumerate(self._options.rules):
            missing = rule.service if rule.service not in services else None
            missing = rule.scene if rule.scene not in entities else missing
            if missing is not None:
                text = f"Rule {number + 1}: Home Assistant has no {missing}: is the name right?"
                self._problem(number, text)

    async def _call(self, service: str, fields: dict[str, Any]) -> None:
        assert self._link_to is not None
        async with self._link_to() as link:
            if service == "scene.turn_on" and fields["entity_id"] not in await link.entities():
                raise BadInputError(f"Home Assistant has no {fields['entity_id']}.")
            await link.call(service, fields)

    async def _publish(self, topic: str, message: dict[str, Any]) -> None:
        async with self._broker() as client:
            await client.publish(topic, json.dumps(message), qos=1)

    @contextlib.asynccontextmanager
    async def _broker(self) -> AsyncIterator[aiomqtt.Client]:
        """A connection to the broker of the rules.

        Raises:
            LostError: it can't be reached, or does not accept a message.
        """
        options = self._options
        password = options.mqtt_password.get_secret_value() if options.mqtt_password else None
        try:
            async with aiomqtt.Client(
                options.mqtt_host,
                options.mqtt_port,
                username=options.mqtt_username,
                password=password,
                timeout=5,
            ) as client:
                yield client
        except aiomqtt.MqttError as error:
            where = f"{options.mqtt_host}:{options.mqtt_port}"
            raise LostError(
                f"The broker {where} can't be reached or accepts no message ({error}): check "
                "mqtt_host, mqtt_port, mqtt_username and mqtt_password."
            ) from error

    async def _post(self, url: str, secret: SecretStr | None, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        headers = {"Content-Type": "application/json"}
        if secret is not None:
            digest = hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
            headers["X-Roastwatch-Signature"] = f"sha256={digest}"
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
                session.post(url, data=body, headers=headers) as answer,
            ):
                if answer.status >= 500 or answer.status in (408, 429):
                    raise LostError(f"The webhook answered {answer.status}; it is retried.")
                if answer.status >= 400:
                    raise BadInputError(f"The webhook refuses with {answer.status}: check its URL.")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise LostError(f"The webhook does not answer ({type(error).__name__}).") from error

    async def _set(self, actuator: Actuator, percent: float, station: str) -> None:
        result = await self._context.requests.command(
            Command.new(station, actuator, percent, Origin.RULE)
        )
        if result.outcome in (Outcome.REFUSED, Outcome.FAILED, Outcome.EXPIRED):
            raise BadInputError(f"{actuator.value} {percent:.0f} % was not set: {result.reason}")
