"""Keeps a guardian at the machine: finds or starts one, and another when it dies or hangs.

Every failure is retried with back-off and reported. Heat 0 is reported only once a guardian has
written it, not when one was started that should.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError, LostError, RoastwatchError
from roastwatch.roaster import messages
from roastwatch.roaster.client.guardian_client import GuardianClient, Launch, Role
from roastwatch.roaster.client.guardian_start import Starter
from roastwatch.roaster.handover import Handover, left_by
from roastwatch.supervise import Background, Backoff, ComponentHealth
from roastwatch.vocabulary import ComponentState

LOUD_AFTER_S = 3.0
"""If no new guardian has written heat 0 by then, people are notified."""
SPARE_S = 0.1
"""How often the spare guardian is checked."""
RETRY = Backoff(first_s=0.2, longest_s=2.0)
DIED = (
    "The guardian of the roaster died: another is being started. Heat may be on until it reports."
)
DIED_READING = (
    "The guardian of the roaster died: another is being started. It only read the roaster."
)
BACK = "Another guardian holds the roaster: heat 0 was written. Arm again to go on."
READS_AGAIN = "Another guardian reads the roaster. Nothing was written to it."
MAY_EJECT = (
    "The roaster ejects its beans by itself when it receives nothing for a second, and may have "
    "done so: look at it."
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GuardianNotice:
    """A notice from the guardian or about it: `kind` as in `alarms.Notice`."""

    kind: str
    message: str
    interlock: str | None


class GuardianLife:
    """The guardian of one machine, for one client. `client` is the current connection."""

    def __init__(
        self,
        path: Path | None,
        launch: Launch | None,
        *,
        wire: str,
        role: Role,
        part: ComponentHealth,
        on_state: Callable[[dict[str, Any]], None],
        notify: Callable[[GuardianNotice], None],
    ) -> None:
        self.client: GuardianClient | None = None
        self.log_works = True
        """What each guardian gets to know of the roast log."""
        self._path = path
        self._launch = launch
        self._wire = wire
        self._role: Role = role
        self._part = part
        self._on_state = on_state
        self._last_state: dict[str, Any] = {}
        self._left: Handover | None = None
        self._notify = notify
        self._starter = Starter(launch, path) if launch else None
        self._tasks = Background(part)
        self._first: asyncio.Future[None] | None = None
        self._zero: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Find or start a guardian.

        Raises:
            LostError, BadInputError: there is none. The role `stop` waits for one instead.
        """
        self._first = asyncio.get_running_loop().create_future()
        if self._role == "stop":
            self._first.set_result(None)
        self._tasks.keep(self._hold, "roaster:guardian")
        try:
            await asyncio.shield(self._first)
        except BaseException:
            await self.end()
            raise

    async def end(self) -> None:
        """Disconnect; the guardian stays for as long as its machine needs it."""
        await self._tasks.close()
        if self._starter is not None:
            self._starter.close()

    async def _hold(self) -> None:
        """Keep one guardian connected until `end`."""
        failures = 0
        while True:
            try:
                await self._one_guardian()
                failures = 0
                continue
            except (LostError, BadInputError) as error:
                problem: RoastwatchError = error
            except Exception as error:
                log.exception("no guardian can be reached")
                name = type(error).__name__
                problem = LostError(f"The roaster's guardian can't be reached ({name}: {error}).")
            self._part.trouble(ComponentState.RETRYING, str(problem))
            if self._first is not None and not self._first.done():
                self._first.set_exception(problem)
                return
            failures += 1
            await asyncio.sleep(RETRY.wait_s(failures))

    async def _one_guardian(self) -> None:
        """Stay connected until it dies, or hangs and was killed.

        Raises:
            LostError, BadInputError: there is none.
        """
        try:
            async with GuardianClient(
                self._path,
                self._launch,
                wire=self._wire,
                starter=self._starter,
                on_state=self._state,
                on_notice=self._notice,
                role=self._role,
                left=self._left,
            ) as client:
                self.client = client
                if self._starter is not None:
                    self._starter.has_taken_over(client.pid)
                if not self.log_works:
                    await client.ask("log", works=False)
                if self._first is not None and not self._first.done():
                    self._first.set_result(None)
                spare = None
                if self._role == "control" and self._starter is not None:
                    spare = self._tasks.run(self._keep_spare(client, self._starter), "spare")
                await client.gone.wait()
                if spare is not None:
                    spare.cancel()
        finally:
            self.client = None
        if self._role == "control":
            self._died()

    async def _keep_spare(self, client: GuardianClient, starter: Starter) -> None:
        """Keep a second guardian ready once there is a machine that can heat."""
        while True:
            if client.state.get("connected") and messages.can_heat(client.state):
                await starter.keep_spare()
            await asyncio.sleep(SPARE_S)

    def _died(self) -> None:
        self._left = left_by(self._last_state)
        message = DIED_READING if self._only_reads else self._with_eject(DIED)
        log.error("%s", message)
        self._part.trouble(ComponentState.RETRYING, message)
        self._part.count("guardian_restarts")
        self._notify(GuardianNotice("fault", message, "guardian"))
        if self._zero is None or self._zero.done():
            self._zero = self._tasks.run(self._see_zero(), "roaster:heat 0")

    async def _see_zero(self) -> None:
        """Report heat 0 once another guardian has written it, and as a fault if none does."""
        began_s, said = time.monotonic(), False
        while not self._is_zero():
            if not said and time.monotonic() - began_s > LOUD_AFTER_S:
                said = True
                state = self.client.state if self.client else {}
                why = messages.heat_problem_of(state) or self._part.problem or ""
                message = (
                    "No guardian has reached the roaster since the last one died: heat may be on. "
                    f"Pull the roaster's plug. {why}"
                )
                log.error("%s", message)
                self._notify(GuardianNotice("fault", message, "guardian"))
            await asyncio.sleep(0.05)
        back = READS_AGAIN if self._only_reads else self._with_eject(BACK)
        log.warning("%s", back)
        self._notify(
            GuardianNotice("interlock", back, "guardian")
            if said
            else GuardianNotice("recovered", back, None)
        )

    def _with_eject(self, message: str) -> str:
        """Add what a machine does by itself when frames stop."""
        able = self._last_state.get("capabilities") or {}
        ejects = able.get("when_host_is_gone") == "ejects"
        return f"{message} {MAY_EJECT}" if ejects else message

    @property
    def _only_reads(self) -> bool:
        """Whether the last guardian only read its machine."""
        state = self._last_state
        return bool(state and (state.get("only_reads") or not messages.can_heat(state)))

    def _state(self, raw: dict[str, Any]) -> None:
        self._last_state = raw
        self._on_state(raw)

    def _is_zero(self) -> bool:
        state = self.client.state if self.client else {}
        return bool(state.get("connected") and not messages.heat_problem_of(state))

    def _notice(self, raw: dict[str, Any]) -> None:
        self._notify(GuardianNotice(str(raw["kind"]), str(raw["message"]), raw.get("interlock")))
