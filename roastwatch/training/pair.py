"""Two nets in one model: one for a quiet room, one for a room with a radio.

A net that learned to tell cracks from hi-hats misses faint cracks of a bare roaster, and the other
way round. So both run side by side, and the room decides which one counts: the second net also
judges whether a radio plays, and the mean of that over half a minute mixes their logits (a mixture
of experts; Jacobs and others, "Adaptive mixtures of local experts", Neural Computation 3, 1991).
"""

import torch
from torch import nn

from roastwatch.errors import BadInputError
from roastwatch.training.network import PopNet

LIKELY = 0.5
"""A less likely radio does not count: a roll of cracks, too, is a little like one."""
QUIET, RADIO = 0.04, 0.12
"""Mean of how far the probability of a radio is over `LIKELY`, up to which only the first net
counts, and from which only the second (docs/development/pop-net.md)."""
MEAN_ROWS = 3072
"""Rows of 10 ms over which it is averaged: quiet bars and pauses of music count as music, and half
a minute of cracks does not."""
AFTER_ROWS = 288
"""Rows after which one counts: at the start of a sound no net can know a radio yet."""
PAST_ROWS = MEAN_ROWS + AFTER_ROWS
"""Rows that the state keeps: a multiple of the channels, into which they are folded."""


class Pair(nn.Module):
    """Rows (batch, rows, WIDTH) to logits, as `PopNet`; `export.PairStreaming` is its live form."""

    def __init__(self, quiet: PopNet, radio: PopNet) -> None:
        """Join two nets.

        Raises:
            BadInputError: they have another number of channels.
        """
        super().__init__()
        channels, others = (net.exit.in_channels for net in (quiet, radio))
        if channels != others or PAST_ROWS % channels:
            raise BadInputError(
                f"The nets have {channels} and {others} channels: both must have as many, a "
                f"divisor of {PAST_ROWS}. Train one of them with network.channels={channels}."
            )
        self.quiet, self.radio = quiet, radio

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of whole clips, each preceded by a quiet room; shapes as from `PopNet`."""
        cracks, radio = self.quiet(rows)
        others, present = self.radio(rows)
        share, _ = share_of(present[:, 0], rows.new_zeros(len(rows), PAST_ROWS))
        return mixed(cracks, others, share), radio


def share_of(present: torch.Tensor, past: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """How much the net for a radio counts in each row, and the past for the next rows.

    Args:
        present: logits of a radio, (batch, rows).
        past: how far it was over `LIKELY` in the rows before, (batch, PAST_ROWS).
    """
    over = (torch.sigmoid(present) - LIKELY).clamp(min=0.0) / (1 - LIKELY)
    whole = torch.cat((past, over), dim=1)
    sums = whole.cumsum(1)
    means = (sums[:, MEAN_ROWS:-AFTER_ROWS] - sums[:, :-PAST_ROWS]) / MEAN_ROWS
    return ((means - QUIET) / (RADIO - QUIET)).clamp(0.0, 1.0), whole[:, -PAST_ROWS:]


def mixed(quiet: torch.Tensor, radio: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Logits of both nets, mixed by the second one's share; all of one shape."""
    return quiet + share * (radio - quiet)
