"""Converts sound from one sample rate to another, block by block."""

import numpy as np
import soxr

from roastwatch.vocabulary import Float32Array


class Resampler:
    """Resamples mono sound block by block, without delay relative to the input.

    Method: soxr (the SoX resampler library), linear phase, delay compensated. The output is the
    same, bit for bit, for any block size.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = (
            None
            if from_hz == to_hz
            else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
        )

    def push(self, samples: Float32Array) -> Float32Array:
        """Take samples of shape (n,); return the output available so far, shape (m,)."""
        if self._stream is None:
            return samples
        return np.asarray(self._stream.resample_chunk(samples), dtype=np.float32)

    def finish(self) -> Float32Array:
        """Return the rest of the output. The sound has ended."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        last = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        return np.asarray(last, dtype=np.float32)
