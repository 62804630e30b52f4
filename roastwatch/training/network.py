"""The net: rows of the front end to one logit a row, causal, with a state of fixed size.

A first layer looks at one row, then blocks of dilated causal convolutions look ever further back.
The logit of a row is given `look_ahead_rows` later, so the net sees what follows a click too: a
second bounce, a vowel, the ring of a dish.
"""

import torch
from torch import nn

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
    """Rows (batch, rows, WIDTH) to logits (batch, rows); see `stream` for the state."""

    def __init__(
        self, channels: int = 48, dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    ) -> None:
        super().__init__()
        self.channels = channels
        self.dilations = tuple(dilations)
        self.entry = nn.Sequential(
            nn.Conv1d(features.WIDTH, channels, 1, bias=False), nn.BatchNorm1d(channels), nn.ReLU()
        )
        self.blocks = nn.ModuleList(Block(channels, dilation) for dilation in self.dilations)
        self.exit = nn.Conv1d(channels, 1, 1)

    @property
    def state_rows(self) -> int:
        """Rows of activations that the blocks remember together."""
        return 2 * sum(self.dilations)

    def rest(self, batch: int = 1) -> torch.Tensor:
        """The state before any sound: zeros, (batch, channels, state_rows)."""
        return torch.zeros(batch, self.channels, self.state_rows)

    def stream(self, rows: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (batch, rows) of the next rows, and the state after them."""
        return self.stream_all(rows, state)[:2]

    def stream_all(
        self, rows: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """As `stream`, and what enters the last layer: (batch, channels, rows)."""
        x = self.entry(rows.transpose(1, 2))
        kept, at = [], 0
        for block in self.blocks:
            past = 2 * int(block.dilation)  # type: ignore[arg-type]
            whole = torch.cat((state[:, :, at : at + past], x), dim=2)
            kept.append(whole[:, :, -past:])
            x = block(whole)
            at += past
        return self.exit(x).squeeze(1), torch.cat(kept, dim=2), x

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Logits of whole clips, from rest."""
        state = self.rest(len(rows)).to(rows)
        return self.stream(rows, state)[0]
