"""The ring between the sound card and the event loop counts every lost frame."""

import threading

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from roastwatch.audio.ring import Ring


def numbered(start: int, count: int) -> np.ndarray:
    return np.arange(start, start + count, dtype=np.float32).reshape(-1, 1)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=60))
def test_every_frame_is_read_once_or_counted_as_lost(steps: list[tuple[bool, int]]) -> None:
    ring = Ring(16, 1)
    written = expected = 0
    for writes, count in steps:
        if writes:
            ring.write(numbered(written, count))
            written += count
        else:
            frames, lost = ring.read(count)
            expected += lost
            assert frames[:, 0].tolist() == list(range(expected, expected + len(frames)))
            expected += len(frames)
    while ring.waiting:
        frames, lost = ring.read(5)
        expected += lost + len(frames)
    assert expected == written


def test_two_threads_never_see_torn_sound() -> None:
    ring = Ring(64, 2)
    total = 60_000
    done = threading.Event()

    def card() -> None:
        for start in range(0, total, 20):
            ring.write(np.repeat(numbered(start, 20), 2, axis=1))
        done.set()

    thread = threading.Thread(target=card)
    thread.start()
    expected = lost_in_all = 0
    while not (done.is_set() and not ring.waiting):
        frames, lost = ring.read(13)
        expected += lost
        lost_in_all += lost
        wanted = np.repeat(numbered(expected, len(frames)), 2, axis=1)
        assert np.array_equal(frames, wanted)
        expected += len(frames)
    thread.join()
    assert expected == total
    assert lost_in_all < total


def test_skipping_keeps_the_newest_frames() -> None:
    ring = Ring(100, 1)
    ring.write(numbered(0, 90))
    assert ring.skip_to_newest(10) == 80
    frames, lost = ring.read(100)
    assert lost == 0
    assert frames[:, 0].tolist() == list(range(80, 90))


def test_memory_does_not_grow() -> None:
    ring = Ring(1000, 1)
    buffer = ring._frames
    for _ in range(50):
        ring.write(numbered(0, 300))
    assert ring._frames is buffer
