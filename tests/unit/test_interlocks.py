"""What the guard does with the interlocks' bounds: order, latches, arming, refusals, release."""

from dataclasses import replace

import pytest

from roastwatch.vocabulary import Origin, Outcome
from tests.support.interlock_scenarios import (
    DOOR,
    DRUM,
    FAN,
    HEATER,
    MACHINE,
    Bench,
    heating,
)


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
    assert (bench.guard.machine.setpoints.drum, bench.guard.machine.setpoints.cooling) == (100, 100)
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


def test_spike_is_not_believed_and_a_new_level_is() -> None:
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
    assert bench.guard.machine.setpoints.drum == 100
    assert bench.ask(DRUM, 0).outcome is not Outcome.APPLIED


def test_charge_is_refused_with_an_open_door() -> None:
    bench = Bench().ready()
    bench.ask(DOOR, 100)
    assert "door" in (bench.guard.batch.charge(bench.now_s) or "")
    bench.ask(DOOR, 0)
    assert bench.guard.batch.charge(bench.now_s) is None


def test_not_released_while_hot() -> None:
    bench = Bench(bean_c=150.0).ready()
    assert bench.guard.machine.may_release(bench.now_s)
    bench.bean_c, bench.air_c = 40.0, 50.0
    bench.run(5.0)
    assert bench.guard.machine.may_release(bench.now_s) is None


def test_what_a_machine_lacks_is_refused_by_name() -> None:
    bench = Bench(machine=replace(MACHINE, actuators=frozenset({HEATER, FAN})))
    bench.ready()
    decision = bench.ask(DRUM, 50)
    assert decision.outcome is Outcome.REFUSED
    assert "can't set drum" in decision.reason


@pytest.mark.parametrize("target", [float("nan"), float("inf"), -1.0, 101.0])
def test_nonsense_targets_are_refused(target: float) -> None:
    assert Bench().ready().ask(HEATER, target).outcome is Outcome.REFUSED


def test_machine_without_probe_never_heats() -> None:
    blind = replace(MACHINE, reads_bean_temp=False, reads_environment_temp=False)
    bench = heating(Bench(machine=blind, bean_c=None, air_c=None))
    assert bench.heat == 0


def test_levels_round_heat_down() -> None:
    steps = replace(MACHINE, levels={HEATER: (0.0, 33.0, 67.0, 100.0)})
    bench = heating(Bench(machine=steps), 60)
    assert bench.heat == 33


def test_machine_that_was_left_safe_is_owed_nothing_when_its_link_goes() -> None:
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
