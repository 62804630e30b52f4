"""Run a plan on the simulated roaster in virtual time, behind the real guardian."""

import asyncio
from dataclasses import dataclass, field

from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.guardian import Guardian
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.plans.actions import (
    Action,
    Answer,
    Charge,
    Dropped,
    Moment,
    Say,
    Set,
    Took,
    carry_out,
)
from roastwatch.roaster.plans.executor import PlanExecutor
from roastwatch.roaster.plans.pid import PidOptions, SetpointProfile
from roastwatch.roaster.plans.plan import Plan
from roastwatch.vocabulary import (
    Actuator,
    Command,
    EventKind,
    Reading,
)

STEP_S = 0.25
LONGEST_S = 3600.0
AFTERWARDS_S = 2.0


@dataclass(slots=True)
class Rehearsed:
    """The outcome of a plan on the model. Times in seconds from its start."""

    readings: list[tuple[float, Reading]] = field(default_factory=list)
    refused: list[tuple[float, str]] = field(default_factory=list)
    notices: list[tuple[float, str]] = field(default_factory=list)
    deviations_c: list[tuple[float, float]] = field(default_factory=list)
    steps: list[tuple[float, int]] = field(default_factory=list)
    """When each step was taken, and its index."""
    events: dict[EventKind, float] = field(default_factory=dict)
    """When the events of the roast happened."""
    charge_s: float | None = 0.0
    """When the profile's clock began; None: the plan's own charge did not come."""
    first_crack_s: float | None = None
    drop_s: float | None = None
    tripped: str | None = None
    """What ended arming before the end of the plan; None: nothing."""
    unheated: str | None = None
    """Why the machine got less heat than planned; None: it did not."""
    writes: list[tuple[float, Actuator, float]] = field(default_factory=list)
    """Every write to the machine: seconds of its own clock, actuator, percent."""

    @property
    def deviation_rms_c(self) -> float | None:
        """Root mean square of the deviation from the profile."""
        if not self.deviations_c:
            return None
        squares = sum(off * off for _, off in self.deviations_c)
        return float((squares / len(self.deviations_c)) ** 0.5)

    @property
    def hottest_c(self) -> float:
        """The highest bean temperature, °C."""
        return max(r.bean_temp_c or 0.0 for _, r in self.readings)


async def rehearse(
    plan: Plan,
    options: SimulatedRoaster.Options,
    limits: Limits,
    profile: SetpointProfile | None = None,
    pid: PidOptions | None = None,
) -> Rehearsed:
    """Run a plan on the model to its end."""
    now = 1000.0

    def clock() -> float:
        return now

    driver = SimulatedRoaster(options, "roaster", clock)
    guard = SafetyState(driver.capabilities, limits)
    guardian = Guardian(lambda: driver, guard, clock=clock)
    found = Rehearsed()
    executor = PlanExecutor(
        plan, profile, actuators=driver.capabilities.actuators, pid=pid or plan.pid
    )

    async def do(action: Action) -> Answer:
        match action:
            case Set(actuator, percent, origin):
                command = Command("r", "roaster", actuator, percent, origin, now)
                answer = asyncio.ensure_future(guardian.request(command))
                await asyncio.sleep(0)
                await guardian.step(driver)
                return await answer
            case Charge():
                refused = guard.batch.charge(now)
                if refused is None:
                    driver.charge()
                return refused
            case Dropped():
                guard.batch.dropped()
                found.drop_s = now - began
            case Took(index):
                found.steps.append((now - began, index))
            case Say(text):
                found.refused.append((now - began, text))
        return None

    async with driver:
        guard.link_up(now)
        began = now
        for _ in range(8):
            now += STEP_S
            guard.renew(now)
            await guardian.step(driver)
        refused = guard.arm(limits.arm_max_s, now)
        if refused:
            found.tripped = refused
        began, until = now, now + LONGEST_S
        while now < until:
            elapsed = now - began
            if found.tripped is not None and until == began + LONGEST_S:
                until = now + AFTERWARDS_S  # show what the interlock did, too
            guard.renew(now)
            guard.present(now)
            await guardian.step(driver)
            _collect(guard, found, elapsed)
            reading = guard.machine.history.newest
            if reading is not None and (not found.readings or found.readings[-1][1] is not reading):
                found.readings.append((elapsed, reading))
            bean = reading.bean_temp_c if reading else None
            if driver.crack_progress > 0 and found.first_crack_s is None:
                found.first_crack_s = elapsed
                executor.event(EventKind.FIRST_CRACK, elapsed)
            if found.tripped is not None:
                now += STEP_S
                continue
            setpoint = guard.machine.setpoints.heater
            reported = reading.heater_percent if reading else None
            await carry_out(executor.turn(Moment(elapsed, bean, setpoint, reported)), do)
            since = executor.since_charge_s(elapsed)
            if profile is not None and bean is not None and not executor.dropped:
                target = profile.at(since) if since is not None else None
                if target is not None:
                    found.deviations_c.append((elapsed, bean - target))
            if executor.ended(elapsed):
                break
            now += STEP_S
    found.unheated = executor.unheated
    found.events = dict(executor.happened)
    since_s = executor.since_charge_s(0.0)
    found.charge_s = None if since_s is None else 0.0 - since_s
    found.writes = list(driver.log)
    return found


def _collect(guard: SafetyState, found: Rehearsed, elapsed: float) -> None:
    for notice in guard.notices:
        if notice.kind in ("interlock", "fault", "disarmed"):
            found.notices.append((elapsed, notice.message))
        if notice.kind in ("disarmed", "fault"):
            found.tripped = found.tripped or notice.message
    guard.notices.clear()
