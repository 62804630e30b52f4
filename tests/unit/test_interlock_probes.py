"""Each probe for itself: what stands still is found, and what a real machine does is not."""

import random
from dataclasses import replace

import pytest

from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.vocabulary import Actuator, Command, Origin, Reading
from tests.support.interlock_scenarios import DRUM, FAN, HEATER, MACHINE, Bench, heating

NEW = {"probe_follows", "over_range", "rise_without_heat", "heat_missing", "heat_short"}


class Roast:
    """A whole roast on the thermal model: an hour's preheating, charge, soak, heat, coasting."""

    def __init__(self, *, noise_c: float, whole: bool, period_s: float, air: bool) -> None:
        self.now_s = 1000.0
        self.driver = SimulatedRoaster(
            SimulatedRoaster.Options(drum_c=25, noise_c=noise_c, charged=False),
            "r",
            lambda: self.now_s,
        )
        machine = replace(MACHINE, read_period_s=period_s, reads_environment_temp=air)
        limits = Limits(stale_after_s=4, arm_max_s=7200, heating_max_s=7200)
        self.guard = SafetyState(machine, limits)
        self.whole, self.period_s, self.air = whole, period_s, air
        self.notified: list[tuple[float, str | None, str]] = []
        self.bean_stands = False
        self.fahrenheit = False
        self.drift_c_per_min = 0.0
        self.stood_s = self.held_c = 0.0
        self.guard.link_up(self.now_s)

    async def run(self, seconds: float) -> None:
        until = self.now_s + seconds
        while self.now_s < until:
            for _ in range(round(self.period_s / 0.5)):
                self.now_s += 0.5
                self.guard.renew(self.now_s)
            reading = await self.driver.read()
            bean, air = reading.bean_temp_c or 0.0, reading.environment_temp_c or 0.0
            if not self.bean_stands:
                self.held_c = bean
            if self.bean_stands:
                self.stood_s += self.period_s
                drift = self.drift_c_per_min * self.stood_s / 60
                bean = self.held_c + drift + 0.2 * (round(self.now_s) % 3 - 1)
            if self.whole:
                bean, air = round(bean), round(air)
            if self.fahrenheit:
                bean, air = ((round(c * 1.8 + 32) - 32) / 1.8 for c in (bean, air))
            known = Reading(
                "r",
                self.now_s,
                bean,
                air if self.air else None,
                reading.heater_percent,
                reading.fan_percent,
                reading.drum_percent,
            )
            self.guard.read(known, self.now_s)
            self.guard.present(self.now_s)
            demand = self.guard.tick(self.now_s)
            if demand.make_safe:
                await self.driver.make_safe()
                self.guard.made_safe(self.now_s)
            for actuator, percent in demand.writes:
                await self.write(actuator, percent)
            self.notified += [(self.now_s, n.interlock, n.message) for n in self.guard.notices]
            self.guard.notices.clear()

    async def write(self, actuator: Actuator, percent: float) -> None:
        await self.driver.write(actuator, percent)
        self.guard.wrote(actuator, percent, self.now_s)

    async def heat(self, percent: float, fan: float = 30.0) -> None:
        for actuator, value in ((FAN, fan), (HEATER, percent)):
            command = Command("c", "r", actuator, value, Origin.PERSON, self.now_s)
            for name, share in self.guard.request(command, self.now_s).writes:
                await self.write(name, share)

    @property
    def faults(self) -> list[tuple[float, str | None, str]]:
        return [notice for notice in self.notified if notice[1] in NEW]


@pytest.mark.parametrize("period_s", [0.5, 2.0])
@pytest.mark.parametrize(
    ("noise_c", "whole", "air"), [(0.1, False, True), (0.1, True, True), (0.5, False, False)]
)
async def test_whole_roast_raises_no_alarm(
    noise_c: float, whole: bool, air: bool, period_s: float
) -> None:
    """Preheating empty, a hold at low heat, the turning point, a soak without heat, coasting."""
    roast = Roast(noise_c=noise_c, whole=whole, period_s=period_s, air=air)
    await roast.run(4.0)
    assert roast.guard.arm(7200, roast.now_s) is None
    await roast.heat(100)
    await roast.run(240)
    await roast.heat(29)
    await roast.run(500)
    await roast.heat(0)
    roast.driver.charge()
    assert roast.guard.batch.charge(roast.now_s) is None
    await roast.run(90)
    await roast.heat(75)
    await roast.run(420)
    await roast.heat(45)
    await roast.run(60)
    await roast.heat(0)
    await roast.run(120)
    assert roast.faults == []
    assert roast.driver.heat.bean_c > 150, [notice[2] for notice in roast.notified]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("period_s", [0.5, 2.0])
async def test_bean_probe_that_stands_in_a_roast_is_found_in_time(
    whole: bool, period_s: float
) -> None:
    roast = Roast(noise_c=0.1, whole=whole, period_s=period_s, air=True)
    await roast.run(4.0)
    assert roast.guard.arm(7200, roast.now_s) is None
    await roast.heat(100)
    await roast.run(240)
    roast.driver.charge()
    roast.guard.batch.charge(roast.now_s)
    await roast.run(300)
    began_s, roast.bean_stands = roast.now_s, True
    await roast.run(100)
    assert [name for _, name, _ in roast.faults] == ["probe_follows"]
    assert roast.faults[0][0] - began_s <= 90  # 75 s, and two slots of 6 s at 2 s a reading
    assert roast.guard.machine.setpoints.heater == 0


async def hot_roast(*, air: bool) -> Roast:
    """Beans that have turned, at about 140 °C, under heat."""
    roast = Roast(noise_c=0.1, whole=False, period_s=1.0, air=air)
    await roast.run(4.0)
    assert roast.guard.arm(7200, roast.now_s) is None
    await roast.heat(100)
    await roast.run(240)
    roast.driver.charge()
    roast.guard.batch.charge(roast.now_s)
    await roast.heat(85)
    await roast.run(260)
    assert roast.faults == []
    return roast


@pytest.mark.parametrize("air", [True, False])
@pytest.mark.parametrize("pulse", [(45, 15, 0), (60, 10, 20), (20, 5, 0)])
async def test_bean_probe_that_stands_is_found_under_heat_in_pulses(
    pulse: tuple[float, float, float], air: bool
) -> None:
    roast = await hot_roast(air=air)
    on_s, off_s, low = pulse
    roast.bean_stands = True
    for _ in range(6):
        if roast.guard.armed_until_s is not None:
            await roast.heat(100)
            await roast.run(on_s)
        if roast.guard.armed_until_s is not None:
            await roast.heat(low)
            await roast.run(off_s)
    assert roast.faults[0][1] == "probe_follows"
    assert roast.driver.heat.bean_c < 230


@pytest.mark.parametrize("air", [True, False])
@pytest.mark.parametrize("drift_c_per_min", [0.6, 1.0, 1.5])
async def test_bean_probe_that_creeps_is_found(drift_c_per_min: float, air: bool) -> None:
    roast = await hot_roast(air=air)
    roast.bean_stands, roast.drift_c_per_min = True, drift_c_per_min
    await roast.run(150)
    assert roast.faults[0][1] == "probe_follows"
    assert roast.driver.heat.bean_c < 230


@pytest.mark.parametrize("heat", [20, 80])
def test_environment_probe_that_vanishes_ends_arming_with_a_reason(heat: float) -> None:
    bench = heating(Bench(bean_c=150.0, air_c=200.0), heat)
    bench.run(10.0, rise_c_per_s=0.2)
    bench.air_c = None
    bench.run(2.0, rise_c_per_s=0.2)
    assert bench.heat == heat
    bench.run(2.0, rise_c_per_s=0.2)
    assert bench.heat == 0
    assert bench.guard.armed_until_s is None
    notified = [n.message for n in bench.guard.notices if n.interlock == "probe_follows"]
    assert notified == ["The environment probe has given no value for 3 s: check its plug."]
    bench.run(2.0)
    assert bench.guard.arm(600, bench.now_s) is None  # a person decides to go on without it


def test_environment_probe_that_never_gave_a_value_is_not_missed() -> None:
    bench = heating(Bench(bean_c=150.0, air_c=None), 40)
    bench.run(20.0, rise_c_per_s=0.2)
    assert bench.heat == 40


@pytest.mark.parametrize("percent", [33, 38])
@pytest.mark.parametrize("step", ["tenth", "celsius", "fahrenheit"])
async def test_empty_drum_held_hot_below_hotter_air_is_not_a_fault(
    percent: float, step: str
) -> None:
    roast = Roast(noise_c=0.02, whole=step == "celsius", period_s=2.0, air=True)
    roast.fahrenheit = step == "fahrenheit"
    await roast.run(4.0)
    assert roast.guard.arm(7200, roast.now_s) is None
    await roast.heat(100)
    await roast.run(240)
    await roast.heat(percent)
    await roast.run(2400)
    assert [notice for notice in roast.notified if notice[1] is not None] == []
    assert roast.guard.machine.setpoints.heater == percent


def test_heat_in_pulses_without_any_rise_is_found() -> None:
    bench = heating(Bench(bean_c=60.0, air_c=60.0), 100)
    for _ in range(6):
        bench.ask(HEATER, 100)
        bench.guard.present(bench.now_s)
        bench.run(45.0)
        bench.ask(HEATER, 0)
        bench.run(15.0)
    assert bench.notified("heat_without_rise") == 1


@pytest.mark.parametrize("heat", [29, 45])
def test_machine_held_at_low_heat_is_not_a_fault(heat: float) -> None:
    """Empty and settled: both probes flicker by less than a degree."""
    bench = Bench(bean_c=200.0, air_c=226.0, noise_c=0.3)
    heating(bench, heat)
    for second in range(240):
        bench.air_c = 226.0 + 0.3 * (second % 3)
        bench.guard.present(bench.now_s)
        bench.run(1.0)
    assert bench.heat == heat


def test_fault_of_a_probe_ends_with_the_heat_that_showed_it() -> None:
    """A person may look, and arm again."""
    bench = Bench(bean_c=100.0, air_c=210.0)
    heating(bench).run(90.0)
    assert bench.heat == 0
    bench.run(5.0)
    assert bench.guard.arm(600, bench.now_s) is None


def test_spike_is_a_broken_probe_and_a_rise_is_too_hot() -> None:
    bench = Bench(bean_c=None, air_c=200.0, machine=replace(MACHINE, reads_bean_temp=False))
    bench.run(3.0)
    bench.air_c = 1023.0
    bench.run(1.0)
    assert "check its plug" in (bench.guard.machine.history.implausible or "")
    bench.air_c = 200.0
    bench.run(3.0)
    bench.run(110.0, rise_c_per_s=2.0)
    history = bench.guard.machine.history
    assert history.implausible is None
    assert "too hot to be measured" in (history.over_range or "")
    assert bench.guard.machine.hot(bench.now_s)
    assert bench.guard.machine.rising(bench.now_s)


def test_value_that_vanishes_beyond_its_limit_is_too_hot() -> None:
    """A driver that refuses values beyond its range leaves them out."""
    bench = Bench(bean_c=None, air_c=290.0, machine=replace(MACHINE, reads_bean_temp=False))
    bench.run(20.0, rise_c_per_s=1.0)
    bench.air_c = None
    bench.run(1.0)
    assert "too hot" in (bench.guard.machine.history.over_range or "")
    assert bench.notified("over_range") == 1
    bench.air_c = 180.0
    bench.run(2.0)
    assert bench.guard.machine.history.over_range is None


def test_value_that_vanishes_within_its_limit_is_a_broken_probe() -> None:
    bench = Bench(bean_c=None, air_c=200.0, machine=replace(MACHINE, reads_bean_temp=False))
    bench.run(3.0)
    bench.air_c = None
    bench.run(1.0)
    assert bench.guard.machine.history.over_range is None
    assert "gives no value" in (bench.guard.machine.history.implausible or "")


def test_drum_that_was_never_set_counts_for_a_fluid_bed_as_its_fan() -> None:
    fluid = replace(MACHINE, fan_is_drum=True)
    bench = heating(Bench(machine=fluid))
    assert (bench.guard.machine.setpoints.fan or 0) >= 20
    assert bench.guard.situation(bench.now_s).drum is FAN
    assert Bench().guard.situation(0.0).drum is DRUM


@pytest.mark.parametrize("noise_c", [0.0, 0.2, 1.4])
def test_air_probe_that_stands_alone_at_full_heat_is_found(noise_c: float) -> None:
    """The beans rise from 165 °C; at their limit nothing but the air's would hold the machine."""
    chance = random.Random(1)
    bench = heating(Bench(bean_c=165.0, air_c=220.0), 100)
    assert bench.bean_c is not None
    while bench.heat > 0 and bench.bean_c < 225.0:
        bench.air_c = 220.0 + chance.uniform(-noise_c, noise_c)
        bench.run(0.5)
        bench.bean_c += 0.165
    assert bench.notified("probe_follows")
    assert bench.bean_c < (188.0 if noise_c < 1.0 else 194.0)


def test_air_that_is_in_balance_with_less_heat_is_no_fault() -> None:
    bench = heating(Bench(bean_c=165.0, air_c=220.0), 70)
    for _ in range(140):
        bench.run(0.5)
        bench.bean_c = (bench.bean_c or 0.0) + 0.2
    assert bench.heat == 70
