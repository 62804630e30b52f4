"""Evidence of first crack from scores: one number in nats that rises and falls.

Pops of models that localise go through `crack_rate.RateFilter`. Models that judge windows use
`window_evidence`. Positions are samples.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from pydantic import Field

from roastwatch.detection.decision.adaptive_threshold import LOWEST, AdaptiveThreshold
from roastwatch.detection.decision.crack_rate import (
    LONGEST_SILENCE,
    TICK_S,
    FilterState,
    RateFilter,
)
from roastwatch.detection.decision.dating import Dating
from roastwatch.detection.decision.periodic import periodic_length
from roastwatch.detection.decision.rhythm import DRUM, MUSIC, Rhythm
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.odds import logit, probability
from roastwatch.options import Options
from roastwatch.vocabulary import CrackScore, Pop

REMEMBERED_TICKS = round(60 / TICK_S)
"""Periodic pops can be withdrawn for this long."""
USUAL_OVER = 0.5
"""A pop this far above the threshold (logits) is as likely to be a crack as the average pop."""
FADE = 0.5
"""A pop this far below the threshold (logits), or farther, is ignored."""
LEAST_RUN = 3
"""At least this many silent ticks are cheaper to process at once than one by one."""
LONGEST_GAP_S = 600
"""Only this much of a longer gap is processed as unknown, which bounds its cost."""


class EvidenceOptions(Options):
    """How pops become evidence."""

    quiet_rate: float = Field(
        0.015, description="Stray pops per second to expect before first crack.", gt=0, le=1
    )
    sureness: float = Field(
        1.0,
        description="How much the model's confidence in a pop counts: 0 not at all, 1 fully.",
        ge=0,
        le=1,
    )
    reject_trains: bool = Field(
        True, description="Withdraw periodic pops: clocks, typing, bouncing balls."
    )
    reject_turning: bool = Field(
        True, description="Ignore pops in step with the drum or with music: a scrape, a beat."
    )
    own_level: bool = Field(
        True, description="Adapt the threshold of a pop to the stray pops of this roaster."
    )


class Likelihood(Protocol):
    """Turns scores into evidence. Created anew for each roast."""

    counted: deque[int]
    """Samples of clear detections."""

    @property
    def evidence(self) -> float:
        """Evidence of first crack in nats; 0 at rest."""
        ...

    def onset(self, end_sample: int) -> int:
        """The sample at which first crack began, provided that it did."""
        ...

    def dated_by(self, onset: int) -> Sequence[int]:
        """Samples of what dates the crack that began at `onset`, in order."""
        ...

    def feed(self, score: CrackScore, least_level: float = LOWEST) -> None:
        """Take the next score; a pop needs at least this level, see `Radio.least_level`."""
        ...

    def reported(self, end_sample: int) -> None:
        """First crack was reported: what follows is not noise."""
        ...

    def gap(self, gap_samples: int, at_sample: int) -> None:
        """`gap_samples` before `at_sample` are unknown."""
        ...


class PopLikelihood:
    """Evidence from pops."""

    def __init__(
        self,
        options: EvidenceOptions,
        sample_rate_hz: int,
        spec: ModelSpec,
        began: int,
        before: "PopLikelihood | None" = None,
        still_s: float = 0.0,
    ) -> None:
        """Start without evidence; keep the noise level and the rhythms of `before`, if given.

        Nothing can crack for `still_s` after the beginning.
        """
        self._options, self._rate, self._began = options, sample_rate_hz, began
        level = before.level if before else None
        if level is None and options.own_level and spec.candidates:
            level = AdaptiveThreshold(options.quiet_rate, sample_rate_hz, began, still_s)
        elif level is not None:
            level.hold(None)
        self.level: AdaptiveThreshold | None = level
        # without a known charge, the first stray pops may be cracks
        over = spec.evidence_over if level and not level.knows_charge else 0.0
        self._threshold = logit(spec.pop_threshold) + over
        self._shown = spec.pop_threshold
        # fainter pops never count: skips the logarithm for most pops
        self._least = probability(self._threshold + (LOWEST if level else 0.0) - FADE)
        self._filter = RateFilter(options.quiet_rate)
        # each with how far above the threshold its pops are, in logits: far fainter ones are too
        # frequent and would hide a rotation, but a beat is heard in all that may count
        self._rhythms: tuple[tuple[Rhythm, float], ...] = before._rhythms if before else ()
        if not before and options.reject_turning:
            drum, music = Rhythm(sample_rate_hz, DRUM), Rhythm(sample_rate_hz, MUSIC)
            self._rhythms = (drum, -FADE - over), (music, LOWEST - FADE)
        self._applied: set[int] = set()  # rhythms whose earlier pops were withdrawn
        self._weights: dict[int, float | None] = {}  # tick → weight of its best pop; None: unknown
        self._marks: deque[FilterState] = deque()  # states to resume from
        self._heard: deque[tuple[int, int]] = deque(maxlen=60)  # sample, tick
        self._dating = Dating(sample_rate_hz, options.quiet_rate)
        self.counted: deque[int] = deque(maxlen=2000)

    @property
    def evidence(self) -> float:
        """Log odds of a crack above those at rest, in nats."""
        return self._filter.evidence

    def onset(self, end_sample: int) -> int:
        """The first displayed pop of the group that led to the decision.

        The filter's mean estimate is before the first pop, or at a pop that is isolated; it only
        limits how far back that group reaches (docs/development/decision.md).
        """
        return self._dating.onset(self._sample(self._filter.onset_tick), end_sample)

    def dated_by(self, onset: int) -> list[int]:
        """Samples of the displayed pops of a crack; of all pops that count if none is displayed."""
        return self._dating.since(onset)

    def feed(self, score: CrackScore, least_level: float = LOWEST) -> None:
        """Add the pops, then process the ticks that end before the score does."""
        for pop in score.pops:
            if pop.probability >= self._least and pop.sample >= self._began:
                self._hear(pop, least_level)
        self._advance(self._ready(score.end_sample))

    def matters(self, pop: Pop, least_level: float = LOWEST) -> bool:
        """Whether a pop counts at all, given those before it."""
        if pop.probability < self._least:
            return False
        return pop_weight(self._over(pop, least_level), self._options.sureness)[1] > 0

    def _over(self, pop: Pop, least_level: float) -> float:
        """How far a pop lies above the present threshold, in logits."""
        over = logit(pop.probability) - self._threshold
        for rhythm, least in self._rhythms:
            if over > least:
                rhythm.note(pop.sample)
        if any(rhythm.brings(pop.sample) for rhythm, _ in self._rhythms):
            return -math.inf
        if self.level is None or pop.sample < self._began:
            return over - max(least_level, 0.0)
        self.level.note(pop.sample, over)
        return over - max(self.level.level(pop.sample), least_level)

    def skip(self, end_sample: int, below: float) -> int:
        """Process ticks without relevant pops up to a sample, while evidence stays below a value.

        Returns:
            The sample up to which it did. From there on evidence may reach `below`.
        """
        ready = self._ready(end_sample)
        if self._advance(ready, below):
            return end_sample + 1
        return self._sample(self._tick())

    def reported(self, end_sample: int) -> None:
        """Stop learning noise: from here on cracks would be learnt as noise."""
        if self.level is not None:
            self.level.hold(end_sample)

    def gap(self, gap_samples: int, at_sample: int) -> None:
        """Treat lost sound as unknown, not as silence."""
        lost = min(gap_samples, LONGEST_GAP_S * self._rate)
        first = math.ceil((at_sample - lost - self._began) / (TICK_S * self._rate))
        behind = int((at_sample - self._began) / (TICK_S * self._rate))
        self._weights.update(dict.fromkeys(range(max(first, self._tick()), behind)))

    def _tick(self) -> int:
        return self._filter.state.tick

    def _sample(self, tick: float) -> int:
        return self._began + round(tick * TICK_S * self._rate)

    def _ready(self, end_sample: int) -> int:
        """The first tick that does not end before a sample."""
        tick = max(self._tick(), int((end_sample - self._began) / (TICK_S * self._rate)) - 1)
        while self._sample(tick + 1) <= end_sample:
            tick += 1
        return tick

    def _advance(self, until: int, below: float = math.inf) -> bool:
        """Process the ticks before `until`; stop where evidence reaches `below`.

        Silence is processed in runs, so that long silences cost next to nothing.
        """
        rates = self._filter
        while (tick := rates.state.tick) < until:
            run_end = min(until, tick - tick % LONGEST_SILENCE + LONGEST_SILENCE)
            silent = 0
            if run_end - tick >= LEAST_RUN:
                silent = (
                    next((t for t in range(tick, run_end) if t in self._weights), run_end) - tick
                )
            self._mark()
            if silent >= LEAST_RUN:
                rates.silence(silent, below)
            else:
                rates.step(self._weights.get(tick, 0.0))
            if below < math.inf and self.evidence >= below:
                return False
        return True

    def _mark(self) -> None:
        """Save this state, and drop states older than pops can be withdrawn."""
        state, marks = self._filter.state, self._marks
        marks.append(state)
        oldest = state.tick - REMEMBERED_TICKS
        while len(marks) > 1 and marks[1].tick <= oldest:
            marks.popleft()
        if len(self._weights) > 2 * REMEMBERED_TICKS:
            self._weights = {tick: pop for tick, pop in self._weights.items() if tick >= oldest}

    def _hear(self, pop: Pop, least_level: float) -> None:
        over = self._over(pop, least_level)
        sure, weight = pop_weight(over, self._options.sureness)
        if weight <= 0:
            return
        self._take_back_rhythms()
        tick = max(self._tick(), int((pop.sample - self._began) / (TICK_S * self._rate)))
        self._weights[tick] = max(weight, self._weights.get(tick) or 0.0)
        displayed = pop.probability >= self._shown  # fainter ones would date the onset too early
        self._dating.add(pop.sample, tick, displayed=displayed)
        if displayed and sure:
            self.counted.append(pop.sample)
        if over < 0:
            return
        self._heard.append((pop.sample, tick))
        if self._options.reject_trains:
            length = periodic_length([sample / self._rate for sample, _ in self._heard])
            if length:
                self._take_back({tick for _, tick in list(self._heard)[-length:]})

    def _take_back_rhythms(self) -> None:
        """Once a rhythm is known, withdraw the earlier pops in step with it."""
        for index, (rhythm, _) in enumerate(self._rhythms):
            if rhythm.found == (index in self._applied):
                continue
            self._applied ^= {index}
            if rhythm.found:
                self._take_back({tick for sample, tick in self._heard if rhythm.brings(sample)})

    def _take_back(self, ticks: set[int]) -> None:
        """Mark ticks as unknown, return to the first of them and process again from there."""
        self._dating.withdraw(ticks)
        now = self._tick()
        for tick in ticks & self._weights.keys():
            if tick >= now:
                self._weights[tick] = 0.0
        oldest = now - REMEMBERED_TICKS
        passed = [t for t in ticks if oldest <= t < now and self._weights.get(t) is not None]
        if not passed:
            return
        self._weights.update(dict.fromkeys(passed))
        while True:
            state = self._marks.pop()
            if state.tick <= min(passed):
                break
        self._filter.state = state
        self._advance(now)


def pop_weight(over: float, sureness: float) -> tuple[bool, float]:
    """Whether a pop is clear, and its likelihood ratio of a crack to anything else.

    The ratio fades in around the threshold, so that a tiny change of a pop cannot turn a decision.

    Args:
        over: logits above the threshold.
        sureness: 0 to 1, see `EvidenceOptions`.
    """
    fade = min(max((over + FADE) / FADE, 0.0), 1.0)
    weight = fade * math.exp(sureness * min(max(over - USUAL_OVER, -1.5), 1.5))
    return over >= USUAL_OVER, weight
