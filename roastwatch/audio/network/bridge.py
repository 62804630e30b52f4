"""Short losses are bridged, because a click or a silence in their place could look like a pop."""

import numpy as np
import numpy.typing as npt

from roastwatch.vocabulary import Float32Array

LONGEST_S = 0.12
"""Longer losses are gaps: the detector forgets what was before."""
HISTORY_S = 0.5
_ORDER = 12
_KNOWN = 640
_STEP = 4.0**2
_UNLIKE = 6.0
FADE_S = 0.005


def bridge(before: Float32Array, after: Float32Array, count: int, fade: int) -> Float32Array:
    """Make up `count` frames between two stretches of sound, shape (count, channels).

    The calmest stretch of `before` is repeated, faded at both ends into the continuation of its
    neighbours: neither a pop is repeated nor a click is heard. Silence without `before`.

    Args:
        before: frames before the loss, shape (n, channels).
        after: frames after it, shape (m, channels).
        count: frames to make up.
        fade: frames of each cross-fade.
    """
    made = np.zeros((count, after.shape[1]), np.float32)
    if not len(before):
        return made
    known = before
    while len(known) < count:
        known = np.concatenate([known[::-1], known])
    start = _calmest(known, count)
    made[:] = known[start : start + count]
    made = joined(before, made, min(fade, count // 2))
    return joined(after[::-1], made[::-1], min(fade, count // 2))[::-1]


def joined(before: Float32Array, after: Float32Array, fade: int) -> Float32Array:
    """The frames `after`, whose start is faded in from the continuation of `before`.

    The continuation is `before` turned around its last frame: neither a step nor a bend.
    """
    length = min(fade, len(before) - 1, len(after))
    if length < 1:
        return after
    continued = 2 * before[-1] - before[-2 : -2 - length : -1]
    share = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length, dtype=np.float32) + 0.5) / length)
    faded = after.copy()
    faded[:length] = continued + share[:, None].astype(np.float32) * (after[:length] - continued)
    return faded


def is_cut(before: Float32Array, after: Float32Array) -> bool:
    """Whether sound is missing between two stretches: no sound of before goes on like that.

    The first frames of `after` are compared with what linear prediction from `before` expects.
    """
    if len(before) < _KNOWN or len(after) < _ORDER:
        return False
    around = np.concatenate([before[-_KNOWN:], after[:_ORDER]]).astype(np.float64)
    return any(_breaks(around[:, channel]) for channel in range(around.shape[1]))


def _breaks(around: npt.NDArray[np.float64]) -> bool:
    windows = np.lib.stride_tricks.sliding_window_view(around, _ORDER)[:-1]
    known = len(windows) - _ORDER
    past, present = windows[:known], around[_ORDER : _ORDER + known]
    products = np.einsum("ij,ik->jk", past, past)  # threads of BLAS would cost more than the work
    products[np.diag_indices(_ORDER)] += 1e-9 * (products[0, 0] + 1e-12)
    weights = np.linalg.solve(products, np.einsum("ij,i->j", past, present))
    off = around[_ORDER:] - windows @ weights
    usual = float(np.mean(off[:known] ** 2))
    there = off[known:] ** 2
    return bool(there[0] > _STEP * usual or there.mean() > _UNLIKE * usual)


def _calmest(frames: Float32Array, count: int) -> int:
    """Where the stretch of this length begins whose loudest bend is the smallest."""
    bends = np.zeros(len(frames), np.float32)
    bends[1:-1] = np.abs(np.diff(frames, n=2, axis=0)).max(axis=1)
    starts = range(0, len(frames) - count + 1, max(1, count // 4))
    return min(starts, key=lambda start: float(bends[start : start + count].max()))
