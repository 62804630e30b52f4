"""Two nets in one model: one for a quiet room, one for a room with a radio.

A net that learned to tell cracks from hi-hats misses faint cracks of a bare roaster, and the other
way round. So both run side by side, and the room decides which one counts: the second net also
judges whether a radio plays, and the mean of that over half a minute mixes their logits (a mixture
of experts; Jacobs and others, "Adaptive mixtures of local experts", Neural Computation 3, 1991).
Short of a radio, in a kitchen, both must hear a crack: what clatters deceives one more often.

The constants were chosen on development sounds (docs/development/pop-net.md).
"""

import torch
from torch import nn

from roastwatch.errors import BadInputError
from roastwatch.training.network import PopNet

LIKELY = 0.5
"""A less likely radio does not count as one: a roll of cracks, too, is a little like one."""
QUIET, RADIO = 0.04, 0.12
"""Mean of how far the probability of a radio is over `LIKELY`, up to which the second net only
doubts, and from which it alone counts."""
CALM, DOUBTS = 0.1, (2.0, 0.25)
"""Short of a radio, a logit is at most so far over the second net's: 2 where nothing is like a
radio, 0.25 where the mean probability of one is at least `CALM`."""
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
        share, doubt, _ = room(present[:, 0], rows.new_zeros(len(rows), PAST_ROWS))
        return mixed(cracks, others, share, doubt), radio


def room(
    present: torch.Tensor, past: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """How much the net for a radio counts in each row, its doubt, and the past for the next rows.

    Args:
        present: logits of a radio, (batch, rows).
        past: its probability in the rows before, (batch, PAST_ROWS).
    """
    whole = torch.cat((past, torch.sigmoid(present)), dim=1)
    share = (_means((whole - LIKELY).clamp(min=0.0) / (1 - LIKELY)) - QUIET) / (RADIO - QUIET)
    calm, usual = DOUBTS
    doubt = calm + (_means(whole) / CALM).clamp(max=1.0) * (usual - calm)
    return share.clamp(0.0, 1.0), doubt, whole[:, -PAST_ROWS:]


def _means(whole: torch.Tensor) -> torch.Tensor:
    """Means over `MEAN_ROWS`, `AFTER_ROWS` ago, of all rows after the past."""
    sums = whole.cumsum(1)
    return (sums[:, MEAN_ROWS:-AFTER_ROWS] - sums[:, :-PAST_ROWS]) / MEAN_ROWS


def mixed(
    quiet: torch.Tensor, radio: torch.Tensor, share: torch.Tensor, doubt: torch.Tensor
) -> torch.Tensor:
    """Logits of both nets, mixed by the second one's share and doubt; all of one shape."""
    both = torch.minimum(quiet, radio + doubt)
    return both + share * (radio - both)
