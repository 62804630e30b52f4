"""Another rate, only when one must change: sound above 48 kHz comes down to 48 kHz."""

import numpy as np
import soxr

from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Float32Array

LOWEST_RATE_HZ = 8_000
"""Below this nothing is left of a pop, whose energy stands out above 3 kHz."""
HIGHEST_RATE_HZ = 48_000
"""Faster sound is resampled to this: a pop's band ends below 24 kHz."""


def rate_to_judge(rate_hz: int, what: str) -> int:
    """The rate at which sound of `rate_hz` is handed on.

    Raises:
        BadInputError: the rate is too low to hold pops; `what` begins the sentence.
    """
    if rate_hz < LOWEST_RATE_HZ:
        raise BadInputError(
            f"{what} has a sample rate of {rate_hz} Hz, too low to hold the sound of a crack: "
            f"record at {LOWEST_RATE_HZ} Hz or more, best at 32000 Hz or more."
        )
    return min(rate_hz, HIGHEST_RATE_HZ)


class Resampler:
    """Mono sound from one rate to another, piece by piece, in step with the input's time.

    Method: soxr (the SoX resampler library), linear phase, its delay taken out.
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
