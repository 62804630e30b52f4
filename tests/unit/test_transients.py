"""The model-free detector: its pops, and independence of block size, level and rate."""

import numpy as np
import pytest

from roastwatch.detection.transients import Transients, TransientsOptions
from roastwatch.errors import BadInputError
from roastwatch.vocabulary import CrackScore, Float32Array

POPS_S = (3.0, 4.5, 6.2)


def sound(rate: int, seconds: float = 8.0, seed: int = 1) -> Float32Array:
    """Noise that falls with frequency, a hum, and three clicks."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(round(seconds * rate)) * 0.02
    at_s = np.arange(len(noise)) / rate
    made = noise + 0.1 * np.sin(2 * np.pi * 120 * at_s)
    click_s = np.arange(round(0.02 * rate)) / rate
    for pop_s in POPS_S:
        click = rng.standard_normal(len(click_s)) * np.exp(-click_s / 0.002) * 0.5
        first = round(pop_s * rate)
        made[first : first + len(click)] += click
    return made.astype(np.float32)


def scores(samples: Float32Array, rate: int, block: int = 10_000) -> list[CrackScore]:
    stream = Transients(TransientsOptions()).open(rate)
    found = []
    for first in range(0, len(samples), block):
        found += stream.push(samples[first : first + block])
    return found + stream.finish()


def pops_s(found: list[CrackScore], rate: int) -> list[float]:
    return [pop.sample / rate for s in found for pop in s.pops if pop.probability >= 0.5]


@pytest.mark.parametrize("rate", [16_000, 32_000, 44_100, 48_000, 96_000])
def test_clicks_are_pops_at_every_rate(rate: int) -> None:
    found = scores(sound(rate), rate)
    np.testing.assert_allclose(pops_s(found, rate), POPS_S, atol=0.01)
    assert found[-1].end_sample <= 8 * rate
    assert found[-1].end_sample > 7.8 * rate


@pytest.mark.parametrize("block", [1, 160, 777, 48_000, 10**6])
def test_scores_do_not_depend_on_block_size(block: int) -> None:
    samples = sound(16_000)
    samples = samples[:40_000] if block == 1 else samples
    assert scores(samples, 16_000, block) == scores(samples, 16_000)


def test_scores_do_not_depend_on_level() -> None:
    loud = pops_s(scores(sound(32_000), 32_000), 32_000)
    assert pops_s(scores(sound(32_000) * 0.1, 32_000), 32_000) == loud


def test_long_sound_and_beep_are_not_pops() -> None:
    rate = 32_000
    rng = np.random.default_rng(2)
    hiss = rng.standard_normal(8 * rate) * 0.01
    hiss[4 * rate : 5 * rate] *= 20
    at_s = np.arange(rate // 10) / rate
    hiss[6 * rate : 6 * rate + rate // 10] += np.sin(2 * np.pi * 4000 * at_s)
    assert pops_s(scores(hiss.astype(np.float32), rate), rate) == []


def test_silence_and_invalid_samples_are_not_pops() -> None:
    rate = 16_000
    broken = np.zeros(6 * rate, dtype=np.float32)
    broken[3 * rate : 3 * rate + 5] = [np.nan, np.inf, -np.inf, np.nan, np.inf]
    assert pops_s(scores(broken, rate), rate) == []


def test_samples_count_on_over_a_gap() -> None:
    rate = 16_000
    stream = Transients(TransientsOptions()).open(rate)
    stream.push(sound(rate))
    stream.reset(rate)
    found = stream.push(sound(rate))
    np.testing.assert_allclose(pops_s(found, rate), [9 + at_s for at_s in POPS_S], atol=0.01)


def test_too_low_sample_rate_is_refused() -> None:
    with pytest.raises(BadInputError, match="7999 Hz"):
        Transients(TransientsOptions()).open(7999)
