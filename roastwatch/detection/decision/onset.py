"""From evidence to first crack: a debounced decision whose only clock is sample positions.

`evidence` turns scores into one number. It is compared with three thresholds (possible, first
crack, certain), the onset is dated back, and the crack is followed until its pops die away.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile

import numpy as np
from pydantic import Field

from roastwatch.detection.decision.crack_decision import CrackDecision
from roastwatch.detection.decision.crack_end import CrackEnd
from roastwatch.detection.decision.evidence import EvidenceOptions, Likelihood, PopLikelihood
from roastwatch.detection.decision.hearing import SETTLED_S, HearingWatch
from roastwatch.detection.decision.room import GOOD, KEPT, SURELY, Room
from roastwatch.detection.decision.window_evidence import WindowLikelihood
from roastwatch.detection.model import ModelSpec
from roastwatch.vocabulary import CrackScore, EventKind, HearingState, Level, Pop

LEVELS = (Level.POSSIBLE, Level.FIRST_CRACK, Level.CERTAIN)
SHOWN_S = 30.0
"""Pops per minute are averaged over this long."""
PRIOR_LOWERS, PRIOR_RAISES = 2.0, 3.0
"""Priors lower or raise each threshold by at most this, in nats, so they never rule a crack out."""
LEAST_THRESHOLD = 1.5
"""No prior and no sensitivity lowers a threshold below this."""
STILL_S = 45.0
"""Pops this soon after the charge are the roaster's noise and decide nothing: the quickest sample
roasters reach first crack after three minutes. It is no longer because a person may mark the charge
late."""
CARRIED_S = 2.0
"""Evidence is kept over a gap of up to this long, which hides a pop or two. Otherwise a microphone
that drops a few milliseconds every few seconds would never lead to a report."""
NOTHING = 1.0
"""Evidence below this decides nothing, whatever the thresholds."""
REJECTED_SCALE = 1.5
"""Factor of the thresholds after `not a crack`."""


class OnsetOptions(EvidenceOptions):
    """How first crack is decided."""

    sensitivity: float = Field(
        0.5,
        description="0 is slowest and makes the fewest errors, 1 is quickest (0 to 1).",
        ge=0,
        le=1,
    )
    pop_threshold: float | None = Field(
        None,
        description="Least probability of a pop (0 to 1); null: the model's own.",
        gt=0,
        lt=1,
    )
    possible_bar: float = Field(
        5.5, description="Evidence that shows a possible crack, in nats.", gt=0
    )
    told_bar: float = Field(8.2, description="Evidence that reports first crack, in nats.", gt=0)
    certain_bar: float = Field(10.0, description="Evidence that makes it certain, in nats.", gt=0)
    end_after_s: float = Field(
        20.0,
        description="First crack ends after at least this many seconds almost without a pop.",
        gt=0,
        le=300,
    )
    rejected_for_s: float = Field(
        120.0,
        description="Seconds after `not a crack` in which more evidence is needed.",
        ge=0,
        le=3600,
    )
    second_crack: bool = Field(
        False, description="Report second crack too: untested on real sound."
    )


class Onset:
    """The decision for one station. Pure: takes scores, returns decisions."""

    def __init__(self, options: OnsetOptions, sample_rate_hz: int, spec: ModelSpec) -> None:
        self._options = options
        self._rate = sample_rate_hz
        self._room = Room(sample_rate_hz)
        self._hearing = HearingWatch(sample_rate_hz)
        if options.pop_threshold is not None:
            spec = replace(spec, pop_threshold=options.pop_threshold)
        self._spec = spec
        hop_s = None if spec.localises else spec.hop_s
        self._crack_end = CrackEnd(sample_rate_hz, options.end_after_s, hop_s)
        self._look_ahead = round(spec.look_ahead_s * sample_rate_hz)
        self.sensitivity = options.sensitivity
        self._priors = 0.0
        self._shown: deque[int] = deque()
        self._now = 0
        self._likelihood: Likelihood
        self.arm(0)
        self.armed = False

    @property
    def spec(self) -> ModelSpec:
        """The model's spec with the pop threshold in use."""
        return self._spec

    @property
    def progress(self) -> float:
        """Evidence as a share of what reports first crack: 0 none, 1 reported."""
        if self._reported_onset is not None:
            return 1.0
        if not self.armed or self._now < self._still_until:
            return 0.0
        return min(1.0, max(0.0, self.statistic / self.bars()[1]))

    @property
    def pops_per_minute(self) -> float | None:
        """Rate of pops in the last half minute; None for models that do not localise."""
        return len(self._shown) * 60.0 / SHOWN_S if self._spec.localises else None

    @property
    def statistic(self) -> float:
        """Evidence of first crack in nats, for plots; compared with `bars`."""
        return self._likelihood.evidence

    @property
    def hearing(self) -> HearingState:
        """How well first crack can be heard."""
        return self._hearing.state

    def signal(self, at_sample: int, state: HearingState) -> None:
        """How fit the microphone's signal is from a sample on."""
        self._hearing.signal(at_sample, state)

    def hearing_changes(self) -> list[tuple[int, HearingState]]:
        """How `hearing` has changed since the last call, and at which sample."""
        return self._hearing.take_changes()

    def bars(self) -> tuple[float, float, float]:
        """The present threshold of each level, in nats."""
        options = self._options
        scale = 2.0 ** (2 * (0.5 - min(1.0, max(0.0, self.sensitivity))))
        if self._now < self._rejected_until:
            scale *= REJECTED_SCALE
        possible, first_crack, certain = (
            max(LEAST_THRESHOLD, threshold * scale - self._priors)
            for threshold in (options.possible_bar, options.told_bar, options.certain_bar)
        )
        return possible, first_crack, certain

    def arm(self, at_sample: int, *, charged: bool = False, same_noise: bool = False) -> None:
        """Decide from here on; forget what came before.

        `charged`: the beans are known to go in here, so nothing can crack for a while.
        `same_noise`: the roast continues; keep what was learnt of its noise.
        """
        self.armed = True
        self._now = max(self._now, at_sample)
        self._rejected_until = -1
        still_s = STILL_S if charged else 0.0
        self._still_until = at_sample + round(still_s * self._rate)
        self._restart(at_sample, same_noise=same_noise, still_s=still_s)

    def disarm(self) -> None:
        """Stop deciding; still count pops for display."""
        self.armed = False
        self._restart(self._now)

    def weigh(self, log_likelihood_ratio: float) -> None:
        """Set the sum of all priors, in nats: lowers or raises the thresholds within bounds.

        It holds until the next call.
        """
        self._priors = float(np.clip(log_likelihood_ratio, -PRIOR_RAISES, PRIOR_LOWERS))

    def not_a_crack(self, at_sample: int) -> None:
        """A person rejected the crack: start again and need more evidence for a while."""
        self._now = max(self._now, at_sample)
        self._restart(self._now, same_noise=True)
        self._rejected_until = at_sample + round(self._options.rejected_for_s * self._rate)

    def gap(self, gap_samples: int, at_sample: int) -> None:
        """Sound was lost up to `at_sample`; after a long gap undecided evidence starts again."""
        self._now = max(self._now, at_sample)
        if self._reported_onset is not None:
            self._missed += gap_samples
        elif gap_samples > CARRIED_S * self._rate:
            self._restart(at_sample, same_noise=True)
            return
        self._likelihood.gap(gap_samples, at_sample)

    def feed(self, score: CrackScore) -> list[CrackDecision]:
        """Take the next score; return its decisions in order of time."""
        self._show(score.pops, score.end_sample)
        self._hear_room(score)
        if not self.armed or score.end_sample <= self._began:
            return []
        self._likelihood.feed(score, self._room.at(score.end_sample).least_level)
        if self._ended:
            return self._second_crack(score.end_sample)
        return self._levels(score.end_sample) + self._end(score.end_sample)

    def skip(self, scores: Sequence[CrackScore]) -> int:
        """Process leading scores that decide nothing, all at once.

        Equivalent to `feed` for each of them at a fraction of the cost, for recordings.

        Returns:
            How many were processed; the next one, if any, must be fed.
        """
        likelihood = self._likelihood
        if not isinstance(likelihood, PopLikelihood) or not self.armed or not scores:
            return 0
        settled = self._level is Level.CERTAIN
        done_with = self._ended and not self._options.second_crack
        below = math.inf if (settled and not self._ended) or done_with else NOTHING
        if self._level in (Level.POSSIBLE, Level.FIRST_CRACK):
            return 0
        if self.statistic >= below or scores[0].end_sample <= self._began:
            return 0

        def irrelevant(score: CrackScore) -> bool:
            self._room.feed(score)
            least = self._room.at(score.end_sample).least_level if score.pops else 0.0
            return not any(likelihood.matters(pop, least) for pop in score.pops)

        quiet = list(takewhile(irrelevant, scores[:KEPT]))  # the room forgets older ones
        if settled and not self._ended:
            counted, onset = self._likelihood.counted, self._reported_onset or 0
            lasts = self._crack_end.earliest(counted, onset, self._missed)
            quiet = [score for score in quiet if score.end_sample < lasts]
        if not quiet:
            return 0
        until = likelihood.skip(quiet[-1].end_sample, below)
        quiet = [score for score in quiet if score.end_sample < until]
        if quiet:
            self._show((pop for score in quiet for pop in score.pops), quiet[-1].end_sample)
            for score in quiet:
                self._hear_room(score)
        return len(quiet)

    def _hear_room(self, score: CrackScore) -> None:
        """Update how well first crack can be heard."""
        self._room.feed(score)
        if not self._hearing.is_due(score.end_sample):
            return
        likelihood, level = self._likelihood, None
        if isinstance(likelihood, PopLikelihood) and likelihood.level is not None:
            settled = round(SETTLED_S * self._rate) + self._look_ahead
            level = likelihood.level.level(max(self._began, score.end_sample - settled))
        radio = self._room.at(score.end_sample)
        room = radio.state
        if self._reported_onset is not None and radio.present <= SURELY:
            room = GOOD  # a roll of cracks is taken for faint music
        self._hearing.feed(score.end_sample, room, level)

    def _show(self, pops: Iterable[Pop], end_sample: int) -> None:
        """Keep the pops that pops per minute counts."""
        self._shown += [p.sample for p in pops if p.probability >= self._spec.pop_threshold]
        while self._shown and self._shown[0] <= end_sample - SHOWN_S * self._rate:
            self._shown.popleft()
        self._now = max(self._now, end_sample)

    def _restart(self, at_sample: int, *, same_noise: bool = False, still_s: float = 0.0) -> None:
        """Forget what came before a sample, except the noise of a roast that continues."""
        before = None
        if same_noise and isinstance(self._likelihood, PopLikelihood):
            before = self._likelihood
        self._began = at_sample
        self._missed = 0  # samples lost since the crack was reported
        self._likelihood = self._new_likelihood(before, still_s)
        self._level: Level | None = None
        self._reported_onset: int | None = None
        self._ended = False
        self._second = False

    def _new_likelihood(self, before: PopLikelihood | None, still_s: float) -> Likelihood:
        if self._spec.localises:
            return PopLikelihood(
                self._options, self._rate, self._spec, self._began, before, still_s
            )
        return WindowLikelihood(self._options.told_bar, self._rate, self._spec, self._began)

    def _levels(self, end_sample: int) -> list[CrackDecision]:
        if self._level is Level.CERTAIN or end_sample < self._still_until:
            return []
        statistic = self.statistic
        if statistic < LEAST_THRESHOLD and self._level is None:
            return []
        thresholds = self.bars()
        if self._level is Level.POSSIBLE and statistic < thresholds[0] / 2:
            self._level = None  # the evidence faded; it may rise again
        decisions = []
        for level, threshold in zip(LEVELS, thresholds, strict=True):
            if self._level is not None and level.rank <= self._level.rank:
                continue
            if statistic < threshold:
                break
            self._level = level
            happened = self._reported_onset
            if happened is None:
                happened = self._likelihood.onset(end_sample)
            if level is Level.FIRST_CRACK:
                self._reported_onset = happened
                self._likelihood.reported(end_sample)
            decisions.append(self._decision(EventKind.FIRST_CRACK, level, happened, end_sample))
        return decisions

    def _end(self, end_sample: int) -> list[CrackDecision]:
        if self._reported_onset is None:
            return []
        likelihood, onset = self._likelihood, self._reported_onset
        if not self._crack_end.has_ended(likelihood.counted, onset, end_sample, self._missed):
            return []
        last = self._crack_end.dated(likelihood.dated_by(onset), onset)
        ended = self._decision(EventKind.FIRST_CRACK_END, None, last, end_sample)
        self._restart(end_sample)
        self._reported_onset, self._level, self._ended = last, Level.CERTAIN, True
        return [ended]

    def _second_crack(self, end_sample: int) -> list[CrackDecision]:
        if not self._options.second_crack or self._second or self.statistic < self.bars()[1]:
            return []
        self._second = True
        happened = self._likelihood.onset(end_sample)
        return [self._decision(EventKind.SECOND_CRACK, None, happened, end_sample)]

    def _decision(
        self, kind: EventKind, level: Level | None, happened: int, end_sample: int
    ) -> CrackDecision:
        confidence = float(1 / (1 + np.exp(-(self.statistic - self._options.told_bar / 2))))
        if kind is EventKind.FIRST_CRACK_END:
            confidence = 1 - confidence
        elif (
            isinstance(self._likelihood, WindowLikelihood)
            and self._likelihood.confidence is not None
        ):
            confidence = self._likelihood.confidence
        return CrackDecision(kind, level, happened, end_sample + self._look_ahead, confidence)
