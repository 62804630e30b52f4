"""Changes to rows that cost nothing: lower sample rates, deaf bands, other gains."""

import numpy as np
import torch

from roastwatch.detection.features import BANDS


def augmented(rows: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Rows (batch, rows, WIDTH), each clip changed in its own way; on the rows' device."""
    count = len(rows)
    mask = np.ones((count, BANDS), np.float32)
    for index in range(count):
        if rng.random() < 0.2:  # the top is missing, as at a lower rate
            mask[index, int(rng.integers(11, BANDS)) :] = 0
        if rng.random() < 0.1:  # a deaf stretch
            first = int(rng.integers(0, BANDS - 1))
            mask[index, first : first + int(rng.integers(1, 4))] = 0
    whole = torch.from_numpy(np.tile(mask, (1, rows.shape[2] // BANDS))).to(rows)
    gain = torch.from_numpy(rng.uniform(0.85, 1.15, (count, 1, 1)).astype(np.float32)).to(rows)
    return rows * whole[:, None] * gain
