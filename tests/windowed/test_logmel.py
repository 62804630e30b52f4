"""The numpy front end compared with transformers' own."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roastwatch.detection.large import logmel
from roastwatch.vocabulary import Float32Array

RATE = 16_000


def _sounds() -> dict[str, Float32Array]:
    rng = np.random.default_rng(0)
    time = np.arange(10 * RATE) / RATE
    sounds = {
        "noise": rng.normal(0, 0.1, len(time)),
        "quiet noise on an offset": rng.normal(0, 1e-4, len(time)) + 0.2,
        "hum far above the rest": 0.9 * np.sin(2 * np.pi * 50 * time)
        + rng.normal(0, 1e-4, len(time)),
        "tone": 0.99 * np.sin(2 * np.pi * 3000 * time),
        "digital silence": np.zeros(len(time)),
        "shorter than the window": rng.normal(0, 0.1, 2 * RATE),
        "longer than the window": rng.normal(0, 0.1, 12 * RATE),
    }
    return {name: sound.astype(np.float32) for name, sound in sounds.items()}


@pytest.mark.parametrize("name", list(_sounds()))
def test_equals_the_extractor(name: str) -> None:
    from transformers import ASTFeatureExtractor

    sound = _sounds()[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        extractor = ASTFeatureExtractor()
    wanted = extractor(sound, sampling_rate=RATE, return_tensors="np")["input_values"][0]
    spec = logmel.LogMelSpec()
    found = logmel.inputs(logmel.frames(sound, spec), spec)
    assert found.shape == (1024, 128)
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() < 1e-4


@given(cuts=st.lists(st.integers(0, 9000), max_size=12))
@settings(max_examples=25, deadline=None)
def test_frames_do_not_depend_on_block_size(cuts: list[int]) -> None:
    spec = logmel.LogMelSpec()
    sound = np.random.default_rng(3).normal(0, 0.1, 20_000).astype(np.float32)
    whole = logmel.LogMelStream(spec)
    wanted = np.concatenate([whole.push(sound), whole.finish()])
    stream, made, at = logmel.LogMelStream(spec), [], 0
    for size in cuts:
        made.append(stream.push(sound[at : at + size]))
        at += size
    made += [stream.push(sound[at:]), stream.finish()]
    assert np.array_equal(np.concatenate(made), wanted)
    assert len(wanted) == spec.frames_in(len(sound))


def test_sound_shorter_than_a_frame_has_none() -> None:
    spec = logmel.LogMelSpec()
    assert logmel.frames(np.zeros(399, np.float32), spec).shape == (0, 128)
    assert logmel.LogMelStream(spec).finish().shape == (0, 128)
