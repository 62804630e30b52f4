"""The only door to the heater: `await control.request(command)`.

The door is thin on purpose. It lets one command through at a time (others may pass heat that waits
for a reading), writes an audit row for each, and hands it to the guardian, which judges it.
`guardian_life` keeps a guardian running.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

from roastwatch.channel import Latest
from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster import messages
from roastwatch.roaster.client.guardian_client import Launch, Role
from roastwatch.roaster.client.guardian_life import GuardianLife
from roastwatch.roaster.client.guardian_life import GuardianNotice as GuardianNotice
from roastwatch.roaster.client.stop_delivery import StopDelivery, stop_of
from roastwatch.roaster.doors import Peer
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.guardian.stop_record import undelivered
from roastwatch.roaster.handover import setpoints_of
from roastwatch.supervise import Background, ComponentHealth
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    ComponentState,
    Outcome,
    Reading,
    RoasterState,
    StopState,
)

ANSWERING_S = 15.0
"""How long to wait for a machine that boots or sends its first frame late."""
TROUBLE_S = 3.0
"""How long a port that can't be opened is tried."""
DOOR_S = 5.0
"""How long to wait for a door to close."""
STOP_S = 8.0
"""How long the caller of a stop waits; the stop itself is tried for as long as it takes."""
HEAT_WAITS_S = 0.3
"""Heat may wait longer, for a reading; other commands need not wait for it."""

log = logging.getLogger(__name__)


Audit = Callable[[Command, CommandResult], None]


class RoasterControl:
    """One roaster's door, inside an async context: leaving it makes the machine safe."""

    def __init__(
        self,
        path: Path | None,
        launch: Launch | None,
        *,
        audit: Audit = lambda _command, _result: None,
        notify: Callable[[GuardianNotice], None] = lambda _notice: None,
        part: ComponentHealth | None = None,
        holds_lease: bool = True,
        role: Role | None = None,
        wire: str = "",
    ) -> None:
        """`holds_lease`: whether this is the service; a guest may look, request and stop.

        With the role `stop`, entering waits for no guardian: a stop goes to whichever guardian
        holds the machine. `wire` names a machine of which nothing else is known (no `launch`).
        """
        self.part = part or ComponentHealth("roaster")
        self.readings: Latest[Reading] = Latest()
        self.changed: Latest[RoasterState] = Latest()
        self.capabilities: Capabilities | None = None
        self.audit = audit
        self.notify = notify
        self._role: Role = role or ("control" if holds_lease else "watch")
        self._life = GuardianLife(
            path,
            launch,
            wire=wire,
            role=self._role,
            part=self.part,
            on_state=self._state,
            notify=lambda notice: self.notify(notice),
        )
        self._tasks = Background(self.part)
        self._stop: StopDelivery | None = None
        self._busy_until_s = 0.0
        self._last_refusal = ""
        self.ever_connected = False
        """Whether the machine has answered at all."""

    async def __aenter__(self) -> "RoasterControl":
        await self._life.begin()
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await asyncio.shield(self._leave())

    async def _leave(self) -> None:
        try:
            owed = self._role == "control" and self.ever_connected and not self._is_left_safe()
            if owed and not await self.make_safe("roastwatch is ending."):
                message = f"roastwatch is ending, and heat is not known to be off: {self.unsafe}"
                log.error("%s", message)
                self.notify(GuardianNotice("fault", message, "link_up"))
        finally:
            await self._tasks.close()
            await self._life.end()

    def _is_left_safe(self) -> bool:
        """Whether it was made safe already, and nothing has been armed since."""
        raw = self.raw_state
        if messages.only_reads(raw):
            return True  # nothing that we set is on
        left = raw.get("safe") and raw.get("left_safe") and not raw.get("armed")
        return bool(left and not self._heat_problem)

    # --- requests ---------------------------------------------------------------------------------

    async def request(self, command: Command) -> CommandResult:
        """Pass one command through the interlocks. Never raises for a refusal."""
        result = await self._judge(command)
        if result.outcome is not Outcome.APPLIED:
            self._last_refusal = result.reason
        self.audit(command, result)
        return result

    async def _judge(self, command: Command) -> CommandResult:
        name = command.command_id
        if time.monotonic() < self._busy_until_s:
            return CommandResult(
                name,
                Outcome.REFUSED,
                interlock="busy",
                reason="busy: another command is being carried out; try again.",
            )
        if time.monotonic() > command.requested_at_s + command.valid_for_s:
            return CommandResult(
                name,
                Outcome.EXPIRED,
                reason=f"The command was older than {command.valid_for_s:g} s.",
            )
        waits = command.actuator is Actuator.HEATER and command.target > 0
        mine = time.monotonic() + HEAT_WAITS_S if waits else inf
        self._busy_until_s = mine
        try:
            answer = await self._ask(
                "command",
                command_id=name,
                actuator=command.actuator.value,
                target=command.target,
                origin=command.origin.value,
                requested_at_s=command.requested_at_s,
                valid_for_s=command.valid_for_s,
            )
        except LostError as lost:
            return CommandResult(name, Outcome.FAILED, reason=str(lost))
        finally:
            if self._busy_until_s == mine:
                self._busy_until_s = 0.0
        if not answer["ok"]:
            return CommandResult(name, Outcome.REFUSED, reason=str(answer["reason"]))
        return messages.result_from(answer["result"])

    async def arm(self, for_s: float) -> str | None:
        """Arm; returns why not, or None."""
        return await self._refusal_of("arm", for_s=for_s)

    async def disarm(self, reason: str = "Disarmed.") -> str | None:
        """End arming."""
        return await self._refusal_of("disarm", reason=reason)

    async def emergency_stop(
        self, reason: str = "Emergency stop.", within_s: float = STOP_S
    ) -> str | None:
        """Heat 0, drum and cooling on, latched; None once the machine has heat 0.

        Otherwise, after `within_s` seconds, one sentence that says that it was not delivered and
        why. While this door is open it is tried until it is delivered, also with a guardian that is
        found or started later.
        """
        if self._stop is None or self._stop.state is not StopState.PENDING:
            self._stop = StopDelivery(
                lambda: self._life.client,
                lambda: self._refusal_of("stop", reason=reason),
                lambda: self.raw_state,
                lambda: self.guardian_peer,
                lambda: self.part.problem or "No guardian holds the roaster.",
                lambda kind, message: self.notify(GuardianNotice(kind, message, "emergency_stop")),
            )
            self._tasks.keep(self._stop.run, "emergency stop")
        else:
            await self._refusal_of("stop", reason=reason)
        return await self.stopped(within_s)

    async def stopped(self, within_s: float) -> str | None:
        """Wait for the pending emergency stop; returns why it was not delivered, or None."""
        until = time.monotonic() + within_s
        while self._stop is not None and self._stop.state is StopState.PENDING:
            if time.monotonic() > until:
                return self._stop.problem or undelivered("The guardian does not answer.")
            await asyncio.sleep(0.02)
        return None

    @property
    def stop_accepted(self) -> bool:
        """Whether a guardian has accepted the emergency stop, and keeps trying to deliver it."""
        return self._stop is not None and self._stop.accepted

    async def present(self) -> str | None:
        """A person is there."""
        return await self._refusal_of("present")

    async def charge(self) -> str | None:
        """Beans go in: the pre-charge check; returns why they should not, or None."""
        return await self._refusal_of("charge")

    async def dropped(self) -> str | None:
        """The beans have left."""
        return await self._refusal_of("dropped")

    async def log_works(self, works: bool) -> str | None:
        """Report whether the log can be written; while it can't, heat may not go up.

        A guardian that is started later gets the last report.
        """
        self._life.log_works = works
        return await self._refusal_of("log", works=works)

    async def confirm_cutoff(self, confirmed: bool = True) -> str | None:
        """A person confirms that there is an independent thermal cut-off."""
        return await self._refusal_of("cutoff", confirmed=confirmed)

    async def end(self) -> str | None:
        """End the guardian: it makes safe, and exits when the roaster is cool or gone."""
        return await self._refusal_of("end")

    async def make_safe(self, reason: str, within_s: float = 3.0) -> bool:
        """Heat 0, drum and cooling on, disarmed. True: it was written, and read back if possible.

        If the guardian has just died, the next one makes safe. `unsafe` says why not. A machine
        that is only read is left to its panel.
        """
        if messages.only_reads(self.raw_state):
            return True
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            with contextlib.suppress(LostError):
                await self._ask("safe", reason=reason)
                return await self.written_safe(until - time.monotonic())
            await asyncio.sleep(0.1)
        return False

    async def written_safe(self, within_s: float = 3.0) -> bool:
        """Wait until the machine is safe; False if it is not in time."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            raw = self.raw_state
            if raw.get("connected") and raw.get("safe") and not self._heat_problem:
                return True
            await asyncio.sleep(0.05)
        return False

    @property
    def unsafe(self) -> str:
        """Why heat is not known to be off, and what to do."""
        why = self._heat_problem or self.part.problem or "Its guardian is not running."
        return f"{why} Look at the roaster, and pull its plug if it heats."

    @property
    def _heat_problem(self) -> str:
        return messages.heat_problem_of(self.raw_state)

    async def _refusal_of(self, do: str, **what: Any) -> str | None:
        try:
            answer = await self._ask(do, **what)
        except LostError as lost:
            return str(lost)
        return None if answer["ok"] else str(answer["reason"])

    async def _ask(self, do: str, **what: Any) -> dict[str, Any]:
        if self._life.client is None:
            raise LostError("The guardian of the roaster is not running.")
        return await self._life.client.ask(do, **what)

    async def answering(self) -> dict[str, Any]:
        """Wait for the machine's first reading; returns the guardian's state then.

        Raises:
            BadInputError: another machine answers.
            LostError: there is none; the text says why.
        """
        until = time.monotonic() + ANSWERING_S
        trouble_s: float | None = None
        while True:
            raw = self.raw_state
            if raw.get("connected") and raw.get("reading"):
                return raw
            now = time.monotonic()
            if raw.get("wrong_machine"):
                raise BadInputError(str(raw["problem"]))
            if raw.get("problem"):
                trouble_s = trouble_s or now
            if now > until or (trouble_s and now - trouble_s > TROUBLE_S):
                raise LostError(str(raw.get("problem") or "The roaster gives no reading."))
            await asyncio.sleep(0.05)

    # --- what is known --------------------------------------------------------------------------

    @property
    def guardian_pid(self) -> int | None:
        """The guardian's process."""
        return self._life.client.pid if self._life.client else None

    @property
    def guardian_peer(self) -> Peer:
        """The guardian's process and its user."""
        return self._life.client.peer if self._life.client else Peer(None, None)

    @property
    def raw_state(self) -> dict[str, Any]:
        """The guardian's last state, as it was received."""
        return self._life.client.state if self._life.client else {}

    def state(self) -> RoasterState:
        """What dashboards show."""
        raw = self.raw_state
        stop, problem = stop_of(raw)
        if problem:
            problem = undelivered(problem)
        if self._stop is not None and self._stop.state is StopState.PENDING:
            stop, problem = StopState.PENDING, self._stop.problem
        return RoasterState(
            connected=bool(raw.get("connected")),
            armed=bool(raw.get("armed")),
            armed_for_s=raw.get("armed_for_s"),
            emergency=raw.get("emergency") is not None or stop is StopState.PENDING,
            stop=stop,
            stop_problem=problem,
            alarm=str(raw.get("alarm") or ""),
            actuators=tuple(sorted(self.capabilities.actuators)) if self.capabilities else (),
            last_refusal=self._last_refusal,
        )

    def _state(self, raw: dict[str, Any]) -> None:
        self.capabilities = messages.capabilities_from(raw["capabilities"])
        reading = messages.reading_from(raw.get("reading"))
        last = self.readings.value
        if reading is not None and (last is None or last.taken_at_s != reading.taken_at_s):
            self.readings.set(reading)
        if raw.get("connected") and reading is not None:
            self.ever_connected = True
            self.part.running()
        elif raw.get("problem"):
            self.part.trouble(ComponentState.RETRYING, str(raw["problem"]))
        state = self.state()
        if state != self.changed.value:
            self.changed.set(state)


def door_stands_open(control: RoasterControl) -> bool:
    """Whether the door is open, by its readback or its setpoint."""
    raw = control.raw_state
    reading = raw.get("reading") or {}
    return bool(reading.get("door_open") or setpoints_of(raw).get("door"))


async def closed(control: RoasterControl, within_s: float = DOOR_S) -> bool:
    """Wait until the door is closed; False when it isn't in time."""
    until = time.monotonic() + within_s
    while door_stands_open(control):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.05)
    return True
