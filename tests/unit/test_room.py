"""A radio beside the roaster raises the threshold of pops, and its beat withdraws them."""

import numpy as np
import pytest

from roastwatch.detection.decision.adaptive_threshold import LOWEST
from roastwatch.detection.decision.evidence import PopLikelihood
from roastwatch.detection.decision.onset import Onset, OnsetOptions
from roastwatch.detection.decision.rhythm import MUSIC, Rhythm
from roastwatch.detection.decision.room import HIGHEST_LEVEL, SILENT, Radio, Room
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.odds import probability
from roastwatch.vocabulary import CrackScore, Pop

RATE = 1000
SPEC = ModelSpec("test", 1, 0.1, 0.05, True, 0.5, candidates=True)
Pops = dict[int, float]
"""How far above the threshold pops are, in logits, by their sample."""


def score(step: int, radio: tuple[float, float] | None, pops: Pops) -> CrackScore:
    end = (step + 1) * RATE // 10
    found = (Pop(at, probability(over)) for at, over in pops.items() if end - 100 <= at < end)
    return CrackScore(end, 0.0, 0.5, "test", tuple(found), radio)


def after(room: Room, seconds: float, chance: float) -> Radio:
    """What the room knows after more seconds of a radio of this probability."""
    first = (room._last or 0) // 100
    scores = [score(step, (chance, 0.0), {}) for step in range(first, first + int(seconds * 10))]
    for one in scores:
        room.feed(one)
    return room.at(scores[-1].end_sample)


def test_radio_is_known_after_seconds_held_over_a_pause_and_forgotten() -> None:
    room = Room(RATE)
    assert after(room, 1, 1.0).present < 0.5
    assert after(room, 20, 1.0).present > 0.9
    assert after(room, 4, 0.0).present > 0.5
    assert after(room, 90, 0.0).present < 0.1


def test_a_score_counts_once() -> None:
    room, twice = Room(RATE), Room(RATE)
    for step in range(100):
        one = score(step, (0.8, 0.1), {})
        room.feed(one)
        twice.feed(one)
        twice.feed(one)
        twice.feed(score(step // 2, (0.0, 0.0), {}))
    assert twice.at(10_000) == room.at(10_000) != SILENT


def test_the_louder_a_radio_may_be_the_clearer_must_a_pop_be() -> None:
    levels = [Radio(chance, 0.0).least_level for chance in np.linspace(0, 1, 50).tolist()]
    assert levels == sorted(levels)
    assert levels[0] == LOWEST == SILENT.least_level
    assert levels[-1] == HIGHEST_LEVEL
    assert Radio(0.0, 0.9).least_level == Radio(0.9, 0.0).least_level


def reports(pops: Pops, radio: tuple[float, float] | None, until_s: int) -> list[float]:
    """When first crack is reported, in seconds: the charge is known."""
    onset = Onset(OnsetOptions(), RATE, SPEC)
    onset.arm(0, charged=True)
    decisions = [
        decision
        for step in range(until_s * 10)
        for decision in onset.feed(score(step, radio, pops))
        if decision.level == "first_crack"
    ]
    return [decision.decided_sample / RATE for decision in decisions]


def random_pops(over: float) -> Pops:
    times = 400 + np.cumsum(np.random.default_rng(1).exponential(2.0, 60))
    return {round(at_s * RATE): over for at_s in times.tolist()}


@pytest.mark.parametrize(("over", "heard"), [(-0.6, False), (2.5, True)])
def test_only_clear_pops_count_beside_a_radio(over: float, heard: bool) -> None:
    assert reports(random_pops(over), None, 540)
    assert reports(random_pops(over), (0.0, 0.0), 540)
    assert bool(reports(random_pops(over), (0.9, 0.2), 540)) is heard


def hits(bpm: float, until_s: float, share: float, seed: int) -> list[float]:
    """Sixteenths of a beat, some of them left out, played to within 5 ms."""
    rng = np.random.default_rng(seed)
    grid = np.arange(2, until_s, 60 / bpm / 4)
    played = grid[rng.random(len(grid)) < share]
    return [float(at_s) for at_s in played + rng.normal(0, 0.005, len(played))]


def music(times_s: list[float]) -> Rhythm:
    rhythm = Rhythm(RATE, MUSIC)
    for at_s in times_s:
        rhythm.note(round(at_s * RATE))
    return rhythm


@pytest.mark.parametrize("bpm", [80, 100, 120])
def test_the_beat_of_music_is_found_and_recognised(bpm: float) -> None:
    played = hits(bpm, 40, 0.25, 3)
    rhythm = music(played)
    assert rhythm.found
    recognised = [rhythm.brings(round(at_s * RATE)) for at_s in played[-20:]]
    assert sum(recognised) >= 18


def test_random_pops_have_no_beat() -> None:
    found = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        times = np.cumsum(rng.exponential(rng.uniform(0.3, 2), 120))
        found += music(times.tolist()).found
    assert found <= 1


def test_a_beat_that_was_faint_before_is_not_first_crack() -> None:
    def at_times(times_s: list[float]) -> Pops:
        return {round((350 + at_s) * RATE): -1.85 if at_s < 50 else 0.3 for at_s in sorted(times_s)}

    played = hits(110, 150, 0.15, 5)
    assert reports(at_times(played), None, 540) == []
    shuffled = np.random.default_rng(6).uniform(2, 150, len(played))
    assert reports(at_times(shuffled.tolist()), None, 540)


def test_rhythms_of_a_roast_that_goes_on_are_kept() -> None:
    before = PopLikelihood(OnsetOptions(), RATE, SPEC, 0)
    after_it = PopLikelihood(OnsetOptions(), RATE, SPEC, 9, before)
    assert after_it._rhythms is before._rhythms
    assert PopLikelihood(OnsetOptions(reject_turning=False), RATE, SPEC, 0)._rhythms == ()
