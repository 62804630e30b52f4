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
    candidates = np.flatnonzero(logits >= least)
    kept = [
        row
        for row in candidates.tolist()
        if int(logits[max(row - REACH_ROWS, 0) : row + REACH_ROWS + 1].argmax())
        == min(row, REACH_ROWS)
    ]
    return np.array(kept, np.intp)
