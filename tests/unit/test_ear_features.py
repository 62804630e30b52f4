import numpy as np
import pytest

from roastwatch.detection.pops import features
from roastwatch.errors import BadInputError


def noise(seconds: float, rate_hz: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.01 * rng.standard_normal(int(seconds * rate_hz))).astype(np.float32)


def test_rows_do_not_depend_on_how_the_sound_is_cut() -> None:
    for rate_hz in (16000, 22050, 32000, 44100, 48000):
        sound = noise(3.21, rate_hz)
        whole = features.PopsFrontEnd(rate_hz).push(sound)
        assert whole.shape == (320, features.WIDTH)
        front_end = features.PopsFrontEnd(rate_hz)
        cuts = np.sort(np.random.default_rng(2).integers(0, len(sound), 40))
        parts = np.concatenate([front_end.push(part) for part in np.split(sound, cuts)])
        np.testing.assert_allclose(parts, whole, atol=2e-5)


def test_a_click_stands_out_where_it_is_and_the_floor_does_not_follow_it() -> None:
    for rate_hz in (16000, 32000, 48000):
        sound = noise(4, rate_hz)
        at = int(2.503 * rate_hz)
        sound[at : at + rate_hz // 500] += 0.5 * noise(0.002, rate_hz, 3) / 0.01
        rows = features.PopsFrontEnd(rate_hz).push(sound)
        frames = rows[:, : 4 * features.BANDS].reshape(-1, 4, features.BANDS)
        excess = frames[:, :, 5:12].mean(axis=2).max(axis=1)
        assert int(excess.argmax()) in (249, 250)
        assert excess.max() > 1.0
        assert abs(float(frames[260:].mean())) < 0.4


def test_bands_above_the_rate_are_zero() -> None:
    rows = features.PopsFrontEnd(16000).push(noise(1, 16000)).reshape(100, 5, features.BANDS)
    assert (rows[:, :, 13:] == 0).all()
    assert (rows[:, :, :11] != 0).any(axis=(0, 1)).all()


def test_level_does_not_matter() -> None:
    sound = noise(3, 32000)
    loud = features.PopsFrontEnd(32000).push(sound * np.float32(30))
    quiet = features.PopsFrontEnd(32000).push(sound)
    np.testing.assert_allclose(loud, quiet, atol=1e-3)


def test_silence_gives_finite_rows() -> None:
    rows = features.PopsFrontEnd(32000).push(np.zeros(64000, np.float32))
    assert np.isfinite(rows).all()


def test_too_low_a_rate_is_refused() -> None:
    with pytest.raises(BadInputError, match="16000"):
        features.PopsFrontEnd(8000)
