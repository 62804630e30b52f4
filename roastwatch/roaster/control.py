"""The only door to the heater: `await control.request(command)`.

The door is thin on purpose. It lets one command through at a time, writes an audit row for each,
and hands it to the guardian, which judges it. When the guardian dies or hangs it says so loudly
and starts another, which asserts heat 0; nothing is armed then.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roastwatch.channel import Latest
from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster import messages
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.guardian_client import GuardianClient, Launch
from roastwatch.supervise import Part
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    Outcome,
    PartState,
    Reading,
    RoasterState,
)

ANSWERING_S = 15.0
"""A machine that boots, or whose first frame is slow, is waited for so long."""
TROUBLE_S = 3.0
"""A port that can't be had is tried for so long."""
DOOR_S = 5.0
"""A door that was set to close is waited for so long."""
STOP_S = 8.0
"""For so long an emergency stop is tried again."""

log = logging.getLogger("roastwatch.roaster")


@dataclass(frozen=True, slots=True)
class Told:
    """What the guardian said happened: `kind` as in `guard.Notice`."""

    kind: str
    message: str
    interlock: str | None


Audit = Callable[[Command, CommandResult], None]


class RoasterControl:
    """One roaster's door, inside an async context: leaving it makes the machine safe."""

    def __init__(
        self,
        path: Path,
        launch: Launch | None,
        *,
        audit: Audit = lambda _command, _result: None,
        told: Callable[[Told], None] = lambda _told: None,
        part: Part | None = None,
        holds_lease: bool = True,
    ) -> None:
        """`holds_lease`: whether this is the service; a guest may look, ask and stop."""
        self.part = part or Part("roaster")
        self.readings: Latest[Reading] = Latest()
        self.changed: Latest[RoasterState] = Latest()
        self.capabilities: Capabilities | None = None
        self._path = path
        self._launch = launch
        self.audit = audit
        self.told = told
        self._client: GuardianClient | None = None
        self._holds_lease = holds_lease
        self._in_flight = False
        self._log_works = True
        self._last_refusal = ""
        self._task: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None] | None = None
        self.ever_connected = False
        """Whether the machine has answered at all."""

    async def __aenter__(self) -> "RoasterControl":
        self._first = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(), name="roaster:guardian")
        try:
            await asyncio.shield(self._first)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await asyncio.shield(self._leave())

    async def _leave(self) -> None:
        if self._holds_lease and self.ever_connected and not self._is_left_safe():
            await self.make_safe("roastwatch ends.")
        await self._end()

    def _is_left_safe(self) -> bool:
        """Whether it was made safe already, and nothing has been armed since."""
        raw = self.raw_state
        return bool(raw.get("safe") and raw.get("left_safe") and not raw.get("armed"))

    async def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # --- asking ---------------------------------------------------------------------------------

    async def request(self, command: Command) -> CommandResult:
        """Pass one command through the interlocks. Never raises for a refusal."""
        result = await self._judge(command)
        if result.outcome is not Outcome.APPLIED:
            self._last_refusal = result.reason
        self.audit(command, result)
        return result

    async def _judge(self, command: Command) -> CommandResult:
        name = command.command_id
        if self._in_flight:
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
        self._in_flight = True
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
            self._in_flight = False
        if not answer["ok"]:
            return CommandResult(name, Outcome.REFUSED, reason=str(answer["reason"]))
        return messages.result_from(answer["result"])

    async def arm(self, for_s: float) -> str | None:
        """Arm; returns why not, or None."""
        return await self._asked("arm", for_s=for_s)

    async def disarm(self, reason: str = "Disarmed.") -> str | None:
        """End arming."""
        return await self._asked("disarm", reason=reason)

    async def emergency_stop(self, reason: str = "Emergency stop.") -> str | None:
        """Heat 0, drum and cooling on, latched; returns why it did not arrive, or None.

        A guardian that has just died is waited for: the next one is stopped.
        """
        until = time.monotonic() + STOP_S
        while (failed := await self._asked("stop", reason=reason)) is not None:
            if time.monotonic() > until:
                return failed
            await asyncio.sleep(0.1)
        return None

    async def present(self) -> str | None:
        """A person is there."""
        return await self._asked("present")

    async def charge(self) -> str | None:
        """Beans go in: the pre-charge check; returns why they should not, or None."""
        return await self._asked("charge")

    async def dropped(self) -> str | None:
        """The beans have left."""
        return await self._asked("dropped")

    async def log_works(self, works: bool) -> str | None:
        """Tell whether the log can be written; while it can't, heat may not go up.

        A guardian that is started again is told anew.
        """
        self._log_works = works
        return await self._asked("log", works=works)

    async def confirm_cutoff(self, confirmed: bool = True) -> str | None:
        """A person says that an independent thermal cut-off stands."""
        return await self._asked("cutoff", confirmed=confirmed)

    async def make_safe(self, reason: str, within_s: float = 3.0) -> bool:
        """Heat 0, drum and cooling on, disarmed; waits until it is written. True when it was.

        A guardian that has just died is waited for: the next one makes safe.
        """
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            with contextlib.suppress(LostError):
                await self._ask("safe", reason=reason)
                return await self.written_safe(until - time.monotonic())
            await asyncio.sleep(0.1)
        return False

    async def written_safe(self, within_s: float = 3.0) -> bool:
        """Wait until what was asked of the wire is written; False when it can't be in time."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            raw = self.raw_state
            if raw.get("connected") and raw.get("safe"):
                return True
            await asyncio.sleep(0.05)
        return False

    async def _asked(self, do: str, **what: Any) -> str | None:
        try:
            answer = await self._ask(do, **what)
        except LostError as lost:
            return str(lost)
        return None if answer["ok"] else str(answer["reason"])

    async def _ask(self, do: str, **what: Any) -> dict[str, Any]:
        if self._client is None:
            raise LostError("The guardian of the roaster is not there.")
        return await self._client.ask(do, **what)

    async def answering(self) -> dict[str, Any]:
        """Wait until the machine has given a reading; the guardian's state then.

        Raises:
            BadInputError: another machine answers.
            LostError: none can be had; the text says why.
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
        return self._client.pid if self._client else None

    @property
    def raw_state(self) -> dict[str, Any]:
        """The guardian's last state, as it came."""
        return self._client.state if self._client else {}

    def state(self) -> RoasterState:
        """What dashboards show."""
        raw = self.raw_state
        return RoasterState(
            connected=bool(raw.get("connected")),
            armed=bool(raw.get("armed")),
            armed_for_s=raw.get("armed_for_s"),
            emergency=raw.get("emergency") is not None,
            actuators=tuple(sorted(self.capabilities.actuators)) if self.capabilities else (),
            last_refusal=self._last_refusal,
        )

    # --- the guardian's life ----------------------------------------------------------------------

    async def _hold(self) -> None:
        """Keep one guardian; start another when it dies or hangs."""
        while True:
            try:
                async with GuardianClient(
                    self._path,
                    self._launch,
                    on_state=self._state,
                    on_notice=self._notice,
                    control=self._holds_lease,
                ) as client:
                    self._client = client
                    if not self._log_works:
                        await client.ask("log", works=False)
                    if self._first and not self._first.done():
                        self._first.set_result(None)
                    await client.gone.wait()
                    self._died("The guardian of the roaster died: it is started again, heat 0.")
            except (LostError, BadInputError) as error:
                self._client = None
                self.part.trouble(PartState.RETRYING, str(error))
                if self._first and not self._first.done():
                    self._first.set_exception(error)
                    return
                await asyncio.sleep(0.5)
            finally:
                self._client = None

    def _died(self, message: str) -> None:
        log.error("%s", message)
        self.part.trouble(PartState.RETRYING, message)
        self.part.count("guardian_restarts")
        self.told(Told("fault", message, "guardian"))

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
            self.part.trouble(PartState.RETRYING, str(raw["problem"]))
        state = self.state()
        if state != self.changed.value:
            self.changed.set(state)

    def _notice(self, raw: dict[str, Any]) -> None:
        told = Told(str(raw["kind"]), str(raw["message"]), raw.get("interlock"))
        self.told(told)


def door_stands_open(control: RoasterControl) -> bool:
    """As the machine reports it, or as the guardian believes it."""
    raw = control.raw_state
    reading, told = raw.get("reading") or {}, raw.get("told") or {}
    return bool(reading.get("door_open") or told.get("door"))


async def closed(control: RoasterControl, within_s: float = DOOR_S) -> bool:
    """Wait until the door is closed; False when it isn't in time."""
    until = time.monotonic() + within_s
    while door_stands_open(control):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.05)
    return True
