"""The net: rows of the front end to one logit a row, causal, with a state of fixed size.

An entry looks at one row, then blocks of dilated causal convolutions look ever further back.
The logit of a row is given `look_ahead_rows` later, so the net sees what follows a click too: a
second bounce, a vowel, the ring of a dish.
"""

import torch
from torch import nn
from torch.nn import functional

from roastwatch.detection.pops import features

POSITIONS = -(-features.BANDS // 2)
"""Every other band is a centre: with two neighbours on either side each is seen twice or more."""
_NEIGHBOURS = 2
_PER_BAND = features.WIDTH // features.BANDS  # numbers that a row holds of each band


class Entry(nn.Module):
    """One row, each band seen with two neighbours on either side by the same weights, then all.

    What is a crack in one band is one in any. (batch, WIDTH, rows) to (batch, channels, rows).
    """

    def __init__(self, band_channels: int, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(band_channels * POSITIONS, channels, 1, bias=False)
        self.norm = nn.BatchNorm1d(channels)
        self.bands = nn.Conv2d(
            _PER_BAND,
            band_channels,
            kernel_size=(2 * _NEIGHBOURS + 1, 1),
            stride=(2, 1),
            padding=(_NEIGHBOURS, 0),
            bias=False,
        )
        self.bands_norm = nn.BatchNorm2d(band_channels)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Of each row by itself."""
        answers = torch.relu(self.bands_norm(by_band(rows, self.bands)))
        return torch.relu(self.norm(self.mix(answers.flatten(1, 2))))


def by_band(rows: torch.Tensor, layer: nn.Conv2d) -> torch.Tensor:
    """A layer's answers, (batch, its channels, POSITIONS, rows), to rows (batch, WIDTH, rows)."""
    answers: torch.Tensor = layer(rows.reshape(len(rows), _PER_BAND, features.BANDS, -1))
    return answers


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

    def __init__(self, channels: int, band_channels: int, dilations: tuple[int, ...]) -> None:
        """`band_channels`: of the entry's layer that all bands share."""
        super().__init__()
        self.dilations = tuple(dilations)
        self.entry = Entry(band_channels, channels)
        self.blocks = nn.ModuleList(Block(channels, dilation) for dilation in self.dilations)
        self.exit = nn.Conv1d(channels, 1, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Logits of whole clips, from rest: before them lie zeros."""
        x = self.entry(rows.transpose(1, 2))
        for block, dilation in zip(self.blocks, self.dilations, strict=True):
            x = block(functional.pad(x, (2 * dilation, 0)))
        logits: torch.Tensor = self.exit(x).squeeze(1)
        return logits
