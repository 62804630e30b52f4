"""Periodic sounds: a clock, typing, a woodpecker, a bouncing ball. Cracks come at random.

The intervals of periodic pops are equal, or shrink by one factor from each to the next (a bouncing
ball loses the same share of its speed each time). Random pops of a crack form such a run of
`LEAST_POPS` less than once in a hundred.
"""

import math
from collections.abc import Sequence
from statistics import median

LEAST_POPS, LONGEST_RUN = 5, 40
TOLERANCE = 0.2
"""Largest difference (natural logarithm) between the factors of one run."""
STEADY, BOUNCING = 0.06, 0.7
"""Range of the factor: from exp(-0.7) (a dull ball) to exp(0.06) (a clock with jitter)."""
SHORTEST_S, LONGEST_S = 0.06, 2.5
"""Range of intervals, in seconds."""


def periodic_length(at_s: Sequence[float]) -> int:
    """How many of the latest pops are periodic: 0, or at least `LEAST_POPS`.

    Args:
        at_s: sorted times of all pops so far, in seconds.
    """
    recent = at_s[-LONGEST_RUN:]
    if len(recent) < LEAST_POPS:
        return 0

    def interval(back: int) -> float:  # 1 is the latest
        return recent[-back] - recent[-back - 1]

    def factor(back: int) -> float:
        return math.log(max(interval(back), 1e-3) / max(interval(back + 1), 1e-3))

    if not SHORTEST_S <= interval(1) <= LONGEST_S:
        return 0
    usual = median(factor(back) for back in range(1, LEAST_POPS - 1))
    if not -BOUNCING <= usual <= STEADY:
        return 0
    length = 0
    for back in range(1, len(recent) - 1):
        fits = abs(factor(back) - usual) <= TOLERANCE
        if not fits or not SHORTEST_S <= interval(back + 1) <= LONGEST_S:
            break
        length = back + 2
    return length if length >= LEAST_POPS else 0
