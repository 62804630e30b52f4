"""Corners of the guard in which heat or drum could be left as they should not be."""

from dataclasses import replace

import pytest

from roastwatch.roaster.guardian.limits import Limits
from roastwatch.vocabulary import Outcome
from tests.support.interlock_scenarios import (
    COOLING,
    DRUM,
    HEATER,
    MACHINE,
    Bench,
    heating,
)


def test_little_heat_that_stays_on_after_0_is_a_contradiction() -> None:
    bench = heating(Bench(), 60)
    bench.ask(HEATER, 0)
    bench.run(2.0)
    bench.echo[HEATER] = 10.0
    bench.run(1.0)
    assert (HEATER, 0.0) in bench.guard.machine.again(bench.now_s)
    bench.run(5.0)
    assert "heater_contradicts" in [notice.interlock for notice in bench.guard.notices]


def test_little_more_heat_than_was_set_is_within_its_rounding() -> None:
    bench = heating(Bench(), 60)
    bench.echo[HEATER] = 67.0
    bench.run(8.0)
    assert bench.heat == 60


def test_machine_found_with_broken_probe_is_made_safe_once_it_shows_hot() -> None:
    bench = Bench(bean_c=None, air_c=None)
    bench.run(3.0)
    assert bench.safe_calls == 0
    bench.bean_c = bench.air_c = 190.0
    bench.run(2.0)
    assert bench.safe_calls == 1
    assert bench.guard.machine.setpoints.drum == 100


def test_nobody_stops_a_drum_of_which_nobody_knows_whether_it_is_hot() -> None:
    """The machine turned before we came, so that nothing of ours turned it."""
    bench = Bench(bean_c=None, air_c=None)
    bench.run(2.0)
    assert bench.guard.machine.setpoints.drum is None
    decision = bench.ask(DRUM, 0)
    assert (decision.outcome, decision.interlock) == (Outcome.LIMITED, "drum_turns")
    assert bench.guard.machine.setpoints.drum == 100


def test_machine_without_any_probe_may_stop_its_drum() -> None:
    """Nothing would ever say that it is cool; it can't heat either."""
    blind = replace(MACHINE, reads_bean_temp=False, reads_environment_temp=False)
    bench = Bench(bean_c=None, air_c=None, machine=blind)
    bench.run(2.0)
    assert bench.ask(DRUM, 0).outcome is Outcome.APPLIED


def test_cooling_that_came_with_make_safe_ends_when_a_person_heats_again() -> None:
    bench = Bench(bean_c=150.0, air_c=160.0).ready()
    assert bench.safe_calls == 1  # found hot
    assert bench.guard.machine.setpoints.cooling == 100
    decision = bench.ask(HEATER, 50)
    assert decision.outcome is Outcome.APPLIED
    assert decision.writes.index((COOLING, 0.0)) < decision.writes.index((HEATER, 50.0))
    assert [move.interlock for move in decision.moves if move.actuator is COOLING] == [
        "cooling_for_safety"
    ]
    bench.run(2.0)
    assert bench.heat == 50
    assert bench.guard.machine.setpoints.cooling == 0


def test_cooling_that_a_person_chose_stays_while_they_heat() -> None:
    bench = Bench().ready()
    bench.ask(COOLING, 60)
    bench.ask(HEATER, 50)
    bench.run(2.0)
    assert bench.guard.machine.setpoints.cooling == 60


def test_cooling_stays_while_heat_is_refused() -> None:
    bench = Bench(bean_c=150.0, air_c=160.0).ready()
    bench.guard.emergency_stop("Stop.")
    bench.run(1.0)
    assert bench.ask(HEATER, 50).outcome is Outcome.REFUSED
    bench.run(1.0)
    assert bench.guard.machine.setpoints.cooling == 100


def test_drop_ends_the_roast_so_that_a_next_batch_may_follow_hot() -> None:
    """A machine whose door nobody can see open."""
    plain = replace(MACHINE, actuators=frozenset({HEATER, DRUM}), echoes=frozenset())
    bench = heating(Bench(bean_c=120.0, air_c=130.0, machine=plain))
    bench.guard.batch.charge(bench.now_s)
    bench.run(600.0, rise_c_per_s=0.1)
    bench.ask(HEATER, 0)
    bench.guard.batch.dropped()
    bench.run(1200.0)
    assert bench.bean_c is not None
    assert bench.guard.machine.hot(bench.now_s)
    assert bench.guard.arm(1800.0, bench.now_s) is None
    assert bench.ask(HEATER, 50).outcome is Outcome.APPLIED


@pytest.mark.parametrize("heats", [True, False])
def test_reading_that_never_moves_while_it_heats_is_a_fault(heats: bool) -> None:
    """A frozen module behind the wire answers on time, always the same."""
    bench = heating(Bench(bean_c=190.3, air_c=221.7, limits=Limits(frozen_s=60.0)))
    if not heats:
        bench.ask(HEATER, 0)
    bench.guard.notices.clear()
    bench.run(70.0)
    notified = [notice.interlock for notice in bench.guard.notices]
    assert ("frozen_reading" in notified) is heats
    assert bench.heat == 0


def test_frozen_bean_probe_beside_a_moving_one_is_a_fault() -> None:
    """Each probe is judged alone: the moving one does not speak for the other."""
    bench = heating(Bench(bean_c=190.0, air_c=221.0, limits=Limits(frozen_s=60.0)))
    for second in range(100):
        bench.air_c = 221.0 + second // 25 % 2
        bench.run(1.0)
    assert bench.heat == 0
    assert bench.notified("probe_follows") == 1
