"""A guard with a machine that obeys, and the dangers from which each interlock keeps it.

A scenario returns True when its danger happened. `unit/test_interlock_mutations.py` runs each with
all interlocks (it must not happen) and without one of their rules (it must).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.guardian.interlocks import INTERLOCKS, Decision
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.vocabulary import Actuator, Command, Origin, Outcome, Reading

HEATER, FAN, DRUM, COOLING, DOOR = (
    Actuator.HEATER,
    Actuator.FAN,
    Actuator.DRUM,
    Actuator.COOLING,
    Actuator.DOOR,
)

MACHINE = Capabilities(
    machine="Test roaster",
    actuators=frozenset(Actuator),
    reads_bean_temp=True,
    reads_environment_temp=True,
    read_period_s=0.5,
    keep_alive_s=None,
    when_host_is_gone="off",
    make_safe_writes="heat 0, drum 100, cooling 100",
    echoes=frozenset(Actuator),
)


@dataclass
class Bench:
    """A guard with a machine that obeys, in virtual time."""

    rules: dict[str, Any] = field(default_factory=lambda: dict(INTERLOCKS))
    limits: Limits = field(default_factory=Limits)
    machine: Capabilities = MACHINE
    cutoff: bool = False
    now_s: float = 1000.0
    bean_c: float | None = 100.0
    air_c: float | None = 120.0
    echo: dict[str, Any] = field(default_factory=dict[str, Any])
    alive: bool = True
    silent: bool = False
    over_range: bool = False
    noise_c: float = 0.0
    """The beans' probe reads alternately so much too high and too low."""

    def __post_init__(self) -> None:
        self.guard = SafetyState(
            self.machine, self.limits, cutoff_confirmed=self.cutoff, rules=self.rules
        )
        self.safe_calls = 0
        self.guard.link_up(self.now_s)

    def ready(self) -> "Bench":
        self.run(1.0)
        self.guard.arm(1800, self.now_s)
        return self

    def run(self, seconds: float, *, rise_c_per_s: float = 0.0, period_s: float = 0.5) -> None:
        until = self.now_s + seconds
        while self.now_s < until - 1e-9:
            self.now_s += period_s
            if self.bean_c is not None:
                self.bean_c += rise_c_per_s * period_s
            if self.air_c is not None:
                self.air_c += rise_c_per_s * period_s
            if self.alive:
                self.guard.renew(self.now_s)
            if not self.silent and self.guard.machine.connected:
                self.guard.read(self.reading(), self.now_s)
            self.obey()

    def obey(self) -> None:
        demand = self.guard.tick(self.now_s)
        if demand.make_safe:
            self.safe_calls += 1
            self.guard.made_safe(self.now_s)
        for actuator, percent in demand.writes:
            self.guard.wrote(actuator, percent, self.now_s)

    def reading(self) -> Reading:
        setpoints = self.guard.machine.setpoints
        values = {
            f"{a.value}_percent": self.echo.get(a, setpoints.of(a))
            for a in (HEATER, FAN, DRUM, COOLING)
        }
        door = self.echo.get(DOOR, setpoints.door)
        return Reading(
            "r",
            self.now_s,
            bean_temp_c=None if self.bean_c is None else self.bean_c + self._noise(),
            environment_temp_c=self.air_c,
            door_open=None if door is None else door > 0,
            over_range=self.over_range,
            **values,
        )

    def _noise(self) -> float:
        return self.noise_c if round(2 * self.now_s) % 2 else -self.noise_c

    def notified(self, interlock: str) -> int:
        """How many notices there were of one interlock."""
        return sum(notice.interlock == interlock for notice in self.guard.notices)

    def ask(self, actuator: Actuator, percent: float, origin: Origin = Origin.PERSON) -> Decision:
        command = Command("c", "r", actuator, percent, origin, self.now_s)
        decision = self.guard.request(command, self.now_s)
        for written, value in decision.writes:
            self.guard.wrote(written, value, self.now_s)
        return decision

    @property
    def heat(self) -> float:
        return self.guard.machine.setpoints.heater or 0.0


def heating(bench: Bench, percent: float = 60) -> Bench:
    bench.ready()
    bench.ask(HEATER, percent)
    return bench


# Each scenario returns True when the danger happened.


def too_hot(bench: Bench) -> bool:
    heating(bench).run(1.0)
    bench.bean_c = 229.0
    bench.run(3.0)
    bench.ask(HEATER, 60)
    bench.bean_c = 231.0
    bench.run(1.0)
    return bench.heat > 0


def air_too_hot(bench: Bench) -> bool:
    heating(bench)
    bench.air_c = 299.0
    bench.run(3.0)
    bench.ask(HEATER, 60)
    bench.air_c = 301.0
    bench.run(1.0)
    return bench.heat > 0


def rises_too_fast(bench: Bench) -> bool:
    heating(bench).run(12.0, rise_c_per_s=8.0)
    return bench.heat > 0


def goes_stale(bench: Bench) -> bool:
    heating(bench)
    bench.silent = True
    bench.run(4.0)
    return bench.heat > 0


def probe_breaks(bench: Bench) -> bool:
    heating(bench).run(2.0)
    bench.bean_c = None
    bench.run(1.0)
    return bench.heat > 0


def nothing_rises(bench: Bench) -> bool:
    bench.bean_c = bench.air_c = 30.0
    heating(bench).run(300.0)
    return bench.heat > 0


def never_moves(bench: Bench) -> bool:
    """What answers is frozen, above the temperatures at which heat must show."""
    bench.bean_c, bench.air_c = None, 221.7
    heating(bench).run(150.0)
    return bench.heat > 0


def beans_stand_in_rising_air(bench: Bench) -> bool:
    """Its value flickers by a little, so that it is not frozen."""
    bench.bean_c, bench.air_c, bench.noise_c = 190.0, 180.0, 0.2
    heating(bench, 40)
    for _ in range(120):
        bench.air_c += 0.2
        bench.run(1.0)
    return bench.heat > 0


def beans_stand_in_hot_air(bench: Bench) -> bool:
    """Below the temperature at which heat must show, and in air that has settled."""
    bench.bean_c, bench.air_c, bench.noise_c = 100.0, 210.0, 0.2
    heating(bench).run(90.0)
    return bench.heat > 0


def beans_stand_after_a_charge(bench: Bench) -> bool:
    """So little heat may hold an empty machine where it is, but not one with beans in."""
    bench.bean_c, bench.air_c, bench.noise_c = 160.0, 190.0, 0.2
    heating(bench, 35)
    bench.guard.batch.charge(bench.now_s)
    bench.run(90.0)
    return bench.heat > 0


def beans_stand_in_cooler_air(bench: Bench) -> bool:
    """Its environment probe sits where the air leaves, and rises slowly."""
    bench.bean_c, bench.air_c, bench.noise_c = 190.0, 130.0, 0.2
    heating(bench)
    for _ in range(140):
        bench.air_c += 0.05
        bench.run(1.0)
    return bench.heat > 0


def beans_stand_frozen(bench: Bench) -> bool:
    """Nothing moves it by the least, in air that is hardly hotter but moves."""
    bench.bean_c, bench.air_c = 190.3, 195.0
    heating(bench, 40)
    for second in range(150):
        bench.air_c = 195.0 + second % 20 / 10
        bench.run(1.0)
    return bench.heat > 0


def probe_slips_out(bench: Bench) -> bool:
    """It cools in the room while the beans go on."""
    bench.bean_c, bench.air_c = 190.0, 210.0
    heating(bench)
    for _ in range(260):
        bench.bean_c -= 0.1 if bench.bean_c > 165 else 0.0
        bench.noise_c = 1.2 if bench.noise_c < 0 else -1.2
        bench.run(1.0)
    return bench.heat > 0


def air_stands(bench: Bench) -> bool:
    bench.bean_c, bench.air_c = 120.0, 150.0
    heating(bench)
    for _ in range(180):
        bench.bean_c += 0.4
        bench.run(1.0)
    return bench.heat > 0


def all_probes_stand(bench: Bench) -> bool:
    """Too cool for `frozen_reading`, too soon for `heat_without_rise`, and never quite still."""
    bench.bean_c, bench.air_c, bench.noise_c = 100.0, 102.0, 0.3
    heating(bench, 100).run(150.0)
    return bench.heat > 0


def goes_beyond_its_probe(bench: Bench) -> bool:
    """The driver says so; the value itself is missing. The danger is heat."""
    heating(bench).run(2.0)
    bench.bean_c, bench.over_range = None, True
    bench.run(1.0)
    return bench.heat > 0


def rises_beyond_belief(bench: Bench) -> bool:
    """A stuck relay, unarmed, up to where values are no longer believed: no notice."""
    bench.bean_c, bench.air_c = None, 290.0
    bench.run(60.0, rise_c_per_s=2.0)
    return not bench.notified("over_range")


def grows_hotter_by_itself(bench: Bench) -> bool:
    """A stuck relay that heats slowly, below the temperature of the quick rule, unarmed."""
    bench.bean_c, bench.air_c = 90.0, 95.0
    bench.run(70.0)
    bench.guard.notices.clear()
    bench.run(200.0, rise_c_per_s=0.1)
    return not bench.notified("rise_without_heat")


def heats_after_a_restart(bench: Bench) -> bool:
    """It greets anew; the plan goes on."""
    heating(bench).run(2.0)
    bench.guard.restarted(bench.now_s)
    bench.run(1.0)
    bench.ask(HEATER, 60, Origin.PLAN)
    return bench.heat > 0


def lost_what_was_set(bench: Bench) -> bool:
    """A board that reset answers on, all outputs at 0; the controller sets heat each second."""
    heating(bench).run(10.0, rise_c_per_s=0.1)
    bench.echo |= {HEATER: 0, FAN: 0, DRUM: 0}
    bench.rules.pop("drum_turns", None)
    bench.rules.pop("minimum_fan", None)
    for second in range(12):
        bench.run(1.0, rise_c_per_s=0.1)
        bench.ask(HEATER, 60 + second % 3, Origin.PLAN)
    return bench.heat > 0


def heats_what_reports_no_heat(bench: Bench) -> bool:
    """One reading without heat, then a plan sets heat anew: that would hide a restart."""
    heating(bench, 60).run(10.0, rise_c_per_s=0.1)
    bench.echo |= {HEATER: 0}
    bench.run(0.5)
    bench.ask(HEATER, 70, Origin.PLAN)
    raised = bench.heat > 60
    bench.ask(HEATER, 50, Origin.PLAN)
    return raised or bench.heat != 60


def fluid_bed_without_air(bench: Bench) -> bool:
    bench.bean_c = 150.0
    bench.run(2.0)
    bench.ask(FAN, 0)
    bench.run(1.0)
    return (bench.guard.machine.setpoints.fan or 0) < 20


def fluid_bed_of_cool_beans_without_air(bench: Bench) -> bool:
    bench.bean_c = bench.air_c = 30.0
    bench.run(2.0)
    bench.ask(FAN, 100)
    bench.guard.batch.charge(bench.now_s)
    bench.ask(FAN, 0)
    return (bench.guard.machine.setpoints.fan or 0) < 20


def fluid_bed_stops_cooling(bench: Bench) -> bool:
    """Its cooling is what keeps the air on."""
    bench.bean_c = 150.0
    bench.run(2.0)
    bench.ask(COOLING, 0)
    return not bench.guard.machine.setpoints.cooling


def fluid_bed_air_fails(bench: Bench) -> bool:
    bench.rules.pop("minimum_fan", None)
    heating(bench)
    bench.echo[FAN] = 0
    bench.run(6.0)
    return bench.heat > 0


def cools_unseen(bench: Bench) -> bool:
    """Made safe on an earlier link; nothing reports whether cooling is still on."""
    bench.bean_c = 150.0
    bench.run(2.0)
    bench.guard.link_lost("unplugged")
    bench.run(1.0)
    bench.guard.link_up(bench.now_s)
    bench.bean_c = bench.air_c = 60.0
    heating(bench).run(1.0)
    return bench.heat > 0 and bench.guard.machine.setpoints.cooling != 0


def cools_what_it_heats(bench: Bench) -> bool:
    """Found hot, so made safe, cooling and all; then a person heats."""
    bench.bean_c = 150.0
    heating(bench).run(2.0)
    return bench.heat > 0 and (bench.guard.machine.setpoints.cooling or 0) > 0


def rises_by_itself(bench: Bench) -> bool:
    """Stuck relay: hot, heat long off, rising. The danger is that no notice is raised."""
    bench.bean_c = 205.0
    bench.ready().run(70.0)
    bench.guard.notices.clear()
    bench.run(20.0, rise_c_per_s=0.4)
    return not any(n.interlock == "rise_without_heat" for n in bench.guard.notices)


def heater_ignores(bench: Bench) -> bool:
    heating(bench)
    bench.ask(HEATER, 20)
    bench.echo[HEATER] = 80
    bench.run(5.0)
    return bench.heat > 0


def link_gone(bench: Bench) -> bool:
    heating(bench)
    bench.guard.link_lost("unplugged")
    bench.run(1.0)
    return bench.guard.situation(bench.now_s).armed


def echo_missing(bench: Bench) -> bool:
    bench.echo[HEATER] = 70
    bench.rules.pop("heater_contradicts", None)
    bench.ready().ask(HEATER, 50)
    return bench.heat > 0


def no_cutoff(bench: Bench) -> bool:
    heating(bench)
    return bench.heat > 0


def drum_stopped_hot(bench: Bench) -> bool:
    heating(bench)
    bench.ask(HEATER, 0)
    bench.bean_c = 150.0
    bench.run(3.0)
    bench.ask(DRUM, 0)
    bench.run(1.0)
    return (bench.guard.machine.setpoints.drum or 0) < 30


def fan_too_low(bench: Bench) -> bool:
    heating(bench).ask(FAN, 0)
    return (bench.guard.machine.setpoints.fan or 0) < 20


def heats_with_open_door(bench: Bench) -> bool:
    bench.echo[DOOR] = 100
    heating(bench).run(1.0)
    return bench.heat > 0


def feeds_the_fire(bench: Bench) -> bool:
    bench.bean_c = 232.0
    bench.ready()
    bench.ask(DOOR, 100, Origin.PLAN)
    return (bench.guard.machine.setpoints.door or 0) > 0


def keeps_them_in(bench: Bench) -> bool:
    bench.bean_c = 222.0
    bench.run(3.0)
    return (bench.guard.machine.setpoints.door or 0) == 0


def over_ceiling(bench: Bench) -> bool:
    heating(bench, 90)
    return bench.heat > 70


def service_dies(bench: Bench) -> bool:
    heating(bench)
    bench.alive = False
    bench.run(1.0)
    return bench.heat > 0


def stopped(bench: Bench) -> bool:
    heating(bench)
    bench.guard.emergency_stop("Stop.")
    bench.guard.arm(100, bench.now_s)  # a latch ends by arming; the danger is heat without it
    bench.guard.emergency_stop("Stop.")
    bench.run(2.0)
    bench.guard.armed_until_s = bench.now_s + 100  # even if arming were still believed
    return bench.ask(HEATER, 50).outcome is Outcome.APPLIED


def unarmed(bench: Bench) -> bool:
    bench.run(1.0)
    bench.ask(HEATER, 50)
    return bench.heat > 0


def nobody_there(bench: Bench) -> bool:
    heating(bench)
    for _ in range(80):
        bench.run(10.0, rise_c_per_s=0.05)
    return bench.heat > 0


def a_rule_heats(bench: Bench) -> bool:
    heating(bench, 40).ask(HEATER, 80, Origin.RULE)
    return bench.heat > 40


def sound_drops(bench: Bench) -> bool:
    heating(bench).ask(DOOR, 100, Origin.SOUND)
    return (bench.guard.machine.setpoints.door or 0) > 0


def for_ever(bench: Bench) -> bool:
    heating(bench)
    bench.guard.batch.charge(bench.now_s)
    for _ in range(160):
        bench.guard.present(bench.now_s)
        bench.run(10.0, rise_c_per_s=0.04)
    return bench.heat > 0


def log_broken(bench: Bench) -> bool:
    heating(bench, 40)
    bench.guard.log_works = False
    bench.ask(HEATER, 80)
    return bench.heat > 40


def air_rises_too_fast(bench: Bench) -> bool:
    heating(bench)
    for _ in range(12):
        assert bench.air_c is not None
        bench.air_c += 9.0
        bench.run(0.5)
    return bench.heat > 0


def never_read(bench: Bench) -> bool:
    bench.silent = True
    heating(bench).run(1.0)
    return bench.heat > 0


def no_probe_at_all(bench: Bench) -> bool:
    bench.bean_c = bench.air_c = None
    heating(bench).run(1.0)
    return bench.heat > 0


def drum_stopped_unknown(bench: Bench) -> bool:
    bench.silent = True
    bench.ask(DRUM, 100)
    bench.ask(DRUM, 0)
    return bench.guard.machine.setpoints.drum == 0


def drum_stands(bench: Bench) -> bool:
    heating(bench)
    bench.echo[DRUM] = 0
    bench.run(6.0)
    return bench.heat > 0


def fan_stands(bench: Bench) -> bool:
    heating(bench)
    bench.echo[FAN] = 0
    bench.run(6.0)
    return bench.heat > 0


def cooling_off_in_a_stop(bench: Bench) -> bool:
    bench.bean_c = 150.0
    heating(bench).run(1.0)
    bench.guard.emergency_stop("Stop.")
    bench.run(1.0)
    bench.ask(COOLING, 0)
    bench.run(1.0)
    return (bench.guard.machine.setpoints.cooling or 0) < 100


def raised_while_nobody_answers(bench: Bench) -> bool:
    heating(bench, 40)
    for _ in range(61):
        bench.run(10.0, rise_c_per_s=0.05)
    bench.ask(HEATER, 80, Origin.PLAN)
    return bench.heat > 40


def heats_without_end(bench: Bench) -> bool:
    heating(bench)
    for _ in range(160):
        bench.guard.present(bench.now_s)
        bench.run(10.0, rise_c_per_s=0.02)
    return bench.heat > 0


def opens_in_hot_air(bench: Bench) -> bool:
    """No probe in the beans: their air decides."""
    bench.bean_c, bench.air_c = None, 240.0
    bench.ready().ask(DOOR, 100, Origin.PLAN)
    return (bench.guard.machine.setpoints.door or 0) > 0


def opens_in_burning_air(bench: Bench) -> bool:
    """Cool beans by their probe, but air beyond its own limit: the probe may have slipped out."""
    bench.bean_c, bench.air_c = 200.0, 310.0
    bench.run(3.0)
    bench.ask(DOOR, 100, Origin.PLAN)
    return (bench.guard.machine.setpoints.door or 0) > 0


def opens_unknown(bench: Bench) -> bool:
    bench.silent = True
    bench.ask(DOOR, 100, Origin.PLAN)
    return (bench.guard.machine.setpoints.door or 0) > 0


BLIND = replace(MACHINE, reads_bean_temp=False, reads_environment_temp=False)
AIR_ONLY = replace(MACHINE, reads_bean_temp=False)
FLUID = replace(MACHINE, actuators=frozenset({HEATER, FAN, COOLING}), fan_is_drum=True)
MUTE = replace(MACHINE, echoes=frozenset())
HOLDS = replace(MACHINE, when_host_is_gone="holds")
EJECTS = Limits(eject_on_overheat=True, bean_temp_max_c=220)

SCENARIOS: tuple[tuple[str, Callable[[Bench], bool], dict[str, Any]], ...] = (
    ("bean_temperature", too_hot, {}),
    ("environment_temperature", air_too_hot, {}),
    ("rate_of_rise", rises_too_fast, {}),
    ("rate_of_rise", air_rises_too_fast, {}),
    ("stale_reading", goes_stale, {}),
    ("stale_reading", never_read, {"machine": MUTE}),
    ("stale_reading", no_probe_at_all, {"machine": BLIND}),
    ("implausible_reading", probe_breaks, {}),
    ("heat_without_rise", nothing_rises, {}),
    ("frozen_reading", never_moves, {"machine": AIR_ONLY}),
    ("probe_follows", beans_stand_in_rising_air, {}),
    ("probe_follows", beans_stand_in_hot_air, {}),
    ("probe_follows", beans_stand_after_a_charge, {}),
    ("probe_follows", beans_stand_in_cooler_air, {}),
    ("probe_follows", beans_stand_frozen, {}),
    ("probe_follows", probe_slips_out, {}),
    ("probe_follows", air_stands, {}),
    ("probe_follows", all_probes_stand, {}),
    ("over_range", goes_beyond_its_probe, {}),
    ("over_range", rises_beyond_belief, {"machine": AIR_ONLY}),
    ("cooling_for_safety", cools_what_it_heats, {}),
    ("cooling_for_safety", cools_unseen, {"machine": MUTE}),
    ("rise_without_heat", rises_by_itself, {}),
    ("rise_without_heat", grows_hotter_by_itself, {}),
    ("not_restarted", heats_after_a_restart, {}),
    ("heat_missing", lost_what_was_set, {}),
    ("heat_missing", heats_what_reports_no_heat, {}),
    ("heater_contradicts", heater_ignores, {}),
    ("link_up", link_gone, {}),
    ("zero_echoed", echo_missing, {}),
    ("independent_cutoff", no_cutoff, {"machine": HOLDS}),
    ("drum_turns", drum_stopped_hot, {}),
    ("drum_turns", drum_stopped_unknown, {}),
    ("drum_turns", drum_stands, {}),
    ("drum_turns", fluid_bed_without_air, {"machine": FLUID}),
    ("drum_turns", fluid_bed_of_cool_beans_without_air, {"machine": FLUID}),
    ("drum_turns", fluid_bed_stops_cooling, {"machine": FLUID}),
    ("drum_turns", fluid_bed_air_fails, {"machine": FLUID}),
    ("minimum_fan", fan_too_low, {}),
    ("minimum_fan", fan_stands, {}),
    ("door_shut", heats_with_open_door, {}),
    ("door_and_fire", feeds_the_fire, {}),
    ("door_and_fire", opens_in_hot_air, {"machine": AIR_ONLY}),
    ("door_and_fire", opens_in_burning_air, {}),
    ("door_and_fire", opens_unknown, {}),
    ("eject_before_fire", keeps_them_in, {"limits": EJECTS}),
    ("heater_ceiling", over_ceiling, {"limits": Limits(heater_max_percent=70)}),
    ("service_alive", service_dies, {}),
    ("emergency_stop", stopped, {}),
    ("emergency_stop", cooling_off_in_a_stop, {}),
    ("armed", unarmed, {}),
    ("attendance", nobody_there, {}),
    ("attendance", raised_while_nobody_answers, {}),
    ("people_raise_heat", a_rule_heats, {}),
    ("people_drop", sound_drops, {}),
    ("maximum_time", for_ever, {}),
    ("maximum_time", heats_without_end, {"limits": Limits(heating_max_s=1200)}),
    ("log_works", log_broken, {}),
)
"""The interlock that prevents it, the danger, and what the bench is made of."""
