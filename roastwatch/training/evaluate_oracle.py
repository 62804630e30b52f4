"""An oracle to hold the decision against: it knows every rate, and waits only for when.

For one roast it is told the rate curve of first crack, the recall, and how often pops stray in
and clatters come. It carries the probability of each time since the onset (a hidden Markov model
whose states are that time), and may use the model's sureness of each pop. Its bar is set so that
it raises no more false alarms on the same hours than the decision that it is compared with.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from roastwatch.training.evaluate_simulated import REARM_S, Condition, Heard
from roastwatch.training.evaluate_statistics import Judged

Float32Array = npt.NDArray[np.float32]
TICK_S = 0.5
LONGEST_S = 120.0
CLATTER_S, CLATTER_CHANCE = 2.7, 0.85
CRACK_EVERY_S = 600.0


def judge(
    roasts: Sequence[Heard], hours: Sequence[Heard], condition: Condition, allowed: int
) -> tuple[list[Judged], int]:
    """The oracle on roasts, with at most `allowed` alarms in `hours`; and how many it raised."""
    rates = [heard.rates for heard in roasts]
    known = [
        (
            r.first.rate_per_s(r.first.onset_s + np.arange(0, LONGEST_S, TICK_S) + TICK_S / 2)
            * condition.recall,
            condition.false_pops_per_min / 60 + r.stray_per_s * condition.recall,
        )
        for r in rates
        if r is not None and r.first is not None
    ]
    crack = np.array([curve for curve, _ in known], dtype=np.float32)
    quiet = np.array([rate for _, rate in known], dtype=np.float32)
    among = np.arange(len(hours)) % len(known)
    at_rest = _odds(hours, crack[among], quiet[among], condition)
    bar, raised = _bar(at_rest, allowed)
    odds = _odds(roasts, crack, quiet, condition)
    judged = []
    for index, heard in enumerate(roasts):
        assert heard.rates is not None
        assert heard.rates.first is not None
        over = np.flatnonzero(odds[index, : int(heard.duration_s / TICK_S)] >= bar)
        decided = float((over[0] + 1) * TICK_S) if len(over) else None
        judged.append(Judged(f"oracle {index}", heard.rates.first.onset_s, decided, None))
    return judged, raised


def _bar(odds: Float32Array, allowed: int) -> tuple[float, int]:
    """The lowest bar with at most so many alarms."""
    for bar in np.arange(1.0, 14.0, 0.125):
        count = 0
        for row in odds:
            last = -np.inf
            for tick in np.flatnonzero(row >= bar):
                if (tick - last) * TICK_S >= REARM_S:
                    count += 1
                    last = float(tick)
        if count <= allowed:
            return float(bar), count
    return 14.0, 0


def _odds(
    heard: Sequence[Heard], crack: Float32Array, quiet: Float32Array, condition: Condition
) -> Float32Array:
    """Log odds of a crack after each tick, shape (recordings, ticks)."""
    ticks = int(max(h.duration_s for h in heard) / TICK_S) + 1
    weight = np.zeros((len(heard), ticks), dtype=np.float32)
    for row, one in zip(weight, heard, strict=True):
        logit = np.log(one.probability / (1 - one.probability))
        np.maximum.at(
            row,
            np.minimum((one.at_s / TICK_S).astype(int), ticks - 1),
            np.exp(np.clip(logit - 0.5, -1.5, 1.5)).astype(np.float32),
        )
    enters, clatters = TICK_S / CRACK_EVERY_S, TICK_S * condition.bursts_per_h / 3600
    leaves = TICK_S / CLATTER_S
    rest, clatter = np.ones(len(heard), np.float32), np.zeros(len(heard), np.float32)
    since = np.zeros_like(crack)
    silence = np.exp(-crack * TICK_S)
    ratio = crack / quiet[:, None]
    in_clatter = CLATTER_CHANCE / (quiet * TICK_S)
    odds = np.zeros_like(weight)
    for tick in range(ticks):
        oldest = since[:, -1] + since[:, -2]
        since[:, 1:] = since[:, :-1].copy()
        since[:, -1], since[:, 0] = oldest, enters * rest
        rest, clatter = (
            rest * (1 - enters - clatters) + clatter * leaves,
            clatter * (1 - leaves) + rest * clatters,
        )
        seen = weight[:, tick]
        popped = np.flatnonzero(seen)
        still = np.flatnonzero(seen == 0)
        since[still] *= silence[still]
        clatter[still] *= 1 - CLATTER_CHANCE
        since[popped] *= 1 + ratio[popped] * seen[popped, None]
        clatter[popped] *= in_clatter[popped]
        cracking = since.sum(axis=1)
        total = rest + clatter + cracking
        rest, clatter = rest / total, clatter / total
        since /= total[:, None]
        odds[:, tick] = np.log(np.maximum(cracking, 1e-9) / np.maximum(total - cracking, 1e-9))
    return odds
