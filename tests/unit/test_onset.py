"""The decision: three levels, dated onset, sample positions, rejection by a person."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roastwatch.detection.decision.adaptive_threshold import LOWEST, AdaptiveThreshold
from roastwatch.detection.decision.crack_decision import CrackDecision
from roastwatch.detection.decision.onset import STILL_S, Onset, OnsetOptions
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.odds import probability
from roastwatch.vocabulary import CrackScore, EventKind, Level, Pop

RATE = 1000
SPEC = ModelSpec("test", 1, 0.1, 0.05, True, 0.5)
WINDOWS = ModelSpec("windows", 1, 2.0, 0.0, False, 0.5)
ROAST = (40.0, 300, 304, 307, 309, 311, 312.5, 314, 316, 319, 322, 326, 331, 340)


def score(end_s: float, pops: list[float]) -> CrackScore:
    return CrackScore(
        round(end_s * RATE), 0.0, 0.5, "test", tuple(Pop(round(p * RATE), 0.95) for p in pops)
    )


def feed(
    onset: Onset, pops: tuple[float, ...], end_s: float = 400, step_s: float = 0.1
) -> list[CrackDecision]:
    decisions: list[CrackDecision] = []
    steps = round(end_s / step_s)
    waiting = sorted(pops)
    for step in range(1, steps + 1):
        now_s = step * step_s
        here = [p for p in waiting if p < now_s]
        waiting = waiting[len(here) :]
        decisions += onset.feed(score(now_s, here))
    return decisions


def armed(**options: float) -> Onset:
    onset = Onset(OnsetOptions(**options), RATE, SPEC)
    onset.arm(0)
    return onset


def test_crack_passes_its_levels_and_ends() -> None:
    found = feed(armed(), ROAST)
    assert [(d.kind, d.level) for d in found] == [
        (EventKind.FIRST_CRACK, Level.POSSIBLE),
        (EventKind.FIRST_CRACK, Level.FIRST_CRACK),
        (EventKind.FIRST_CRACK, Level.CERTAIN),
        (EventKind.FIRST_CRACK_END, None),
    ]
    assert all(285 * RATE <= d.happened_sample <= 304 * RATE for d in found[:3])
    assert 322 * RATE <= found[3].happened_sample <= 340 * RATE
    assert [d.decided_sample for d in found] == sorted(d.decided_sample for d in found)
    assert all(d.decided_sample > d.happened_sample for d in found)
    assert all(0 <= d.confidence <= 1 for d in found)


def test_isolated_pop_does_not_date_the_onset() -> None:
    cracks = tuple(300.0 + 2 * number for number in range(14))
    for lonely_s in (280.0, 280.5, 281.0, 283.0):
        reported = [d for d in feed(armed(), (lonely_s, *cracks)) if d.level is Level.FIRST_CRACK]
        assert [d.happened_sample for d in reported] == [300 * RATE]


def test_displayed_pops_date_the_onset_even_if_they_count_partly() -> None:
    onset = Onset(OnsetOptions(), RATE, replace(SPEC, evidence_over=1.0, candidates=True))
    onset.arm(0)
    shown = probability(0.8)
    pops = [(282.0, 0.97), *((300.0 + 3 * number, shown) for number in range(20))]
    found = [decision for tenth in range(1, 4000) for decision in onset.feed(_scored(tenth, pops))]
    assert [d.happened_sample for d in found if d.level is Level.FIRST_CRACK] == [300 * RATE]


def test_occasional_stray_pops_decide_nothing() -> None:
    assert all(d.level is Level.POSSIBLE for d in feed(armed(), tuple(range(10, 400, 25))))


def test_clatter_counts_as_one_pop_per_second() -> None:
    clatter = tuple(50 + 0.04 * index for index in range(40))
    assert all(d.level is not Level.FIRST_CRACK for d in feed(armed(), clatter))


def test_nothing_is_decided_unless_armed() -> None:
    onset = Onset(OnsetOptions(), RATE, SPEC)
    assert feed(onset, ROAST, 320) == []
    assert (onset.pops_per_minute or 0) > 10
    onset = armed()
    onset.disarm()
    assert feed(onset, ROAST) == []


def test_rearmed_onset_decides_again() -> None:
    onset = armed()
    assert feed(onset, ROAST)
    onset.arm(500 * RATE)
    again = [d for end in range(501, 900) for d in onset.feed(score(end, _within(end)))]
    assert [d.level for d in again][:2] == [Level.POSSIBLE, Level.FIRST_CRACK]
    assert again[0].happened_sample >= 500 * RATE


def _within(end_s: int) -> list[float]:
    return [pop + 500 for pop in ROAST if end_s - 1 <= pop + 500 < end_s]


def test_priors_move_thresholds_but_never_rule_a_crack_out() -> None:
    def decided_s(weight: float) -> int:
        onset = armed()
        onset.weigh(weight)
        decided = (d for d in feed(onset, ROAST) if d.level is Level.FIRST_CRACK)
        return next(decided).decided_sample

    assert decided_s(5.0) < decided_s(0.0) < decided_s(-3.0) == decided_s(-1000.0)


def test_sensitivity_moves_the_thresholds() -> None:
    slow, quick = armed(sensitivity=0.3), armed(sensitivity=0.9)
    reported = [
        next(d.decided_sample for d in feed(o, ROAST) if d.level is Level.FIRST_CRACK)
        for o in (quick, slow)
    ]
    assert reported[0] < reported[1]


def test_rejected_crack_needs_more_evidence_for_a_while() -> None:
    onset = armed()
    assert feed(onset, (90, 93, 97, 98.5, 101, 104, 106.5), 110)
    onset.not_a_crack(110 * RATE)
    assert onset.progress == 0.0
    after = [d for end in range(111, 700) for d in onset.feed(score(end, _again(end)))]
    assert Level.FIRST_CRACK in {d.level for d in after}
    assert all(d.happened_sample >= 285 * RATE for d in after)


def _again(end_s: int) -> list[float]:
    return [pop for pop in ROAST if pop > 110 and end_s - 1 <= pop < end_s]


def test_long_gap_resets_undecided_evidence() -> None:
    onset = armed()
    for end in range(1, 303):
        onset.feed(score(end, [p for p in (300.5, 301.7) if end - 1 <= p < end]))
    assert onset.progress > 0.3
    onset.gap(5 * RATE, 307 * RATE)
    assert onset.progress == 0.0


@pytest.mark.parametrize(("every_s", "lost_s"), [(1, 0.02), (5, 0.02), (20, 1.0)])
def test_short_gaps_do_not_prevent_a_report(every_s: int, lost_s: float) -> None:
    whole, torn = armed(), armed()
    found = []
    for end in range(1, 700):
        if end % every_s == 0:
            torn.gap(round(lost_s * RATE), round((end - 0.8) * RATE))
        found += torn.feed(score(end, [p for p in ROAST if end - 1 <= p < end]))
    reported = [d for d in found if d.level is Level.FIRST_CRACK]
    (of_whole,) = [d for d in feed(whole, ROAST) if d.level is Level.FIRST_CRACK]
    assert len(reported) == 1
    assert abs(reported[0].decided_sample - of_whole.decided_sample) <= 5 * RATE


def test_windows_without_pops_decide() -> None:
    onset = Onset(OnsetOptions(), RATE, WINDOWS)
    onset.arm(0)
    found = []
    for index in range(1, 60):
        said = 4.0 if index > 30 else -4.0
        found += onset.feed(CrackScore(index * 2 * RATE, said, 0.5, "windows"))
    assert [d.level for d in found] == [Level.POSSIBLE, Level.FIRST_CRACK, Level.CERTAIN]
    assert 60 * RATE <= found[0].happened_sample <= 64 * RATE
    assert onset.pops_per_minute is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(1, 99), max_size=60), st.sampled_from([0.05, 0.5, 1.0]))
def test_statistic_stays_in_bounds_for_any_pops(pops: list[float], step_s: float) -> None:
    onset = armed()
    found = feed(onset, tuple(pops), 100, step_s)
    assert 0 <= onset.progress <= 1
    assert sum(d.level is Level.FIRST_CRACK for d in found) <= 1
    assert all(d.happened_sample <= d.decided_sample for d in found)


FAINT = (300, 302.5, 304, 307, 309, 311, 312.5, 314, 315.2, 317, 319, 320.4, 322, 324, 326)


def reported(
    stray_every_s: float, faint: float, *, rejected_at_s: float | None = None
) -> list[float]:
    """Report times for faint pops among clearer stray ones, in seconds."""
    onset = Onset(OnsetOptions(), RATE, replace(SPEC, pop_threshold=0.8, candidates=True))
    onset.arm(0)
    strays = [at * stray_every_s for at in range(1, int(400 / stray_every_s))]
    found = []
    for tenth in range(1, 4001):
        heard = [(at_s, faint) for at_s in FAINT] + [(at_s, 0.75) for at_s in strays]
        if rejected_at_s == tenth / 10:
            onset.not_a_crack(tenth * RATE // 10)
        found += [d for d in onset.feed(_scored(tenth, heard)) if d.level is Level.FIRST_CRACK]
    return [d.decided_sample / RATE for d in found]


def test_faint_pops_count_if_stray_pops_are_rare() -> None:
    [at_s] = reported(stray_every_s=500, faint=0.65)
    assert 305 < at_s < 330
    assert reported(stray_every_s=15.7, faint=0.65) == []
    assert len(reported(stray_every_s=500, faint=0.65, rejected_at_s=170)) == 1


def test_adaptive_threshold_follows_stray_pops() -> None:
    quiet, noisy = (AdaptiveThreshold(0.015, RATE, 0) for _ in range(2))
    assert quiet.level(0) == 0
    assert quiet.level(150 * RATE) == 0  # too soon to know
    for at_s in range(0, 400, 10):
        noisy.note(at_s * RATE, 0.7)
    assert quiet.level(400 * RATE) == pytest.approx(LOWEST)
    assert 0.6 < noisy.level(400 * RATE) < 1
    before = noisy.level(300 * RATE)
    noisy.note(500 * RATE, 1.2)
    assert noisy.level(300 * RATE) == before  # what was noted ahead changes nothing


def test_pops_right_after_a_charge_are_noise() -> None:
    level = AdaptiveThreshold(0.015, RATE, 0, still_s=120.0)
    for at_s in range(0, 200, 4):
        level.note(at_s * RATE, 0.7)
    assert level.level(10 * RATE) == 0
    assert 0.6 < level.level(40 * RATE) < 1

    def first_reported_s(loudness: float, *, charged: bool) -> float:
        onset = Onset(OnsetOptions(), RATE, replace(SPEC, candidates=True))
        onset.arm(0, charged=charged)
        busy = [(6.0 * pop + 1.7 * math.sin(3.0 * pop), loudness) for pop in range(1, 20)]
        crack = [(400 + 1.7 * pop + 0.5 * math.sin(3.0 * pop), 0.97) for pop in range(18)]
        scores = [_scored(end, busy + crack) for end in range(1, 4501)]
        found = [d for one in scores for d in onset.feed(one) if d.level is Level.FIRST_CRACK]
        return found[0].decided_sample / RATE

    for loudness in (0.68, 0.85):
        assert first_reported_s(loudness, charged=False) < 60
        assert 400 < first_reported_s(loudness, charged=True) < 430


def test_nothing_is_reported_while_noise_is_learnt() -> None:
    loud = [(2.0 * pop + 0.7 * math.sin(3.0 * pop), 0.97) for pop in range(1, 60)]

    def found_s(charged: bool) -> list[float]:
        onset = Onset(OnsetOptions(), RATE, replace(SPEC, candidates=True))
        onset.arm(0, charged=charged)
        found = []
        for end in range(1, round(10 * STILL_S)):
            found += onset.feed(_scored(end, loud))
            assert (onset.progress == 0) or not charged
        return [d.decided_sample / RATE for d in found]

    assert found_s(charged=False)[0] < 20
    assert found_s(charged=True) == []


def test_pop_counts_in_full_only_above_evidence_over() -> None:
    pops = [(at_s, 0.6) for at_s in ROAST]  # 0.4 logits over the threshold

    def reported_s(over: float, candidates: bool = True, charged: bool = False) -> list[float]:
        spec = replace(SPEC, evidence_over=over, candidates=candidates)
        onset = Onset(OnsetOptions(), RATE, spec)
        onset.arm(0, charged=charged)
        found = [d for end in range(1, 4001) for d in onset.feed(_scored(end, pops))]
        return [d.decided_sample / RATE for d in found if d.level is Level.FIRST_CRACK]

    assert reported_s(0.0)[0] < reported_s(0.25)[0]
    assert reported_s(3.0) == []  # farther below than the quietest place's level and the fade
    assert reported_s(3.0, candidates=False) == reported_s(0.0, candidates=False) != []
    assert reported_s(3.0, charged=True) == reported_s(0.0, charged=True) != []


def test_long_crack_is_not_learnt_as_noise() -> None:
    onset = Onset(OnsetOptions(), RATE, replace(SPEC, candidates=True))
    onset.arm(0)
    crack = [(200 + 1.3 * pop + 0.5 * math.sin(3.0 * pop), 0.8) for pop in range(150)]
    found = [d for end in range(1, 5001) for d in onset.feed(_scored(end, crack))]
    ends = [d for d in found if d.kind is EventKind.FIRST_CRACK_END]
    assert [round(d.happened_sample / RATE) for d in ends] == pytest.approx([394], abs=3)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(1, 290), st.sampled_from([0.3, 0.45, 0.6, 0.95])), max_size=90),
    st.floats(10, 200),
    st.floats(0.3, 2.0),
    st.integers(5, 300),
    st.booleans(),
    st.booleans(),
)
def test_skipping_scores_gives_the_same_decisions(
    heard: list[tuple[float, float]],
    clock_s: float,
    beat_s: float,
    block: int,
    second: bool,
    candidates: bool,
) -> None:
    clock = [(clock_s + beat * beat_s, 0.9) for beat in range(9)]
    scores = [_scored(end, heard + clock) for end in range(1, 3001)]
    spec = replace(SPEC, candidates=candidates)
    slow, quick = (Onset(OnsetOptions(second_crack=second), RATE, spec) for _ in range(2))
    slow.arm(0)
    quick.arm(0)
    expected = [decision for one in scores for decision in slow.feed(one)]
    found: list[CrackDecision] = []
    for first in range(0, len(scores), block):
        part = scores[first : first + block]
        while part:
            skipped = quick.skip(part)
            part = part[skipped:]
            if part and not skipped:
                found += quick.feed(part.pop(0))
    assert [replace(d, confidence=0.0) for d in found] == [
        replace(d, confidence=0.0) for d in expected
    ]
    assert [d.confidence for d in found] == pytest.approx([d.confidence for d in expected])
    assert quick.statistic == pytest.approx(slow.statistic, abs=1e-9)
    assert quick.pops_per_minute == slow.pops_per_minute


def test_silence_is_skipped() -> None:
    onset = armed()
    assert onset.skip([score(end / 10, []) for end in range(1, 101)]) == 100
    assert onset.skip([score(10.1, []), score(10.2, [10.15]), score(10.3, [])]) == 1


def _scored(tenth: int, heard: list[tuple[float, float]]) -> CrackScore:
    here = (pop for pop in heard if tenth - 1 <= 10 * pop[0] < tenth)
    pops = tuple(Pop(round(at_s * RATE), chance) for at_s, chance in sorted(here))
    return CrackScore(tenth * RATE // 10, 0.0, 0.5, "test", pops)
