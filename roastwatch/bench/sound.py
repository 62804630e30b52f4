"""Sound for benchmarks: seeded noise with pops."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from roastwatch.vocabulary import Float32Array


def noise_with_pops(seconds: float, sample_rate_hz: int, seed: int = 1) -> Float32Array:
    """Brownish noise at about -35 dBFS with 24 damped clicks per minute, shape (n,).

    They come by chance: what comes by rule is taken for a clock, which is other work.
    """
    random = np.random.default_rng(seed)
    count = round(seconds * sample_rate_hz)
    white = random.standard_normal(count).astype(np.float32)
    sound = np.convolve(white, np.array([0.5, 0.3, 0.2], np.float32), "same") * 0.03
    length = sample_rate_hz // 50
    decay = np.exp(-np.arange(length) / (0.004 * sample_rate_hz)).astype(np.float32)
    pops = sample_rate_hz + np.cumsum(random.exponential(2.5 * sample_rate_hz, round(seconds)))
    for at in pops[pops < count - length].astype(int).tolist():
        sound[at : at + length] += 0.3 * decay * random.standard_normal(length).astype(np.float32)
    return np.asarray(sound, dtype=np.float32)


def write_file(path: Path, seconds: float, sample_rate_hz: int) -> Path:
    """Write a 16-bit sound file minute by minute, in bounded memory."""
    minute = noise_with_pops(60.0, sample_rate_hz)
    with soundfile.SoundFile(path, "w", sample_rate_hz, 1, subtype="PCM_16") as file:
        left = round(seconds * sample_rate_hz)
        while left > 0:
            file.write(minute[:left])
            left -= len(minute)
    return path


def blocks(sound: Float32Array, size: int) -> Iterator[Float32Array]:
    """The sound in blocks of `size` samples."""
    for at in range(0, len(sound), size):
        yield sound[at : at + size]
