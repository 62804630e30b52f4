"""Clocks and balls are periodic; cracks are not. The filter of crack rates."""

import numpy as np
import pytest

from roastwatch.detection.decision.crack_rate import LONGEST_SILENCE, TICK_S, RateFilter
from roastwatch.detection.decision.periodic import LEAST_POPS, periodic_length


def test_clock_and_bouncing_ball_are_periodic() -> None:
    clock = [3.0 + index for index in range(7)]
    assert periodic_length(clock) == 7
    ball = list(np.cumsum(0.8 * 0.8 ** np.arange(8)))
    assert periodic_length(ball) == 8


def test_periodic_run_begins_where_intervals_become_regular() -> None:
    assert periodic_length([1.0, 5.3, 10.0, 10.5, 11.0, 11.5, 12.0]) == 5


@pytest.mark.parametrize("pops", [[], [1.0], [1.0, 2.0, 3.0, 4.0], [1, 1.4, 3.6, 4.1, 7.9, 8.0]])
def test_few_or_irregular_pops_are_not_periodic(pops: list[float]) -> None:
    assert periodic_length(pops) == 0


@pytest.mark.parametrize("rate", [0.3, 0.6, 1.5])
def test_random_pops_are_rarely_periodic(rate: float) -> None:
    rng = np.random.default_rng(4)
    pops = np.cumsum(rng.exponential(1 / rate, 3000))
    found = sum(periodic_length(pops[: end + 1].tolist()) >= LEAST_POPS for end in range(40, 3000))
    assert found / 2960 < 0.01


def test_crack_outlasts_clatter() -> None:
    def evidence(pops: list[float]) -> float:
        rates, highest = RateFilter(0.015), 0.0
        ticks = {int(pop / TICK_S) for pop in pops}
        for tick in range(round(80 / TICK_S)):
            rates.step(1.0 if tick in ticks else 0.0)
            highest = max(highest, rates.evidence)
        return highest

    clatter = list(50 + np.arange(0, 2.5, 0.2))
    crack = [50, 53, 56.5, 58, 60, 61.3, 63, 65.2, 66, 68.1, 70]
    assert evidence(crack) > 2 * evidence(clatter)


def test_filter_dates_the_onset_and_returns_to_rest() -> None:
    rates = RateFilter(0.015)
    pops = {round(at / TICK_S) for at in (60, 64, 67, 69, 71, 72.5, 74)}
    for tick in range(round(75 / TICK_S)):
        rates.step(1.0 if tick in pops else 0.0)
    assert 45 < rates.onset_tick * TICK_S < 64
    for _ in range(round(120 / TICK_S)):
        rates.step(0.0)
    assert rates.evidence < 0.5


def test_silence_at_once_equals_silence_step_by_step() -> None:
    slow, quick = RateFilter(0.03), RateFilter(0.03)
    rng = np.random.default_rng(5)
    highest = 0.0
    for run in rng.integers(1, LONGEST_SILENCE + 1, 40).tolist():
        weight = float(rng.uniform(0.2, 3))
        for rates in (slow, quick):
            rates.step(weight)
            rates.step(0.8)
        for _ in range(run):
            slow.step(0.0)
        assert quick.silence(run) == run
        highest = max(highest, slow.evidence)
        assert quick.state.tick == slow.state.tick
        assert quick.evidence == pytest.approx(slow.evidence, abs=1e-9)
        assert quick.onset_tick == pytest.approx(slow.onset_tick, abs=1e-6)
    assert highest > 3


def test_silence_stops_where_evidence_reaches_the_threshold() -> None:
    slow, quick = RateFilter(0.015), RateFilter(0.015)
    for rates in (slow, quick):  # two knocks pass for a clatter, until none follows
        rates.step(1.0)
        rates.step(1.0)
    passed = quick.silence(12, below=0.1)
    assert 0 < passed < 12
    for _ in range(passed):
        assert slow.evidence < 0.1
        slow.step(0.0)
    assert quick.evidence == pytest.approx(slow.evidence, abs=1e-9)
    assert quick.evidence >= 0.1
