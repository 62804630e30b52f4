"""A dense roll of cracks is not taken for faint music once first crack is reported; music is."""

from datetime import UTC, datetime

import numpy as np
import pytest

from roastwatch.detection.decision.crack_decision import CrackDecision
from roastwatch.detection.decision.onset import Onset, OnsetOptions
from roastwatch.detection.decision.room import LIMITED
from roastwatch.detection.pops.model import PopsModel
from roastwatch.pipeline import Pipeline
from roastwatch.roast.roast import RoastOptions
from roastwatch.synth.programmes import music
from roastwatch.synth.rates import CrackPhase, RoastRates
from roastwatch.synth.roasts import SynthRoast
from roastwatch.synth.shapes import high_band, rms
from roastwatch.vocabulary import AudioBlock, EventKind, Float32Array, HearingState, Level
from tests.unit.test_room import RATE, SPEC, random_pops, score

RATE_HZ = 32_000
ROLL_S, MUSIC_S, END_S = 40, 65, 92


@pytest.fixture(scope="module")
def roll() -> Float32Array:
    """Cracks from 40 s on, four a second at their height, 20 dB above the roaster."""
    first = CrackPhase(onset_s=ROLL_S, rise_s=10.0, hold_s=45.0, fall_s=10.0, peak_per_s=4.0)
    curve = RoastRates(110.0, first)
    roast = SynthRoast(1, RATE_HZ, curve=curve, fooling_per_h=0, pop_level_db=20.0)
    return np.concatenate(list(roast.blocks(2.0)))[: END_S * RATE_HZ]


def hearing(sound: Float32Array) -> list[tuple[float, HearingState]]:
    """From when on first crack can be heard how well, in s; it is reported by 60 s."""
    pipeline = Pipeline(
        "test",
        PopsModel(),
        RATE_HZ,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        roast=RoastOptions(begins="sound"),
    )
    heard, rest = pipeline.push(AudioBlock(0, sound, 0.0)), pipeline.finish()
    [reported] = [
        event.decided_sample
        for event in heard.events
        if event.kind is EventKind.FIRST_CRACK and event.level is Level.FIRST_CRACK
    ]
    assert reported is not None
    assert ROLL_S < reported / RATE_HZ < 60
    return [(sample / RATE_HZ, state) for sample, state in heard.hearing + rest.hearing]


def test_dense_roll_of_cracks_does_not_limit_hearing(roll: Float32Array) -> None:
    assert hearing(roll) == []


def test_music_after_first_crack_limits_hearing(roll: Float32Array) -> None:
    programme = music(np.random.default_rng(2), RATE_HZ, END_S - MUSIC_S)
    bed = rms(high_band(roll[: 30 * RATE_HZ], RATE_HZ, 3000.0))
    louder = np.float32(10 ** (8 / 20) * bed / rms(high_band(programme, RATE_HZ, 3000.0)))
    sound = roll.copy()
    sound[MUSIC_S * RATE_HZ :] += louder * programme[: len(sound) - MUSIC_S * RATE_HZ]
    [(at_s, state), *_] = hearing(sound)
    assert state.reason == LIMITED.reason
    assert MUSIC_S < at_s < MUSIC_S + 20


@pytest.mark.parametrize(("radio", "limited"), [(0.35, False), (0.7, True)])
def test_only_a_sure_radio_limits_hearing_while_cracks_roll(radio: float, limited: bool) -> None:
    onset, pops = Onset(OnsetOptions(), RATE, SPEC), random_pops(2.5)
    onset.arm(0, charged=True)
    reported: list[CrackDecision] = []
    states: list[HearingState] = []
    for step in range(5400):
        chance = radio if reported else 0.01
        decisions = onset.feed(score(step, (chance, 0.01), pops))
        reported += [one for one in decisions if one.level is Level.FIRST_CRACK]
        states += [state for _, state in onset.hearing_changes()]
    assert len(reported) == 1
    assert (LIMITED in states) is limited
