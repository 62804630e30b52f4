"""Fixed memory between the sound card's thread and the event loop.

One writer, one reader, no lock: the writer never waits for anybody. It copies and then moves its
count on, which is the flag. When the reader is too late the oldest sound is overwritten; the reader
finds that out by the counts, before and again after it has copied.
"""

import numpy as np

from roastwatch.vocabulary import Float32Array


class Ring:
    """Frames of shape (n, channels), float32, the newest `capacity` of them."""

    def __init__(self, capacity: int, channels: int) -> None:
        self.capacity = capacity
        self.written = 0
        """Frames ever written; only the writer changes it."""
        self._frames = np.zeros((capacity, channels), np.float32)
        self._read = 0
        self._begun = 0

    def write(self, frames: Float32Array) -> None:
        """Copy frames in. Called in the sound card's thread: no allocation, nothing that waits."""
        count = len(frames)
        if count > self.capacity:  # a card's block longer than the ring: its end is what matters
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
        """Frames that were written and not yet read, lost ones included."""
        return self.written - self._read

    def read(self, most: int) -> tuple[Float32Array, int]:
        """The oldest frames that are still there, at most so many, copied.

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
            # `_begun` is ahead of `written` while the writer copies: what it may have touched
            # in the meantime is not sound any more.
            if self._begun - self.capacity <= oldest:
                self._read += count
                return copied, lost

    def skip_to_newest(self, keep: int) -> int:
        """Drop all but the newest frames; return how many were dropped."""
        dropped = max(0, self.waiting - keep)
        self._read += dropped
        return dropped
