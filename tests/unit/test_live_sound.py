"""What people watch of the sound: a spectrogram that shows a pop, and the advice of the level."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from roastwatch.app.live_sound import TOO_QUIET, LiveSound
from roastwatch.channel import Feed
from roastwatch.detection.decision import room
from roastwatch.detection.pops.spectrogram import BANDS, EDGES_HZ, Spectrogram
from roastwatch.pipeline import SampleClock
from roastwatch.vocabulary import (
    AudioBlock,
    AudioLevel,
    Float32Array,
    Hearing,
    HearingState,
    LevelNow,
    SoundProblem,
    SpectrogramColumns,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GOOD = HearingState()


def tone(frequency_hz: float, rate_hz: int, seconds: float = 1.0) -> Float32Array:
    at_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.01 * np.sin(2 * np.pi * frequency_hz * at_s)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("frequency_hz", [1000, 5000])
def test_a_tone_is_brightest_in_its_band(rate_hz: int, frequency_hz: float) -> None:
    begins, columns = Spectrogram(rate_hz).push(0, tone(frequency_hz, rate_hz))
    assert (begins, len(columns), len(columns[0])) == (0, 10, BANDS)
    band = int(np.argmax(np.frombuffer(columns[5], np.uint8)))
    assert EDGES_HZ[band] - 250 <= frequency_hz <= EDGES_HZ[band + 1] + 250


def test_levels_are_decibels_of_white_noise() -> None:
    noise = np.random.default_rng(1).standard_normal(32_000).astype(np.float32)
    _, columns = Spectrogram(32_000).push(0, 10.0 ** (-60 / 20) * noise)
    decibels = -100 + np.frombuffer(columns[5], np.uint8).astype(float) * 100 / 255
    # The loudest of 40 windows is some 7 dB above their mean.
    assert decibels[:47].mean() == pytest.approx(-60 + 7, abs=2)


def test_columns_do_not_depend_on_how_the_sound_is_cut() -> None:
    sound = np.random.default_rng(2).standard_normal(48_000).astype(np.float32)
    _, whole = Spectrogram(48_000).push(0, sound)
    cut, found, begins = Spectrogram(48_000), [], []
    for first in range(0, 48_000, 1000):
        begin, columns = cut.push(first, sound[first : first + 1000])
        found += columns
        begins += [begin] * bool(columns)
    assert found == whole
    assert begins == [4800 * number for number in range(10)]


def test_a_pop_stands_out_in_one_column_and_a_gap_begins_a_new_one() -> None:
    made = Spectrogram(48_000)
    quiet = np.random.default_rng(3).standard_normal(48_000).astype(np.float32) * 1e-4
    quiet[24_100:24_300] *= 300
    _, columns = made.push(0, quiet)
    means = [np.frombuffer(one, np.uint8).mean() for one in columns]
    assert int(np.argmax(means)) == 5
    assert means[5] > np.median(means) + 50
    assert made.push(50_000, quiet[:1000]) == (50_000, [])
    assert made.push(51_000, quiet[:3800])[0] == 50_000


def block(first: int = 0) -> AudioBlock:
    samples = np.random.default_rng(4).standard_normal(12_000).astype(np.float32) * 0.01
    return AudioBlock(first, samples, 0.0)


async def test_columns_and_levels_are_made_for_listeners_only() -> None:
    levels: Feed[LevelNow] = Feed()
    seen: Feed[SpectrogramColumns] = Feed()
    sound = LiveSound("kitchen", levels, seen)
    meter, clock = sound.open(48_000), SampleClock(48_000, NOW)
    assert sound.gather(block()) is None
    sound.measured(NOW)
    with levels.listen() as level, seen.listen():
        assert sound.gather(block()) is not None
        meter.push(block().samples)
        sound.measured(clock.at(12_000))
        sound.measured(clock.at(12_000))
        assert len(level) == 1
        now, seen_now = await level.get(), sound.look(block(4800), clock)
        assert seen_now is not None
        assert now.rms_dbfs == pytest.approx(-40, abs=0.5)
        assert now.at == NOW + timedelta(seconds=0.25)
        assert seen_now.at == NOW + timedelta(seconds=0.1)
        assert (seen_now.column_s, len(seen_now.levels)) == (0.1, 2)
        assert sound.look(AudioBlock(16_800, block().samples[:2000], 0.0), clock) is None
    assert sound.gather(block()) is None


async def test_columns_are_made_for_two_at_once_and_a_gap_starts_again() -> None:
    seen: Feed[SpectrogramColumns] = Feed()
    sound = LiveSound("kitchen", Feed(), seen)
    sound.open(48_000)
    tenth = block().samples[:4800]
    with seen.listen():
        gathered = [
            sound.gather(AudioBlock(first, tenth, 0.0)) for first in (0, 4800, 9600, 50_000, 54_800)
        ]
    found = [(one.first_sample, len(one.samples)) if one else None for one in gathered]
    assert found == [None, (0, 9600), None, None, (50_000, 9600)]


def level(peak_dbfs: float = -20.0, kind: SoundProblem | None = None) -> AudioLevel:
    return AudioLevel(peak_dbfs, peak_dbfs - 12, 0.0, kind and "Do this.", Hearing.GOOD, kind)


@pytest.mark.parametrize(
    ("levels", "hearing", "problem", "advice"),
    [
        ([level()], GOOD, None, ""),
        ([level(kind=SoundProblem.CLIPPING)], GOOD, SoundProblem.CLIPPING, "Do this."),
        ([level(kind=SoundProblem.CLIPPING)], room.BLOCKED, SoundProblem.CLIPPING, "Do this."),
        ([level()], room.LIMITED, SoundProblem.ROOM_LOUD, room.LIMITED.reason),
        ([level(-60)] * 9, GOOD, None, ""),
        ([level(-60)] * 10, GOOD, SoundProblem.TOO_QUIET, TOO_QUIET),
        ([level(-60)] * 10 + [level()], GOOD, None, ""),
        # What limits hearing for some seconds more is not the room.
        ([level()], HearingState(Hearing.LIMITED, "It was clipped."), None, ""),
    ],
)
async def test_advice_names_what_to_improve(
    levels: list[AudioLevel], hearing: HearingState, problem: SoundProblem | None, advice: str
) -> None:
    feed: Feed[LevelNow] = Feed()
    sound = LiveSound("kitchen", feed, Feed())
    meter = sound.open(48_000)
    for one in levels:
        sound.judge(one, hearing)
    with feed.listen() as waiting:
        meter.push(block().samples)
        sound.measured(NOW)
        now = await waiting.get()
    assert (now.problem, now.advice) == (problem, advice)
