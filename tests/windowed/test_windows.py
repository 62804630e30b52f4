"""Positions of windows depend on samples only, not on the size of blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roastwatch.detection.large.logmel import LogMelSpec
from roastwatch.detection.large.windows import LogMelFrontEnd, Window, WindowStream
from roastwatch.detection.windowed_events import WindowRule, WindowRun

SPEC = LogMelSpec(max_frames=100)


def _stream(rate: int = 16_000, window_s: float = 1.0, hop_s: float = 0.3) -> WindowStream:
    return WindowStream(LogMelFrontEnd(SPEC), rate, window_s, hop_s)


def _sound(rate: int, seconds: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, round(rate * seconds)).astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 22_050, 32_000, 44_100, 48_000])
def test_each_hop_has_its_window(rate: int) -> None:
    stream = _stream(rate)
    windows = stream.push(_sound(rate, 5.0)) + stream.finish()
    regular = windows[:-1]
    assert [round(w.start_sample / rate, 3) for w in regular] == [
        round(0.3 * i, 3) for i in range(14)
    ]
    assert all(abs(w.end_sample - w.start_sample - rate) <= 1 for w in regular)
    assert [w.index for w in windows] == list(range(len(windows)))
    assert windows[-1].end_sample == 5 * rate


@given(
    cuts=st.lists(st.integers(1, 30_000), max_size=10),
    rate=st.sampled_from([16_000, 32_000, 44_100]),
)
@settings(max_examples=20, deadline=None)
def test_any_blocks_give_the_same_windows(cuts: list[int], rate: int) -> None:
    sound = _sound(rate, 3.0)
    whole = _stream(rate)
    wanted = whole.push(sound) + whole.finish()
    stream, found, at = _stream(rate), [], 0
    for size in cuts:
        found += stream.push(sound[at : at + size])
        at += size
    found += stream.push(sound[at:]) + stream.finish()
    _same(found, wanted)


def _same(found: list[Window], wanted: list[Window]) -> None:
    assert [(w.start_sample, w.end_sample) for w in found] == [
        (w.start_sample, w.end_sample) for w in wanted
    ]
    for one, other in zip(found, wanted, strict=True):
        assert np.array_equal(one.network_input, other.network_input)


def test_window_does_not_depend_on_sound_around_it() -> None:
    sound = _sound(16_000, 4.0)
    among = _stream().push(sound)[3]
    alone = _stream()
    first = alone.push(sound[among.start_sample :])[0]
    assert np.allclose(among.network_input, first.network_input, atol=1e-5)


def test_short_sound_gives_one_padded_window() -> None:
    short = _stream()
    assert short.push(_sound(16_000, 0.4)) == []
    (window,) = short.finish()
    assert (window.start_sample, window.end_sample) == (0, 6400)
    assert window.network_input.shape == (100, 128)
    assert _stream().finish() == []


def test_gap_moves_the_grid_after_it() -> None:
    stream = _stream()
    stream.push(_sound(16_000, 1.7))
    stream.reset(8_000)
    windows = stream.push(_sound(16_000, 2.0))
    assert windows[0].start_sample == round(1.7 * 16_000) + 8_000


def test_memory_does_not_grow_with_the_sound() -> None:
    stream = _stream()
    second = _sound(16_000, 1.0)
    for _ in range(40):
        stream.push(second)
    assert sum(len(units) for units in stream._units) < 400


def _events(chances: list[float], rule: WindowRule) -> list[tuple[float, float, int]]:
    run, found = WindowRun(rule), []
    for index, chance in enumerate(chances):
        event = run.feed(3 * index, 3 * index + 10, chance)
        if run.keeps(event, 1):
            found.append(event)
    last = run.close()
    if run.keeps(last, 1):
        found.append(last)
    return [(e.start_sample, e.end_sample, e.windows) for e in found if e]


def test_overlapping_positives_merge_into_events() -> None:
    rule = WindowRule(threshold=0.5, consecutive=2)
    assert _events([0.1, 0.9, 0.8, 0.1, 0.9, 0.2], rule) == [(10, 16, 2)]
    assert _events([0.9, 0.9, 0.9], rule) == [(0, 16, 3)]
    assert _events([0.1, 0.9], WindowRule(0.5, 1)) == [(10, 13, 1)]
    assert _events([0.1, 0.9, 0.9, 0.1], WindowRule(0.5, 1, least_s=7)) == []
    assert _events([0.1, 0.9, 0.9, 0.9, 0.1], WindowRule(0.5, 1, least_s=7)) == [(10, 19, 3)]
