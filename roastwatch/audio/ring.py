"""A lock-free ring buffer between the thread of the sound card and the event loop.

One writer, one reader: the writer never waits. It copies, then advances its count, which publishes
the frames. If the reader is too late, the oldest sound is overwritten; the reader detects that by
the counts, before and after it has copied.
"""

import numpy as np

from roastwatch.vocabulary import Float32Array


class Ring:
    """Frames of shape (n, channels), float32, the newest `capacity` of them."""

    def __init__(self, capacity: int, channels: int) -> None:
        self.capacity = capacity
        self.written = 0
        """Frames written so far; only the writer changes it."""
        self._frames = np.zeros((capacity, channels), np.float32)
        self._read = 0
        self._begun = 0

    def write(self, frames: Float32Array) -> None:
        """Copy frames in. Runs in the thread of the sound card: never allocates or waits."""
        count = len(frames)
        if count > self.capacity:  # a block longer than the ring: keep its end
            self._begun = self.written = self.written + count - self.capacity
            frames = frames[-self.capacity :]
            count = self.capacity
        at = self.written % self.capacity
        first = min(count, self.capacity - at)
        self._begun = self.written + count
        self._frames[at : at + first] = frames[:first]
        if first < count:
            self._frames[: count - first] = frames[first:]
        self.written += count

    @property
    def waiting(self) -> int:
        """Frames written but not yet read, including lost ones."""
        return self.written - self._read

    def read(self, most: int) -> tuple[Float32Array, int]:
        """Copy the oldest frames that are still stored, at most `most`.

        Returns:
            The frames, shape (n, channels), n may be 0; and how many frames before them were
            overwritten since the last read.
        """
        lost = 0
        while True:
            oldest = max(self._read, self._begun - self.capacity)
            count = max(0, min(most, self.written - oldest))
            at = oldest % self.capacity
            first = min(count, self.capacity - at)
            copied = np.concatenate([self._frames[at : at + first], self._frames[: count - first]])
            lost += oldest - self._read
            self._read = oldest
            # `_begun` is ahead of `written` while the writer copies: discard frames that it may
            # have overwritten in the meantime.
            if self._begun - self.capacity <= oldest:
                self._read += count
                return copied, lost

    def skip_to_newest(self, keep: int) -> int:
        """Drop all but the newest `keep` frames; return how many were dropped."""
        dropped = max(0, self.waiting - keep)
        self._read += dropped
        return dropped
