"""Where a curve of logits peaks: one sound, one pop."""

import numpy as np
import numpy.typing as npt

from roastwatch.vocabulary import Float32Array

REACH_ROWS = 4
"""No two pops within so many rows of 10 ms: the nearer, weaker one is the same sound."""


def peaks(logits: Float32Array, least: float) -> npt.NDArray[np.intp]:
    """Rows (sorted) that reach `least` and are the highest within ±REACH_ROWS, shape (found,).

    Of equal rows the first counts. Rows closer to an end than that are judged by what is there.
    """
    padded = np.pad(logits, REACH_ROWS, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH_ROWS + 1)
    candidates = np.flatnonzero(logits >= least)
    if not len(candidates):
        return candidates
    near = windows[candidates]
    return np.asarray(candidates[near.argmax(axis=1) == REACH_ROWS])
