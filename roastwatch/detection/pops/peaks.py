"""Peaks of a curve of logits: one pop for each sound."""

REACH_ROWS = 4
"""Pops are at least this many rows of 10 ms apart: a closer, weaker peak is the same sound."""


def peaks(logits: list[float], least: float) -> list[int]:
    """Sorted rows that reach `least` and are the highest within ±REACH_ROWS.

    Of equal rows the first counts. Rows near an end are compared with the rows that exist. A live
    step has about a dozen values, for which a list is faster than an array.
    """
    found = []
    for row in [row for row, height in enumerate(logits) if height >= least]:
        first = max(row - REACH_ROWS, 0)
        near = logits[first : row + REACH_ROWS + 1]
        if near.index(max(near)) == row - first:
            found.append(row)
    return found
