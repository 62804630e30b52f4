"""How well first crack can be heard: causes, debouncing, and the same at any block size."""

from datetime import UTC, datetime

import numpy as np
import pytest

from roastwatch.audio.level import LevelMeter
from roastwatch.detection.decision.hearing import NOISY, TOP, HearingWatch
from roastwatch.detection.decision.onset import Onset, OnsetOptions
from roastwatch.detection.decision.room import BLOCKED, GOOD, LIMITED
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.odds import probability
from roastwatch.detection.transients import Transients, TransientsOptions
from roastwatch.pipeline import Pipeline
from roastwatch.roast.roast import RoastOptions
from roastwatch.vocabulary import (
    AudioBlock,
    AudioLevel,
    CrackScore,
    Float32Array,
    Hearing,
    HearingState,
    Pop,
)
from tests.support.radio_model import LOUD, PRESENT, QUIET, RadioModel, room
from tests.unit.test_level import RATE_HZ as LEVEL_RATE_HZ
from tests.unit.test_level import gain_controlled
from tests.unit.test_level import room as knocks

RATE = 1000
SPEC = ModelSpec("test", 1, 0.1, 0.05, True, 0.5, candidates=True)
CLIPPED = HearingState(Hearing.LIMITED, "Clipped.")


def watched(states: list[tuple[int, HearingState]], until_s: int) -> list[tuple[int, HearingState]]:
    """What changes in the watch while a room's state changes at these seconds."""
    watch, now = HearingWatch(RATE), GOOD
    changes = []
    for second in range(until_s):
        now = dict(states).get(second, now)
        watch.feed(second * RATE, now, None)
        changes += watch.take_changes()
    return [(sample // RATE, state) for sample, state in changes]


def test_short_changes_of_hearing_are_ignored() -> None:
    flapping = [(n, LIMITED if n % 4 < 2 else GOOD) for n in range(60)]
    assert watched(flapping, 60) == []
    pauses = [(10, LIMITED)] + [(n, GOOD if n % 8 == 0 else LIMITED) for n in range(16, 100)]
    assert watched(pauses, 100) == [(13, LIMITED)]


def test_hearing_gets_worse_within_seconds_and_better_later() -> None:
    found = watched([(10, LIMITED), (20, BLOCKED), (40, LIMITED), (90, GOOD)], 140)
    assert found == [(13, LIMITED), (23, BLOCKED), (80, LIMITED), (130, GOOD)]


def test_radio_between_two_songs_is_still_on() -> None:
    songs = [(10, LIMITED), (40, GOOD), (70, LIMITED), (100, GOOD)]
    assert watched(songs, 160) == [(13, LIMITED), (140, GOOD)]


def test_worst_cause_counts_and_keeps_its_reason() -> None:
    watch = HearingWatch(RATE)
    watch.signal(5 * RATE, CLIPPED)
    for second in range(20):
        watch.feed(second * RATE, LIMITED if second > 10 else GOOD, TOP + 0.1)
    assert watch.state == CLIPPED
    watch.signal(20 * RATE, GOOD)
    for second in range(20, 40):
        watch.feed(second * RATE, LIMITED, TOP + 0.1)
    assert watch.state == LIMITED
    for second in range(40, 90):
        watch.feed(second * RATE, GOOD, TOP + 0.1)
    assert watch.state == NOISY
    for second in range(90, 110):
        watch.feed(second * RATE, GOOD, 0.0)
    assert watch.state == GOOD


def test_signal_counts_from_its_own_sample() -> None:
    watch = HearingWatch(RATE)
    watch.signal(30 * RATE, CLIPPED)
    for second in range(40):
        watch.feed(second * RATE, GOOD, None)
        assert (watch.state == CLIPPED) == (second >= 33)


def test_clear_pops_all_the_time_limit_hearing() -> None:
    never = OnsetOptions(possible_bar=1000, told_bar=1000, certain_bar=1000)
    onset = Onset(never, RATE, SPEC)
    onset.arm(0, charged=True)
    changes = []
    clear = np.random.default_rng(3).random(6000) < 0.03  # no period
    for tenth in range(1, 6000):
        pops = (Pop(tenth * 100 - 10, probability(3.0)),) if clear[tenth] else ()
        onset.feed(CrackScore(tenth * 100, 0.0, 0.5, "test", pops))
        changes += onset.hearing_changes()
    assert [state for _, state in changes] == [NOISY]


def played(block: int) -> list[tuple[int, HearingState]]:
    rate = 8000
    sound = room([(60, QUIET), (60, PRESENT), (60, LOUD), (150, QUIET)], rate)
    sound[280 * rate : 295 * rate] = 0.0  # the microphone is muted
    pipeline = Pipeline(
        "test",
        RadioModel(),
        rate,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        roast=RoastOptions(begins="charge"),
    )
    meter, end, found = LevelMeter(rate), 0, []
    for first in range(0, len(sound), block):
        samples = sound[first : first + block]
        for until, level in meter.pieces(samples):
            pipeline.signal(until, level)
        heard = pipeline.push(AudioBlock(end, samples, 0.0))
        end += len(samples)
        found += heard.hearing
    return found + pipeline.finish().hearing


def test_hearing_does_not_depend_on_block_size() -> None:
    found = played(8000)
    assert [state.hearing.value for _, state in found] == [
        "limited",
        "blocked",
        "limited",  # the radio is off, and is forgotten in time
        "good",
        "blocked",  # silent
        "good",
    ]
    assert "silent" in found[4][1].reason
    assert 63 < found[0][0] / 8000 < 70
    assert 123 < found[1][0] / 8000 < 130
    for block in (1234, 160_000):
        assert played(block) == found


@pytest.mark.parametrize(
    ("scale", "hearing"), [(0.0, Hearing.BLOCKED), (0.05, Hearing.GOOD), (2.0, Hearing.LIMITED)]
)
def test_level_says_what_its_problem_does_to_hearing(scale: float, hearing: Hearing) -> None:
    noise = np.random.default_rng(1).standard_normal(12 * 16_000).astype(np.float32)
    meter = LevelMeter(16_000)
    meter.push(np.clip(noise * np.float32(scale), -1, 1))
    level: AudioLevel = meter.last_second
    assert level.hearing is hearing
    assert (level.problem is None) == (hearing is Hearing.GOOD)


def test_pieces_measure_all_of_the_sound_once() -> None:
    sound: Float32Array = room([(7, QUIET), (6.5, LOUD)], 8000)
    whole, pieces = LevelMeter(8000), LevelMeter(8000)
    whole.push(sound)
    ends = [end for part in np.split(sound, [3000, 50_000]) for end, _ in pieces.pieces(part)]
    whole.finish()
    pieces.finish()
    assert ends == [40_000, 80_000]
    assert pieces.overall.rms_dbfs == pytest.approx(whole.overall.rms_dbfs, abs=1e-6)


def test_gain_control_that_may_be_a_drum_limits_nothing() -> None:
    rate, problems = LEVEL_RATE_HZ, set[str | None]()
    model = Transients(TransientsOptions())
    pipeline = Pipeline("test", model, rate, started_at=datetime.now(UTC))
    meter = LevelMeter(rate)
    sound = gain_controlled(knocks(), 400.0, 10.0)
    for until, level in meter.pieces(sound):
        problems.add(level.problem)
        pipeline.signal(until, level)
    pipeline.push(AudioBlock(0, sound, 0.0))
    assert any(problem and "gain control" in problem for problem in problems)
    assert pipeline.onset.hearing == GOOD
