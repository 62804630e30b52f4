"""An oracle as an upper bound for the decision: it knows every rate, but not the onset.

It knows a roast's rate curve of first crack, the rates of stray pops and clatter, and the
distribution of their levels. It carries the probability of each time since the onset (a hidden
Markov model whose states are that time). Its threshold is set so that it raises no more false
alarms in the same hours than the decision that it is compared with.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from roastwatch.evaluation.simulated import (
    CRACK_SPREAD,
    FALSE_SCALE,
    REARM_S,
    Condition,
    DetectedPops,
    crack_level,
    false_density,
)
from roastwatch.evaluation.statistics import Judged

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
TICK_S = 0.5
LONGEST_S = 120.0
CLATTER_S, CLATTER_CHANCE = 2.7, 0.85
CRACK_EVERY_S = 600.0


def judge(
    roasts: Sequence[DetectedPops],
    hours: Sequence[DetectedPops],
    condition: Condition,
    allowed: Mapping[str, int],
) -> dict[str, tuple[list[Judged], int]]:
    """Run the oracle on roasts with given numbers of allowed alarms in `hours`.

    Returns:
        For each name in `allowed`: the judged roasts, and the number of alarms.
    """
    firsts = [(r, r.first) for r in (heard.rates for heard in roasts) if r and r.first]
    since_s = np.arange(0, LONGEST_S, TICK_S) + TICK_S / 2
    crack = np.array([f.rate_per_s(f.onset_s + since_s) for _, f in firsts], dtype=np.float32)
    strays = np.array([r.stray_per_s for r, _ in firsts])
    among = np.arange(len(hours)) % len(firsts)
    at_rest = _odds(hours, crack[among], strays[among], condition)
    odds = _odds(roasts, crack, strays, condition)
    found = {}
    for name, most in allowed.items():
        threshold, raised = _threshold(at_rest, most)
        found[name] = _judged(roasts, odds, threshold), raised
    return found


def _judged(roasts: Sequence[DetectedPops], odds: Float32Array, threshold: float) -> list[Judged]:
    judged = []
    for index, heard in enumerate(roasts):
        assert heard.rates is not None
        assert heard.rates.first is not None
        over = np.flatnonzero(odds[index, : int(heard.duration_s / TICK_S)] >= threshold)
        decided = float((over[0] + 1) * TICK_S) if len(over) else None
        judged.append(Judged(f"oracle {index}", heard.rates.first.onset_s, decided, None))
    return judged


def _threshold(odds: Float32Array, allowed: int) -> tuple[float, int]:
    """The lowest threshold with at most `allowed` alarms, and their number."""
    for threshold in np.arange(1.0, 14.0, 0.125):
        count = 0
        for row in odds:
            last = -np.inf
            for tick in np.flatnonzero(row >= threshold):
                if (tick - last) * TICK_S >= REARM_S:
                    count += 1
                    last = float(tick)
        if count <= allowed:
            return float(threshold), count
    return 14.0, 0


def _odds(
    heard: Sequence[DetectedPops], crack: Float32Array, strays: Float64Array, condition: Condition
) -> Float32Array:
    """Log odds of a crack after each tick, shape (recordings, ticks)."""
    ticks = int(max(h.duration_s for h in heard) / TICK_S) + 1
    # For each tick's best pop: likelihood ratio of its level under a crack of one pop per second,
    # and under clatter, to a stray pop.
    for_crack, for_clatter = (np.zeros((len(heard), ticks), np.float32) for _ in range(2))
    mean = crack_level(condition.recall)
    for row, one in enumerate(heard):
        over = np.log(one.probability / (1 - one.probability))
        apart = (over - mean) / CRACK_SPREAD
        level = np.exp(-0.5 * apart**2) / (CRACK_SPREAD * np.sqrt(2 * np.pi))
        clatter = np.where(over >= 0, np.exp(-over / FALSE_SCALE) / FALSE_SCALE, 0.0)
        stray = false_density(condition, over) + strays[row] * level
        at = np.minimum((one.at_s / TICK_S).astype(int), ticks - 1)
        np.maximum.at(for_crack[row], at, (level / stray).astype(np.float32))
        np.maximum.at(for_clatter[row], at, (clatter / stray / TICK_S).astype(np.float32))
    enters, clatters = TICK_S / CRACK_EVERY_S, TICK_S * condition.bursts_per_h / 3600
    leaves = TICK_S / CLATTER_S
    rest, clatter = np.ones(len(heard)), np.zeros(len(heard))
    since = np.zeros(crack.shape)
    silence = np.exp(-crack * TICK_S)
    odds = np.zeros_like(for_crack)
    for tick in range(ticks):
        oldest = since[:, -1] + since[:, -2]
        since[:, 1:] = since[:, :-1].copy()
        since[:, -1], since[:, 0] = oldest, enters * rest
        rest, clatter = (
            rest * (1 - enters - clatters) + clatter * leaves,
            clatter * (1 - leaves) + rest * clatters,
        )
        since *= silence
        popped = np.flatnonzero(for_crack[:, tick])
        since[popped] *= 1 + crack[popped] * for_crack[popped, tick, None]
        clatter = clatter * (1 - CLATTER_CHANCE + CLATTER_CHANCE * for_clatter[:, tick])
        cracking = since.sum(axis=1)
        total = rest + clatter + cracking
        rest, clatter = rest / total, clatter / total
        since /= total[:, None]
        odds[:, tick] = np.log(np.maximum(cracking, 1e-9) / np.maximum(total - cracking, 1e-9))
    return odds
