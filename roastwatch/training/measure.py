"""Measure a net pop by pop on clips: recall of cracks at given rates of false pops."""

import numpy as np
import numpy.typing as npt
import torch

from roastwatch.detection.pops.features import ROW_S
from roastwatch.detection.pops.peaks import peaks
from roastwatch.training.bank import CRACK, UNSURE, Bank

_REACH_ROWS = 3
_SETTLING_ROWS = 15


def logits_of(
    network: torch.nn.Module,
    rows: npt.NDArray[np.float16],
    look_ahead_rows: int,
    device: torch.device,
    batch: int = 64,
) -> npt.NDArray[np.float32]:
    """Logits (clips, rows - look_ahead_rows), aligned with the rows that they belong to."""
    found = []
    with torch.inference_mode():
        for first in range(0, len(rows), batch):
            part = torch.from_numpy(rows[first : first + batch].astype(np.float32)).to(device)
            found.append(network(part)[0][:, look_ahead_rows:].float().cpu().numpy())
    return np.concatenate(found)


def candidates(
    logits: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]
) -> tuple[list[float], list[float], int]:
    """Logits of the best peak at each crack (-99: none) and of false peaks; the rows counted."""
    found: list[float] = []
    false: list[float] = []
    judged = 0
    for clip, label in zip(logits, labels, strict=True):
        label = label[: len(clip)]
        at = np.array(peaks(clip.tolist(), -8.0), np.intp)
        at = at[at >= _SETTLING_ROWS]
        for crack in np.flatnonzero(label == CRACK):
            if crack < _SETTLING_ROWS or crack >= len(clip) - _REACH_ROWS:
                continue
            near = clip[at[np.abs(at - crack) <= _REACH_ROWS]]
            found.append(float(near.max()) if len(near) else -99.0)
        unsure = np.convolve(label != 0, np.ones(2 * _REACH_ROWS + 1), "same") > 0
        unsure |= label == UNSURE
        false += [float(x) for x in clip[at[~unsure[at]]]]
        judged += int((~unsure[_SETTLING_ROWS:]).sum())
    return found, false, judged


def measured(
    network: torch.nn.Module, bank: Bank, look_ahead_rows: int, device: torch.device
) -> dict[str, float]:
    """Recall of cracks at 1 and at 0.2 false pops a minute, on clips full of distractors.

    Only the highest false pop of each clip counts. Otherwise a single drum whose beans clatter as
    loudly as cracks, which fools every net, would set the thresholds.
    """
    found: list[float] = []
    loudest: list[float] = []
    judged = 0
    whole = logits_of(network, bank.rows, look_ahead_rows, device)
    for logits, labels in zip(whole, bank.labels, strict=True):
        hits, false, rows = candidates(logits[None], labels[None])
        found += hits
        loudest.append(max(false, default=-99.0))
        judged += rows
    minutes = judged * ROW_S / 60
    worst = np.sort(np.array(loudest))[::-1]
    figures = {}
    for per_min in (1.0, 0.2):
        allowed = int(per_min * minutes)
        bar = worst[allowed] if allowed < len(worst) else -8.0
        name = f"{per_min:g}".replace(".", "_")
        figures[f"recall_at_{name}_per_min"] = (
            float(np.mean(np.array(found) > bar)) if found else 0.0
        )
        figures[f"bar_at_{name}_per_min"] = float(bar)
    return figures
