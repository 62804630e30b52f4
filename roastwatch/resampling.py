"""Sound from one sample rate to another, piece by piece."""

import numpy as np
import soxr

from roastwatch.vocabulary import Float32Array


class Resampler:
    """Mono sound from one rate to another, piece by piece, in step with the input's time.

    Method: soxr (the SoX resampler library), linear phase, its delay taken out. What comes out
    is the same, bit for bit, however the input is cut.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = (
            None
            if from_hz == to_hz
            else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
        )

    def push(self, samples: Float32Array) -> Float32Array:
        """Take samples of shape (n,); return those that became known, shape (m,), m may be 0."""
        if self._stream is None:
            return samples
        return np.asarray(self._stream.resample_chunk(samples), dtype=np.float32)

    def finish(self) -> Float32Array:
        """The sound ends: the samples that were still held back."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        last = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        return np.asarray(last, dtype=np.float32)
