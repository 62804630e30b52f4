"""Random lives of each driver under the real guardian: commands, faults, restarts, a blocked loop.

In virtual time, so that seconds cost nothing. What must hold is read off the fake machine itself.
`watched` looks at each write of heat as the driver gets it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, ClassVar
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from roastwatch.roaster.guardian.guardian import Guardian
from roastwatch.roaster.guardian.interlocks import INTERLOCKS, Interlock
from roastwatch.roaster.guardian.lease import LEASE_S
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.handover import Handover
from roastwatch.vocabulary import Actuator, Command, CommandResult, Origin
from tests.fakes.virtual_time import VirtualLoop
from tests.support.driver_benches import Bench, bench

LIMITS = Limits(arm_max_s=600, attendance_s=300, roast_max_s=900)
STEP_S = 0.25
WITHIN_S = 2.0
"""Heat is 0 on the wire this soon after there is a reason, where the link is well."""
SETTLES_S = 14.0
"""A link that was bad is open again, and has had heat 0 written, after this."""


def watched(driver: Any, life: "DriverLife") -> Any:
    """The driver, which judges each heat as it is written."""
    if (write := driver.write).__name__ == "judged":
        return driver  # one that lives on over its links

    async def judged(actuator: Actuator, percent: float) -> None:
        if actuator is Actuator.HEATER and percent > 0:
            try:
                life.judge_heat()
            except AssertionError as broken:  # the guardian would take it for the driver's defect
                life.broken = life.broken or broken
        await write(actuator, percent)

    driver.write = judged
    return driver


class DriverLife(RuleBasedStateMachine):
    """One life of one driver."""

    make: ClassVar[Callable[[VirtualLoop, ExitStack], Bench]]
    interlocks: ClassVar[Mapping[str, Interlock]] = INTERLOCKS

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.held = ExitStack()
        self.wall_s = 0.0
        real = time.time
        wall = mock.patch("time.time", side_effect=lambda: real() + self.wall_s)
        self.held.enter_context(wall)
        self.bench: Bench = self.held.enter_context(bench(type(self).make, self.loop))
        self.alive = True
        self.silent_since_s = self.bad_since_s = self.loop.time()
        self.trouble_s = float("-inf")
        self.hot_since_s: float | None = None
        self.heat_since_s: float | None = None
        self.mute = self.stuck = False
        self.broken: AssertionError | None = None
        self.stopped = False
        self.restarted_s: float | None = None
        """Since when the machine was switched off and on, and nobody asked for heat."""
        self.host_was_gone = False
        """A frame may have been missed: a Hottop ejects."""
        self.begin()

    def begin(self, left: Handover | None = None) -> None:
        self.knows = left is not None
        """Whether this guardian knows, before its link is open, that one before it had control."""
        driver = self.bench.make()
        self.guard = SafetyState(
            driver.capabilities, LIMITS, cutoff_confirmed=True, rules=self.interlocks
        )
        self.guardian = Guardian(
            lambda: watched(self.bench.make(), self), self.guard, clock=self.loop.time
        )
        if left is not None:
            self.guardian.inherit(left)
        self.task = self.loop.create_task(self.guardian.run())
        self.renewing = self.loop.create_task(self.renew())

    async def renew(self) -> None:
        while True:
            if self.alive:
                self.guard.renew(self.loop.time())
                self.silent_since_s = self.loop.time()
            await asyncio.sleep(0.1)

    def teardown(self) -> None:
        async def end() -> None:
            await self.kill()
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        self.loop.run(end())
        self.held.close()
        self.loop.close()

    async def kill(self) -> None:
        self.bench.link.drop_host()
        self.task.cancel()
        self.renewing.cancel()
        await asyncio.gather(self.task, self.renewing, return_exceptions=True)

    def pass_time(self, seconds: float) -> None:
        for _ in range(max(1, round(seconds / STEP_S))):
            self.loop.run(asyncio.sleep(STEP_S))
            self.check()

    # --- what happens -------------------------------------------------------------------------

    @initialize()
    def wakes(self) -> None:
        self.pass_time(6.0)

    @rule(seconds=st.sampled_from([0.25, 1.0, 3.0, 8.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule(percent=st.sampled_from([40.0, 70.0, 100.0, 100.0]))
    def arm_and_heat(self, percent: float) -> None:
        self.alive = True
        self.pass_time(0.25)
        if self.guard.arm(500.0, self.loop.time()) is None:
            self.stopped = False
        self.restarted_s = None
        self.ask(Actuator.HEATER, percent, Origin.PERSON)
        self.pass_time(1.0)

    @rule(
        actuator=st.sampled_from(list(Actuator)),
        percent=st.sampled_from([0.0, 5.0, 30.0, 60.0, 100.0]),
        origin=st.sampled_from([Origin.PERSON, Origin.PLAN, Origin.RULE, Origin.SOUND]),
    )
    def command(self, actuator: Actuator, percent: float, origin: Origin) -> None:
        if actuator is Actuator.HEATER and percent > 0:
            self.restarted_s = None
        self.ask(actuator, percent, origin)

    def ask(self, actuator: Actuator, percent: float, origin: Origin) -> None:
        async def asked() -> CommandResult | None:
            command = Command("c", "r", actuator, percent, origin, self.loop.time())
            asking = asyncio.ensure_future(self.guardian.request(command))
            await asyncio.wait({asking}, timeout=12.0)
            assert asking.done(), "a command that nobody answered"
            return asking.result()

        self.loop.run(asked())
        self.check()

    @rule()
    def person_is_there(self) -> None:
        self.guard.present(self.loop.time())

    @rule()
    def emergency_stop(self) -> None:
        self.guard.emergency_stop("Stop.")
        self.guardian.wake()
        self.stopped = True
        self.bad_since_s = self.loop.time()
        self.pass_time(0.25)

    @rule()
    def disarm(self) -> None:
        self.guard.disarm()
        self.pass_time(0.25)

    @rule(percent=st.sampled_from([40.0, 100.0]))
    def service_dies_while_it_heats(self, percent: float) -> None:
        self.arm_and_heat(percent)
        self.alive = False
        self.pass_time(3.0)

    @rule(alive=st.booleans())
    def service(self, alive: bool) -> None:
        self.alive = alive

    @rule(inherits=st.booleans())
    def guardian_dies_and_is_started_again(self, inherits: bool) -> None:
        """A spare inherits control; a guardian whose service died too does not."""
        newest = self.guard.machine.history.newest
        door = newest.door_open if newest else None
        left = None if self.guard.only_reads else Handover(self.loop.time(), door)
        self.loop.run(self.kill())
        self.trouble_s = self.loop.time()
        self.host_was_gone = True
        self.begin(left if inherits else None)
        self.pass_time(0.25)

    @rule(seconds=st.sampled_from([0.7, 3.0, 10.0]))
    def loop_is_blocked(self, seconds: float) -> None:
        self.loop.block(seconds)
        self.host_was_gone = True
        self.trouble_s = self.loop.time()
        self.pass_time(0.25)

    @rule(plugged=st.booleans())
    def cable(self, plugged: bool) -> None:
        if plugged != self.bench.link.plugged:
            (self.bench.link.plug if plugged else self.bench.link.pull)()
            self.trouble_s = self.loop.time()
            self.host_was_gone = True
        self.pass_time(0.25)

    @precondition(lambda self: self.bench.faults is not None)
    @rule(
        name=st.sampled_from(["noise", "corrupt", "lose", "swallow", "reorder"]),
        chance=st.sampled_from([0.05, 0.2, 0.5]),
        cut=st.booleans(),
    )
    def line_gets_bad(self, name: str, chance: float, cut: bool) -> None:
        setattr(self.bench.faults, name, chance)
        self.host_was_gone = self.host_was_gone or name == "swallow"
        self.bench.faults.cut = cut

    @precondition(lambda self: self.bench.faults is not None)
    @rule()
    def line_gets_well(self) -> None:
        self.bench.faults.heal()

    @precondition(lambda self: self.bench.mute is not None)
    @rule(mute=st.booleans())
    def machine_falls_silent(self, mute: bool) -> None:
        assert self.bench.mute is not None  # by the precondition
        self.bench.mute(mute)
        self.mute = mute

    @precondition(lambda self: self.bench.stick is not None)
    @rule(stuck=st.booleans())
    def heater_sticks(self, stuck: bool) -> None:
        assert self.bench.stick is not None  # by the precondition
        self.bench.stick(stuck)
        self.stuck = stuck

    @precondition(lambda self: self.bench.power_cycle is not None)
    @rule()
    def power_cycle(self) -> None:
        assert self.bench.power_cycle is not None  # by the precondition
        self.bench.power_cycle()
        self.trouble_s = self.restarted_s = self.loop.time()
        if self.bench.link.plugged and self.bench.faults is not None:
            self.host_was_gone = self.bench.faults.swallow > 0
        self.pass_time(0.25)

    @rule(by_s=st.sampled_from([700.0, -3600.0, 86_400.0]))
    def wall_clock_jumps(self, by_s: float) -> None:
        self.wall_s += by_s
        self.pass_time(0.25)

    @precondition(lambda self: hasattr(self.bench.fake, "thermal"))
    @rule(bean_c=st.sampled_from([30.0, 120.0, 200.0, 228.0, 235.0]))
    def machine_is_so_hot(self, bean_c: float) -> None:
        thermal = self.bench.fake.thermal
        thermal.bean_c, thermal.air_c = bean_c, bean_c + 10
        self.pass_time(0.25)

    @precondition(lambda self: self.guard.machine.ever_connected or self.knows)
    @rule()
    def release(self) -> None:
        """Before the link has been open, only inherited control can be given up."""
        newest = self.guard.machine.history.newest
        known = newest and (newest.bean_temp_c or newest.environment_temp_c)
        refused = self.guard.machine.may_release(self.loop.time())
        if known and known >= LIMITS.hot_above_c:
            assert refused, "control was released hot"
        if self.well_for_s() > 0 and self.bench.heat() > 0:
            assert refused, "control was released with heat on"

    # --- what must hold -----------------------------------------------------------------------

    def judge_heat(self) -> None:
        """At the moment at which heat is handed to the driver."""
        now_s, newest = self.loop.time(), self.guard.machine.history.newest
        assert newest is not None, "heat without a reading"
        age_s = now_s - newest.taken_at_s
        assert 0 <= age_s <= LIMITS.stale_after_s, f"heat with a reading {age_s:.2f} s old"
        bean, air = newest.bean_temp_c, newest.environment_temp_c
        assert bean is not None or (air is not None and not self.bench.has_bean_probe), "no probe"
        assert (bean or 0) < LIMITS.bean_temp_max_c, f"heat at {bean} °C"
        assert (air or 0) < LIMITS.environment_temp_max_c, f"heat at {air} °C of air"
        silent_s = now_s - self.silent_since_s
        assert silent_s <= LEASE_S + 0.1, f"heat {silent_s:.2f} s after the service fell silent"
        assert not self.stopped, "heat in emergency stop"
        setpoints, able = self.guard.machine.setpoints, self.guard.machine.capabilities.actuators
        if Actuator.DRUM in able:
            assert (setpoints.drum or 0) >= LIMITS.drum_min_percent, "heat with a standing drum"
        if Actuator.FAN in able:
            assert (setpoints.fan or 0) >= LIMITS.fan_min_for_heat_percent, "heat without fan"

    def well_for_s(self) -> float:
        """For how long nothing has been wrong with link and machine; 0 while something is."""
        now_s = self.loop.time()
        bad = self.bench.faults is not None and self.bench.faults.any
        if bad or self.mute or self.stuck or not self.bench.link.plugged:
            self.trouble_s = now_s
        if not self.bench.powered():
            self.trouble_s = now_s
        return now_s - self.trouble_s

    @invariant()
    def check(self) -> None:
        """What the machine does now, where its link is well."""
        now_s, well_s = self.loop.time(), self.well_for_s()
        if self.broken is not None:
            raise self.broken
        assert not self.task.done() or self.task.cancelled(), "the guardian ended"
        heat = self.bench.heat()
        self.heat_since_s = None if heat <= 0 else self.heat_since_s or now_s
        heated_s = 0.0 if self.heat_since_s is None else now_s - self.heat_since_s
        silent = now_s - self.silent_since_s > LEASE_S + 0.1
        too_hot = self.true_bean_c() >= LIMITS.bean_temp_max_c + 1
        wanted = (
            self.guard.armed_until_s is not None and (self.guard.machine.setpoints.heater or 0) > 0
        )
        reason = self.stopped or silent or too_hot or not wanted
        if heat <= 0 or not reason:
            self.bad_since_s = now_s
        bad_s = now_s - self.bad_since_s
        settled = well_s >= SETTLES_S + bad_s
        if heat > 0 and bad_s > (WITHIN_S if settled else SETTLES_S) and well_s > SETTLES_S:
            why = f"stopped {self.stopped}, silent {silent}, hot {too_hot}, wanted {wanted}"
            raise AssertionError(f"heat {heat} after {bad_s:.2f} s ({why})")
        if well_s > SETTLES_S and heated_s > WITHIN_S:
            if self.bench.fan is not None:
                assert self.bench.fan() >= LIMITS.fan_min_for_heat_percent - 1, "fan"
            if self.bench.drum is not None:
                assert self.bench.drum() >= LIMITS.drum_min_percent - 1, "drum under heat"
        self.check_restarted(now_s)
        if self.bench.ejected is not None and not self.host_was_gone:
            assert not self.bench.ejected(), "it ejected though its host was there"
        hot = self.guard.machine.hot(now_s) and not self.guard.machine.history.implausible
        self.hot_since_s = None if not hot else self.hot_since_s or now_s
        hot_s = 0.0 if self.hot_since_s is None else now_s - self.hot_since_s
        if self.bench.air is not None and min(well_s, hot_s) > SETTLES_S:
            assert self.bench.air(), "air stopped while hot"
        if self.guard.only_reads:
            return  # its panel rules
        if self.bench.drum is not None and min(well_s, hot_s) > SETTLES_S:
            assert self.bench.drum() >= LIMITS.drum_min_percent - 1, "drum stopped while hot"
        if self.guard.machine.capabilities.fan_is_drum and min(well_s, hot_s) > SETTLES_S:
            assert self.bench.fan is not None
            least = LIMITS.fan_min_for_heat_percent - 1
            assert self.bench.fan() >= least, "the air of a fluid bed stopped while hot"

    def check_restarted(self, now_s: float) -> None:
        """A machine that was switched off and on stays off until somebody asks for heat."""
        since_s = self.restarted_s
        if since_s is None or self.stuck or now_s - since_s < SETTLES_S:
            return
        if self.well_for_s() > SETTLES_S:
            assert self.bench.heat() == 0, "a machine that restarted was heated again"

    def true_bean_c(self) -> float:
        thermal = getattr(self.bench.fake, "thermal", None)
        return thermal.bean_c if thermal is not None and self.bench.has_bean_probe else 0.0
