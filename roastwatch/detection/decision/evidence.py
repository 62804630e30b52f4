"""What scores say of first crack, as one number that rises and falls: evidence in nats.

Models that localise give pops, which go through `crack_rate.RateFilter`; those that judge windows
have `window_evidence`. Everything counts samples.
"""

import math
from collections import deque
from itertools import pairwise
from typing import Protocol

from pydantic import Field

from roastwatch.detection.decision.adaptive_threshold import LOWEST, AdaptiveThreshold
from roastwatch.detection.decision.crack_rate import (
    LONGEST_SILENCE,
    TICK_S,
    FilterState,
    RateFilter,
)
from roastwatch.detection.decision.drum_rotation import DrumRotation
from roastwatch.detection.decision.periodic import train_length
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.odds import logit, probability
from roastwatch.options import Options
from roastwatch.vocabulary import CrackScore, Pop

REMEMBERED_TICKS = round(60 / TICK_S)
"""So far back can a train be taken back."""
USUAL_OVER = 0.5
"""A pop so far over the threshold (in logits) is as likely from a crack as the mean of all."""
FADE = 0.5
"""A pop so far below the threshold (in logits), or farther, says nothing."""
ALONE_S = 16.0
"""A pop followed by none for so long stands alone: it is not first crack yet."""
NEAR_S = 5.0
"""A shown pop so near the onset dates it: what a person sees, and the same at any sample rate."""
JUST_BEHIND_S = 2.0
"""A lonely pop draws the filter's mean back to itself, or to so long behind it."""
LEAST_RUN = 3
"""From so many silent ticks on, passing them in one go is cheaper than one by one."""
LONGEST_GAP_S = 600
"""Of a longer gap only the end passes as unknown: it bounds what a gap costs."""


class EvidenceOptions(Options):
    """How pops become evidence."""

    quiet_rate: float = Field(
        0.015, description="Pops a second that pass for stray, before first crack.", gt=0, le=1
    )
    sureness: float = Field(
        1.0, description="How much a model's sureness of a pop counts: 0 not, 1 fully.", ge=0, le=1
    )
    reject_trains: bool = Field(
        True, description="Take back pops that come by rule: clocks, typing, bouncing balls."
    )
    reject_turning: bool = Field(
        True, description="Leave out pops that come with the drum's turn: a scrape, a squeak."
    )
    own_level: bool = Field(
        True, description="Learn from stray pops how clear a pop must be with this roaster."
    )


class EvidenceWeights(Protocol):
    """Scores in, evidence out. Made anew for each roast."""

    counted: deque[int]
    """Samples of what was heard for sure."""

    @property
    def evidence(self) -> float:
        """Of first crack, in nats; 0 at rest."""
        ...

    def onset(self, end_sample: int) -> int:
        """The sample at which the crack began, if there is one."""
        ...

    def feed(self, score: CrackScore) -> None:
        """Take the next score."""
        ...

    def told(self, end_sample: int) -> None:
        """First crack was told: what comes is no noise."""
        ...

    def gap(self, gap_samples: int, at_sample: int) -> None:
        """Nothing is known of so many samples before `at_sample`."""
        ...


class PopEvidence:
    """Evidence from pops."""

    def __init__(
        self,
        options: EvidenceOptions,
        sample_rate_hz: int,
        spec: ModelSpec,
        began: int,
        before: "PopEvidence | None" = None,
        still_s: float = 0.0,
    ) -> None:
        """Know nothing but, where it goes on from another one, the place's noise and the turn.

        Nothing can crack for `still_s` after the beginning.
        """
        self._options, self._rate, self._began = options, sample_rate_hz, began
        level = before.level if before else None
        if level is None and options.own_level and spec.candidates:
            level = AdaptiveThreshold(options.quiet_rate, sample_rate_hz, began, still_s)
        elif level is not None:
            level.hold(None)
        self.level: AdaptiveThreshold | None = level
        # where the beginning is not known to be noise, what strays in at first may be anything
        over = spec.evidence_over if level and not level.knows_charge else 0.0
        self._threshold = logit(spec.pop_threshold) + over
        # pops far below the shown ones come by the dozen at any time, and would hide a turn
        self._turns_from = -FADE - over
        self._shown = spec.pop_threshold
        # fainter ones say nothing at any level: spares most pops their logarithm
        self._least = probability(self._threshold + (LOWEST if level else 0.0) - FADE)
        self._filter = RateFilter(options.quiet_rate)
        turning = before._turning if before else None
        self._turning: DrumRotation | None = turning
        if turning is None and options.reject_turning:
            self._turning = DrumRotation(sample_rate_hz)
        self._turned = False  # what came with the turn before it was known was taken back
        self._said: dict[int, float | None] = {}  # tick → weight of its best pop; None: unknown
        self._marks: deque[FilterState] = deque()  # where it can go on from anew
        self._heard: deque[tuple[int, int]] = deque(maxlen=60)  # sample, tick
        self._dating: deque[int] = deque(maxlen=2000)  # samples of pops that are shown
        self.counted: deque[int] = deque(maxlen=2000)

    @property
    def evidence(self) -> float:
        """Log odds of a crack over what they are at rest."""
        return self._filter.evidence

    def onset(self, end_sample: int) -> int:
        """When it began: as the filter thinks, but behind what stands alone.

        The mean is the least biased estimate on simulated roasts (docs/development/decision.md);
        a lonely pop before the others draws it back too far, to the pop or to just behind it. A
        shown pop close by is taken instead: it costs half a second of accuracy.
        """
        thought = min(self._sample(self._filter.onset_tick), end_sample)
        since = [s for s in self._dating if s >= thought - JUST_BEHIND_S * self._rate]
        for pop, following in pairwise(since):
            if following - pop <= ALONE_S * self._rate:
                break
            thought = following
        near = min(self._dating, key=lambda sample: abs(sample - thought), default=thought)
        return near if abs(near - thought) <= NEAR_S * self._rate else thought

    def feed(self, score: CrackScore) -> None:
        """Take pops, then let the ticks pass that lie wholly before the score's end."""
        for pop in score.pops:
            if pop.probability >= self._least and pop.sample >= self._began:
                self._hear(pop)
        self._advance(self._ready(score.end_sample))

    def matters(self, pop: Pop) -> bool:
        """Whether a pop, after all before it, says anything at all."""
        if pop.probability < self._least:
            return False
        return pop_weight(self._over(pop), self._options.sureness)[1] > 0

    def _over(self, pop: Pop) -> float:
        """How far a pop lies over what counts as one here, in logits."""
        over = logit(pop.probability) - self._threshold
        if self._turning is not None:
            if over > self._turns_from:
                self._turning.note(pop.sample)
            if self._turning.brings(pop.sample):
                return -math.inf
        if self.level is None or pop.sample < self._began:
            return over
        self.level.note(pop.sample, over)
        return over - self.level.level(pop.sample)

    def skip(self, end_sample: int, below: float) -> int:
        """No pop that matters up to a sample: let those ticks pass while evidence stays below.

        Returns:
            The sample up to which it did; there, a score may find that it no longer does.
        """
        ready = self._ready(end_sample)
        if self._advance(ready, below):
            return end_sample + 1
        return self._sample(self._tick())

    def told(self, end_sample: int) -> None:
        """From here on cracks would be learnt as this place's noise."""
        if self.level is not None:
            self.level.hold(end_sample)

    def gap(self, gap_samples: int, at_sample: int) -> None:
        """What was not heard is no silence."""
        lost = min(gap_samples, LONGEST_GAP_S * self._rate)
        first = math.ceil((at_sample - lost - self._began) / (TICK_S * self._rate))
        behind = int((at_sample - self._began) / (TICK_S * self._rate))
        self._said.update(dict.fromkeys(range(max(first, self._tick()), behind)))

    def _tick(self) -> int:
        return self._filter.state.tick

    def _sample(self, tick: float) -> int:
        return self._began + round(tick * TICK_S * self._rate)

    def _ready(self, end_sample: int) -> int:
        """The first tick that does not lie wholly before a sample."""
        tick = max(self._tick(), int((end_sample - self._began) / (TICK_S * self._rate)) - 1)
        while self._sample(tick + 1) <= end_sample:
            tick += 1
        return tick

    def _advance(self, until: int, below: float = math.inf) -> bool:
        """Let the ticks before `until` pass, but none after one at which evidence reaches `below`.

        Silence passes in runs, so that long ones cost next to nothing.
        """
        rates = self._filter
        while (tick := rates.state.tick) < until:
            run_end = min(until, tick - tick % LONGEST_SILENCE + LONGEST_SILENCE)
            silent = 0
            if run_end - tick >= LEAST_RUN:
                silent = next((t for t in range(tick, run_end) if t in self._said), run_end) - tick
            self._mark()
            if silent >= LEAST_RUN:
                rates.silence(silent, below)
            else:
                rates.step(self._said.get(tick, 0.0))
            if below < math.inf and self.evidence >= below:
                return False
        return True

    def _mark(self) -> None:
        """Remember this state, and forget what is older than can be taken back."""
        state, marks = self._filter.state, self._marks
        marks.append(state)
        oldest = state.tick - REMEMBERED_TICKS
        while len(marks) > 1 and marks[1].tick <= oldest:
            marks.popleft()
        if len(self._said) > 2 * REMEMBERED_TICKS:
            self._said = {tick: pop for tick, pop in self._said.items() if tick >= oldest}

    def _hear(self, pop: Pop) -> None:
        over = self._over(pop)
        sure, weight = pop_weight(over, self._options.sureness)
        if weight <= 0:
            return
        self._take_back_what_turned()
        tick = max(self._tick(), int((pop.sample - self._began) / (TICK_S * self._rate)))
        self._said[tick] = max(weight, self._said.get(tick) or 0.0)
        if pop.probability >= self._shown:  # fainter ones would date the onset too soon
            self._dating.append(pop.sample)
            if sure:
                self.counted.append(pop.sample)
        if over < 0:
            return
        self._heard.append((pop.sample, tick))
        if self._options.reject_trains:
            length = train_length([sample / self._rate for sample, _ in self._heard])
            if length:
                self._take_back({tick for _, tick in list(self._heard)[-length:]})

    def _take_back_what_turned(self) -> None:
        """Once a turn is known, what came with it before says nothing any more."""
        turning = self._turning
        if turning is None or turning.found == self._turned:
            return
        self._turned = turning.found
        if self._turned:
            self._take_back({tick for sample, tick in self._heard if turning.brings(sample)})

    def _take_back(self, ticks: set[int]) -> None:
        """Those ticks say nothing: go back to the first of them and on again from there."""
        now = self._tick()
        for tick in ticks & self._said.keys():
            if tick >= now:
                self._said[tick] = 0.0
        oldest = now - REMEMBERED_TICKS
        passed = [t for t in ticks if oldest <= t < now and self._said.get(t) is not None]
        if not passed:
            return
        self._said.update(dict.fromkeys(passed))
        while True:
            state = self._marks.pop()
            if state.tick <= min(passed):
                break
        self._filter.state = state
        self._advance(now)


def pop_weight(over: float, sureness: float) -> tuple[bool, float]:
    """Whether a pop is sure, and how many times as likely it is from a crack as from else.

    It fades in around the threshold, so that no pop turns a decision by a hair's breadth.

    Args:
        over: how far it lies over the threshold, in logits.
        sureness: 0 to 1, see `EvidenceOptions`.
    """
    fade = min(max((over + FADE) / FADE, 0.0), 1.0)
    weight = fade * math.exp(sureness * min(max(over - USUAL_OVER, -1.5), 1.5))
    return over >= USUAL_OVER, weight
