"""Bounds that contradict each other, arming judged beforehand, and what is loud in any state."""

import asyncio
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from roastwatch.errors import BadInputError
from roastwatch.roaster.driver import HostGone
from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.guardian import Guardian
from roastwatch.roaster.guardian.interlocks import WINS, clamp
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.limits_store import parse_limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.guardian.situation import Bound
from roastwatch.vocabulary import Actuator, Command, Origin, Outcome, Reading
from tests.support.interlock_scenarios import (
    AIR_ONLY,
    COOLING,
    DOOR,
    DRUM,
    FAN,
    FLUID,
    HEATER,
    MACHINE,
    MUTE,
    Bench,
    heating,
)


@pytest.mark.parametrize("actuator", list(Actuator))
@pytest.mark.parametrize("wanted", [None, 0.0, 30.0, 50.0, 100.0])
def test_contradicting_bounds_are_settled_on_the_safe_side(
    actuator: Actuator, wanted: float | None
) -> None:
    """Every pair of an upper and a lower bound that leave no room, in both orders."""
    for low, high in product((40.0, 60.0, 100.0), (0.0, 20.0, 39.0)):
        pair = [
            ("asks", Bound(actuator, "more", at_least=low)),
            ("permits", Bound(actuator, "less", at_most=high)),
        ]
        for found in (pair, pair[::-1]):
            value, name, by = clamp(actuator, wanted, found)
            more = actuator in (DRUM, FAN, COOLING)
            assert (value, name) == ((low, "asks") if more else (high, "permits"))
            assert by is not None


def test_heat_and_door_give_way_and_all_that_moves_the_beans_wins() -> None:
    assert {a for a, pick in WINS.items() if pick == "at_most"} == {HEATER, DOOR}
    assert set(WINS) == set(Actuator)


def test_of_several_bounds_of_one_kind_the_strictest_holds_and_is_named() -> None:
    found = [
        ("a", Bound(FAN, "a", at_least=20)),
        ("b", Bound(FAN, "b", at_least=40)),
        ("c", Bound(FAN, "c", at_least=40)),
    ]
    assert clamp(FAN, 10.0, found)[:2] == (40, "b")
    found = [(name, Bound(HEATER, name, at_most=most)) for name, most in (("a", 50), ("b", 0))]
    assert clamp(HEATER, 80.0, found)[:2] == (0, "b")


def test_refused_arming_changes_nothing() -> None:
    bench = Bench(bean_c=240.0)
    bench.run(1.0)
    bench.guard.emergency_stop("Stop.")
    bench.guard.batch.charge(bench.now_s)
    bench.run(1.0)
    before = bench.guard.situation(bench.now_s)
    assert "limit" in (bench.guard.arm(60, bench.now_s) or "")
    assert bench.guard.situation(bench.now_s) == before


def test_stuck_relay_after_a_trip_is_reported_again_and_again() -> None:
    """Heat off by the limit, unarmed; the beans go on rising."""
    bench = heating(Bench(bean_c=220.0, air_c=225.0))
    bench.run(43.0, rise_c_per_s=0.4)
    assert bench.heat == 0
    assert bench.notified("rise_without_heat") >= 1
    assert bench.bean_c is not None
    assert bench.bean_c < 240
    before = bench.notified("rise_without_heat")
    bench.run(95.0, rise_c_per_s=0.4)
    assert before + 3 <= bench.notified("rise_without_heat") <= before + 4
    assert len({n.message for n in bench.guard.notices if n.kind == "fault"}) > 3


def test_stuck_relay_after_a_stop_is_reported_over_a_link_that_flaps() -> None:
    bench = heating(Bench(bean_c=150.0, air_c=160.0))
    bench.guard.emergency_stop("Stop.")
    for _ in range(12):
        bench.run(10.0, rise_c_per_s=0.3)
        bench.guard.link_lost("flaps")
        bench.guard.link_up(bench.now_s)
    bench.run(10.0, rise_c_per_s=0.3)
    assert bench.notified("rise_without_heat")


def test_machine_whose_heat_we_do_not_set_may_rise() -> None:
    """A thermometer on a roaster that a person heats by hand."""
    bench = Bench(machine=replace(MACHINE, actuators=frozenset({FAN})))
    bench.run(70.0)
    bench.run(300.0, rise_c_per_s=0.4)
    assert not bench.notified("rise_without_heat")


def test_machine_preheated_at_its_panel_can_be_armed_once_it_stops_rising() -> None:
    bench = Bench(bean_c=30.0, air_c=30.0)
    bench.run(70.0)
    bench.run(300.0, rise_c_per_s=0.4)
    assert "with heat off" in (bench.guard.arm(60, bench.now_s) or "")
    bench.run(15.0)
    assert bench.guard.arm(60, bench.now_s) is None


def test_relay_that_sticks_after_the_machine_has_cooled_is_reported() -> None:
    """Long before it is as hot as it was when heat went off."""
    bench = heating(Bench(bean_c=180.0, air_c=200.0))
    bench.ask(HEATER, 0)
    bench.run(300.0, rise_c_per_s=-0.3)
    bench.guard.notices.clear()
    bench.run(200.0, rise_c_per_s=0.25)
    assert bench.air_c is not None
    assert bench.air_c < 170
    assert bench.notified("rise_without_heat")


def test_rising_is_known_unknown_or_over() -> None:
    bench = Bench(bean_c=150.0, air_c=160.0)
    machine = bench.guard.machine
    bench.run(30.0)
    assert machine.rising(bench.now_s) is False
    bench.run(10.0, rise_c_per_s=0.3)
    assert machine.rising(bench.now_s) is True
    bench.run(30.0)
    assert machine.rising(bench.now_s) is False
    bench.guard.link_lost("unplugged")
    assert machine.rising(bench.now_s) is None
    assert machine.lost_hot
    bench.guard.link_up(bench.now_s)
    bench.bean_c = bench.air_c = 40.0
    bench.run(5.0)
    bench.guard.link_lost("unplugged")
    assert machine.rising(bench.now_s) is False
    assert not machine.lost_hot


def test_heat_that_is_short_is_reported_once_with_both_numbers() -> None:
    bench = heating(Bench(), 60)
    bench.run(5.0, rise_c_per_s=0.1)
    bench.echo[HEATER] = 30
    bench.run(20.0, rise_c_per_s=0.1)
    notices = [n for n in bench.guard.notices if n.interlock == "heat_short"]
    assert [n.kind for n in notices] == ["fault"]
    assert "30 %" in notices[0].message
    assert "60 %" in notices[0].message
    assert bench.heat == 60


@pytest.mark.parametrize("period_s", [0.5, 2.0])
def test_heat_that_takes_its_time_is_not_short(period_s: float) -> None:
    limits = Limits(stale_after_s=max(2.5, 2 * period_s))
    bench = heating(Bench(machine=replace(MACHINE, read_period_s=period_s), limits=limits), 60)
    bench.echo[HEATER] = 0
    bench.run(3.0)
    del bench.echo[HEATER]
    bench.run(10.0, rise_c_per_s=0.1)
    assert bench.heat == 60
    assert not bench.notified("heat_short")
    assert not bench.notified("heat_missing")


@pytest.mark.parametrize(("host_gone", "notified"), [("ejects", 1), ("off", 0)])
def test_door_that_opens_by_itself_is_reported_where_a_machine_ejects(
    host_gone: HostGone, notified: int
) -> None:
    bench = heating(Bench(machine=replace(MACHINE, when_host_is_gone=host_gone)))
    bench.ask(DOOR, 0)
    bench.run(2.0)
    bench.echo |= {DOOR: 100, HEATER: 0}
    bench.run(2.0)
    said = [n.message for n in bench.guard.notices if "beans may have dropped" in n.message]
    assert len(said) == notified


def test_door_that_a_person_opened_here_is_not_reported() -> None:
    bench = heating(Bench(machine=replace(MACHINE, when_host_is_gone="ejects")))
    bench.ask(DOOR, 0)
    bench.run(2.0)
    bench.ask(DOOR, 100)
    bench.run(2.0)
    assert not [n for n in bench.guard.notices if "may have dropped" in n.message]


@pytest.mark.parametrize("shows", [True, False])
def test_first_reading_after_gap_under_heat_decides_if_it_restarted(shows: bool) -> None:
    """Heat went off meanwhile, so that only fan and drum can still show what was set."""
    bench = heating(Bench(bean_c=150.0), 60)
    bench.run(3.0, rise_c_per_s=0.1)
    bench.silent = True
    bench.run(4.0)
    assert bench.heat == 0
    bench.silent = False
    if not shows:
        bench.echo |= {FAN: 0, DRUM: 0}
    bench.run(1.0)
    assert (bench.guard.armed_until_s is not None) is shows


def test_gap_under_heat_ends_arming_where_nothing_is_read_back() -> None:
    bench = heating(Bench(bean_c=150.0, machine=MUTE), 60)
    bench.silent = True
    bench.run(4.0)
    bench.silent = False
    bench.run(1.0)
    assert bench.guard.armed_until_s is None


def test_heat_that_goes_off_while_none_is_reported_ends_arming() -> None:
    """An interlock that only lowers heat would hide that the machine restarted."""
    bench = heating(Bench(), 60)
    bench.run(5.0, rise_c_per_s=0.1)
    bench.echo |= {HEATER: 0}
    bench.bean_c = None  # the probe's first reading after a restart is none
    bench.run(0.5)
    assert bench.heat == 0
    assert bench.guard.armed_until_s is None or bench.guard.machine.restarted


def test_made_safe_fan_is_not_undone_where_it_has_no_readback() -> None:
    bench = heating(Bench(bean_c=150.0, machine=MUTE))
    bench.ask(FAN, 25)
    bench.guard.emergency_stop("Stop.")
    bench.run(1.0)
    assert bench.safe_calls
    assert dict(bench.guard.machine.again(bench.now_s))[FAN] == 100


def test_cooling_that_ended_with_heat_is_repeated_without_a_readback() -> None:
    """The one line that said so may be lost."""
    bench = heating(Bench(bean_c=150.0, machine=MUTE))
    assert bench.guard.machine.setpoints.cooling == 0
    assert (COOLING, 0.0) in bench.guard.machine.again(bench.now_s)


def test_fluid_bed_keeps_its_air_until_it_is_cool() -> None:
    bench = heating(Bench(bean_c=None, air_c=190.0, machine=replace(FLUID, reads_bean_temp=False)))
    bench.guard.batch.charge(bench.now_s)
    bench.ask(HEATER, 0)
    bench.guard.emergency_stop("Stop.")
    bench.run(2.0)
    for actuator in (FAN, COOLING):
        bench.ask(actuator, 0)
        bench.run(1.0)
        assert (bench.guard.machine.setpoints.of(actuator) or 0) >= 20
    bench.air_c = 40.0
    bench.run(6.0)
    assert bench.ask(FAN, 0).outcome is Outcome.APPLIED


def test_restart_of_an_idle_machine_is_no_fault() -> None:
    bench = Bench(bean_c=25.0, air_c=25.0)
    bench.run(2.0)
    bench.guard.restarted(bench.now_s)
    bench.run(1.0)
    assert [n.kind for n in bench.guard.notices] == ["recovered"]
    assert bench.guard.arm(60, bench.now_s) is None


async def test_guardian_restores_nothing_when_its_driver_counts_a_restart() -> None:
    now = [1000.0]
    driver = SimulatedRoaster(SimulatedRoaster.Options(drum_c=150), "r", lambda: now[0])
    guard = SafetyState(driver.capabilities, Limits())
    guardian = Guardian(lambda: driver, guard, clock=lambda: now[0])
    guard.link_up(now[0])

    async def turn(seconds: float) -> None:
        for _ in range(round(seconds / 0.25)):
            now[0] += 0.25
            guard.renew(now[0])
            await guardian.step(driver)

    async def heat(origin: Origin) -> Outcome:
        command = Command("c", "r", HEATER, 60.0, origin, now[0])
        answer = asyncio.ensure_future(guardian.request(command))
        await asyncio.sleep(0)
        await guardian.step(driver)
        return (await answer).outcome

    await turn(2.0)
    assert guard.arm(600, now[0]) is None
    assert await heat(Origin.PERSON) is Outcome.APPLIED
    driver.restarts += 1
    assert await heat(Origin.PLAN) is Outcome.REFUSED
    await turn(1.0)
    assert guard.armed_until_s is None
    assert [n.kind for n in guard.notices if n.interlock == "not_restarted"] == ["fault"]
    set_last = {actuator: percent for _, actuator, percent in driver.log}
    assert (set_last[HEATER], set_last[DRUM]) == (0, 100)
    assert guard.arm(600, now[0]) is None
    assert await heat(Origin.PERSON) is Outcome.APPLIED


NUMBERS = [name for name, field in Limits.model_fields.items() if field.annotation is float]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [1e9, -1e9, float("nan"), float("inf"), float("-inf"), "many"])
def test_absurd_limit_is_refused_in_one_sentence(name: str, value: object) -> None:
    with pytest.raises(BadInputError) as refused:
        parse_limits({name: value}, "kitchen.roaster_limits")
    text = str(refused.value)
    assert name in text
    assert "a number from" in text
    assert text.count(". ") == 0


@pytest.mark.parametrize(
    "raw",
    [
        {"fan_min_for_heat_percent": 0},
        {"drum_min_percent": 0},
        {"no_rise_below_c": 190, "bean_temp_max_c": 180},
        {"runaway_above_c": 220, "environment_temp_max_c": 210},
        {"eject_on_overheat": True, "bean_temp_max_c": 240},
        {"plausible_max_c": 280},
    ],
)
def test_limits_that_switch_an_interlock_off_are_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        parse_limits(raw, "limits")


def test_fluid_bed_has_air_whatever_its_limits_say() -> None:
    bench = heating(Bench(machine=FLUID, limits=Limits(fan_min_for_heat_percent=5)))
    bench.ask(FAN, 0)
    assert (bench.guard.machine.setpoints.fan or 0) >= 20


def test_reading_of_a_driver_that_marks_over_range_is_hot() -> None:
    bench = Bench(machine=AIR_ONLY)
    bench.guard.read(Reading("r", bench.now_s, over_range=True), bench.now_s)
    assert bench.guard.machine.hot(bench.now_s)
