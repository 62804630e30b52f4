"""Sounds that come by rule: a clock, typing, a woodpecker, a bouncing ball. Cracks come by chance.

A train is a run of pops whose distances are equal, or shrink by one factor from each to the next
(a ball that bounces loses the same part of its speed each time). Chance alone makes such a run of
`LEAST_POPS` from a crack's pops less than once in a hundred.
"""

from collections.abc import Sequence

import numpy as np

LEAST_POPS = 5
TOLERANCE = 0.2
"""By how much (natural logarithm) the factors of one train may differ from one another."""
STEADY, BOUNCING = 0.06, 0.7
"""The factor of a train: from exp(-0.7) (a dull ball) to exp(0.06) (a clock heard badly)."""
SHORTEST_S, LONGEST_S = 0.06, 2.5
"""Distances that make a train."""


def train_length(at_s: Sequence[float]) -> int:
    """How many of the latest pops form a train: 0, or at least `LEAST_POPS`.

    Args:
        at_s: times of all pops so far, sorted, in seconds.
    """
    length = 0
    recent = np.asarray(at_s[-40:], dtype=np.float64)
    distances = np.diff(recent)
    if len(distances) < LEAST_POPS - 1:
        return 0
    if not SHORTEST_S <= distances[-1] <= LONGEST_S:
        return 0
    factors = np.diff(np.log(np.maximum(distances, 1e-3)))
    factor = float(np.median(factors[-(LEAST_POPS - 2) :]))
    if not -BOUNCING <= factor <= STEADY:
        return 0
    for back in range(1, len(factors) + 1):
        fits = abs(factors[-back] - factor) <= TOLERANCE
        if not fits or not SHORTEST_S <= distances[-back - 1] <= LONGEST_S:
            break
        length = back + 2
    return length if length >= LEAST_POPS else 0
