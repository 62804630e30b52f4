"""The room beside the roaster: how loud a radio is, and how well first crack can be heard.

A model may judge how loud music and voices are. That changes from bar to bar and from phrase to
phrase, so its mean over seconds is taken, and held over short pauses. While a radio is loud, more
evidence is required: hi-hats, plucked strings and consonants are clicks, too.
"""

import math

from roastwatch.vocabulary import CrackScore, Hearing, HearingState

MEAN_S = 5.0
"""The probabilities of a radio are averaged over this long."""
HELD_S = 20.0
"""After a pause of this long, the radio is almost forgotten."""
PRESENT, LOUD = 0.5, 0.5
"""Probabilities from which hearing is limited, and blocked."""
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


class Room:
    """The radio in one room. Pure: takes scores."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        self._last: int | None = None
        self._means = [0.0, 0.0]
        self._held = [0.0, 0.0]

    def feed(self, score: CrackScore) -> None:
        """Take the next score."""
        last, self._last = self._last, score.end_sample
        if score.radio is None or last is None:
            return
        passed_s = max(score.end_sample - last, 0) / self._rate
        new, kept = 1 - math.exp(-passed_s / MEAN_S), math.exp(-passed_s / HELD_S)
        for index, chance in enumerate(score.radio):
            self._means[index] += new * (chance - self._means[index])
            self._held[index] = max(self._means[index], kept * self._held[index])

    @property
    def present(self) -> float:
        """How sure it is that a radio is about as loud as the roaster, 0 to 1."""
        return self._held[0]

    @property
    def loud(self) -> float:
        """How sure it is that a radio drowns the roaster, 0 to 1."""
        return self._held[1]

    @property
    def state(self) -> HearingState:
        """How well first crack can be heard."""
        if self.loud > LOUD:
            return BLOCKED
        return LIMITED if self.present > PRESENT else GOOD
