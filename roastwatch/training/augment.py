"""Cheap augmentation of feature rows: lower sample rates, missing bands, other gains."""

import numpy as np
import torch

from roastwatch.detection.pops.features import BANDS
from roastwatch.training.bank import UNSURE


def augmented(
    rows: torch.Tensor, labels: torch.Tensor, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Change each clip at random: rows (batch, rows, WIDTH), labels (batch, rows).

    Some clips end early. Their rows are zeros from there on, as at the end of a stream, and their
    labels are unsure.
    """
    count = len(rows)
    mask = np.ones((count, BANDS), np.float32)
    for index in range(count):
        if rng.random() < 0.2:  # the highest bands are missing, as at a lower rate
            mask[index, int(rng.integers(11, BANDS)) :] = 0
        if rng.random() < 0.1:  # some bands are missing
            first = int(rng.integers(0, BANDS - 1))
            mask[index, first : first + int(rng.integers(1, 4))] = 0
    ends = np.ones((count, rows.shape[1], 1), np.float32)
    for ended in np.flatnonzero(rng.random(count) < 0.1).tolist():  # the sound ends
        ends[ended, int(rng.integers(rows.shape[1] // 4, rows.shape[1])) :] = 0
    whole = torch.from_numpy(np.tile(mask, (1, rows.shape[2] // BANDS))).to(rows)
    gain = torch.from_numpy(rng.uniform(0.85, 1.15, (count, 1, 1)).astype(np.float32)).to(rows)
    going = torch.from_numpy(ends).to(rows)
    unsure = torch.full_like(labels, UNSURE)
    return rows * whole[:, None] * gain * going, torch.where(going[:, :, 0] > 0, labels, unsure)
