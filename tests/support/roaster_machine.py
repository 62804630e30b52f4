"""Random lives of a guardian with a simulated roaster: commands, faults, restarts, clock jumps.

The invariants look at what the machine was really set to, not at what the guard believes.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from typing import Any, ClassVar, TypeVar
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from roastwatch.errors import LostError, RoastwatchError
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.guardian import Guardian
from roastwatch.roaster.guardian.interlocks import INTERLOCKS, Interlock
from roastwatch.roaster.guardian.lease import LEASE_S
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.vocabulary import Actuator, Command, Origin, Reading

LIMITS = Limits(arm_max_s=600, attendance_s=300, roast_max_s=900)
STEP_S = 0.25
T = TypeVar("T")


class Faulty(SimulatedRoaster):
    """The simulated roaster on a cable and with probes that misbehave."""

    def __init__(self, clock: Callable[[], float]) -> None:
        options = SimulatedRoaster.Options(drum_c=90, noise_c=0.0)
        super().__init__(options, "r", clock)
        self.lost = self.frozen = self.mute = False
        self.wild: float | None = None
        self.stuck: float | None = None
        self.bean_stands = self.air_stands = self.relay_stuck = self.fluid = False
        self._last: Reading | None = None

    @property
    def capabilities(self) -> Capabilities:
        found = super().capabilities
        if not self.fluid:
            return found
        return replace(found, actuators=found.actuators - {Actuator.DRUM}, fan_is_drum=True)

    def restart(self) -> None:
        """Its power came back under the open link."""
        self._catch_up()
        self._set = dict.fromkeys(Actuator, 0.0)
        self.restarts += 1

    def _catch_up(self) -> None:
        held = self._set[Actuator.HEATER]
        if self.relay_stuck:
            self._set[Actuator.HEATER] = 100.0
        super()._catch_up()
        self._set[Actuator.HEATER] = held

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
        if self._last is not None and self.bean_stands:
            reading = replace(reading, bean_temp_c=self._last.bean_temp_c)
        if self._last is not None and self.air_stands:
            reading = replace(reading, environment_temp_c=self._last.environment_temp_c)
        self._last = reading
        return reading

    async def write(self, actuator: Actuator, percent: float) -> None:
        self._check()
        await super().write(actuator, percent)

    async def make_safe(self) -> None:
        self._check()
        await super().make_safe()

    def setpoint(self, actuator: Actuator) -> float:
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
        self.patient = False
        self.restarted = False
        self.stop_owed_after: int | None = None
        """How much had been written when a stop came that has not reached the machine. No time: the
        clock may go back before it is reached."""
        self.hot_air_s = self.checked_s = 0.0
        self.rising: list[float] = []
        self.heat_off_s: float | None = None
        self.may_be_c = 0.0
        """The hottest that it may become from stored heat."""
        self.alarmed_s = float("-inf")
        self.wall_s = 0.0
        self.held = ExitStack()
        real = time.time
        wall = mock.patch("time.time", side_effect=lambda: real() + self.wall_s)
        self.held.enter_context(wall)
        self.renewed_s = 0.0
        self.linked = False
        self.begin()

    def begin(self) -> None:
        guard = SafetyState(self.driver.capabilities, LIMITS, rules=self.interlocks)
        self.guardian = Guardian(lambda: self.driver, guard, clock=lambda: self.now_s)
        self.guard = guard
        self.linked = False
        self.rising, self.heat_off_s = [], None  # a new guard has seen nothing of it

    def teardown(self) -> None:
        self.held.close()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
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
        if any(notice.interlock == "rise_without_heat" for notice in self.guard.notices):
            self.alarmed_s = self.now_s
        self.guard.notices.clear()

    def turn(self) -> None:
        self.now_s += STEP_S
        self.run(self._turn())
        self.check()

    patience: ClassVar[bool] = False
    """Whether every life is patient."""

    @initialize(fluid=st.booleans(), patient=st.sampled_from([False] * 7 + [True]))
    def first_reading(self, fluid: bool, patient: bool) -> None:
        """A patient life has rules that take minutes; there are fewer of them."""
        self.driver.fluid, self.patient = fluid, patient or type(self).patience
        self.begin()
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
        origin=st.sampled_from(
            [Origin.PERSON, Origin.PLAN, Origin.RULE, Origin.SOUND, Origin.AGENT]
        ),
    )
    def command(self, actuator: Actuator, percent: float, origin: Origin) -> None:
        self.ask(Command("c", "r", actuator, percent, origin, self.now_s))

    @rule(percent=st.sampled_from([20.0, 70.0, 100.0]))
    def arm_and_heat(self, percent: float) -> None:
        self.lease = True
        self.turn()
        if self.guard.arm(500.0, self.now_s) is None:
            self.restarted, self.stop_owed_after = False, None
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
        self.stop_owed_after = len(self.driver.log)
        self.turn()

    @rule()
    def machine_restarts(self) -> None:
        """Under an open link; what it had is gone, and nobody has armed it since."""
        self.driver.restart()
        self.restarted = self.linked and not self.driver.lost
        self.turn()

    @rule(bean=st.booleans(), air=st.booleans())
    def one_probe_stands(self, bean: bool, air: bool) -> None:
        self.driver.bean_stands, self.driver.air_stands = bean, air

    @precondition(lambda self: self.patient)
    @rule(percent=st.sampled_from([60.0, 100.0]))
    def bean_probe_stands_while_it_heats(self, percent: float) -> None:
        self.all_is_well()
        self.arm_and_heat(percent)
        self.steady_time_passes(20.0)
        self.driver.bean_stands = True
        self.steady_time_passes(130.0)

    @rule(stuck=st.booleans())
    def relay_sticks(self, stuck: bool) -> None:
        self.driver._catch_up()
        self.driver.relay_stuck = stuck

    @precondition(lambda self: self.patient)
    @rule()
    def relay_sticks_when_heat_goes_off(self) -> None:
        self.all_is_well()
        self.arm_and_heat(100.0)
        self.relay_sticks(True)
        self.emergency_stop()
        self.steady_time_passes(220.0)

    @rule(percent=st.sampled_from([40.0, 100.0]))
    def machine_restarts_while_it_heats(self, percent: float) -> None:
        """And its plan goes on."""
        self.all_is_well()
        self.arm_and_heat(percent)
        self.machine_restarts()
        self.time_passes(1.0)
        self.ask(Command("p", "r", Actuator.HEATER, percent, Origin.PLAN, self.now_s))

    def all_is_well(self) -> None:
        """So that what follows is reached: link, probes and relay as they should be."""
        driver = self.driver
        driver.lost = driver.frozen = driver.mute = driver.relay_stuck = False
        driver.bean_stands = driver.air_stands = False
        driver.wild = driver.stuck = None
        self.guard.log_works = self.lease = True
        self.ask(Command("d", "r", Actuator.DOOR, 0.0, Origin.PERSON, self.now_s))
        self.time_passes(3.0)

    def steady_time_passes(self, seconds: float) -> None:
        for _ in range(int(seconds / STEP_S)):
            self.turn()

    @rule(by_s=st.sampled_from([700.0, -3600.0, 86_400.0]))
    def wall_clock_jumps(self, by_s: float) -> None:
        self.wall_s += by_s

    @rule()
    def disarm(self) -> None:
        self.guard.disarm()
        self.turn()

    @rule()
    def charge(self) -> None:
        if self.guard.batch.charge(self.now_s) is None:
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
        """A frozen reading grows no younger by it: it is never from the future."""
        self.now_s -= back_s
        last = self.driver._last
        if last is not None:
            self.driver._last = replace(last, taken_at_s=last.taken_at_s - back_s)
        self.turn()

    @precondition(lambda self: self.linked)
    @rule()
    def release(self) -> None:
        hottest = self.guard.machine.history.hottest_c
        refused = self.guard.machine.may_release(self.now_s)
        heat = self.driver.setpoint(Actuator.HEATER)
        if hottest is None or hottest >= LIMITS.hot_above_c or heat:
            assert refused, "control was released hot"

    @invariant()
    def nothing_pends(self) -> None:
        assert self.guardian.idle

    def check(self) -> None:
        """After every turn of the guardian, while there is a wire to write on."""
        self.watch_probes_and_relay()
        if not self.linked or self.driver.lost:
            return
        heat = self.driver.setpoint(Actuator.HEATER)
        newest = self.guard.machine.history.newest
        if self.stop_owed_after is not None:
            written = [
                p for _, a, p in self.driver.log[self.stop_owed_after :] if a is Actuator.HEATER
            ]
            assert written, "a stop for which nothing was written"
            assert written[-1] == 0, "a stop, and the last heat that was written is not 0"
            self.stop_owed_after = None
        if heat > 0:
            assert newest is not None, "heat without any reading"
            age_s = self.now_s - newest.taken_at_s
            assert 0 <= age_s <= LIMITS.stale_after_s, f"heat with a reading {age_s} s old"
            bean = newest.bean_temp_c
            assert bean is not None, "heat without a bean temperature"
            assert bean < LIMITS.bean_temp_max_c, f"heat at {bean} °C"
            assert not self.restarted, "heat after a restart, unarmed"
            assert self.moves(), "drum under heat"
            assert self.driver.setpoint(Actuator.FAN) >= LIMITS.fan_min_for_heat_percent, "fan"
            silent_s = self.now_s - self.renewed_s
            assert 0 <= silent_s <= LEASE_S, f"heat {silent_s} s after the service fell silent"
            assert self.guard.armed_until_s is not None, "heat unarmed"
            assert self.guard.emergency is None, "heat in emergency stop"
            assert not self.driver.setpoint(Actuator.DOOR), "heat with an open door"
        if newest is not None and self.guard.machine.history.implausible is None:
            known = [t for t in (newest.bean_temp_c, newest.environment_temp_c) if t is not None]
            if known and max(known) >= LIMITS.hot_above_c:
                assert self.moves(), "drum stopped while hot"

    def moves(self) -> bool:
        """Whether the beans are kept moving: by the drum, or by a fluid bed's air."""
        if self.driver.fluid:
            return self.driver.setpoint(Actuator.FAN) >= LIMITS.fan_min_for_heat_percent
        return self.driver.setpoint(Actuator.DRUM) >= LIMITS.drum_min_percent

    def watch_probes_and_relay(self) -> None:
        """A bean probe that stands alone ends heat; a stuck relay is reported, armed or not."""
        driver, history = self.driver, self.guard.machine.history
        newest, now_s = history.newest, self.now_s
        well = self.linked and not (driver.lost or driver.frozen or driver.mute)
        well = well and driver.wild is None and history.implausible is None and newest is not None
        passed_s = now_s - self.checked_s if 0 <= now_s - self.checked_s <= STEP_S else None
        self.checked_s = now_s
        if not well or passed_s is None:
            self.hot_air_s, self.rising, self.heat_off_s = 0.0, [], None
            return
        bean, air, heat = (
            newest.bean_temp_c,
            newest.environment_temp_c,
            driver.setpoint(Actuator.HEATER),
        )
        hot_air = bean is not None and air is not None and air >= bean + 16 and heat >= 50
        still = driver.bean_stands and hot_air
        self.hot_air_s = self.hot_air_s + passed_s if still else 0.0
        assert self.hot_air_s < 95, f"heat for {self.hot_air_s:.0f} s with a bean probe that stands"
        self.heat_off_s = None if heat > 0 else (self.heat_off_s or now_s)
        off_s = 0.0 if self.heat_off_s is None else now_s - self.heat_off_s
        self.rising = [*self.rising[-119:], max(bean or 0.0, air or 0.0)]
        jumped = any(abs(b - a) > 1.5 for a, b in pairwise(self.rising))
        whole = len(self.rising) == 120 and not jumped
        rise = self.rising[-1] - self.rising[0] if whole else 0.0
        hotter = off_s > 105 and rise > 11 and self.rising[-1] > max(90.0, self.may_be_c + 42)
        if off_s <= 60:
            self.may_be_c = max(self.rising[-1], self.may_be_c if off_s else 0.0)
        self.may_be_c = min(self.may_be_c, self.rising[-1] + 30)
        if driver.relay_stuck and hotter:
            assert now_s - self.alarmed_s <= 62, "a stuck relay that was not reported"
