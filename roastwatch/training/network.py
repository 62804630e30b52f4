"""The net: rows of the front end to one logit a row, causal, with a state of fixed size.

A first layer looks at one row, then blocks of dilated causal convolutions look ever further back.
The logit of a row is given `look_ahead_rows` later, so the net sees what follows a click too: a
second bounce, a vowel, the ring of a dish.
"""

import torch
from torch import nn
from torch.nn import functional

from roastwatch.detection import features


class Block(nn.Module):
    """x + relu(norm(convolution of three rows, `dilation` apart))."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.convolution = nn.Conv1d(channels, channels, 3, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channels, 2·dilation + rows), the past in front, to (batch, channels, rows)."""
        return x[:, :, 2 * self.dilation :] + torch.relu(self.norm(self.convolution(x)))


class PopNet(nn.Module):
    """Rows (batch, rows, WIDTH) to logits (batch, rows); `export.Streaming` runs it piecewise."""

    def __init__(
        self, channels: int = 48, dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    ) -> None:
        super().__init__()
        self.dilations = tuple(dilations)
        self.entry = nn.Sequential(
            nn.Conv1d(features.WIDTH, channels, 1, bias=False), nn.BatchNorm1d(channels), nn.ReLU()
        )
        self.blocks = nn.ModuleList(Block(channels, dilation) for dilation in self.dilations)
        self.exit = nn.Conv1d(channels, 1, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Logits of whole clips, from rest: before them lie zeros."""
        x = self.entry(rows.transpose(1, 2))
        for block, dilation in zip(self.blocks, self.dilations, strict=True):
            x = block(functional.pad(x, (2 * dilation, 0)))
        logits: torch.Tensor = self.exit(x).squeeze(1)
        return logits
