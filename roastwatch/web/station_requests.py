"""What is requested of a station over HTTP: instructions, commands, and values of entities."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from roastwatch import inbound
from roastwatch.entities import BY_KEY, Action, Reason, actions
from roastwatch.errors import BadInputError, RefusedError
from roastwatch.files.json_values import json_safe
from roastwatch.sinks import incoming as asking
from roastwatch.sinks.arming import (
    CONFIRM_ARMING,
    CONFIRM_WITHIN_S,
    NOTHING_TO_CONFIRM,
    ArmingRequests,
)
from roastwatch.sinks.artisan.refusals import KIND_OF, Refused
from roastwatch.sinks.sink import SinkContext
from roastwatch.vocabulary import (
    Command,
    Instruction,
    InstructionKind,
    Origin,
    Outcome,
    Snapshot,
)
from roastwatch.web import guards
from roastwatch.web.access import Access
from roastwatch.web.waits import LONGEST_WAIT_S, SET_WAITS_S

CODES = tuple(
    dict.fromkeys(
        [
            *(reason.code for reason in Reason),
            *(kind.name.lower() for kind in Refused),
            "nothing_to_confirm",
            "agent",
        ]
    )
)
"""Why a request is refused, for programs and translations."""
_COMMANDS_AT_ONCE = 16
_MAKES_SAFE = (InstructionKind.EMERGENCY_STOP, InstructionKind.DISARM, InstructionKind.STOP)
_HOLDS_ALREADY = (Reason.LISTENING_ON, Reason.LISTENING_OFF)


class StationRequests:
    """The handlers of requests to stations."""

    def __init__(
        self,
        context: SinkContext,
        access: Access,
        snapshots: Callable[[], Mapping[str, Snapshot]],
        arming: ArmingRequests,
        arming_changed: Callable[[], None],
    ) -> None:
        """`arming_changed` is called when a request to arm begins or ends to wait."""
        self._context = context
        self._access = access
        self._snapshots = snapshots
        self._arming = arming
        self._arming_changed = arming_changed
        self._commands = 0

    async def instruct(self, request: web.Request) -> web.Response:
        """Give an instruction; with `wait`, its outcome."""
        station = request.match_info["station"]
        if station not in self._context.stations:
            return self.no_station()
        wait_s = _wait_s(request, 0.0)
        body = await guards.json_body(request)
        by, origin = self._who(request)
        instruction = asking.instruction(station, body, by, origin)
        return await self._instruct(request, instruction, wait_s)

    async def command(self, request: web.Request) -> web.Response:
        """Set an actuator."""
        station = request.match_info["station"]
        if station not in self._context.stations:
            return self.no_station()
        by, origin = self._who(request)
        command = asking.command(station, await guards.json_body(request), by, origin)
        if self._commands >= _COMMANDS_AT_ONCE:
            return _busy()
        result = await self._command(command)
        done = result["outcome"] in ("applied", "limited")
        return web.json_response(result, status=200 if done else 409)

    async def set(self, request: web.Request) -> web.Response:
        """Set or press an entity, as MQTT's `set/<key>` does; arming takes two steps."""
        station, key = request.match_info["station"], request.match_info["key"]
        if station not in self._context.stations:
            return self.no_station()
        entity = BY_KEY.get(key)
        if entity is None or not (entity.asks or entity.actuator):
            return guards.refusal(404, "Nothing of this name can be set.")
        wait_s = _wait_s(request, SET_WAITS_S)
        value = asking.value_of(entity, (await guards.json_body(request)).get("value"))
        by, origin = self._who(request)
        wanted = asking.of_entity(station, entity, value, by, origin)
        if isinstance(wanted, Instruction):
            confirms = key == "confirm_arming"
            return await self._instruct(request, wanted, wait_s, confirms=confirms, steps=True)
        if self._commands >= _COMMANDS_AT_ONCE:
            return _busy()
        result = await self._command(wanted)
        reason = self._context.said(result["reason"])
        code = KIND_OF.get(result["interlock"] or "", Refused.OTHER).name.lower()
        if result["outcome"] not in ("applied", "limited"):
            return _refused(reason or f"{key}: {result['outcome']}.", code)
        limited = result["outcome"] == Outcome.LIMITED.value
        return _outcome(
            200, key, result["outcome"], reason, code if limited else None, result["applied"]
        )

    def no_station(self) -> web.Response:
        """The answer for a station that is not there."""
        known = ", ".join(self._context.stations)
        return guards.refusal(404, f"There is no such station: {known}.")

    async def _instruct(
        self,
        request: web.Request,
        instruction: Instruction,
        wait_s: float,
        *,
        confirms: bool = False,
        steps: bool = False,
    ) -> web.Response:
        caller = self._access.caller(request)
        program = caller is not None and bool(caller.program)
        if (steps or program) and instruction.origin is not Origin.AGENT:
            answer = self._step(instruction, confirms=confirms)
            if answer is not None:
                return answer
        kind, station = instruction.kind, instruction.station
        snapshot = self._snapshots().get(station)
        action = actions(snapshot).get(kind.value, Action()) if snapshot else Action()
        try:
            self._context.requests.instruct(instruction)
        except RefusedError as error:
            return _refused(str(error), "agent", status=403)
        if wait_s <= 0.0 or self._context.outcome is None:
            return web.json_response({"accepted": kind.value}, status=202)
        try:
            async with asyncio.timeout(wait_s):
                refused = await self._context.outcome(station)
        except TimeoutError:
            return _outcome(202, kind.value, "pending")
        code = action.reason.code if action.reason and not action.enabled else "other"
        if refused:
            return _refused(self._context.said(refused), code)
        ineffective = not action.enabled and action.reason not in _HOLDS_ALREADY
        if ineffective and action.reason is not None and kind not in _MAKES_SAFE:
            return _refused(self._context.said(action.reason.text), code)
        return _outcome(200, kind.value, "applied")

    def _step(self, instruction: Instruction, *, confirms: bool) -> web.Response | None:
        """The answer to an instruction that is not passed on: what arms has to be confirmed."""
        station, now_s = instruction.station, time.monotonic()
        if instruction.kind in (InstructionKind.DISARM, InstructionKind.EMERGENCY_STOP):
            self._arming.withdraw(station)
            self._arming_changed()
        if instruction.kind is not InstructionKind.ARM:
            return None
        if confirms:
            confirmed = self._arming.confirm(station, now_s)
            self._arming_changed()
            if confirmed:
                return None
            return _refused(self._context.said(NOTHING_TO_CONFIRM), "nothing_to_confirm")
        self._arming.ask(station, now_s)
        self._arming_changed()
        said = self._context.said(CONFIRM_ARMING)
        return _outcome(202, "arm", "unconfirmed", said, confirm_within_s=CONFIRM_WITHIN_S)

    async def _command(self, command: Command) -> dict[str, Any]:
        self._commands += 1
        try:
            result: dict[str, Any] = json_safe(await self._context.requests.command(command))
        finally:
            self._commands -= 1
        return result

    def _who(self, request: web.Request) -> tuple[str, Origin]:
        """The name of the caller, and whether a person or an agent."""
        caller = self._access.caller(request)
        if caller is not None and caller.agent:
            return f"agent {caller.agent}", Origin.AGENT
        if caller is not None and caller.name:
            return f"home assistant {caller.name}", Origin.PERSON
        if caller is not None and caller.program:
            return f"{caller.program} {request.remote}", Origin.PERSON
        return f"rest {request.remote}", Origin.PERSON


def _wait_s(request: web.Request, usual_s: float) -> float:
    text = request.query.get("wait")
    if text is None:
        return usual_s
    try:
        return inbound.number(float(text), "wait (seconds)", 0, LONGEST_WAIT_S)
    except ValueError:
        raise BadInputError(f"wait is a number of seconds from 0 to {LONGEST_WAIT_S:g}.") from None


def _outcome(
    status: int,
    accepted: str,
    outcome: str,
    reason: str = "",
    code: str | None = None,
    applied: float | None = None,
    confirm_within_s: float | None = None,
) -> web.Response:
    return web.json_response(
        {
            "accepted": accepted,
            "outcome": outcome,
            "reason": reason,
            "code": code,
            "applied": applied,
            "confirm_within_s": confirm_within_s,
        },
        status=status,
    )


def _refused(sentence: str, code: str, status: int = 409) -> web.Response:
    return web.json_response({"error": sentence, "code": code}, status=status)


def _busy() -> web.Response:
    return guards.refusal(503, "Too many commands at once: try again.")
