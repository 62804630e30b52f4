"""Levels are correct; processing is detected in synthesised sound and not in real recordings."""

from pathlib import Path

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from roastwatch.audio.file import open_file
from roastwatch.audio.level import LevelMeter
from roastwatch.vocabulary import Float32Array, Hearing

RATE_HZ = 16_000


def metered(samples: Float32Array | NDArray[np.float64], block: int = 4_000) -> LevelMeter:
    meter = LevelMeter(RATE_HZ)
    for at in range(0, len(samples), block):
        meter.push(samples[at : at + block].astype(np.float32))
    meter.finish()
    return meter


def room(seconds: float = 60.0, noise_db: float = -40.0, knocks: bool = True) -> Float32Array:
    """Steady noise with a decaying knock every four seconds."""
    random = np.random.default_rng(7)
    sound = random.standard_normal(round(seconds * RATE_HZ)) * 10 ** (noise_db / 20)
    knock = random.standard_normal(RATE_HZ // 2)
    knock *= 0.4 * np.exp(-np.arange(RATE_HZ // 2) / (0.05 * RATE_HZ))
    if knocks:
        for at in range(2 * RATE_HZ, len(sound) - RATE_HZ, 4 * RATE_HZ):
            sound[at : at + len(knock)] += knock
    return sound.astype(np.float32)


def with_gain(sound: Float32Array, gains_db: list[float]) -> Float32Array:
    """Apply one gain per 10 ms, linearly interpolated."""
    frame = RATE_HZ // 100
    at = np.arange(len(sound)) / frame
    gains = np.interp(at, np.arange(len(gains_db)), gains_db)
    return (sound * 10 ** (gains / 20)).astype(np.float32)


def frame_levels(sound: Float32Array) -> Float32Array:
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    levels: Float32Array = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    return levels


def gain_controlled(
    sound: Float32Array, attack_db_per_s: float, release_db_per_s: float
) -> Float32Array:
    """Gain control: lowers sound above -30 dBFS at once, and recovers slowly."""
    gain, gains = 0.0, []
    for level in frame_levels(sound):
        error = -30.0 - (level + gain)
        step = -attack_db_per_s if error < 0 else release_db_per_s
        gain = min(0.0, gain + step / 100) if abs(error) > 0.5 else gain
        gains.append(gain)
    return with_gain(sound, gains)


def gated(sound: Float32Array, floor_db: float, release_s: float) -> Float32Array:
    """Gate: closes 0.25 s after the last sound that is 12 dB above the noise."""
    levels = frame_levels(sound)
    threshold = np.median(levels) + 12
    gain, hold, gains = floor_db, 0, []
    for level in levels:
        hold = 25 if level > threshold else hold - 1
        gain = 0.0 if hold > 0 else max(floor_db, gain + floor_db * 0.01 / release_s)
        gains.append(gain)
    return with_gain(sound, gains)


def test_a_full_scale_sine_is_at_minus_3_dbfs() -> None:
    meter = metered(0.998 * np.sin(np.arange(3 * RATE_HZ) * 2 * np.pi * 440 / RATE_HZ))
    for level in (meter.last_second, meter.overall):
        assert level.peak_dbfs == pytest.approx(0.0, abs=0.05)
        assert level.rms_dbfs == pytest.approx(-3.01, abs=0.05)
        assert level.clipped_percent == 0.0


@pytest.mark.parametrize("block", [1, 160, 4_001, 100_000])
def test_blocks_of_any_size_give_the_same_level(block: int) -> None:
    sound = room(3.0)
    assert metered(sound, block).overall.rms_dbfs == pytest.approx(
        metered(sound).overall.rms_dbfs, abs=1e-4
    )


def test_only_the_last_second_counts_for_the_sliding_level() -> None:
    sound = np.concatenate([np.full(RATE_HZ, 0.5), np.full(RATE_HZ, 0.05)])
    meter = metered(sound)
    assert meter.last_second.peak_dbfs == pytest.approx(-26.0, abs=0.1)
    assert meter.overall.peak_dbfs == pytest.approx(-6.0, abs=0.1)


def test_a_fresh_meter_has_finite_levels() -> None:
    level = LevelMeter(RATE_HZ).last_second
    assert np.isfinite([level.peak_dbfs, level.rms_dbfs]).all()


@pytest.mark.parametrize("knocks", [True, False])
@pytest.mark.parametrize("noise_db", [-75.0, -60.0, -40.0, -20.0])
def test_an_unprocessed_microphone_gives_no_warning(noise_db: float, knocks: bool) -> None:
    meter = metered(room(noise_db=noise_db, knocks=knocks))
    assert meter.warnings == []
    assert meter.last_second.problem is None


def test_clipping_is_detected() -> None:
    meter = metered(np.clip(room(noise_db=-6.0), -1, 1))
    assert len(meter.warnings) == 1
    assert "clipped" in meter.warnings[0]
    assert "clipped" in (meter.last_second.problem or "")
    assert meter.overall.clipped_percent == pytest.approx(4.6, abs=0.5)


@pytest.mark.parametrize("stuck_at", [0.0, 0.25])
def test_a_dead_microphone_is_detected_until_it_recovers(stuck_at: float) -> None:
    dead = np.full(12 * RATE_HZ, stuck_at, np.float32)
    meter = LevelMeter(RATE_HZ)
    meter.push(room(5.0))
    meter.push(dead)
    assert "The microphone is silent: " in (meter.last_second.problem or "")
    meter.push(room(1.0))
    assert meter.last_second.problem is None
    meter.finish()
    assert ["silent for 12 s" in warning for warning in meter.warnings] == [True]


def test_a_second_of_silence_is_not_a_dead_microphone() -> None:
    meter = metered(np.concatenate([room(5), np.zeros(3 * RATE_HZ, np.float32), room(5)]))
    assert meter.warnings == []


def test_short_sound_that_is_all_silent_is_detected() -> None:
    assert "all of the sound" in metered(np.zeros(RATE_HZ, np.float32)).warnings[0]


@pytest.mark.parametrize("release_db_per_s", [5.0, 10.0, 30.0])
def test_gain_control_is_detected(release_db_per_s: float) -> None:
    meter = metered(gain_controlled(room(), 400.0, release_db_per_s))
    assert ["gain control" in warning for warning in meter.warnings] == [True]
    assert "gain control" in (meter.last_second.problem or "")
    assert meter.last_second.hearing is Hearing.GOOD  # a drum's noise may look the same


@pytest.mark.parametrize("turn_s", [1.1, 2.3, 3.1])
def test_a_drum_whose_noise_swells_is_not_taken_for_gain_control(turn_s: float) -> None:
    """The beans fall and knock where the noise is loudest, so it is lower after each knock."""
    sound = room(90.0, knocks=False)
    turns = np.arange(len(sound)) / RATE_HZ / turn_s
    sound *= (10 ** (3.0 * np.cos(2 * np.pi * turns) / 20)).astype(np.float32)
    knock = np.random.default_rng(3).standard_normal(RATE_HZ // 4) * 0.4
    knock *= np.exp(-np.arange(len(knock)) / (0.02 * RATE_HZ))
    for turn in range(2, round(85.0 / turn_s), 3):
        at = round(turn * turn_s * RATE_HZ)
        sound[at : at + len(knock)] += knock.astype(np.float32)
    assert metered(sound).warnings == []


def limits_of(sound: NDArray[np.floating], rate_hz: int) -> list[str]:
    meter = LevelMeter(rate_hz)
    meter.push(sound.astype(np.float32))
    meter.finish()
    assert meter.warnings == []
    assert meter.last_second.problem is None
    assert meter.last_second.limit == next(iter(meter.limits), None)
    return [limit.split(":")[0] for limit in meter.limits]


def brown(seconds: float, rate_hz: int) -> NDArray[np.float64]:
    """Noise that falls by 10 dB a decade, as that of a room."""
    count = round(seconds * rate_hz)
    spectrum = np.fft.rfft(np.random.default_rng(4).standard_normal(count))
    hz = np.maximum(np.fft.rfftfreq(count, 1 / rate_hz), 20.0)
    return np.asarray(np.fft.irfft(spectrum * (1000.0 / hz) ** 0.5) * 0.01, np.float64)


def test_a_microphone_without_limits_has_none() -> None:
    assert limits_of(brown(15.0, 48_000), 48_000) == []


def test_sound_of_16_khz_is_named_also_where_it_was_resampled() -> None:
    narrow = "The sound ends at 8 kHz, as that of voice satellites"
    assert limits_of(brown(15.0, 16_000), 16_000) == [narrow]
    wide = soxr.resample(brown(15.0, 16_000), 16_000, 48_000)
    assert limits_of(wide, 48_000) == [narrow]


def test_a_high_pass_in_the_firmware_is_named() -> None:
    filtered = sosfilt(butter(2, 500, "hp", fs=48_000, output="sos"), brown(15.0, 48_000))
    assert limits_of(filtered, 48_000) == ["The sound has no bass"]


@pytest.mark.parametrize("floor_db", [-90.0, -40.0])
@pytest.mark.parametrize("release_s", [0.02, 0.05])
def test_a_gate_is_detected(floor_db: float, release_s: float) -> None:
    meter = metered(gated(room(), floor_db, release_s))
    assert ["noise suppression" in warning for warning in meter.warnings] == [True]


def test_a_telephone_codec_is_detected() -> None:
    spectrum = np.fft.rfft(room(20.0))
    hz = np.fft.rfftfreq(20 * RATE_HZ, 1 / RATE_HZ)
    spectrum[hz > 3400] = 0
    cut = np.fft.irfft(spectrum) + np.random.default_rng(0).standard_normal(20 * RATE_HZ) * 1e-5
    warnings = metered(cut).warnings
    assert ["codec" in warning for warning in warnings] == [True]
    assert "3.5 kHz" in warnings[0]


# What is true of them is no false warning: these clip, were sampled at 11 kHz once, or were put
# together with digital silence between.
TRUE_OF_REAL_ONES = {
    "blender": "drops to silence",
    "stove-burner": "drops to silence",
    "sweep": "drops to silence",
    "talk-en": "drops to silence",
    "talk-fr": "drops to silence",
    "etr-spunkyrace-ks": "clipped",
    "supertux-fortress": "clipped",
    "2-107351-B": "clipped",
    "5-186924-A": "clipped",
    "4-167642-A": "clipped",
    "3-155312-A": "5.5 kHz",
}


def warned_falsely(path: Path) -> list[str]:
    with open_file(path) as reader:
        meter = LevelMeter(reader.sample_rate_hz)
        for block in reader.blocks(seconds=10):
            meter.push(block)
    meter.finish()
    expected = TRUE_OF_REAL_ONES.get(path.stem)
    if expected:
        assert any(expected in warning for warning in meter.warnings)
    return [warning for warning in meter.warnings if not expected or expected not in warning]


@pytest.mark.parametrize("folder", ["roasts", "clips", "popcorn"])
def test_real_roasts_get_no_false_warning(shared: Path, folder: str) -> None:
    paths = sorted((shared / "data" / folder).glob("*.flac"))
    assert paths
    assert [path for path in paths if warned_falsely(path)] == []


@pytest.mark.verify
def test_no_real_recording_gets_a_false_warning(shared: Path) -> None:
    paths = sorted([*shared.rglob("*.flac"), *shared.rglob("*.ogg")])
    assert len(paths) > 400
    assert [path for path in paths if warned_falsely(path)] == []


def test_a_problem_keeps_its_text_while_it_lasts() -> None:
    """Each new text would be a new state, a log line and an MQTT message."""
    noise = np.random.default_rng(0)
    quiet, loud = LevelMeter(16_000), LevelMeter(16_000)
    said: dict[str, set[str]] = {"quiet": set(), "loud": set()}
    for second in range(20):
        quiet.push(np.zeros(16_000, np.float32))
        samples = noise.normal(0, 0.3, 16_000).clip(-1, 1).astype(np.float32)
        samples[: 160 + 20 * second] = 1.0
        loud.push(samples)
        for name, meter in (("quiet", quiet), ("loud", loud)):
            if problem := meter.last_second.problem:
                said[name].add(problem)
    assert {name: len(texts) for name, texts in said.items()} == {"quiet": 1, "loud": 1}
    assert "clipped" in said["loud"].pop()
