"""When a crack that was reported is over: as the rule says, to the very score."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from roastwatch.detection.decision.crack_end import END_POPS, LONGEST_END_S
from roastwatch.detection.decision.onset import Onset, OnsetOptions
from roastwatch.detection.model import ModelSpec
from roastwatch.vocabulary import CrackScore, EventKind, Level, Pop

RATE = 1000
STEP_S = 0.5
BEGINS_S = 200.0
PLAIN = {"reject_trains": False, "reject_turning": False, "own_level": False}


def cracking(seed: int, lasts_s: float, every_s: float) -> list[float]:
    """Pops of a crack that thins out, in seconds; no two in one score, each is sure."""
    rng = np.random.default_rng(seed)
    apart = rng.exponential(every_s, 400) * np.linspace(1, 6, 400)
    times = BEGINS_S + np.cumsum(np.maximum(apart, STEP_S))
    return [float(at) for at in times[times < BEGINS_S + lasts_s]]


def over_at(reported_s: float, onset_s: float, pops: list[float], until_s: float) -> float | None:
    """The rule by its words, with all pops gone through at each score."""
    for step in range(round(reported_s / STEP_S), round(until_s / STEP_S) + 1):
        now_s = step * STEP_S
        inside = [at for at in pops if onset_s <= at < now_s]
        lasted_s = now_s - onset_s
        pace_s = END_POPS * lasted_s / len(inside)
        window_s = max(OnsetOptions().end_after_s, min(pace_s, LONGEST_END_S))
        late = [at for at in inside if at > now_s - window_s]
        if lasted_s >= window_s and len(late) < 2:
            return now_s
    return None


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    lasts_s=st.floats(40, 300),
    every_s=st.floats(0.5, 6),
)
def test_crack_ends_at_the_score_that_the_rule_gives(
    seed: int, lasts_s: float, every_s: float
) -> None:
    pops = [round(at * RATE) / RATE for at in cracking(seed, lasts_s, every_s)]
    until_s = BEGINS_S + lasts_s + 2 * LONGEST_END_S
    onset = Onset(OnsetOptions(**PLAIN), RATE, ModelSpec("test", 1, STEP_S, 0.0, True, 0.5))
    onset.arm(0)
    found = []
    for step in range(1, round(until_s / STEP_S) + 1):
        now_s = step * STEP_S
        here = tuple(Pop(round(at * RATE), 0.95) for at in pops if now_s - STEP_S <= at < now_s)
        found += onset.feed(CrackScore(round(now_s * RATE), 0.0, 0.5, "test", here))
    reported = next((d for d in found if d.level is Level.FIRST_CRACK), None)
    ended = next((d for d in found if d.kind is EventKind.FIRST_CRACK_END), None)
    if reported is None:
        assert ended is None
        return
    expected = over_at(
        reported.decided_sample / RATE, reported.happened_sample / RATE, pops, until_s
    )
    assert (ended and ended.decided_sample / RATE) == expected
