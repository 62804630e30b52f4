"""The pop net: a causal net with a state of fixed size, from feature rows to one logit per row.

The entry sees one row; the blocks of dilated causal convolutions after it see further and further
back. The logit of a row comes `look_ahead_rows` later, so that the net also sees what follows a
click: a second bounce, a vowel, the ringing of a dish.
"""

import torch
from torch import nn
from torch.nn import functional

from roastwatch.detection.pops import features

POSITIONS = -(-features.BANDS // 2)
"""Every other band is a centre. With two neighbours on each side, each is seen at least twice."""
NEIGHBOURS = 2
PER_BAND = features.WIDTH // features.BANDS  # numbers per band in a row


class Entry(nn.Module):
    """Map each row to channels: (batch, WIDTH, rows) to (batch, channels, rows).

    The first layer sees each band with two neighbours on each side and has the same weights for
    all bands, because a crack looks alike in each. The second layer mixes all bands.
    """

    def __init__(self, band_channels: int, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(band_channels * POSITIONS, channels, 1, bias=False)
        self.norm = nn.BatchNorm1d(channels)
        self.bands = nn.Conv2d(
            PER_BAND,
            band_channels,
            kernel_size=(2 * NEIGHBOURS + 1, 1),
            stride=(2, 1),
            padding=(NEIGHBOURS, 0),
            bias=False,
        )
        self.bands_norm = nn.BatchNorm2d(band_channels)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Map each row independently."""
        answers = torch.relu(self.bands_norm(by_band(rows, self.bands)))
        return torch.relu(self.norm(self.mix(answers.flatten(1, 2))))


def by_band(rows: torch.Tensor, layer: nn.Conv2d) -> torch.Tensor:
    """Apply a layer to rows (batch, WIDTH, rows): (batch, its channels, POSITIONS, rows)."""
    answers: torch.Tensor = layer(rows.reshape(len(rows), PER_BAND, features.BANDS, -1))
    return answers


class Block(nn.Module):
    """x + relu(norm(convolution of three rows that are `dilation` apart))."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.convolution = nn.Conv1d(channels, channels, 3, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channels, 2·dilation past rows + rows) to (batch, channels, rows)."""
        return x[:, :, 2 * self.dilation :] + torch.relu(self.norm(self.convolution(x)))


RADIO_OVER_DB = (-6.0, 10.0)
"""The net also judges whether a radio is louder than this over the roaster, above 3.5 kHz."""


class PopNet(nn.Module):
    """Rows (batch, rows, WIDTH) to logits; `export.Streaming` is its live form."""

    def __init__(self, channels: int, band_channels: int, dilations: tuple[int, ...]) -> None:
        """`band_channels`: channels of the entry's layer whose weights all bands share."""
        super().__init__()
        self.dilations = tuple(dilations)
        self.entry = Entry(band_channels, channels)
        self.blocks = nn.ModuleList(Block(channels, dilation) for dilation in self.dilations)
        self.exit = nn.Conv1d(channels, 1, 1)
        self.radio = nn.Conv1d(channels, len(RADIO_OVER_DB), 1)

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of whole clips, each preceded by zeros.

        Returns:
            Of cracks, (batch, rows), and of a radio, (batch, levels, rows).
        """
        x = self.entry(rows.transpose(1, 2))
        for block, dilation in zip(self.blocks, self.dilations, strict=True):
            x = block(functional.pad(x, (2 * dilation, 0)))
        return self.exit(x).squeeze(1), self.radio(x)
