"""Judges pops by a reference microphone: what is louder there does not come from the roaster.

"Louder" compares how far each microphone's sound above 3 kHz rises above its own noise floor. The
noise of the roaster reaches the reference as weakened as its cracks do, so a crack never rises
higher there than at the roaster; music, voices and impacts in the room do.
"""

from dataclasses import replace

import numpy as np

from roastwatch.detection.reference.alignment import Alignment
from roastwatch.detection.reference.envelope import FRAME_S, FRAMES_PER_S, Envelope
from roastwatch.vocabulary import CrackScore, Float32Array, Pop

MARGIN_DB = 3.0
"""A crack in a silent room rises as high in both: so much more is required. With 2 dB 3 % more of
the cracks beside talk are rejected, with 4 dB several times as many hits of music are kept."""
LEAST_DB = 6.0
"""The noise of a frame rises to this by chance; less at the reference rejects nothing."""
_FIND_S = 0.015
"""A model dates a pop to a row of 10 ms: the frame where it is loudest is searched this far."""
_TRAVEL_S = 0.010
"""Sound takes 3 ms a metre: with microphones 3 m apart, it arrives up to 9 ms earlier or later."""
_TRAVEL_APART_S = 0.015
"""The same for two sources, whose offset is only known to some milliseconds."""


class Reference:
    """Takes the sound of both microphones and rejects pops. Pure: counts in samples.

    Without sound of the reference at the time of a pop, the pop is kept.
    """

    def __init__(self, sample_rate_hz: int, *, same_clock: bool = True) -> None:
        """`same_clock`: both are channels of one device; otherwise the offset is estimated.

        The reference has the same rate, unless `anchor` states another one.
        """
        self._rate = sample_rate_hz
        self._main = Envelope(sample_rate_hz)
        self._other = Envelope(sample_rate_hz)
        self._alignment = Alignment(fixed=same_clock)
        self._travel = round((_TRAVEL_S if same_clock else _TRAVEL_APART_S) * FRAMES_PER_S)
        self._next = self._other_next = 0
        self.judged = 0
        """Pops for which the reference had sound."""
        self.rejected = 0

    @property
    def offset_s(self) -> float | None:
        """The reference's time plus this is the main microphone's; None: not known (any more)."""
        return self._alignment.offset_s(self._main.end_s)

    @property
    def heard_until_s(self) -> float:
        """Until when, in the main microphone's time, the reference has sound."""
        offset_s = self.offset_s
        start_s = self._alignment.start_s if offset_s is None else offset_s
        return self._other.end_s + start_s

    def hear(self, first_sample: int, samples: Float32Array) -> None:
        """Take sound of the main microphone."""
        if first_sample != self._next:
            self._main.begin(first_sample)
        self._main.push(samples)
        self._next = first_sample + len(samples)

    def push(self, first_sample: int, samples: Float32Array) -> None:
        """Take sound of the reference, in its own samples."""
        if first_sample != self._other_next:
            self._other.begin(first_sample)
        self._other.push(samples)
        self._other_next = first_sample + len(samples)
        self._alignment.update(self._main, self._other)

    def anchor(self, start_s: float, sample_rate_hz: int) -> None:
        """A source of its own begins, or its clock has jumped.

        `start_s` is when its sample 0 was, in the main microphone's seconds; its error may be up to
        `alignment.FARTHEST_S`, because the exact offset is estimated.
        """
        self._other = Envelope(sample_rate_hz)
        self._other_next = 0
        self._alignment.anchor(start_s)

    def judge(self, scores: list[CrackScore]) -> list[CrackScore]:
        """The same scores without the pops that are louder at the reference."""
        return [
            replace(score, pops=tuple(pop for pop in score.pops if not self.rejects(pop)))
            if score.pops
            else score
            for score in scores
        ]

    def rejects(self, pop: Pop) -> bool:
        """Whether a pop is louder at the reference."""
        rise_db = self.rise_db(pop.sample)
        if rise_db is None:
            return False
        self.judged += 1
        main_db, other_db = rise_db
        louder = other_db > max(main_db + MARGIN_DB, LEAST_DB)
        self.rejected += louder
        return louder

    def rise_db(self, sample: int) -> tuple[float, float] | None:
        """How far an impulse rises at the main microphone, and at the reference.

        None: the reference has no sound of that time, or its offset is unknown.
        """
        offset_s = self.offset_s
        if offset_s is None:
            return None
        centre, find = sample * FRAMES_PER_S // self._rate, round(_FIND_S * FRAMES_PER_S)
        first = max(0, centre - find)
        near = self._main.between(first, min(centre + find + 1, self._main.frames))
        if near is None:
            return None
        loudest = first + int(np.argmax(near))
        there_at = loudest - round(offset_s / FRAME_S)
        last = min(there_at + self._travel + 1, self._other.frames)
        there = self._other.between(max(0, there_at - self._travel), last)
        if there is None or last <= there_at:
            return None
        return float(np.max(near)), float(np.max(there))
