"""The streaming log-mel front end of the Audio Spectrogram Transformer, in numpy.

It matches transformers' `ASTFeatureExtractor` (Kaldi-compatible filter banks:
frames of 25 ms every 10 ms, without padding at the edges; Gong, Chung & Glass, "AST: Audio
Spectrogram Transformer", Interspeech 2021). Each frame depends on its own 400 samples only, so
overlapping windows share their frames.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import gcd

import numpy as np
import numpy.typing as npt

from roastwatch.vocabulary import Float32Array

FRAME_SAMPLES = 400
"""Samples in a frame at any rate, as in the extractor."""
HOP_SAMPLES = 160
_FFT = 512
_PREEMPHASIS = 0.97
_LOWEST_HZ = 20.0
_FLOOR = 1.192092955078125e-07  # Kaldi's epsilon: the distance from 1 to the next float32
# Frames computed at once: fixed, so that rounding does not depend on the size of blocks.
FRAMES_AT_ONCE = 50

Float64Array = npt.NDArray[np.float64]


AUDIOSET_MEAN = -4.2677393
AUDIOSET_STD = 4.5689974
"""Mean and spread of log-mel values over AudioSet, kept by checkpoints derived from AST."""


@dataclass(frozen=True, slots=True)
class LogMelSpec:
    """The settings of the front end, as in a checkpoint's preprocessor_config.json."""

    sample_rate_hz: int = 16_000
    bands: int = 128
    max_frames: int = 1024
    mean: float = AUDIOSET_MEAN
    std: float = AUDIOSET_STD
    normalise: bool = True

    def frames_in(self, samples: int) -> int:
        """Number of frames in a number of samples."""
        return 0 if samples < FRAME_SAMPLES else 1 + (samples - FRAME_SAMPLES) // HOP_SAMPLES


def mel_of(frequency_hz: npt.ArrayLike) -> Float64Array:
    """Kaldi's mel scale: 1127 ln(1 + f / 700)."""
    return 1127.0 * np.log1p(np.asarray(frequency_hz, np.float64) / 700.0)


@lru_cache(maxsize=8)
def mel_filters(sample_rate_hz: int, bands: int) -> Float64Array:
    """Triangles in mel space from 20 Hz to half the rate, shape (257, bands)."""
    edges = np.linspace(mel_of(_LOWEST_HZ), mel_of(sample_rate_hz // 2), bands + 2)
    bins = mel_of(np.arange(_FFT // 2 + 1) * (sample_rate_hz / _FFT))[:, None]
    rising = (bins - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[None, 2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling))


@lru_cache(maxsize=1)
def _window() -> Float64Array:
    return np.hanning(FRAME_SAMPLES)


@lru_cache(maxsize=8)
def _filters32(sample_rate_hz: int, bands: int) -> Float32Array:
    return mel_filters(sample_rate_hz, bands).astype(np.float32)


def frames(samples: Float32Array, spec: LogMelSpec) -> Float32Array:
    """Log-mel frames of samples, shape (n,) → (frames, bands), natural logarithm of power.

    `frames` = `spec.frames_in(n)`; not normalised. Spectra are computed in float64, because float32
    loses quiet bands next to a loud tone. Powers are positive, so float32 suffices for them.
    """
    count = spec.frames_in(len(samples))
    made = np.empty((count, spec.bands), np.float32)
    if count == 0:
        return made
    padded = np.zeros((FRAMES_AT_ONCE, _FFT))
    spectrum = np.empty((FRAMES_AT_ONCE, _FFT // 2 + 1), np.complex128)
    parts = spectrum.view(np.float64)  # real, imaginary, real, …
    power = np.empty(spectrum.shape, np.float32)
    filters, window = _filters32(spec.sample_rate_hz, spec.bands), _window()
    # In groups that fit the processor's cache, with as few passes as possible.
    for first in range(0, count, FRAMES_AT_ONCE):
        size = min(FRAMES_AT_ONCE, count - first)
        start = first * HOP_SAMPLES
        x = samples[start : start + (size - 1) * HOP_SAMPLES + FRAME_SAMPLES].astype(np.float64)
        # Subtracting a frame's mean m before pre-emphasis equals subtracting 0.03 m after it, so
        # the sound is pre-emphasised once instead of in each overlapping frame.
        y = np.empty_like(x)
        y[0] = 0.0
        np.multiply(x[:-1], -_PREEMPHASIS, out=y[1:])
        y[1:] += x[1:]
        mean = _means(x, size)
        here, there = padded[:size, :FRAME_SAMPLES], spectrum[:size]
        np.subtract(_overlapping(y, size), ((1 - _PREEMPHASIS) * mean)[:, None], out=here)
        here[:, 0] = (x[: size * HOP_SAMPLES : HOP_SAMPLES] - mean) * (1 - _PREEMPHASIS)
        here *= window
        np.fft.rfft(padded[:size], axis=1, out=there)
        squares = np.square(parts[:size], out=parts[:size])
        np.add(squares[:, 0::2], squares[:, 1::2], out=power[:size], casting="same_kind")
        mel = power[:size] @ filters
        np.maximum(mel, np.float32(_FLOOR), out=mel)
        np.log(mel, out=made[first : first + size])
    return made


def _overlapping(samples: Float64Array, count: int) -> Float64Array:
    """The frames of samples as a view, shape (count, FRAME_SAMPLES)."""
    strides = (HOP_SAMPLES * samples.itemsize, samples.itemsize)
    # numpy's function for it costs more than some of the passes
    return np.ndarray((count, FRAME_SAMPLES), samples.dtype, samples, strides=strides)


def _means(samples: Float64Array, count: int) -> Float64Array:
    """The mean of each frame from sums of shared pieces, shape (count,)."""
    piece = gcd(FRAME_SAMPLES, HOP_SAMPLES)
    sums = np.add.reduce(samples.reshape(-1, piece), axis=1)
    hop, pieces = HOP_SAMPLES // piece, FRAME_SAMPLES // piece
    last = (count - 1) * hop + 1
    total = np.zeros(count)
    for at in range(pieces):
        total += sums[at : at + last : hop]
    return total / FRAME_SAMPLES


def inputs(log_mel: Float32Array, spec: LogMelSpec) -> Float32Array:
    """The network's input: log-mel frames cut or padded with zeros, then normalised.

    Shape (frames, bands) → (max_frames, bands). As in the extractor, padding comes first.
    """
    mean, spread = (spec.mean, 2 * spec.std) if spec.normalise else (0.0, 1.0)
    kept = log_mel[: spec.max_frames]
    made = np.full((spec.max_frames, spec.bands), -mean / spread, np.float32)
    made[: len(kept)] = kept
    made[: len(kept)] -= np.float32(mean)
    made[: len(kept)] *= np.float32(1 / spread)
    return made


class LogMelStream:
    """Log-mel frames of sound that arrives in pieces; frame `i` begins at sample `160 i`."""

    def __init__(self, spec: LogMelSpec) -> None:
        self.spec = spec
        self._rest: Float32Array = np.zeros(0, np.float32)

    def push(self, samples: Float32Array) -> Float32Array:
        """Take samples; return the completed frames, shape (n, bands).

        Frames come in groups of `FRAMES_AT_ONCE`, whatever the size of blocks.
        """
        self._rest = np.concatenate([self._rest, samples.astype(np.float32, copy=False)])
        step = FRAMES_AT_ONCE * HOP_SAMPLES
        overlap = FRAME_SAMPLES - HOP_SAMPLES
        groups = max(0, len(self._rest) - overlap) // step
        made = [
            frames(self._rest[group * step : (group + 1) * step + overlap], self.spec)
            for group in range(groups)
        ]
        self._rest = self._rest[groups * step :].copy()
        return np.concatenate(made) if made else np.zeros((0, self.spec.bands), np.float32)

    def finish(self) -> Float32Array:
        """The remaining frames of an incomplete group; the stream starts anew."""
        last = frames(self._rest, self.spec)
        self._rest = np.zeros(0, np.float32)
        return last
