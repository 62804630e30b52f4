"""Sound files are decoded in a thread: the same sound, and nothing is left when reading stops."""

import os
import threading
from collections.abc import Generator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roastwatch.audio.file import open_file
from roastwatch.audio.read_ahead import read_ahead

RATE_HZ = 32_000


@pytest.fixture
def flac(tmp_path: Path) -> Path:
    """A minute of noise, in several pieces of the decoder."""
    noise = np.random.default_rng(1).standard_normal(60 * RATE_HZ) * 0.05
    soundfile.write(tmp_path / "a.flac", noise, RATE_HZ)
    return tmp_path / "a.flac"


def readers() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("read-ahead")]


def open_files(path: Path) -> int:
    """How often this process has a file open."""
    handles = Path("/proc/self/fd").iterdir()
    return sum(os.path.realpath(handle) == str(path.resolve()) for handle in handles)


def test_items_are_taken_by_another_thread_in_order() -> None:
    def items() -> Generator[tuple[int, int]]:
        for number in range(20):
            yield number, threading.get_ident()

    numbers, threads = zip(*read_ahead(items()), strict=True)
    assert numbers == tuple(range(20))
    assert len(set(threads)) == 1
    assert threading.get_ident() not in threads


def test_no_more_is_taken_than_fits_ahead() -> None:
    taken = threading.Semaphore(0)

    def items() -> Generator[int]:
        for number in count():
            taken.release()
            yield number

    ahead = read_ahead(items(), ahead=3)
    assert next(ahead) == 0
    assert all(taken.acquire(timeout=10) for _ in range(4))  # the one delivered, and three more
    ahead.close()
    assert not taken.acquire(blocking=False)
    assert readers() == []


def test_error_is_raised_after_the_items_before_it() -> None:
    closed = []

    def items() -> Generator[int]:
        try:
            yield 1
            raise OSError("the disk is gone")
        finally:
            closed.append(True)

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(ahead)
    assert closed == [True]
    assert readers() == []


def test_reading_that_stops_early_leaves_no_thread_or_handle(flac: Path) -> None:
    with open_file(flac) as reader:
        for _ in reader.blocks(seconds=1.0):
            break
    assert readers() == []
    assert open_files(flac) == 0


def test_file_closed_while_blocks_are_due_ends_the_thread_first(flac: Path) -> None:
    with open_file(flac) as reader:
        blocks = reader.blocks(seconds=1.0)
        next(blocks)
        assert readers() != []
    assert readers() == []
    assert open_files(flac) == 0
    assert len(list(blocks)) < 60


def test_sound_is_the_same_to_the_last_bit(flac: Path) -> None:
    with open_file(flac) as reader:
        read = np.concatenate(list(reader.blocks(seconds=20.0)))
    assert np.array_equal(read, soundfile.read(flac, dtype="float32")[0])
