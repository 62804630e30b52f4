"""Where a curve of logits peaks: one sound, one pop."""

REACH_ROWS = 4
"""No two pops within so many rows of 10 ms: the nearer, weaker one is the same sound."""


def peaks(logits: list[float], least: float) -> list[int]:
    """Rows (sorted) that reach `least` and are the highest within ±REACH_ROWS.

    Of equal rows the first counts. Rows closer to an end than that are judged by what is there.
    Plain numbers, because a live step has a dozen of them: an array costs more to ask than to sort.
    """
    found = []
    for row in [row for row, height in enumerate(logits) if height >= least]:
        first = max(row - REACH_ROWS, 0)
        near = logits[first : row + REACH_ROWS + 1]
        if near.index(max(near)) == row - first:
            found.append(row)
    return found
