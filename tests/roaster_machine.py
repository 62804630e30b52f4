"""Random lives of a guardian with a simulated roaster: commands, faults, restarts, clock jumps.

The invariants look at what the machine was really told, not at what the guard believes.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from roastwatch.errors import LostError, RoastwatchError
from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guard import LEASE_S, Guard
from roastwatch.roaster.guardian import Guardian
from roastwatch.roaster.interlocks import INTERLOCKS, Interlock
from roastwatch.roaster.limits import Limits
from roastwatch.vocabulary import Actuator, Command, Origin, Reading

LIMITS = Limits(arm_max_s=600, attendance_s=300, roast_max_s=900)
STEP_S = 0.25


class Faulty(SimulatedRoaster):
    """The simulated roaster on a cable and with probes that misbehave."""

    def __init__(self, clock) -> None:
        options = SimulatedRoaster.Options(drum_c=90, noise_c=0.0)
        super().__init__(options, "r", clock)
        self.lost = self.frozen = self.mute = False
        self.wild: float | None = None
        self.stuck: float | None = None
        self._last: Reading | None = None

    def _check(self) -> None:
        if self.lost:
            raise LostError("unplugged")

    async def read(self) -> Reading:
        self._check()
        reading = await super().read()
        if self.frozen and self._last is not None:
            return self._last
        if self.mute:
            reading = replace(reading, bean_temp_c=None)
        elif self.wild is not None:
            reading = replace(reading, bean_temp_c=self.wild)
        if self.stuck is not None:
            reading = replace(reading, heater_percent=self.stuck)
        self._last = reading
        return reading

    async def write(self, actuator: Actuator, percent: float) -> None:
        self._check()
        await super().write(actuator, percent)

    async def make_safe(self) -> None:
        self._check()
        await super().make_safe()

    def told(self, actuator: Actuator) -> float:
        return self._set[actuator]


class RoasterLife(RuleBasedStateMachine):
    """One life. `interlocks` are the rules: with one taken out, an invariant must break."""

    interlocks: ClassVar[Mapping[str, Interlock]] = INTERLOCKS

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now_s = 1000.0
        self.driver = Faulty(lambda: self.now_s)
        self.lease = True
        self.renewed_s = 0.0
        self.linked = False
        self.begin()

    def begin(self) -> None:
        guard = Guard(self.driver.capabilities, LIMITS, rules=self.interlocks)
        self.guardian = Guardian(lambda: self.driver, guard, clock=lambda: self.now_s)
        self.guard = guard
        self.linked = False

    def teardown(self) -> None:
        self.loop.close()

    def run(self, work):
        return self.loop.run_until_complete(work)

    async def _turn(self) -> None:
        """What the guardian's loop does in a quarter of a second."""
        if self.lease:
            self.renewed_s = self.now_s
            self.guard.renew(self.now_s)
        try:
            if not self.linked:
                await self.driver.write(Actuator.HEATER, 0.0)
                self.guard.link_up(self.now_s)
                self.linked = True
            await self.guardian.step(self.driver)
        except RoastwatchError as error:
            self.linked = False
            self.guard.link_lost(str(error))
            self.guard.tick(self.now_s)
        self.guard.notices.clear()

    def turn(self) -> None:
        self.now_s += STEP_S
        self.run(self._turn())
        self.check()

    @initialize()
    def first_reading(self) -> None:
        for _ in range(4):
            self.turn()

    @rule(seconds=st.sampled_from([0.25, 1.0, 3.0, 8.0]))
    def time_passes(self, seconds: float) -> None:
        for _ in range(int(seconds / STEP_S)):
            self.turn()

    @rule(seconds=st.sampled_from([30.0, 120.0, 400.0]))
    def long_time_passes(self, seconds: float) -> None:
        for _ in range(4):  # in great strides: the clock of a suspended computer
            self.now_s += seconds / 4
            self.turn()

    @rule(
        actuator=st.sampled_from(list(Actuator)),
        percent=st.sampled_from([0.0, 5.0, 30.0, 60.0, 100.0]),
        origin=st.sampled_from([Origin.PERSON, Origin.PLAN, Origin.RULE, Origin.SOUND]),
    )
    def command(self, actuator: Actuator, percent: float, origin: Origin) -> None:
        self.ask(Command("c", "r", actuator, percent, origin, self.now_s))

    @rule(percent=st.sampled_from([20.0, 70.0, 100.0]))
    def arm_and_heat(self, percent: float) -> None:
        self.lease = True
        self.turn()
        self.guard.arm(500.0, self.now_s)
        self.ask(Command("h", "r", Actuator.HEATER, percent, Origin.PERSON, self.now_s))

    @rule(late_s=st.sampled_from([-5.0, 0.5, 10.0]))
    def late_command(self, late_s: float) -> None:
        at_s = self.now_s - late_s
        self.ask(Command("l", "r", Actuator.HEATER, 80.0, Origin.PERSON, at_s))

    def ask(self, command: Command) -> None:
        async def asked() -> None:
            answer = asyncio.ensure_future(self.guardian.request(command))
            await asyncio.sleep(0)
            await self._turn()
            self.guardian.cancel_pending()
            await answer

        self.run(asked())
        self.check()

    @rule()
    def person_is_there(self) -> None:
        self.guard.present(self.now_s)

    @rule()
    def emergency_stop(self) -> None:
        self.guard.emergency_stop("Stop.")
        self.turn()

    @rule()
    def disarm(self) -> None:
        self.guard.disarm()
        self.turn()

    @rule()
    def charge(self) -> None:
        if self.guard.charge(self.now_s) is None:
            self.driver.charge()

    @rule(alive=st.booleans())
    def service(self, alive: bool) -> None:
        self.lease = alive

    @rule(percent=st.sampled_from([40.0, 100.0]))
    def service_dies_while_it_heats(self, percent: float) -> None:
        self.arm_and_heat(percent)
        self.lease = False
        self.time_passes(1.0)

    @rule(lost=st.booleans())
    def cable(self, lost: bool) -> None:
        self.driver.lost = lost

    @rule(frozen=st.booleans(), mute=st.booleans())
    def probe(self, frozen: bool, mute: bool) -> None:
        self.driver.frozen, self.driver.mute = frozen, mute

    @rule(wild=st.sampled_from([None, None, 20.0, 229.0, 231.0, 260.0, 399.0, -80.0, float("nan")]))
    def probe_says(self, wild: float | None) -> None:
        self.driver.wild = wild

    @rule(stuck=st.sampled_from([None, 0.0, 90.0]))
    def heater_reports(self, stuck: float | None) -> None:
        self.driver.stuck = stuck

    @rule(log_works=st.booleans())
    def disk(self, log_works: bool) -> None:
        self.guard.log_works = log_works

    @rule()
    def guardian_restarts(self) -> None:
        self.begin()
        self.turn()

    @rule(back_s=st.sampled_from([0.5, 5.0, 300.0]))
    def clock_jumps_back(self, back_s: float) -> None:
        self.now_s -= back_s
        self.turn()

    @precondition(lambda self: self.linked)
    @rule()
    def release(self) -> None:
        hottest = self.guard.machine.history.hottest_c
        refused = self.guard.machine.may_release(self.now_s)
        if hottest is None or hottest >= LIMITS.hot_above_c or self.driver.told(Actuator.HEATER):
            assert refused, "control was released hot"

    @invariant()
    def nothing_pends(self) -> None:
        assert self.guardian.idle

    def check(self) -> None:
        """After every turn of the guardian, while there is a wire to write on."""
        if not self.linked or self.driver.lost:
            return
        heat = self.driver.told(Actuator.HEATER)
        newest = self.guard.machine.history.newest
        if heat > 0:
            assert newest is not None, "heat without any reading"
            age_s = self.now_s - newest.taken_at_s
            assert 0 <= age_s <= LIMITS.stale_after_s, f"heat with a reading {age_s} s old"
            bean = newest.bean_temp_c
            assert bean is not None, "heat without a bean temperature"
            assert bean < LIMITS.bean_temp_max_c, f"heat at {bean} °C"
            assert self.driver.told(Actuator.DRUM) >= LIMITS.drum_min_percent, "drum under heat"
            assert self.driver.told(Actuator.FAN) >= LIMITS.fan_min_for_heat_percent, "fan"
            silent_s = self.now_s - self.renewed_s
            assert 0 <= silent_s <= LEASE_S, f"heat {silent_s} s after the service fell silent"
            assert self.guard.armed_until_s is not None, "heat unarmed"
            assert self.guard.emergency is None, "heat in emergency stop"
            assert not self.driver.told(Actuator.DOOR), "heat with an open door"
        if newest is not None and self.guard.machine.history.implausible is None:
            known = [t for t in (newest.bean_temp_c, newest.environment_temp_c) if t is not None]
            if known and max(known) >= LIMITS.hot_above_c:
                drum = self.driver.told(Actuator.DRUM)
                assert drum >= LIMITS.drum_min_percent, "drum stopped while hot"
