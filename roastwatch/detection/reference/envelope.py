"""How far sound rises above its noise floor, frame by frame, in one band where cracks are loud.

Much cheaper than the front end of the net: one band, no rows. Frames are fixed in seconds, so that
microphones of different sample rates compare.
"""

import numpy as np

from roastwatch.vocabulary import Float32Array

FRAME_S = 0.0025
FRAMES_PER_S = 400
_WINDOW_S = 0.004
_LOWEST_HZ, _HIGHEST_HZ = 3000.0, 8000.0
"""Cracks, hi-hats and consonants are loud here, and every rate from 16 kHz has it."""
_FLOOR_FRAMES = 40
"""The floor follows the median of each 0.1 s, which a click does not change."""
_FLOOR_S = 2.0
"""Time constant of the floor, as in the front end of the net."""
_KEPT_FRAMES = 60 * FRAMES_PER_S
"""History before the newest sound: more than a pop is late, or clocks are compared over."""
_LEAST_POWER = 1e-13


class Envelope:
    """The excess of one microphone over its floor, in dB, with the newest minute kept."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        self._window = 2 * round(_WINDOW_S * sample_rate_hz / 2)
        at = np.arange(self._window)
        bins = np.arange(self._window // 2)
        hz = bins * sample_rate_hz / self._window
        bins = bins[(hz >= _LOWEST_HZ) & (hz <= _HIGHEST_HZ)]
        turns = 2 * np.pi * np.outer(at, bins) / self._window
        shape = (0.5 - 0.5 * np.cos(2 * np.pi * at / self._window))[:, None]
        waves = np.concatenate((np.cos(turns), np.sin(turns)), axis=1) * shape
        self._waves = waves.astype(np.float32)
        self._store = np.empty(2 * _KEPT_FRAMES, np.float32)
        self.begin(0)

    def begin(self, sample: int) -> None:
        """Start anew at a sample: forget the floor and the history."""
        self.frames = self._oldest = sample * FRAMES_PER_S // self._rate
        """Frames so far; the next one has this number."""
        self._floor: float | None = None
        self._open = np.empty(0, np.float32)
        self._held_from = self._frame_end(self.frames) - self._window
        self._held = np.zeros(sample - self._held_from, np.float32)

    @property
    def end_s(self) -> float:
        """The end of the last complete frame, in seconds of this microphone."""
        return self.frames * FRAME_S

    def push(self, samples: Float32Array) -> None:
        """Take the sound that follows, shape (n,)."""
        held = np.concatenate((self._held, samples))
        have = self._held_from + len(held)
        first, last = self.frames, (have + 1) * FRAMES_PER_S // self._rate
        while self._frame_end(last) > have:
            last -= 1
        if last <= first:
            self._held = held
            return
        ends = (np.arange(first + 1, last + 1) * self._rate) // FRAMES_PER_S - self._held_from
        # all windows as a view; numpy's function for it costs more than a live block
        shape, stride = (len(held) - self._window + 1, self._window), held.itemsize
        frames = np.ndarray(shape, held.dtype, held, strides=(stride, stride))
        parts = frames[ends - self._window] @ self._waves
        parts *= parts
        power = np.add.reduce(parts, axis=1)
        power += np.float32(_LEAST_POWER)
        self._add(10 * np.log10(power))
        self.frames = last
        keep_from = self._frame_end(last) - self._window
        self._held = held[keep_from - self._held_from :].copy()
        self._held_from = keep_from

    def between(self, first: int, last: int) -> Float32Array | None:
        """The excess of frames `first` to `last` (exclusive); None if not all are there."""
        if first < self._oldest or last > self.frames or first >= last:
            return None
        return self._store[first - self._oldest : last - self._oldest]

    def _frame_end(self, number: int) -> int:
        """The last sample of the frame before `number`, plus one."""
        return number * self._rate // FRAMES_PER_S

    def _add(self, levels: Float32Array) -> None:
        """Levels in dB → excess over the floor of the sound before them."""
        excess = np.empty(len(levels), np.float32)
        done = 0
        while done < len(levels):
            part = levels[done : done + _FLOOR_FRAMES - len(self._open)]
            # in the first 0.1 s there is no floor: nothing rises above it
            excess[done : done + len(part)] = 0 if self._floor is None else part - self._floor
            self._open = np.concatenate((self._open, part))
            done += len(part)
            if len(self._open) == _FLOOR_FRAMES:
                middle = _middle(self._open)
                before = middle if self._floor is None else self._floor
                self._floor = before + _FLOOR_FRAMES * FRAME_S / _FLOOR_S * (middle - before)
                self._open = self._open[:0]
        self._keep(excess)

    def _keep(self, excess: Float32Array) -> None:
        """Append to the history, in place while there is room."""
        kept = self.frames - self._oldest
        if kept + len(excess) > len(self._store):
            old = self._store[max(0, kept - _KEPT_FRAMES) : kept]
            self._oldest, kept = self.frames - len(old), len(old)
            self._store = np.empty(2 * _KEPT_FRAMES + len(excess), np.float32)
            self._store[:kept] = old
        self._store[kept : kept + len(excess)] = excess


def _middle(levels: Float32Array) -> float:
    """The upper median; numpy's own costs as much as the transform."""
    return float(np.sort(levels)[len(levels) // 2])
