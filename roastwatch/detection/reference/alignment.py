"""How far two microphones with clocks of their own are apart, from what both hear."""

from dataclasses import dataclass

import numpy as np

from roastwatch.detection.reference.envelope import FRAME_S, FRAMES_PER_S, Envelope

FARTHEST_S = 0.75
"""The buffers of two devices differ by up to some 0.5 s; the search covers more."""
_OVER_S = 20.0
"""Sound compared at a time: clocks 100 ppm apart move by 2 ms in it, less than a frame."""
_LEAST_S = 10.0
_EVERY_S = 2.0
_LEAST_LIKE = 0.15
"""Correlation of sounds that have nothing in common: 0.08 at most over all lags."""
_RIVAL = 0.95
_APART_FRAMES = 12
"""A beat later, music is like itself (0.93 of the peak, measured): a peak that another one reaches
decides nothing."""
_SAME_S = 0.010
STALE_S = 120.0
"""An offset that nothing confirmed for this long counts no more: at 100 ppm it is 12 ms off."""
_MOST_DB = 20.0
"""What is compared: sound above the floor; no single impulse may decide."""


@dataclass(slots=True)
class Alignment:
    """The offset of a reference microphone: its time plus `offset_s` is the main one's.

    `start_s` is what is known without listening, to within `FARTHEST_S`.
    """

    start_s: float = 0.0
    fixed: bool = False
    """Both are channels of one device: the offset is `start_s`."""
    _found_s: float | None = None
    _candidate_s: float | None = None
    _tried_s: float = 0.0
    _confirmed_s: float = 0.0

    def offset_s(self, now_s: float) -> float | None:
        """The offset at a time of the main microphone; None: unknown."""
        if self.fixed:
            return self.start_s
        if self._found_s is not None and now_s - self._confirmed_s > STALE_S:
            self._found_s = None
        return self._found_s

    def anchor(self, start_s: float) -> None:
        """The reference begins anew, at this time of the main microphone."""
        self.start_s = start_s
        self._found_s = self._candidate_s = None

    def update(self, main: Envelope, other: Envelope) -> None:
        """Compare the newest sound of both, if it is time to."""
        end_s = min(main.end_s, other.end_s + self.start_s - FARTHEST_S)
        if self.fixed or end_s < self._tried_s + _EVERY_S:
            return
        self._tried_s = end_s
        estimate_s = self._estimate(main, other, end_s)
        if estimate_s is None:
            return
        for known_s in (self._found_s, self._candidate_s):
            if known_s is not None and abs(estimate_s - known_s) < _SAME_S:
                self._found_s, self._confirmed_s = estimate_s, end_s
                break
        self._candidate_s = estimate_s

    def _estimate(self, main: Envelope, other: Envelope, end_s: float) -> float | None:
        """The offset by correlation; None if the two have too little in common."""
        reach = round(FARTHEST_S * FRAMES_PER_S)
        last = int(end_s * FRAMES_PER_S)
        shift = round(self.start_s * FRAMES_PER_S)
        length = round(_OVER_S * FRAMES_PER_S)
        while length >= round(_LEAST_S * FRAMES_PER_S):
            ours = main.between(last - length, last)
            theirs = other.between(last - length - shift - reach, last - shift + reach)
            if ours is not None and theirs is not None:
                break
            length -= round(_EVERY_S * FRAMES_PER_S)
        else:
            return None
        a = np.clip(ours, 0, _MOST_DB)
        b = np.clip(theirs, 0, _MOST_DB)
        a = a - a.mean()
        b = b - b.mean()
        size = 1 << int(np.ceil(np.log2(len(b))))  # what wraps around is not read
        product = np.fft.irfft(np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size)), size)
        sums = product[: 2 * reach + 1]
        energy = float(np.sqrt(np.sum(a * a) * np.sum(b * b) * len(a) / len(b)))
        best = int(np.argmax(sums))
        rivals = np.delete(sums, slice(max(0, best - _APART_FRAMES), best + _APART_FRAMES + 1))
        if sums[best] < _LEAST_LIKE * energy or np.max(rivals) > _RIVAL * sums[best]:
            return None
        return self.start_s - (best - reach) * FRAME_S
