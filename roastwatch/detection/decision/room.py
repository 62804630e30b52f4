"""The room beside the roaster: how loud a radio is, and how well first crack can be heard.

A model may judge how loud music and voices are. That changes from bar to bar and from phrase to
phrase, so its mean over seconds is taken, and held over short pauses. The louder a radio may be,
the clearer a pop must be to count: hi-hats, plucked strings and consonants are clicks, too.
"""

import math
from typing import NamedTuple

from roastwatch.detection.decision.adaptive_threshold import LOWEST
from roastwatch.detection.odds import logit
from roastwatch.vocabulary import CrackScore, Hearing, HearingState

MEAN_S = 5.0
"""The probabilities of a radio are averaged over this long."""
HELD_S = 20.0
"""After a pause of this long, the radio is almost forgotten."""
USUAL_S = 15.0
"""What limits hearing is averaged over this long: one loud phrase does not."""
PRESENT, LOUD = 0.2, 0.5
"""Probabilities from which hearing is limited, and blocked. At 0.2 the least level already hides
cracks of medium clearness: what may be missed for a radio must have been said."""
SURELY = 0.5
"""From this probability of a radio on hearing is limited even while first crack goes on."""
LEVEL_AT_EVEN, PER_LOGIT, HIGHEST_LEVEL = 0.8, 0.36, 0.2
"""The least level of a pop where a radio is as likely loud as not, its slope over the logit of that
probability, and its highest value. Faint music raises it a little, long before hearing is limited.
Chosen on synthesised roasts with held-back tracks (docs/development/decision.md)."""
LIMITED = HearingState(
    Hearing.LIMITED,
    "Music or voices are about as loud as the roaster above 3 kHz, where cracks are heard: turn "
    "them down, or listen yourself.",
)
BLOCKED = HearingState(
    Hearing.BLOCKED,
    "Music or voices drown the roaster above 3 kHz, where cracks are heard: turn them down, or "
    "listen yourself.",
)
GOOD = HearingState()
KEPT = 1000
"""What was known at this many of the latest scores is kept at least."""


class Radio(NamedTuple):
    """How sure it is, 0 to 1, that a radio is at least this loud."""

    present: float
    """About as loud as the roaster."""
    loud: float
    """It drowns the roaster."""
    usual: float = 0.0
    """`present`, averaged over a longer time."""

    @property
    def state(self) -> HearingState:
        """How well first crack can be heard."""
        if self.loud > LOUD:
            return BLOCKED
        return LIMITED if self.usual > PRESENT else GOOD

    @property
    def least_level(self) -> float:
        """The threshold of a pop is at least this far above the model's own, in logits."""
        sure = logit(min(max(self.present, self.loud, 1e-3), 0.999))
        return min(max(LEVEL_AT_EVEN + PER_LOGIT * sure, LOWEST), HIGHEST_LEVEL)


SILENT = Radio(0.0, 0.0)


class Room:
    """The radio in one room. Pure: takes scores, in order; each counts once."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        self._last: int | None = None
        self._means = [0.0, 0.0]
        self._held = [0.0, 0.0]
        self._usual = 0.0
        self._known: dict[int, Radio] = {}

    def feed(self, score: CrackScore) -> None:
        """Take the next score; one that was taken already is ignored."""
        last = self._last
        if score.radio is None or (last is not None and score.end_sample <= last):
            return
        self._last = score.end_sample
        passed_s = 0.0 if last is None else (score.end_sample - last) / self._rate
        new, kept = 1 - math.exp(-passed_s / MEAN_S), math.exp(-passed_s / HELD_S)
        for index, chance in enumerate(score.radio):
            self._means[index] += new * (chance - self._means[index])
            self._held[index] = max(self._means[index], kept * self._held[index])
        self._usual += (1 - math.exp(-passed_s / USUAL_S)) * (score.radio[0] - self._usual)
        self._known[score.end_sample] = Radio(self._held[0], self._held[1], self._usual)
        if len(self._known) > 2 * KEPT:
            self._known = dict(list(self._known.items())[-KEPT:])

    def at(self, end_sample: int) -> Radio:
        """The radio when a score that was taken ended."""
        return self._known.get(end_sample, SILENT)
