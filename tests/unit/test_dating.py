"""The date of first crack: the first displayed pop of the group that led to the decision."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from roastwatch.detection.decision.crack_decision import CrackDecision
from roastwatch.detection.decision.onset import Onset, OnsetOptions
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.odds import probability
from roastwatch.vocabulary import CrackScore, EventKind, Level, Pop

RATE = 1000
SPEC = ModelSpec("test", 1, 0.1, 0.05, True, 0.5, candidates=True)
CLEAR, SHOWN, FAINT = probability(2.0), probability(0.3), probability(-0.7)
"""Counts in full and is displayed; displayed; counts only over a quiet roaster, not displayed."""
ROLL = (300.0, 303.1, 305.6, 306.2, 309.0, 310.4, 311.9, 313.1, 314.2, 316.9, 318.3)

Pops = Sequence[tuple[float, float]]


def at(times_s: Sequence[float], chance: float) -> list[tuple[float, float]]:
    return [(time_s, chance) for time_s in times_s]


def decide(
    pops: Pops, spec: ModelSpec = SPEC, end_s: float = 400, *, charged: bool = False
) -> list[CrackDecision]:
    onset = Onset(OnsetOptions(), RATE, spec)
    onset.arm(0, charged=charged)
    found: list[CrackDecision] = []
    left = sorted(pops)
    for tenth in range(1, round(end_s * 10) + 1):
        now_s = tenth / 10
        here = [pop for pop in left if pop[0] < now_s]
        left = left[len(here) :]
        heard = tuple(Pop(round(time_s * RATE), chance) for time_s, chance in here)
        found += onset.feed(CrackScore(round(now_s * RATE), 0.0, 0.5, "test", heard))
    return found


def dated(pops: Pops, spec: ModelSpec = SPEC, *, charged: bool = False) -> float:
    """The onset in seconds."""
    found = decide(pops, spec, charged=charged)
    (happened,) = [d.happened_sample for d in found if d.level is Level.FIRST_CRACK]
    return happened / RATE


@pytest.mark.parametrize("lone_s", [(240.0,), (252.0,), (262.0, 278.0), (240.0, 254.0)])
def test_lone_pops_before_the_roll_do_not_date_it(lone_s: tuple[float, ...]) -> None:
    assert dated(at((*lone_s, *ROLL), CLEAR)) == 300


@pytest.mark.parametrize("every_s", [1.5, 2.5, 4.0, 6.0])
@pytest.mark.parametrize("chance", [CLEAR, SHOWN])
def test_roll_after_silence_is_dated_at_its_first_pop(every_s: float, chance: float) -> None:
    rng = np.random.default_rng(round(every_s * 10))
    apart = every_s * rng.uniform(0.5, 1.5, 25)
    assert dated(at([300.0, *(300 + np.cumsum(apart)).tolist()], chance)) == 300


@pytest.mark.parametrize("seed", range(4))
def test_faint_candidates_before_the_roll_do_not_date_it(seed: int) -> None:
    faint_s = np.random.default_rng(seed).uniform(270, 299, 3).tolist()
    assert dated([*at(faint_s, FAINT), *at(ROLL, CLEAR)]) == 300


@pytest.mark.parametrize("seed", range(4))
def test_roll_over_many_stray_pops_is_dated_at_its_first_pop(seed: int) -> None:
    stray_s = np.cumsum(np.random.default_rng(seed).uniform(9, 21, 19)).tolist()
    stray_s = [time_s for time_s in stray_s if time_s < 287]
    assert dated([*at(stray_s, SHOWN), *at(ROLL, CLEAR)], charged=True) == 300


def test_ticks_of_a_clock_do_not_date_the_roll() -> None:
    ticks_s = np.arange(286, 289.2, 0.4).tolist()
    assert dated(at((*ticks_s, *ROLL), CLEAR)) == 300


def test_roast_without_displayed_pops_is_dated_at_its_first_candidate() -> None:
    roll_s = (300 + np.cumsum(np.random.default_rng(1).uniform(0.6, 1.8, 40))).tolist()
    assert dated(at(roll_s, FAINT)) == round(roll_s[0], 3)


def test_crack_with_a_pause_is_not_dated_after_the_pause() -> None:
    before_s = (300.0, 304.0, 308.5, 311.0, 315.0)
    after_s = [328.0 + 3 * number for number in range(8)]
    assert dated(at((*before_s, *after_s), SHOWN), replace(SPEC, evidence_over=0.7)) == 300


def test_end_is_dated_at_the_last_pop_even_if_no_pop_is_clear() -> None:
    """Without a known charge, the pops of a loud crack may all be just below clear."""
    spec = replace(SPEC, evidence_over=0.7)
    rng = np.random.default_rng(3)
    roll_s = (60 + np.cumsum(rng.exponential(0.9, 45))).tolist()
    pops = [(time_s, probability(float(rng.uniform(0.3, 1.1)))) for time_s in roll_s]
    stray = (roll_s[-1] + 30.0, CLEAR)
    found = decide([*pops, stray], spec)
    assert [d.kind for d in found].count(EventKind.FIRST_CRACK_END) == 1
    assert found[-1].happened_sample == round(roll_s[-1] * RATE)


def test_end_of_a_thinning_crack_is_at_its_last_pop_in_company() -> None:
    thinning_s = [330.0, 337.0, 347.0, 358.0]
    found = decide(at((*ROLL, *thinning_s), CLEAR), end_s=460)
    assert found[-1].kind is EventKind.FIRST_CRACK_END
    assert found[-1].happened_sample == 358 * RATE


def test_each_date_of_a_crack_is_at_a_displayed_pop() -> None:
    rng = np.random.default_rng(5)
    for _ in range(10):
        crack_s = 300 + np.cumsum(rng.exponential(3.0, 30))
        stray_s = rng.uniform(0, 300, 6)
        faint_s = rng.uniform(0, 400, 12)
        seen_s = sorted(chain(crack_s.tolist(), stray_s.tolist()))
        found = decide([*at(seen_s, CLEAR), *at(faint_s.tolist(), FAINT)])
        assert any(d.level is Level.FIRST_CRACK for d in found)
        assert {d.happened_sample for d in found} <= {round(time_s * RATE) for time_s in seen_s}
