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

from roastwatch.detection.pops.features import ROWS_PER_STEP
from roastwatch.errors import BadInputError
from roastwatch.training.network import PopNet

LIKELY = 0.5
"""A less likely radio does not count as one: real roasters, too, are a little like one."""
QUIET, RADIO = 0.04, 0.12
"""Mean of how far the probability of a radio is over `LIKELY`, up to which the second net only
doubts, and from which it alone counts."""
CALM, DOUBTS = 0.1, (2.0, 0.25)
"""Short of a radio, a logit is at most this far over the second net's: 2 where nothing is like a
radio, 0.25 where the mean probability of one is at least `CALM`."""
MEAN_STEPS = 307
"""Steps of 0.1 s over which it is averaged: quiet bars and pauses of music count as music, and half
a minute of cracks does not."""
AFTER_STEPS = 29
"""Steps after which one counts: at the start of a sound no net can know a radio yet."""
PAST_STEPS = MEAN_STEPS + AFTER_STEPS
"""Steps that the state keeps."""
KEPT = 2 * PAST_STEPS
"""Numbers in the state, a multiple of the channels, into which they are folded."""


class Pair(nn.Module):
    """Rows (batch, rows, WIDTH) to logits, as `PopNet`; `export.PairStreaming` is its live form."""

    def __init__(self, quiet: PopNet, radio: PopNet) -> None:
        """Join two nets.

        Raises:
            BadInputError: they have another number of channels.
        """
        super().__init__()
        channels, others = (net.exit.in_channels for net in (quiet, radio))
        if channels != others or KEPT % channels:
            raise BadInputError(
                f"The nets have {channels} and {others} channels: both must have as many, a "
                f"divisor of {KEPT}. Train one of them with network.channels={channels}."
            )
        self.quiet, self.radio = quiet, radio

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of whole clips (whole steps), each preceded by a quiet room; as from `PopNet`."""
        cracks, radio = self.quiet(rows)
        others, present = self.radio(rows)
        share, doubt, _ = room(present[:, 0], rows.new_zeros(len(rows), 2, PAST_STEPS))
        return mixed(cracks, others, share, doubt), radio


def room(
    present: torch.Tensor, past: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """How much the net for a radio counts in each step, its doubt, and the past for the next ones.

    Args:
        present: logits of a radio, (batch, rows) of whole steps.
        past: means of the steps before, (batch, 2, PAST_STEPS): of its probability, and of how far
            that is over `LIKELY`.

    Returns:
        Share and doubt, (batch, steps), and the past.
    """
    chance = torch.sigmoid(present).reshape(len(past), -1, ROWS_PER_STEP)
    over = (chance - LIKELY).clamp(min=0.0) / (1 - LIKELY)
    whole = torch.cat((past, torch.stack((chance.mean(2), over.mean(2)), dim=1)), dim=2)
    sums = whole.cumsum(2)
    means = (sums[:, :, MEAN_STEPS:-AFTER_STEPS] - sums[:, :, :-PAST_STEPS]) / MEAN_STEPS
    calm, usual = DOUBTS
    doubt = calm + (means[:, 0] / CALM).clamp(max=1.0) * (usual - calm)
    share = ((means[:, 1] - QUIET) / (RADIO - QUIET)).clamp(0.0, 1.0)
    return share, doubt, whole[:, :, -PAST_STEPS:]


def mixed(
    quiet: torch.Tensor, radio: torch.Tensor, share: torch.Tensor, doubt: torch.Tensor
) -> torch.Tensor:
    """Logits of both nets, (batch, rows), mixed by the second's share and doubt in each step."""
    steps = (*share.shape, ROWS_PER_STEP)
    second = radio.reshape(steps)
    both = torch.minimum(quiet.reshape(steps), second + doubt[..., None])
    return (both + share[..., None] * (second - both)).reshape(quiet.shape)
