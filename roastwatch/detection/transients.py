"""A detector without a model: short broadband clicks that stand out above 3 kHz.

Band energies every 5 ms are compared with a causal floor (median and spread of the previous 2 s),
and the excess is averaged over the bands. A pop rises and ends within about 10 ms, has energy in
most bands, and exceeds the noise of fan and drum. Bands are given in Hz, so one setting serves
every rate from 16 to 96 kHz.
"""

from itertools import pairwise
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Field

from roastwatch.detection.model import ModelSpec
from roastwatch.errors import BadInputError
from roastwatch.options import Options
from roastwatch.vocabulary import CrackScore, Float32Array, Pop

MODEL_ID = "transients-1"
LOWEST_RATE_HZ = 8000
HOP_S = 0.005
WINDOW_S = 0.008
BLOCK_FRAMES = 20
"""Frames per score: one score every 100 ms."""
HISTORY_FRAMES = 400
"""The floor covers the previous 2 s, so it follows a fan that changes its speed."""
LEAST_HISTORY_FRAMES = 80
LOOK_AHEAD_FRAMES = 12
"""A pop is distinguished from the beginning of a longer sound 60 ms after its peak."""
GUARD_FRAMES = 3
"""Frames of a click on either side of its peak."""
LEAST_PROBABILITY = 0.1
CLIP_SPREADS = 8.0
"""One band contributes at most this: a beep is not a click."""
QUIET_DB = -105.0
"""Levels below this count as this, so that digital silence has no clicks."""
EMPTY = 10**-2.5
"""A band this far below the mean power is empty (cut off by a codec) and does not count."""
LEAST_SPREAD_DB = 2.0
BAND_EDGES_HZ = np.geomspace(3000.0, 14000.0, 17)

Float64Array = npt.NDArray[np.float64]


class TransientsOptions(Options):
    """Options of the model-free detector."""

    threshold: float = Field(
        3.0, description="Least mean excess of a pop over the noise, in spreads.", gt=0, le=8
    )


class Transients:
    """The model-free detector as a `CrackModel`."""

    Options: ClassVar[type[TransientsOptions]] = TransientsOptions

    def __init__(self, options: TransientsOptions) -> None:
        self._options = options
        self._spec = ModelSpec(
            model_id=MODEL_ID,
            lowest_rate_hz=LOWEST_RATE_HZ,
            hop_s=HOP_S * BLOCK_FRAMES,
            look_ahead_s=HOP_S * LOOK_AHEAD_FRAMES + WINDOW_S,
            localises=True,
            pop_threshold=0.5,
            description="Model-free: clicks of a few milliseconds above 3 kHz.",
        )

    @property
    def spec(self) -> ModelSpec:
        """Its properties."""
        return self._spec

    def open(self, sample_rate_hz: int) -> "TransientsStream":
        """Open a new stream.

        Raises:
            BadInputError: the rate is below 8 kHz, which leaves no band for pops.
        """
        if sample_rate_hz < LOWEST_RATE_HZ:
            raise BadInputError(
                f"The sample rate of {sample_rate_hz} Hz is too low: pops stand out above 3 kHz, "
                f"so record at {LOWEST_RATE_HZ} Hz or more, preferably at 32000 or 48000."
            )
        return TransientsStream(sample_rate_hz, self._options.threshold)


class TransientsStream:
    """One stream of sound. The grid of frames does not depend on how samples arrive."""

    def __init__(self, sample_rate_hz: int, threshold: float) -> None:
        self._rate = sample_rate_hz
        self._threshold = threshold
        self._width = round(WINDOW_S * sample_rate_hz)
        window = np.hanning(self._width + 2)[1:-1]
        self._window = (window / np.sqrt((window**2).sum())).astype(np.float32)
        # No padding: bins are 125 Hz apart at every rate, so bands contain the same bins.
        self._bands = _bands(sample_rate_hz, self._width)
        self._lost = 0
        self._begin(0)

    def _begin(self, first_sample: int) -> None:
        self._origin = first_sample
        self._pending = np.empty(0, dtype=np.float32)
        self._pending_first = 0  # counted from the origin
        self._frames_done = 0
        self._blocks_done = 0
        self._levels = np.empty((0, self._bands.shape[0]))  # for the floor
        self._excess = np.empty(0)  # mean excess of frames, from frame _excess_first on
        self._excess_first = 0

    def push(self, samples: Float32Array) -> list[CrackScore]:
        """Take samples, shape (n,), ±1; return the completed scores, one every 100 ms.

        NaN and infinite samples count as silence.
        """
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        self._pending = np.concatenate([self._pending, samples])
        end = self._pending_first + len(self._pending)
        known = max(0, int((end - self._width) / (HOP_S * self._rate)) + 1)
        while known > 0 and self._start(known - 1) + self._width > end:
            known -= 1
        while self._start(known) + self._width <= end:
            known += 1
        return self._advance(known // BLOCK_FRAMES * BLOCK_FRAMES)

    def reset(self, gap_samples: int) -> None:
        """Sound is missing: continue after it without a floor."""
        self._begin(self._origin + self._pending_first + len(self._pending) + gap_samples)

    def finish(self) -> list[CrackScore]:
        """End the sound: the scores that the look-ahead held back, as if silence followed."""
        wanted = self._pending_first + len(self._pending)
        padded = BLOCK_FRAMES * 2 + LOOK_AHEAD_FRAMES
        scores = self.push(np.zeros(round(padded * HOP_S * self._rate), dtype=np.float32))
        limit = self._origin + wanted
        return [score for score in scores if score.end_sample <= limit]

    def _start(self, frame: int) -> int:
        return round(frame * HOP_S * self._rate)

    def _advance(self, known: int) -> list[CrackScore]:
        scores: list[CrackScore] = []
        while self._frames_done < known:
            self._measure(self._frames_done, min(known, self._frames_done + 50 * BLOCK_FRAMES))
            ready = (self._frames_done - LOOK_AHEAD_FRAMES) // BLOCK_FRAMES
            if ready > self._blocks_done:
                scores += self._score(self._blocks_done, ready)
                self._blocks_done = ready
            self._forget()
        return scores

    def _measure(self, first: int, end: int) -> None:
        """Compute levels and excess of the frames from first to end, both multiples of a block."""
        starts = np.array([self._start(frame) for frame in range(first, end)])
        index = (starts - self._pending_first)[:, None] + np.arange(self._width)
        spectrum = np.fft.rfft(self._pending[index] * self._window)
        power = spectrum.real**2 + spectrum.imag**2
        levels = 10 * np.log10(power @ self._bands.T + 10 ** (QUIET_DB / 10))
        levels = levels.round(4)  # the last bits of sums depend on the length of a push
        history = np.concatenate([self._levels, levels])
        past = len(self._levels)
        parts = []
        for at in range(past, len(history), BLOCK_FRAMES):
            block = history[at : at + BLOCK_FRAMES]
            floor = history[max(0, at - HISTORY_FRAMES) : at]
            if len(floor) < LEAST_HISTORY_FRAMES:
                parts.append(np.zeros(len(block)))
                continue
            ranked = np.sort(floor[::2], axis=0)
            low, middle, high = (ranked[len(ranked) * quarter // 4] for quarter in (1, 2, 3))
            spread = np.maximum((high - low) / 1.349, LEAST_SPREAD_DB)
            over = (block - middle) / spread
            power = 10 ** (middle / 10)
            alive = power / (power + EMPTY * power.mean())
            clipped = np.clip(over, -1.0, CLIP_SPREADS)
            parts.append(((clipped * alive).sum(axis=1) / alive.sum()).round(6))
        self._levels = history[-HISTORY_FRAMES:]
        self._excess = np.concatenate([self._excess, *parts])
        self._frames_done = end

    def _score(self, first_block: int, end_block: int) -> list[CrackScore]:
        """The scores of blocks: the sharpness of each frame, and the peaks."""
        first, reach = first_block * BLOCK_FRAMES, LOOK_AHEAD_FRAMES
        count = (end_block - first_block) * BLOCK_FRAMES
        at = first - self._excess_first
        padded = np.concatenate([np.zeros(max(0, reach - at)), self._excess])
        at = max(at, reach)
        around = sliding_window_view(padded[at - reach : at + count + reach], 2 * reach + 1)
        here, before, after = around[:, reach], around[:, :reach], around[:, reach + 1 :]
        lasting = np.maximum(
            before[:, :-GUARD_FRAMES].mean(1), after[:, 2 * GUARD_FRAMES :].mean(1)
        )
        strength = (here - np.maximum(lasting, 0.0)).round(6)
        chance = 1 / (1 + np.exp(-np.clip(1.2 * (strength - self._threshold), -12, 12)))
        peaks = (here > before.max(1)) & (here >= after.max(1)) & (chance >= LEAST_PROBABILITY)
        pops = [
            Pop(
                self._origin + self._start(first + int(frame)) + self._width // 2,
                float(chance[frame]),
            )
            for frame in np.flatnonzero(peaks)
        ]
        scores = []
        for block, best in enumerate(chance.reshape(-1, BLOCK_FRAMES).max(1), first_block):
            start, end = (self._origin + self._start(b * BLOCK_FRAMES) for b in (block, block + 1))
            middle = self._width // 2
            scores.append(
                CrackScore(
                    end_sample=end,
                    log_likelihood_ratio=float(np.log(best / (1 - best))),
                    probability=float(best),
                    model_id=MODEL_ID,
                    pops=tuple(p for p in pops if start <= p.sample - middle < end),
                )
            )
        return scores

    def _forget(self) -> None:
        keep = self._start(self._frames_done)
        self._pending = self._pending[max(0, keep - self._pending_first) :]
        self._pending_first = max(keep, self._pending_first)
        first = max(0, self._blocks_done * BLOCK_FRAMES - LOOK_AHEAD_FRAMES)
        self._excess = self._excess[first - self._excess_first :]
        self._excess_first = first


def _bands(sample_rate_hz: int, width: int) -> Float64Array:
    """Weights of shape (bands, width // 2 + 1): the mean power of each band below Nyquist."""
    hz = np.arange(width // 2 + 1) / WINDOW_S  # of the unrounded width
    rows = [
        (hz >= low) & (hz < high)
        for low, high in pairwise(BAND_EDGES_HZ)
        if high <= 0.48 * sample_rate_hz
    ]
    return np.array([row / row.sum() for row in rows if row.any()], dtype=np.float64)
