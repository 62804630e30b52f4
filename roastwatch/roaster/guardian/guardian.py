"""The guardian: owns the driver, judges every command, and makes safe when the service is silent.

It runs in a process of its own. `Guardian` drives one machine; `server` is its socket. Every
command passes the interlocks of `safety_state` on its way to the wire: a client of the socket
reaches the interlocks, not the heater.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from roastwatch.errors import BadInputError, LostError, RoastwatchError
from roastwatch.roaster.driver import RoasterDriver, SilentError, StopsByItself, TakesCharge
from roastwatch.roaster.guardian.carrying import CommandCarrier
from roastwatch.roaster.guardian.refusals import MAKE_SAFE, Refusals
from roastwatch.roaster.guardian.safety_state import Demand, SafetyState
from roastwatch.roaster.guardian.timing import asleep_s, within
from roastwatch.roaster.handover import Handover
from roastwatch.vocabulary import Actuator, Command, CommandResult, Outcome

TICK_S = 0.1
ENTER_S = 8.0
READ_S = 3.0
WRITE_S = 3.0
MAKE_SAFE_S = 6.0
"""An Aillio is stepped down, 0.1 s per step, the heater first."""
AGAIN_S = 1.0
STALL_S = 0.25
"""A turn that comes this late first reads what waits in the socket."""
LINES_READ = 50
PATIENCE_S = 0.3
"""For how long a waiting command lets a read go on."""
FIRST_RETRY_S, LONGEST_RETRY_S = 0.3, 2.0
SLEPT_S = 1.0
"""A computer that slept for longer has not watched its roaster."""

log = logging.getLogger(__name__)


class Guardian(CommandCarrier):
    """Drives one machine under its guard. `changed` is called after every visible change."""

    def __init__(
        self,
        make_driver: Callable[[], RoasterDriver],
        guard: SafetyState,
        *,
        clock: Callable[[], float] = time.monotonic,
        asleep: Callable[[], float] = asleep_s,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(guard, clock, changed)
        self.problem: str | None = None
        """Why there is no link now, in one sentence."""
        self.wrong_machine = False
        """Another machine answers, so trying again won't help."""
        self.inherited = False
        """It took over from a guardian that died while it controlled the machine."""
        self.safe_since_s: float | None = None
        self._make_driver = make_driver
        self._driver: RoasterDriver | None = None
        self._asleep = asleep
        self._asleep_s = asleep()
        self._wake = asyncio.Event()
        self._refusals = Refusals(lambda why: guard.alarms.notify("fault", why))
        self._repeated_at_s = 0.0
        self._turned_s = clock()
        self._due_s = 0.0
        self._releasing = self._gone = False
        self._failures = 0
        self._restarts = 0

    async def run(self) -> None:
        """Keep the link open until `release` or `end`."""
        while not self._ended():
            try:
                self._driver = self._make_driver()
                self.guard.resume(self._driver, self._clock())
                await self._one_link(self._driver)
            except LostError as lost:
                self.problem, self.wrong_machine = str(lost), False
            except BadInputError as bad:
                self.problem, self.wrong_machine = str(bad), True
            except Exception as defect:
                log.exception("the driver failed")
                name = type(defect).__name__
                self.problem = f"The driver failed ({name}: {defect}): please report it."
                self.wrong_machine = False
            if self._ended():
                return
            self._failures += 1
            self.guard.link_lost(self.problem or "it does not answer.")
            self._slot.fail("The roaster is not connected.")
            self._changed()
            doublings = min(self._failures - 1, 8)
            await self._idle(min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0**doublings))

    async def request(self, command: Command) -> CommandResult:
        """Judge and write one command. One is in flight; a second is refused as busy."""
        now = self._clock()
        if not command.requested_at_s - 1.0 <= now <= command.requested_at_s + command.valid_for_s:
            return CommandResult(
                command.command_id,
                Outcome.EXPIRED,
                self.guard.machine.setpoints.of(command.actuator),
                reason=f"The command was older than {command.valid_for_s:g} s when it arrived.",
            )
        if not self.guard.machine.connected:
            return self._judged(command)
        answer = self._slot.put(command)
        if answer is None:
            return CommandResult(
                command.command_id,
                Outcome.REFUSED,
                self.guard.machine.setpoints.of(command.actuator),
                interlock="busy",
                reason="busy: another command is being carried out; try again.",
            )
        self._wake.set()
        return await answer

    def charge(self) -> str | None:
        """Beans go in; returns why they should not, or None. A simulated machine gets some."""
        refused = self.guard.batch.charge(self._clock())
        driver: object = self._driver
        if refused is None and isinstance(driver, TakesCharge):
            driver.charge()
        return refused

    @property
    def idle(self) -> bool:
        """Whether no command is in flight."""
        return self._slot.pending is None

    @property
    def doubts(self) -> dict[str, str]:
        """Why values of the newest reading are missing."""
        return dict(self._driver.doubts) if self._driver is not None else {}

    def cancel_pending(self, reason: str = "The roaster is not connected.") -> None:
        """Answer a command that will not be carried out."""
        self._slot.fail(reason)

    def wake(self) -> None:
        """Something changed that may demand a write now."""
        self._wake.set()

    def inherit(self, left: Handover) -> None:
        """Go on with the control of a guardian that died, even while the port is opening."""
        self.inherited = True
        self.guard.inherit(left)
        if self._driver is not None:
            self.guard.resume(self._driver, self._clock())
        self._wake.set()

    def release(self) -> str | None:
        """Give up control if the interlocks permit it; returns why not, or None."""
        why = self.guard.may_release(self._clock())
        if why is None:
            self._releasing = True
            self._wake.set()
        return why

    def end(self) -> None:
        """Stop trying to reach a machine that is gone."""
        self._releasing = self._gone = True
        self._wake.set()

    @property
    def releasing(self) -> bool:
        """Whether it is letting go of its machine, or has."""
        return self._releasing

    def _ended(self) -> bool:
        return self._releasing

    # --- one link ---------------------------------------------------------------------------

    async def _one_link(self, driver: RoasterDriver) -> None:
        await within(ENTER_S, driver.__aenter__(), "It can't be opened")
        try:
            self.guard.machine.capabilities = driver.capabilities
            self._restarts = driver.restarts
            heats = Actuator.HEATER in driver.capabilities.actuators
            refused = False
            if heats and not self.guard.only_reads:
                refused = not await self._insist(driver, Actuator.HEATER, 0.0)
            self.guard.link_up(self._clock(), heat_0_refused=refused)
            self._due_s = self._clock()
            try:
                await self._operate(driver)
            except Exception:
                if not self.guard.only_reads:  # a machine that is only read is left to its panel
                    with contextlib.suppress(Exception):
                        await within(MAKE_SAFE_S, driver.make_safe(), "It can't be made safe")
                raise
        finally:
            with contextlib.suppress(Exception):
                await within(MAKE_SAFE_S, driver.__aexit__(None, None, None), "It can't be closed")

    async def _operate(self, driver: RoasterDriver) -> None:
        while True:
            self._notice_sleep()
            self._notice_restart(driver)
            demand = await self._turn()
            now = self._clock()
            await self._perform(driver, demand)
            await self._repeat_writes(driver)
            if self._releasing:
                if self.guard.may_release(now) is None:
                    await self._let_go(driver)
                elif not self._gone:
                    self._releasing = False  # it may have become hot meanwhile: it is kept
                    continue
                return
            if self._slot.pending is not None:
                await self._serve(driver)
                continue
            if now >= self._due_s:
                await self._read(driver)
                continue
            await self._rest(min(TICK_S, self._due_s - now))

    async def _turn(self) -> Demand:
        """What is demanded now. A stalled guardian must not count as a silent service."""
        if self._clock() - self._turned_s > STALL_S:
            for _ in range(LINES_READ):  # each round of the loop reads one line
                await asyncio.sleep(0)
        self._turned_s = self._clock()
        return self._refusals.patient(self.guard.tick(self._turned_s), self._turned_s)

    async def step(self, driver: RoasterDriver) -> None:
        """One turn without waiting, for tests and simulation: demands, command, reading."""
        self._notice_sleep()
        self._notice_restart(driver)
        await self._perform(driver, self.guard.tick(self._clock()))
        await self._repeat_writes(driver)
        if self._slot.pending is not None:
            await self._serve(driver)
        if self._clock() >= self._due_s:
            await self._read(driver)
            self._notice_restart(driver)
            await self._perform(driver, self.guard.tick(self._clock()))

    def _notice_sleep(self) -> None:
        before_s, self._asleep_s = self._asleep_s, self._asleep()
        slept_s = self._asleep_s - before_s
        if slept_s > SLEPT_S:
            self.guard.ask_safe(
                f"This computer slept for {slept_s:.0f} s and did not watch the roaster: heat is "
                "off. Keep it awake during a roast; arm again to go on."
            )

    def _notice_restart(self, driver: RoasterDriver) -> bool:
        """Whether the machine restarted under this link since it was last asked."""
        if driver.restarts == self._restarts:
            return False
        self._restarts = driver.restarts
        self.guard.restarted(self._clock())
        return True

    async def _perform(self, driver: RoasterDriver, demand: Demand) -> None:
        if demand.make_safe:
            await self._make_safe(driver)
            self._changed()
            return  # the next turn judges by what make-safe left, and does not undo it
        for actuator, percent in demand.writes:
            if self.guard.machine.setpoints.of(actuator) != percent:
                await self._insist(driver, actuator, percent)
        if demand.writes or self.guard.notices:
            self._changed()

    async def _make_safe(self, driver: RoasterDriver) -> None:
        """A machine that refuses a part counts as safe once heat 0 is written."""
        try:
            await within(MAKE_SAFE_S, driver.make_safe(), "It can't be made safe")
            self._refusals.done(MAKE_SAFE)
        except BadInputError as refused:
            self._refusals.add(MAKE_SAFE, refused, self._clock())
            heats = Actuator.HEATER in self.guard.machine.capabilities.actuators
            if heats and not await self._insist(driver, Actuator.HEATER, 0.0):
                return
        self.guard.made_safe(self._clock())
        self.safe_since_s = self._clock()

    async def _insist(self, driver: RoasterDriver, actuator: Actuator, percent: float) -> bool:
        """Write what the interlocks demand; whether the machine accepted it."""
        try:
            await self._write(driver, actuator, percent)
        except BadInputError as refused:
            self._refusals.add(actuator, refused, self._clock())
            return False
        self._refusals.done(actuator)
        return True

    async def _repeat_writes(self, driver: RoasterDriver) -> None:
        """Once a second, write again what a bad line or a restart may have lost."""
        now = self._clock()
        if 0 <= now - self._repeated_at_s < AGAIN_S:
            return
        self._repeated_at_s = now
        if self.guard.only_reads:
            return
        for actuator, percent in self.guard.machine.again(now):
            await self._insist(driver, actuator, percent)

    async def _read(self, driver: RoasterDriver) -> None:
        """Read, unless a demand comes in between (then the read is cancelled)."""
        began = self._clock()
        reading_task = asyncio.ensure_future(driver.read())
        try:
            while not reading_task.done():
                await asyncio.wait({reading_task}, timeout=TICK_S)
                waited = self._clock() - began
                if reading_task.done():
                    break
                demand = await self._turn()
                if demand.make_safe or demand.writes:
                    return
                if self._slot.overtaking is not None or self._slot.is_new:
                    return
                patience_s = READ_S if self._read_must_finish else PATIENCE_S
                if self._slot.pending and waited > patience_s:
                    self._read_must_finish = True  # the next one may finish
                    return
                if waited > max(READ_S, self.guard.machine.capabilities.silence_s):
                    raise LostError("The roaster does not answer: check its cable and power.")
        finally:
            if not reading_task.done():
                reading_task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await reading_task
            elif not reading_task.cancelled():
                reading_task.exception()  # retrieved: if it matters, the next read raises it too
        self._read_must_finish = False
        now = self._clock()
        try:
            reading = reading_task.result()
        except SilentError as silent:
            self.problem, self._due_s = str(silent), now
            self.guard.silent(self.problem)
            self._changed()
            return
        self.guard.heard()
        self.guard.read(reading, now)
        self.problem, self.wrong_machine, self._failures = None, False, 0
        self._due_s = max(self._due_s + self.guard.machine.capabilities.read_period_s, now)
        self._changed()

    async def _write(self, driver: RoasterDriver, actuator: Actuator, percent: float) -> None:
        if isinstance(driver, StopsByItself):
            driver.bean_temp_max_c = self.guard.limits.bean_temp_max_c
        await within(WRITE_S, driver.write(actuator, percent), "It can't be written to")
        self.guard.wrote(actuator, percent, self._clock())

    async def _let_go(self, driver: RoasterDriver) -> None:
        """Switch everything off: the machine is cool, and nothing watches it from now on."""
        if self.guard.only_reads:
            return
        able = self.guard.machine.capabilities.actuators
        if self.guard.machine.capabilities.when_host_is_gone == "ejects":
            able = frozenset({Actuator.HEATER})  # it ejects now: the drum must turn to empty it
        for actuator in (Actuator.HEATER, Actuator.COOLING, Actuator.FAN, Actuator.DRUM):
            if actuator in able:
                with contextlib.suppress(RoastwatchError):
                    await self._write(driver, actuator, 0.0)

    def _judged(self, command: Command) -> CommandResult:
        return self._result(command, self.guard.request(command, self._clock()))

    async def _idle(self, seconds: float) -> None:
        """Wait between two links; the interlocks go on judging."""
        until = self._clock() + seconds
        while self._clock() < until and not self._releasing:
            await self._turn()
            if self.guard.notices:
                self._changed()
            await self._rest(min(TICK_S, seconds))

    async def _rest(self, seconds: float) -> None:
        self._wake.clear()
        if self._slot.pending is not None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.001)):
                await self._wake.wait()
