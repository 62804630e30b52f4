"""How many cracks a net finds, at how many false ones: on clips, pop by pop."""

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
    """Logits (clips, rows - look_ahead_rows), each beside the row that it judges."""
    found = []
    with torch.inference_mode():
        for first in range(0, len(rows), batch):
            part = torch.from_numpy(rows[first : first + batch].astype(np.float32)).to(device)
            found.append(network(part)[:, look_ahead_rows:].float().cpu().numpy())
    return np.concatenate(found)


def candidates(
    logits: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]
) -> tuple[list[float], list[float], int]:
    """Logits of the best peak at each crack (-99: none), of the false peaks; the rows judged."""
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
    """Recall of cracks at 1 and at 0.2 false ones a minute of clips full of fooling sounds.

    A clip's loudest false one counts alone: a drum whose beans clatter as hard as cracks, which
    fools every net, would else set the bars by itself.
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
