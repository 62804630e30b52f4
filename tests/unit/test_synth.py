import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from roastwatch.supervise import ComponentHealth
from roastwatch.synth import (
    backgrounds,
    distractors,
    fire_crackles,
    pops,
    programmes,
    rates,
    rooms,
)
from roastwatch.synth.clips import Kitchen, Recipe, SynthClip
from roastwatch.synth.roasts import SynthRoast
from roastwatch.synth.shapes import add_at, fast_size, high_band, loudest_rms, rms
from roastwatch.synth.source import DemoOptions, DemoSource


def short_curve() -> rates.RoastRates:
    first = rates.CrackPhase(onset_s=4.0, rise_s=1.0, hold_s=4.0, fall_s=1.0, peak_per_s=3.0)
    return rates.RoastRates(duration_s=11.3, first=first)


def test_fast_sizes_are_smooth_and_not_smaller() -> None:
    for n in (1, 2, 7, 97, 1000, 44101):
        size = fast_size(n)
        assert size >= n
        for prime in (2, 3, 5):
            while size % prime == 0:
                size //= prime
        assert size == 1


@pytest.mark.parametrize("rate_hz", [16000, 44100])
def test_pop_is_a_short_click_with_high_frequencies(rate_hz: int) -> None:
    rng = np.random.default_rng(3)
    for _ in range(30):
        family = replace(pops.draw_family(rng), doublets=0.0)
        sound = pops.pop(rng, family, rate_hz)
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()
        assert loudest_rms(high_band(sound, rate_hz, 3500), rate_hz) == pytest.approx(1, rel=1e-3)
        peak = int(np.argmax(np.abs(high_band(sound, rate_hz, 3500))))
        assert peak < 0.01 * rate_hz


def fire(rate_hz: int, at_s: tuple[float, ...]) -> np.ndarray:
    """A rumble with cracks 30 dB over it."""
    rng = np.random.default_rng(6)
    sound = rng.standard_normal(4 * rate_hz).astype(np.float32) * np.float32(0.001)
    above = rms(high_band(sound, rate_hz, 3500))
    for at in at_s:
        crack = pops.pop(rng, replace(pops.draw_family(rng), doublets=0.0), rate_hz)
        add_at(sound, int(at * rate_hz), crack * np.float32(above * 30))
    return sound


def test_cracks_are_cut_from_fire() -> None:
    at_s = (0.5, 0.9, 1.6, 2.2, 3.4)
    cracks = fire_crackles.cut(fire(44100, at_s), 44100)
    assert len(cracks) == len(at_s)
    for crack in cracks:
        assert 0.006 < len(crack) / 44100 <= 0.082
        assert loudest_rms(high_band(crack, 44100, 3500), 44100) == pytest.approx(1, rel=1e-3)
    assert fire_crackles.cut(fire(44100, ()), 44100) == []
    assert fire_crackles.cut(fire(44100, at_s)[:4000], 44100) == []  # too short to know its noise


def test_fire_cracks_are_at_the_labelled_times() -> None:
    fires = [
        fire_crackles.Fire(44100, tuple(fire_crackles.cut(fire(44100, (0.5, 1, 2, 3)), 44100)))
    ]
    recipe = Recipe(cracks=1, fire=1, fooling_with_cracks=0, rooms=0, lossy=0)
    kitchen = Kitchen(np.random.default_rng(9), 16000, 4.0, recipe, fires=fires, stock=1)
    over = []
    for _ in range(10):
        clip = kitchen.clip()
        high = high_band(clip.samples, 16000, 3500)
        quiet = float(np.median(np.abs(high)))
        starts = (np.array(clip.pops_s) * 16000).astype(int)
        over += [np.abs(high[at : at + 128]).max() / quiet for at in starts]
    assert len(over) > 10
    assert float(np.median(over)) > 8


@pytest.mark.parametrize("name", list(distractors.MAKERS))
def test_distractor_is_seeded_and_has_its_length(name: str) -> None:
    for rate_hz in (16000, 48000):
        first = distractors.draw(np.random.default_rng(5), rate_hz, 2.0, name)[1]
        again = distractors.draw(np.random.default_rng(5), rate_hz, 2.0, name)[1]
        assert first.shape == (2 * rate_hz,)
        assert first.dtype == np.float32
        assert np.abs(first).max() <= 1.001
        np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", list(programmes.PROGRAMMES))
def test_radio_programme_is_seeded_and_fills_its_length(name: str) -> None:
    make = programmes.PROGRAMMES[name]
    for rate_hz in (16000, 48000):
        sounds = [make(np.random.default_rng(seed), rate_hz, 6.0) for seed in (3, 3, 4)]
        assert sounds[0].shape == (6 * rate_hz,)
        assert sounds[0].dtype == np.float32
        assert np.abs(sounds[0]).max() == pytest.approx(1, rel=1e-3)
        np.testing.assert_array_equal(sounds[0], sounds[1])
        assert not np.array_equal(sounds[0], sounds[2])


def test_drums_repeat_over_bars() -> None:
    repeating = 0
    for seed in range(8):
        sound = programmes.drums(np.random.default_rng(seed), 16000, 20.0)
        envelope = np.abs(high_band(sound, 16000, 3000)).reshape(-1, 160).mean(1)
        envelope -= envelope.mean()
        likeness = np.correlate(envelope, envelope, "full")[len(envelope) :]
        beats = likeness[15:550] / np.sum(envelope**2)  # from 0.15 to 5.5 s
        repeating += beats.max() > 0.4
    assert repeating >= 6


def test_clips_without_a_radio_do_not_depend_on_its_settings() -> None:
    def clip(recipe: Recipe) -> np.ndarray:
        return Kitchen(np.random.default_rng(4), 16000, 3.0, recipe, stock=1).clip().samples

    np.testing.assert_array_equal(clip(Recipe()), clip(Recipe(music_db=(0, 1), music_whole=0)))
    assert not np.array_equal(clip(Recipe()), clip(Recipe(music=1)))


@pytest.mark.parametrize("real", [False, True])
def test_radio_plays_in_clips_at_the_level_asked_for(real: bool) -> None:
    still: dict[str, Any] = {
        "cracks": 0.0,
        "bare": 0.0,
        "fooling_without": 0.0,
        "rooms": 0.0,
        "lossy": 0.0,
    }

    def cut(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.sin(np.arange(n, dtype=np.float32) * 2)

    for level_db in (-12.0, 6.0):
        recipe = Recipe(
            **still,
            music=1.0,
            music_whole=1.0,
            music_real=float(real),
            music_db=(level_db, level_db),
            music_weights=(("strings", 1.0),),
        )
        radio = [("music", cut)] if real else []
        dry, bed = np.zeros(16000 * 4, np.float32), np.ones(16000 * 4, np.float32)
        kitchen = Kitchen(np.random.default_rng(4), 16000, 4.0, recipe, radio=radio, stock=1)
        kind, played = kitchen._add_radio(dry, bed, bare=False)
        assert kind == ("music" if real else "strings")
        added = bed - 1 if real else dry
        np.testing.assert_allclose(added, played, atol=1e-6)
        assert 20 * np.log10(rms(added)) == pytest.approx(level_db, abs=0.1)
        assert kind in kitchen.clip().kinds


def test_switched_radio_is_silent_for_part_of_the_clip() -> None:
    recipe = Recipe(music=1.0, music_whole=0.0, music_real=1.0)

    def cut(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.sin(np.arange(n, dtype=np.float32) * 2)

    for seed in range(5):
        dry, bed = (np.zeros(16000 * 4, np.float32) for _ in range(2))
        bed += 1
        kitchen = Kitchen(
            np.random.default_rng(seed), 16000, 4.0, recipe, radio=[("music", cut)], stock=1
        )
        kitchen._add_radio(dry, bed, bare=False)
        levels = [rms(piece - 1) for piece in np.split(bed, 20)]
        silent, loud = sorted((levels[0], levels[-1]))
        assert silent < 1e-3 * loud


def test_clip_knows_how_loud_its_radio_is_and_which_cracks_it_drowns() -> None:
    def noise(rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.normal(0, 1, n).astype(np.float32)

    def clip(level_db: float, seed: int) -> SynthClip:
        recipe = Recipe(
            cracks=1.0,
            bare=0.0,
            fooling_with_cracks=0.0,
            music=1.0,
            music_whole=1.0,
            music_real=1.0,
            music_db=(level_db, level_db),
        )
        rng = np.random.default_rng(seed)
        return Kitchen(rng, 32000, 4.0, recipe, radio=[("music", noise)], stock=1).clip()

    for seed in range(4):
        soft, loud = clip(-30.0, seed), clip(20.0, seed)
        assert soft.radio_db is not None
        assert loud.radio_db is not None
        assert soft.radio_db.shape == (40,)
        np.testing.assert_allclose(loud.radio_db - soft.radio_db, 50, atol=0.5)
        assert set(soft.masked_s) < set(loud.masked_s) <= set(loud.pops_s)
        assert Kitchen(np.random.default_rng(seed), 16000, 2.0).clip().radio_db is None


@pytest.mark.parametrize("kind", backgrounds.KINDS)
def test_bed_is_steady_between_pieces(kind: backgrounds.BedKind) -> None:
    rng = np.random.default_rng(2)
    bed = replace(backgrounds.draw_bed(rng, kind), wander_db=0.0, scrape=0.0)
    levels = [
        rms(backgrounds.render(bed, rng, 32000, 32000, start)) for start in (0, 32000, 7_000_000)
    ]
    assert max(levels) < 2.5 * min(levels)
    assert 0.5 < levels[0] < 8


def test_microphones_give_finite_sound_of_equal_length() -> None:
    rng = np.random.default_rng(4)
    sound = backgrounds.render(backgrounds.draw_bed(rng), rng, 16000, 16000) * np.float32(0.1)
    for change in ({}, {"gain": True}, {"suppression": True}, {"codec": True}, {"clip_db": 6.0}):
        heard = rooms.recorded(
            rng, sound, 16000, rooms.MicrophoneResponse((20, 9000), (0, 0), **change)
        )
        assert heard.shape == sound.shape
        assert np.isfinite(heard).all()
        assert np.abs(heard).max() <= 1


def test_roast_does_not_depend_on_block_size() -> None:
    roast = SynthRoast(7, 16000, curve=short_curve())
    once = np.concatenate(list(roast.blocks(0.1)))
    again = np.concatenate(list(SynthRoast(7, 16000, curve=short_curve()).blocks(0.737)))
    np.testing.assert_array_equal(once, again)
    assert len(once) == int(11.3 * 16000)
    other = np.concatenate(list(SynthRoast(8, 16000, curve=short_curve()).blocks()))
    assert not np.array_equal(once, other)


def test_cracks_of_a_roast_are_at_their_true_times() -> None:
    roast = SynthRoast(
        3, 32000, kind="fluid", curve=short_curve(), pop_level_db=25, fooling_per_h=0
    )
    sound = high_band(np.concatenate(list(roast.blocks())), 32000, 4000)
    quiet = rms(sound[int(3.2 * 32000) : int(3.9 * 32000)])
    loud = [pop for pop in roast.truth.pops if pop.level_db > 15]
    assert len(loud) >= 3
    for pop in loud:
        at = int(pop.at_s * 32000)
        assert loudest_rms(sound[at : at + 640], 32000) > 2.5 * quiet
    assert roast.truth.first_crack_at_s == 4.0


async def test_demo_plays_the_roast_of_its_truth() -> None:
    options = DemoOptions(seed=2, speed=0, sample_rate_hz=16000, first_crack_at_s=5.0)
    part = ComponentHealth("demo")
    heard = 0
    async with DemoSource(options, part) as source:
        assert source.truth.first_crack_at_s == 5.0
        async for block in source.blocks():
            assert block.first_sample == heard
            heard = block.end_sample
            if heard > 16000 * 6:
                break
        await asyncio.sleep(0)


def test_demo_without_cracks_has_none() -> None:
    source = DemoSource(DemoOptions(seed=2, cracks=False), ComponentHealth("demo"))
    assert source.truth.pops == ()
    assert source.truth.first_crack_at_s is None
