"""Only pops in step with the drum are ignored."""

import numpy as np
import pytest

from roastwatch.detection.decision.evidence import EvidenceOptions, PopLikelihood
from roastwatch.detection.decision.onset import Onset, OnsetOptions
from roastwatch.detection.decision.rhythm import Rhythm
from roastwatch.detection.model import ModelSpec
from roastwatch.vocabulary import CrackScore, Level, Pop

RATE = 1000
SPEC = ModelSpec("test", 1, 0.1, 0.05, True, 0.5, candidates=True)


def scrapes(turn_s: float, until_s: float, share: float, seed: int) -> list[float]:
    """At one place of the turn, 5 ms to and fro, in a share of the turns."""
    rng = np.random.default_rng(seed)
    turns = np.arange(3, until_s, turn_s)
    heard = turns[rng.random(len(turns)) < share]
    jitter_s = rng.normal(0, 0.005, len(heard))
    return [float(at_s) for at_s in heard + jitter_s]


def noted(times_s: list[float]) -> Rhythm:
    rotation = Rhythm(RATE)
    for at_s in times_s:
        rotation.note(round(at_s * RATE))
    return rotation


@pytest.mark.parametrize(("turn_s", "share"), [(0.41, 0.8), (1.3, 0.6), (2.1, 0.9)])
def test_scrape_in_some_turns_is_found_and_recognised(turn_s: float, share: float) -> None:
    rotation = noted(scrapes(turn_s, 90, share, 1))
    assert rotation.found
    ahead = 3 + turn_s * np.ceil(90 / turn_s) + turn_s * np.arange(3)
    for at_s in ahead.tolist():
        assert rotation.brings(round(at_s * RATE))
        for aside in (0.3, 0.5, 0.7):
            assert not rotation.brings(round((at_s + aside * turn_s) * RATE))


def test_random_pops_form_no_rotation() -> None:
    found = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        times = np.cumsum(rng.exponential(rng.uniform(0.3, 3), 100))
        found += noted(times.tolist()).found
    assert found <= 1


def test_ended_rotation_is_forgotten() -> None:
    rng = np.random.default_rng(5)
    rotation = noted(scrapes(1.3, 60, 0.8, 2))
    assert rotation.found
    for at_s in (60 + np.cumsum(rng.exponential(2, 60))).tolist():
        rotation.note(round(at_s * RATE))
    assert not rotation.found


def test_known_rotation_survives_a_minute_with_few_scrapes() -> None:
    rng = np.random.default_rng(2)
    fewer = [at for at in scrapes(1.3, 180, 0.4, 3) if at > 100]
    strays = (100 + np.cumsum(rng.exponential(5, 20))).tolist()
    later = sorted(fewer + [at for at in strays if at < 180])
    assert not noted(later).found  # too few to be found anew
    rotation = noted(scrapes(1.3, 100, 0.8, 2) + later)
    assert rotation.found
    assert rotation.brings(round((3 + 1.3 * 140) * RATE))


def reported(pops: list[float], end_s: int, *, reject_turning: bool = True) -> list[float]:
    """Report times of first crack, in seconds."""
    onset = Onset(OnsetOptions(reject_turning=reject_turning), RATE, SPEC)
    onset.arm(0, charged=True)
    found = []
    for tenth in range(1, 10 * end_s):
        here = tuple(Pop(round(at * RATE), 0.9) for at in pops if tenth - 1 <= 10 * at < tenth)
        score = CrackScore(tenth * RATE // 10, 0.0, 0.5, "test", here)
        found += [d for d in onset.feed(score) if d.level is Level.FIRST_CRACK]
    return [decision.decided_sample / RATE for decision in found]


def test_cracks_are_detected_over_equally_loud_scrapes() -> None:
    rng = np.random.default_rng(7)
    scraping = scrapes(1.3, 400, 0.6, 3)
    cracks = (300 + np.cumsum(rng.exponential(1.2, 60))).tolist()
    assert not reported(scraping, 300)
    heard = reported(sorted(scraping + cracks), 400)
    assert len(heard) == 1
    assert 300 < heard[0] < 345
    assert reported(scraping, 300, reject_turning=False)


def test_continued_roast_keeps_its_rotation() -> None:
    def heard(likelihood: PopLikelihood, tenths: range) -> float:
        for tenth in tenths:
            here = (Pop(tenth * RATE // 10 - 50, 0.9),) if tenth % 17 == 3 else ()
            likelihood.feed(CrackScore(tenth * RATE // 10, 0.0, 0.5, "test", here))
        return likelihood.evidence

    options = EvidenceOptions(reject_trains=False, own_level=False)
    first = PopLikelihood(options, RATE, SPEC, 0)
    heard(first, range(1, 600))
    later = range(600, 660)
    assert heard(PopLikelihood(options, RATE, SPEC, 60 * RATE), later) > 1
    assert heard(PopLikelihood(options, RATE, SPEC, 60 * RATE, first), later) < 0.1


def test_earlier_pops_in_step_are_withdrawn_once_rotation_is_known() -> None:
    likelihood = PopLikelihood(EvidenceOptions(reject_trains=False), RATE, SPEC, 0)
    evidence = []
    for tenth in range(1, 600):
        at_s = tenth / 10 - 0.05
        here = (Pop(round(at_s * RATE), 0.6),) if tenth % 17 == 3 else ()
        likelihood.feed(CrackScore(tenth * RATE // 10, 0.0, 0.5, "test", here))
        evidence.append(likelihood.evidence)
    assert max(evidence) > 1
    assert evidence[-1] < 0.1


def test_faint_random_pops_do_not_hide_a_rotation() -> None:
    rng = np.random.default_rng(7)
    faint = [(at, 0.25) for at in np.cumsum(rng.exponential(1.5, 90)).tolist()]
    pops = sorted([(at, 0.9) for at in scrapes(1.3, 90, 0.5, 4)] + faint)
    likelihood = PopLikelihood(EvidenceOptions(reject_trains=False), RATE, SPEC, 0)
    for tenth in range(1, 900):
        here = tuple(
            Pop(round(at * RATE), chance) for at, chance in pops if tenth - 1 <= 10 * at < tenth
        )
        likelihood.feed(CrackScore(tenth * RATE // 10, 0.0, 0.5, "test", here))
    assert not likelihood.matters(Pop(round((3 + 1.3 * 68) * RATE), 0.99))
    assert likelihood.matters(Pop(round((3 + 1.3 * 68.5) * RATE), 0.99))
