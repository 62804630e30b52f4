"""What people request over MQTT: passed on, or refused with a sentence that is shown."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from roastwatch.errors import BadInputError
from roastwatch.inbound import Mishaps
from roastwatch.sinks.arming import CONFIRM_WITHIN_S, NOTHING_TO_CONFIRM, ArmingRequests
from roastwatch.sinks.mqtt.commands import wish
from roastwatch.sinks.mqtt.connection import BrokerConnection, Message
from roastwatch.sinks.mqtt.states import LONGEST_STATE, States
from roastwatch.sinks.mqtt.topics import Topics
from roastwatch.sinks.sink import SinkContext
from roastwatch.vocabulary import Command, CommandResult, Instruction, InstructionKind, Outcome

_log = logging.getLogger(__name__)


class MqttRequests:
    """Requests of people to all stations. It outlives a connection."""

    def __init__(
        self,
        topics: Topics,
        context: SinkContext,
        states: States,
        arming: ArmingRequests,
        mishaps: Mishaps,
        show: Callable[[BrokerConnection, str], Coroutine[Any, Any, None]],
        note: Callable[[str, CommandResult], None],
    ) -> None:
        """`show` publishes what is due of a station; `note` gets the result of each command."""
        self._topics, self._context, self._states = topics, context, states
        self._part = context.part
        self._arming, self._mishaps, self._show = arming, mishaps, show
        self._note = note

    def ask(self, link: BrokerConnection, message: Message, tasks: asyncio.TaskGroup) -> None:
        """A request; an invalid one is counted and refused."""
        station, branch, key = self._topics.parts_of(message.topic) or ("", "", "")
        if branch != "set":
            return
        try:
            if station not in self._context.stations:
                raise BadInputError(f"There is no station named '{station[:40]}'.")
            asked = wish(station, key, message.payload, retained=message.retained)
        except BadInputError as error:
            self._refused(str(error))
            return
        self._part.count("wishes")
        if isinstance(asked, Command):
            tasks.create_task(self._command(link, asked, key), name="mqtt:command")
            return
        # In any case a switch that was pressed shows the actual state.
        self._states.forget(station, key)
        if not self._waits_for_second_step(link, asked, key, tasks):
            self._context.requests.instruct(asked)

    def _waits_for_second_step(
        self, link: BrokerConnection, asked: Instruction, key: str, tasks: asyncio.TaskGroup
    ) -> bool:
        """Whether an instruction is not passed on: what arms has to be confirmed."""
        station, now_s = asked.station, time.monotonic()
        if asked.kind in (InstructionKind.DISARM, InstructionKind.EMERGENCY_STOP):
            self._arming.withdraw(station)
        if asked.kind is not InstructionKind.ARM:
            return False
        if key != "confirm_arming":
            self._arming.ask(station, now_s)
            _log.info("%s: to arm the roaster, confirm within %.0f s", station, CONFIRM_WITHIN_S)
        elif self._arming.confirm(station, now_s):
            return False
        else:
            tasks.create_task(self._explain(link, station, NOTHING_TO_CONFIRM), name="mqtt:refusal")
            return True
        tasks.create_task(self._show(link, station), name="mqtt:arming")
        return True

    def _refused(self, reason: str) -> None:
        """Count it; log the first few, then every thousandth."""
        self._part.count("wishes_refused")
        count = int(self._part.counters["wishes_refused"])
        if count <= 10 or count % 1000 == 0:
            _log.warning("Refused an MQTT message (%d so far): %s", count, reason)

    async def _command(self, link: BrokerConnection, command: Command, key: str) -> None:
        """Pass a command on; an exception there concerns this command only."""
        with self._mishaps.contained(f"The command {key}"):
            await self._obey(link, command, key)

    async def _obey(self, link: BrokerConnection, command: Command, key: str) -> None:
        """Explain why a command was not applied, and publish the actual state."""
        result = await self._context.requests.command(command)
        self._note(command.station, result)
        self._states.forget(command.station, key)
        if result.outcome is Outcome.APPLIED:
            await self._show(link, command.station)
            return
        reason = result.reason or f"{key}: {result.outcome.value}"
        _log.info("%s %s: %s", key, result.outcome.value, reason)
        await self._explain(link, command.station, reason)

    async def _explain(self, link: BrokerConnection, station: str, reason: str) -> None:
        """Show why something was not done, and the actual state."""
        text = self._context.said(reason)[:LONGEST_STATE]
        await link.publish(self._topics.state(station, "last_refusal"), text, retain=True)
        await self._show(link, station)
