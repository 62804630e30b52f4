"""The streaming front end of the pop net: rows of band levels above a noise floor.

Bands are fixed in Hz and frames in seconds, so that one net serves every sample rate. A band above
the Nyquist frequency is zero. The floor is causal and follows the median of each step, which a
click of a few milliseconds does not change (measured: pops last 4 ms to -10 dB).
"""

from collections.abc import Sequence

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Float32Array

FRAME_S = 0.0025
WINDOW_S = 0.004
FRAMES_PER_ROW = 4
ROW_S = FRAME_S * FRAMES_PER_ROW
ROWS_PER_STEP = 10
STEP_S = ROW_S * ROWS_PER_STEP
EDGES_HZ = (
    300, 800, 1400, 2000, 2600, 3200, 3800, 4400, 5000, 5600,
    6300, 7000, 7800, 8700, 9600, 10600, 11600, 12700, 13900, 15400,
)  # fmt: skip
BANDS = len(EDGES_HZ) - 1
WIDTH = BANDS * (FRAMES_PER_ROW + 1)
"""Values in a row: each frame's excess in each band (units of 10 dB), then each band's spread."""
LOWEST_RATE_HZ = 16000
VERSION = "bands19-row10ms-v1"
"""Named in a model's manifest: a net needs the features that it was trained on."""

_FRAMES_PER_STEP = FRAMES_PER_ROW * ROWS_PER_STEP
LEAST_POWER = 1e-13  # far below any sound: 12 dB less gives the same rows
FLOOR_S = 2.0
"""Time constant of the noise floor, in seconds."""
_MOST_STEPS = 20  # at a time: the working set stays in the cache
_NO_ROWS = np.empty((0, WIDTH), np.float32)


class PopsFrontEnd:
    """Turns sound of one rate, in any pieces, into rows: (n,) in, (10·steps, WIDTH) out."""

    def __init__(self, sample_rate_hz: int) -> None:
        """Start at rest.

        Raises:
            BadInputError: the rate is too low for the bands of cracks.
        """
        if sample_rate_hz < LOWEST_RATE_HZ:
            raise BadInputError(
                f"The sample rate of {sample_rate_hz} Hz is too low to detect cracks: record at "
                f"{LOWEST_RATE_HZ} Hz or more, or use the model `transients`, which accepts "
                "8000 Hz and more but detects less."
            )
        self.step_samples = round(STEP_S * sample_rate_hz)
        self._window_samples = 2 * round(WINDOW_S * sample_rate_hz / 2)
        frame_ends = np.arange(1, _FRAMES_PER_STEP + 1) * self.step_samples // _FRAMES_PER_STEP
        starts = np.arange(_MOST_STEPS)[:, None] * self.step_samples + frame_ends
        # a frame ends with its 2.5 ms; the held samples begin with one window of history
        self._starts = starts.reshape(-1)
        self._waves, self._weights = transform(sample_rate_hz, self._window_samples)
        self._present = (self._weights.sum(0) > 0).astype(np.float32)
        keep = float(np.exp(-STEP_S / FLOOR_S))
        ago = np.arange(_MOST_STEPS)[:, None] - np.arange(_MOST_STEPS)
        self._fades = keep ** np.arange(1, _MOST_STEPS + 1)[:, None]
        self._shares = np.where(ago >= 0, (1.0 - keep) * keep ** np.maximum(ago, 0), 0.0)
        self.forget()

    def forget(self) -> None:
        """Return to rest: forget the floor and the history."""
        self._held = np.zeros(self._window_samples, np.float32)  # one window of history
        self._faded = np.zeros(2 * BANDS)  # weighted sums of medians and spreads
        self._faded_by = 1.0  # weight that those sums still lack

    def settle(self, opening: Float32Array) -> None:
        """Set the floor from the opening of the sound that follows, starting at rest.

        The opening, shape (n,), is played backwards, so that it joins the sound without a click.
        """
        steps = max(len(opening) // self.step_samples, 1)
        self.push(np.resize(opening, steps * self.step_samples)[::-1])

    @property
    def quiet(self) -> Float32Array:
        """The row of sound at the floor, shape (WIDTH,)."""
        row = np.zeros(WIDTH, np.float32)
        row[-BANDS:] = self._faded[BANDS:] / (1.0 - self._faded_by) * self._present
        return row

    @property
    def waiting_samples(self) -> int:
        """Number of samples of an incomplete step."""
        return len(self._held) - self._window_samples

    @property
    def waiting(self) -> Float32Array:
        """The samples of an incomplete step."""
        return self._held[self._window_samples :]

    def push(self, samples: Float32Array) -> Float32Array:
        """Take samples; return the rows of the completed steps."""
        size = _MOST_STEPS * self.step_samples
        rows = [self._push(samples[at : at + size]) for at in range(0, len(samples), size)]
        return rows[0] if len(rows) == 1 else np.concatenate(rows or [_NO_ROWS])

    def _push(self, samples: Float32Array) -> Float32Array:
        held = np.concatenate((self._held, samples))
        steps = (len(held) - self._window_samples) // self.step_samples
        if not steps:
            self._held = held
            return _NO_ROWS
        self._held = held[steps * self.step_samples :].copy()  # frees the rest
        return self._rows(held, steps)

    def _rows(self, held: Float32Array, steps: int) -> Float32Array:
        levels = self._levels(held, steps).reshape(steps, _FRAMES_PER_STEP, BANDS)
        off = np.ascontiguousarray(levels.transpose(0, 2, 1))  # by band: faster to sort and sum
        off.sort(axis=2)
        middle = off[:, :, _FRAMES_PER_STEP // 2].copy()  # the upper median
        off -= middle[:, :, None]
        np.abs(off, out=off)
        np.minimum(off, 1.0, out=off)
        floors, spreads = self._fade(middle, np.add.reduce(off, axis=2) / _FRAMES_PER_STEP)
        levels -= floors
        levels *= self._present
        np.maximum(levels, -1.0, out=levels)
        rows = np.empty((steps, ROWS_PER_STEP, WIDTH), np.float32)
        over = levels.reshape(steps, ROWS_PER_STEP, FRAMES_PER_ROW * BANDS)
        np.minimum(over, 5.0, out=rows[:, :, :-BANDS])
        rows[:, :, -BANDS:] = spreads * self._present
        return rows.reshape(steps * ROWS_PER_STEP, WIDTH)

    def _fade(self, middle: Float32Array, off: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Running means after each of these steps: (steps, BANDS) in, (steps, 1, BANDS) out.

        Older steps weigh less.
        """
        steps = len(middle)
        fades = self._fades[:steps]
        sums = self._shares[:steps, :steps] @ np.concatenate((middle, off), axis=1)
        sums += fades * self._faded
        self._faded = sums[-1].copy()
        sums /= 1.0 - self._faded_by * fades
        self._faded_by *= float(self._fades[steps - 1, 0])
        means = sums.astype(np.float32)[:, None]
        return means[:, :, :BANDS], means[:, :, BANDS:]

    def _levels(self, held: Float32Array, steps: int) -> Float32Array:
        """Band levels in bels, shape (40·steps, BANDS)."""
        starts = self._starts[: steps * _FRAMES_PER_STEP]
        # all windows as a view; numpy's function for it costs more than a live step
        shape, stride = (len(held) - self._window_samples + 1, self._window_samples), held.itemsize
        frames = np.ndarray(shape, held.dtype, held, strides=(stride, stride))[starts]
        # at these sizes a matrix product is seven times as fast as an FFT
        parts = frames @ self._waves
        parts *= parts
        bins = len(self._weights)
        powers = np.add(parts[:, :bins], parts[:, bins:], out=parts[:, :bins])
        levels: Float32Array = powers @ self._weights
        levels += np.float32(LEAST_POWER)
        return np.log10(levels, out=levels)


def transform(
    sample_rate_hz: int, window_samples: int, edges_hz: Sequence[float] = EDGES_HZ
) -> tuple[Float32Array, Float32Array]:
    """Windowed cosines and sines, (window, 2·bins), and weights of the bands, (bins, bands).

    A band's level is its mean power density relative to 32 kHz sampling. A bin counts towards a
    band by its overlap.
    """
    at = np.arange(window_samples)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * at / window_samples)
    width_hz = sample_rate_hz / window_samples
    bins = np.arange(1, min(int(edges_hz[-1] / width_hz) + 2, window_samples // 2))
    turns = 2 * np.pi * np.outer(at, bins) / window_samples
    low, high = np.array(edges_hz[:-1]), np.array(edges_hz[1:])
    centres = (bins * width_hz)[:, None]
    inside = np.minimum(centres + width_hz / 2, high) - np.maximum(centres - width_hz / 2, low)
    share = np.clip(inside / width_hz, 0, 1)
    share[:, high > 0.98 * sample_rate_hz / 2] = 0
    share /= np.maximum(share.sum(0), 1e-9)
    density = 32000.0 / sample_rate_hz / float(np.sum(window**2))
    waves = np.concatenate((np.cos(turns), np.sin(turns)), axis=1) * window[:, None]
    return waves.astype(np.float32), (share * density).astype(np.float32)
