"""A part of a recording whose files lie at their places in time, as samples and as WAV."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roastwatch.audio.recordings import Int16Array
from roastwatch.errors import BadInputError

HEADER_BYTES = 44
"""Of a WAV file with 16 bits."""


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A sound file and where it begins."""

    path: Path
    from_s: float


def rate_hz(path: Path) -> int:
    """The sample rate of a file.

    Raises:
        BadInputError: it can't be read.
    """
    import soundfile

    try:
        return int(soundfile.info(str(path)).samplerate)
    except (soundfile.LibsndfileError, OSError, TypeError) as error:
        raise BadInputError(f"{path.name} can't be read: it is damaged.") from error


def excerpt(files: Sequence[PlacedFile], rate: int, first: int, end: int) -> Int16Array:
    """Samples from `first` to before `end`, counted at `rate` from second 0, shape (end − first,).

    Where several files have sound the first one counts; where none has any, there is silence.
    Files of another rate, and what can't be read, count as no sound.
    """
    found = np.zeros(max(0, end - first), np.int16)
    for file in reversed(files):
        begins = round(file.from_s * rate)
        start = max(first, begins)
        samples = _read(file.path, rate, start - begins, end - start)
        found[start - first : start - first + len(samples)] = samples
    return found


def _read(path: Path, rate: int, first: int, count: int) -> Int16Array:
    """Up to `count` samples of the first channel."""
    import soundfile

    if count <= 0:
        return np.empty(0, np.int16)
    try:
        with soundfile.SoundFile(str(path)) as file:
            if file.samplerate != rate or first >= file.frames:
                return np.empty(0, np.int16)
            file.seek(first)
            samples: Int16Array = file.read(count, dtype="int16", always_2d=True)[:, 0]
            return samples
    except (soundfile.LibsndfileError, OSError, TypeError):
        return np.empty(0, np.int16)


def wav_header(rate: int, samples: int) -> bytes:
    """The header of a WAV file: mono, 16 bits."""
    size = 2 * samples
    return b"".join(
        (
            struct.pack("<4sI4s", b"RIFF", HEADER_BYTES - 8 + size, b"WAVE"),
            struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16),
            struct.pack("<4sI", b"data", size),
        )
    )
