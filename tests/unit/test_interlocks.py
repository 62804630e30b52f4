"""Each interlock alone: a scenario that breaks when it is taken out, and only then.

`SCENARIOS` is the list of mutations: `test_each_interlock_is_needed` runs every scenario with all
interlocks (the danger must not happen) and with the one taken out (it must).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.guard import Guard
from roastwatch.roaster.interlocks import INTERLOCKS
from roastwatch.roaster.limits import Limits
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

    rules: dict = field(default_factory=lambda: dict(INTERLOCKS))
    limits: Limits = field(default_factory=Limits)
    machine: Capabilities = MACHINE
    cutoff: bool = False
    now_s: float = 1000.0
    bean_c: float | None = 100.0
    air_c: float | None = 120.0
    echo: dict = field(default_factory=dict)
    alive: bool = True
    silent: bool = False

    def __post_init__(self) -> None:
        self.guard = Guard(
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
            if self.alive:
                self.guard.renew(self.now_s)
            if not self.silent and self.guard.connected:
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
        told = self.guard.told
        values = {
            f"{a.value}_percent": self.echo.get(a, told.of(a)) for a in (HEATER, FAN, DRUM, COOLING)
        }
        door = self.echo.get(DOOR, told.door)
        return Reading(
            "r",
            self.now_s,
            bean_temp_c=self.bean_c,
            environment_temp_c=self.air_c,
            door_open=None if door is None else door > 0,
            **values,
        )

    def ask(self, actuator: Actuator, percent: float, origin: Origin = Origin.PERSON):
        command = Command("c", "r", actuator, percent, origin, self.now_s)
        decision = self.guard.request(command, self.now_s)
        for written, value in decision.writes:
            self.guard.wrote(written, value, self.now_s)
        return decision

    @property
    def heat(self) -> float:
        return self.guard.told.heater or 0.0


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
    heating(bench).run(300.0)
    return bench.heat > 0


def rises_by_itself(bench: Bench) -> bool:
    """Stuck relay: hot, heat long off, rising. The danger is that nobody is told."""
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
    return (bench.guard.told.drum or 0) < 30


def fan_too_low(bench: Bench) -> bool:
    heating(bench).ask(FAN, 0)
    return (bench.guard.told.fan or 0) < 20


def heats_with_open_door(bench: Bench) -> bool:
    bench.echo[DOOR] = 100
    heating(bench).run(1.0)
    return bench.heat > 0


def feeds_the_fire(bench: Bench) -> bool:
    bench.bean_c = 232.0
    bench.ready()
    bench.ask(DOOR, 100, Origin.PLAN)
    return (bench.guard.told.door or 0) > 0


def keeps_them_in(bench: Bench) -> bool:
    bench.bean_c = 222.0
    bench.run(3.0)
    return (bench.guard.told.door or 0) == 0


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
    return (bench.guard.told.door or 0) > 0


def for_ever(bench: Bench) -> bool:
    heating(bench)
    bench.guard.charge(bench.now_s)
    for _ in range(160):
        bench.guard.present(bench.now_s)
        bench.run(10.0, rise_c_per_s=0.02)
    return bench.heat > 0


def log_broken(bench: Bench) -> bool:
    heating(bench, 40)
    bench.guard.log_works = False
    bench.ask(HEATER, 80)
    return bench.heat > 40


SCENARIOS: dict[str, tuple[Callable[[Bench], bool], dict]] = {
    "bean_temperature": (too_hot, {}),
    "environment_temperature": (air_too_hot, {}),
    "rate_of_rise": (rises_too_fast, {}),
    "stale_reading": (goes_stale, {}),
    "implausible_reading": (probe_breaks, {}),
    "heat_without_rise": (nothing_rises, {}),
    "rise_without_heat": (rises_by_itself, {}),
    "heater_contradicts": (heater_ignores, {}),
    "link_up": (link_gone, {}),
    "zero_echoed": (echo_missing, {}),
    "independent_cutoff": (
        no_cutoff,
        {"machine": replace(MACHINE, when_host_is_gone="holds")},
    ),
    "drum_turns": (drum_stopped_hot, {}),
    "minimum_fan": (fan_too_low, {}),
    "door_shut": (heats_with_open_door, {}),
    "door_and_fire": (feeds_the_fire, {}),
    "eject_before_fire": (
        keeps_them_in,
        {"limits": Limits(eject_on_overheat=True, bean_temp_max_c=220)},
    ),
    "heater_ceiling": (over_ceiling, {"limits": Limits(heater_max_percent=70)}),
    "service_alive": (service_dies, {}),
    "emergency_stop": (stopped, {}),
    "armed": (unarmed, {}),
    "attendance": (nobody_there, {}),
    "people_raise_heat": (a_rule_heats, {}),
    "people_drop": (sound_drops, {}),
    "maximum_time": (for_ever, {}),
    "log_works": (log_broken, {}),
}


def test_every_interlock_has_its_mutation() -> None:
    assert set(SCENARIOS) == set(INTERLOCKS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_interlock_is_needed(name: str) -> None:
    scenario, how = SCENARIOS[name]
    assert not scenario(Bench(**how)), f"{name} did not prevent the danger"
    without = {other: rule for other, rule in INTERLOCKS.items() if other != name}
    assert scenario(Bench(rules=without, **how)), f"nothing changes without {name}: it is untested"


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_interlock_names_its_source(name: str) -> None:
    assert "Source:" in (INTERLOCKS[name].__doc__ or "")


def test_heat_brings_drum_and_fan_first() -> None:
    bench = Bench(bean_c=30.0, air_c=30.0).ready()
    decision = bench.ask(HEATER, 60)
    assert [actuator for actuator, _ in decision.writes] == [DRUM, FAN, HEATER]
    assert decision.outcome is Outcome.APPLIED


def test_refusals_say_why() -> None:
    bench = Bench()
    bench.run(1.0)
    decision = bench.ask(HEATER, 60)
    assert (decision.outcome, decision.interlock) == (Outcome.REFUSED, "armed")
    assert "arm" in decision.reason


def test_lowering_heat_is_never_refused() -> None:
    bench = heating(Bench(), 60)
    bench.guard.log_works = False
    bench.guard.disarm()
    assert bench.ask(HEATER, 0, Origin.RULE).outcome is Outcome.APPLIED


def test_emergency_stop_latches_until_armed() -> None:
    bench = heating(Bench())
    bench.guard.emergency_stop("Stop.")
    bench.run(1.0)
    assert bench.heat == 0
    assert (bench.guard.told.drum, bench.guard.told.cooling) == (100, 100)
    assert bench.safe_calls > 0
    assert bench.ask(HEATER, 30).outcome is Outcome.REFUSED
    assert bench.guard.arm(60, bench.now_s) is None
    assert bench.ask(HEATER, 30).outcome is Outcome.APPLIED


def test_lease_that_comes_back_restores_nothing() -> None:
    bench = heating(Bench())
    bench.alive = False
    bench.run(2.0)
    bench.alive = True
    bench.run(5.0)
    assert bench.heat == 0
    assert bench.ask(HEATER, 30).outcome is Outcome.REFUSED


def test_reconnect_restores_nothing_and_waits_for_the_echo() -> None:
    bench = heating(Bench())
    bench.guard.link_lost("unplugged")
    bench.run(1.0)
    bench.echo[HEATER] = 60  # the machine kept its heat
    bench.guard.link_up(bench.now_s)
    bench.run(2.0)
    assert bench.heat == 0
    bench.guard.arm(100, bench.now_s)
    assert bench.ask(HEATER, 30).outcome is Outcome.REFUSED
    bench.echo.clear()
    bench.run(1.0)
    bench.guard.arm(100, bench.now_s)
    assert bench.ask(HEATER, 30).outcome is Outcome.APPLIED


def test_arming_ends_by_itself() -> None:
    bench = Bench()
    bench.run(1.0)
    bench.guard.arm(5, bench.now_s)
    bench.ask(HEATER, 50)
    bench.run(6.0)
    assert bench.heat == 0


def test_arming_is_refused_while_too_hot() -> None:
    bench = Bench(bean_c=240.0)
    bench.run(1.0)
    assert "limit" in (bench.guard.arm(60, bench.now_s) or "")


def test_attendance_is_asked_before_heat_goes() -> None:
    bench = heating(Bench())
    for _ in range(62):
        bench.run(10.0, rise_c_per_s=0.05)
    assert any(notice.kind == "attendance" for notice in bench.guard.notices)
    assert bench.heat == 60
    assert bench.ask(HEATER, 70, Origin.PLAN).outcome is Outcome.REFUSED
    bench.guard.present(bench.now_s)
    assert bench.ask(HEATER, 70, Origin.PLAN).outcome is Outcome.APPLIED


def test_a_spike_is_not_believed_and_a_new_level_is() -> None:
    bench = heating(Bench())
    bench.bean_c = 349.0
    bench.run(0.5)
    assert bench.heat == 0
    bench.bean_c = 180.0
    bench.run(3.0)
    assert bench.ask(HEATER, 40).outcome is Outcome.APPLIED


def test_drop_takes_heat_off_and_turns_the_drum() -> None:
    bench = heating(Bench())
    decision = bench.ask(DOOR, 100)
    assert decision.outcome is Outcome.APPLIED
    assert decision.writes[0] == (HEATER, 0.0)
    assert bench.guard.told.drum == 100
    assert bench.ask(DRUM, 0).outcome is not Outcome.APPLIED


def test_charge_is_refused_with_an_open_door() -> None:
    bench = Bench().ready()
    bench.ask(DOOR, 100)
    assert "door" in (bench.guard.charge(bench.now_s) or "")
    bench.ask(DOOR, 0)
    assert bench.guard.charge(bench.now_s) is None


def test_not_released_while_hot() -> None:
    bench = Bench(bean_c=150.0).ready()
    assert bench.guard.may_release(bench.now_s)
    bench.bean_c, bench.air_c = 40.0, 50.0
    bench.run(5.0)
    assert bench.guard.may_release(bench.now_s) is None


def test_what_a_machine_lacks_is_refused_by_name() -> None:
    bench = Bench(machine=replace(MACHINE, actuators=frozenset({HEATER, FAN})))
    bench.ready()
    decision = bench.ask(DRUM, 50)
    assert decision.outcome is Outcome.REFUSED
    assert "can't set drum" in decision.reason


@pytest.mark.parametrize("target", [float("nan"), float("inf"), -1.0, 101.0])
def test_nonsense_targets_are_refused(target: float) -> None:
    assert Bench().ready().ask(HEATER, target).outcome is Outcome.REFUSED


def test_a_machine_without_probe_never_heats() -> None:
    blind = replace(MACHINE, reads_bean_temp=False, reads_environment_temp=False)
    bench = heating(Bench(machine=blind, bean_c=None, air_c=None))
    assert bench.heat == 0


def test_levels_round_heat_down() -> None:
    steps = replace(MACHINE, levels={HEATER: (0.0, 33.0, 67.0, 100.0)})
    bench = heating(Bench(machine=steps), 60)
    assert bench.heat == 33


def test_a_machine_that_was_left_safe_is_owed_nothing_when_its_link_goes() -> None:
    bench = heating(Bench())
    bench.guard.ask_safe("The end.")
    bench.run(1.0)
    bench.alive = False
    bench.run(2.0)
    bench.guard.link_lost("unplugged")
    bench.run(1.0)
    assert not bench.guard.unsafe_pending
    bench = heating(Bench())
    bench.guard.link_lost("unplugged while heating")
    bench.run(1.0)
    assert bench.guard.unsafe_pending
