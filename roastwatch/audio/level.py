"""The level of sound in dBFS, and what of it a person should mend."""

import math

import numpy as np
import numpy.typing as npt

from roastwatch.vocabulary import AudioLevel, Float32Array

LOWEST_DBFS = -160.0
"""What digital silence is called: a number, where its logarithm would have none."""
_FRAME_S = 0.01
_FULL_SCALE = 0.9985
"""From here on a sample counts as clipped: the last steps of 16 bits, and all that is above."""


class LevelMeter:
    """Peak, root mean square and clipping, of the last second and of everything so far.

    Levels are in dB relative to full scale (a sample of 1.0; a full-scale sine has an rms of
    -3 dBFS). Counted in frames of 10 ms.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._frame = max(1, round(sample_rate_hz * _FRAME_S))
        self._rest = np.zeros(0, np.float32)
        frames = round(1.0 / _FRAME_S)
        self._peaks = np.zeros(frames, np.float32)
        self._powers = np.zeros(frames)
        self._clipped = np.zeros(frames)
        self._frames_seen = 0
        self._peak = 0.0
        self._power_sum = 0.0
        self._clipped_sum = 0.0

    def push(self, samples: Float32Array) -> None:
        """Take the next samples, shape (n,)."""
        whole = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        count = len(whole) // self._frame
        self._rest = whole[count * self._frame :].copy()
        if not count:
            return
        frames = whole[: count * self._frame].reshape(count, self._frame)
        size = np.abs(frames)
        peaks = size.max(axis=1)
        powers = np.einsum("ij,ij->i", frames, frames) / self._frame
        clipped = np.zeros(count)
        if peaks.max() >= _FULL_SCALE:
            clipped = np.count_nonzero(size >= _FULL_SCALE, axis=1) / self._frame
        self._remember(peaks, powers, clipped)
        self._frames_seen += count
        self._peak = max(self._peak, float(peaks.max()))
        self._power_sum += float(powers.sum(dtype=np.float64))
        self._clipped_sum += float(clipped.sum())

    def _remember(
        self, peaks: Float32Array, powers: Float32Array, clipped: npt.NDArray[np.float64]
    ) -> None:
        for store, new in (
            (self._peaks, peaks),
            (self._powers, powers),
            (self._clipped, clipped),
        ):
            kept = new[-len(store) :]
            store[: len(store) - len(kept)] = store[len(kept) :]
            store[len(store) - len(kept) :] = kept

    @property
    def last_second(self) -> AudioLevel:
        """The level of the last second, or of less at the beginning."""
        there = min(self._frames_seen, len(self._peaks))
        if not there:
            return AudioLevel(LOWEST_DBFS, LOWEST_DBFS, 0.0)
        return AudioLevel(
            peak_dbfs=dbfs(float(self._peaks[-there:].max())),
            rms_dbfs=dbfs(math.sqrt(float(self._powers[-there:].mean()))),
            clipped_percent=100.0 * float(self._clipped[-there:].mean()),
        )

    @property
    def overall(self) -> AudioLevel:
        """The level of all that was pushed."""
        if not self._frames_seen:
            return AudioLevel(LOWEST_DBFS, LOWEST_DBFS, 0.0)
        return AudioLevel(
            peak_dbfs=dbfs(self._peak),
            rms_dbfs=dbfs(math.sqrt(self._power_sum / self._frames_seen)),
            clipped_percent=100.0 * self._clipped_sum / self._frames_seen,
        )

    @property
    def warnings(self) -> list[str]:
        """What of the sound so far a person should mend, one sentence each."""
        return []


def dbfs(amplitude: float) -> float:
    """An amplitude (1.0 is full scale) in dBFS, never below `LOWEST_DBFS`."""
    return 20.0 * math.log10(max(amplitude, 10.0 ** (LOWEST_DBFS / 20.0)))
