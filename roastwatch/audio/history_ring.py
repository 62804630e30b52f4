"""A ring of the newest sound in fixed memory, to cut clips from."""

import numpy as np

from roastwatch.audio.recordings import Int16Array


class HistoryRing:
    """The newest sound, addressed by the sample numbers of the source."""

    def __init__(self, capacity: int) -> None:
        self.end = 0
        self._start = 0
        self._samples = np.zeros(capacity, np.int16)

    def put(self, first_sample: int, samples: Int16Array) -> None:
        """Add sound; a gap before it becomes silence."""
        capacity = len(self._samples)
        if self.end == 0:
            self.end = self._start = first_sample
        gap = min(first_sample - self.end, capacity)
        if gap > 0:
            self._write(first_sample - gap, np.zeros(gap, np.int16))
        self._write(first_sample, samples[-capacity:])
        self.end = first_sample + len(samples)

    def _write(self, first_sample: int, samples: Int16Array) -> None:
        at = first_sample % len(self._samples)
        first = min(len(samples), len(self._samples) - at)
        self._samples[at : at + first] = samples[:first]
        self._samples[: len(samples) - first] = samples[first:]

    def cut(self, first_sample: int, end_sample: int) -> tuple[int, Int16Array]:
        """The sound between two samples, as far as it is still stored, and its first sample."""
        first = max(first_sample, self._start, self.end - len(self._samples))
        end = max(first, min(end_sample, self.end))
        at = np.arange(first, end) % len(self._samples)
        return first, self._samples[at]
