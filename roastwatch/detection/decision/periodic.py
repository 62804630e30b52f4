"""Sounds that come by rule: a clock, typing, a woodpecker, a bouncing ball. Cracks come by chance.

A train is a run of pops whose distances are equal, or shrink by one factor from each to the next
(a ball that bounces loses the same part of its speed each time). Chance alone makes such a run of
`LEAST_POPS` from a crack's pops less than once in a hundred.
"""

import math
from collections.abc import Sequence
from statistics import median

LEAST_POPS, LONGEST_TRAIN = 5, 40
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
    recent = at_s[-LONGEST_TRAIN:]
    if len(recent) < LEAST_POPS:
        return 0

    def distance(back: int) -> float:  # 1 is the latest
        return recent[-back] - recent[-back - 1]

    def factor(back: int) -> float:
        return math.log(max(distance(back), 1e-3) / max(distance(back + 1), 1e-3))

    if not SHORTEST_S <= distance(1) <= LONGEST_S:
        return 0
    usual = median(factor(back) for back in range(1, LEAST_POPS - 1))
    if not -BOUNCING <= usual <= STEADY:
        return 0
    length = 0
    for back in range(1, len(recent) - 1):
        fits = abs(factor(back) - usual) <= TOLERANCE
        if not fits or not SHORTEST_S <= distance(back + 1) <= LONGEST_S:
            break
        length = back + 2
    return length if length >= LEAST_POPS else 0
