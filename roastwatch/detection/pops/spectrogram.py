"""What the detector sees, for people to look at: the loudest 4 ms of each 0.1 s, in 48 bands.

Windows, their transform and their rate are those of the pop net's front end. Only the bands are
finer, and levels are not relative to the noise. It costs nothing until somebody looks.
"""

import numpy as np

from roastwatch.detection.pops.features import (
    FRAME_S,
    LEAST_POWER,
    STEP_S,
    WINDOW_S,
    transform,
)
from roastwatch.vocabulary import Float32Array

EDGES_HZ = tuple(range(250, 8001, 250)) + tuple(
    round(8000 + 7400 * band / 17) for band in range(1, 18)
)
"""250 Hz is as fine as a window of 4 ms is."""
BANDS = len(EDGES_HZ) - 1
COLUMN_S = STEP_S
LOWEST_DB, HIGHEST_DB = -100.0, 0.0
"""Of the values 0 and 255."""
_FRAMES = round(STEP_S / FRAME_S)


class Spectrogram:
    """Turns sound of one rate, in any pieces, into columns: (n,) in, (columns, BANDS) out."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._column = round(COLUMN_S * sample_rate_hz)
        self._window = 2 * round(WINDOW_S * sample_rate_hz / 2)
        # A window ends with its 2.5 ms; the held samples begin with one window of history.
        self._starts = np.arange(1, _FRAMES + 1) * self._column // _FRAMES
        self._waves, self._weights = transform(sample_rate_hz, self._window, EDGES_HZ)
        self._held = np.zeros(self._window, np.float32)
        self._next_sample = 0

    def push(self, first_sample: int, samples: Float32Array) -> tuple[int, list[bytes]]:
        """Take samples; a gap before them starts a new column.

        Returns:
            The sample at which the first completed column begins, and each column's levels, one
            byte a band: -100 dB is 0, 0 dB is 255. 0 dB is white noise with an RMS of full scale.
        """
        if first_sample != self._next_sample:
            self._held = np.zeros(self._window, np.float32)
        self._next_sample = first_sample + len(samples)
        held = np.concatenate((self._held, samples))
        begins = self._next_sample - (len(held) - self._window)
        columns = []
        while len(held) - self._window >= self._column:
            columns.append(self._levels(held).tobytes())
            held = held[self._column :]
        self._held = held.copy()  # frees the rest
        return begins, columns

    def _levels(self, held: Float32Array) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        shape, stride = (len(held) - self._window + 1, self._window), held.itemsize
        frames = np.ndarray(shape, held.dtype, held, strides=(stride, stride))[self._starts]
        parts = frames @ self._waves
        parts *= parts
        bins = len(self._weights)
        powers = ((parts[:, :bins] + parts[:, bins:]) @ self._weights).max(axis=0)
        decibels = 10.0 * np.log10(powers + LEAST_POWER)
        steps = (decibels - LOWEST_DB) * (255.0 / (HIGHEST_DB - LOWEST_DB))
        levels: np.ndarray[tuple[int], np.dtype[np.uint8]] = (
            steps.round().clip(0, 255).astype(np.uint8)
        )
        return levels
