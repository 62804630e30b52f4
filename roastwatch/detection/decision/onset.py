"""From evidence to first crack: a debouncing decision that counts samples and nothing else.

`evidence` turns scores into one number; here it is held against three bars (possible, first
crack, certain), dated back to when the crack began, and followed until the pops die away.
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
from roastwatch.detection.decision.evidence import EvidenceOptions, EvidenceWeights, PopEvidence
from roastwatch.detection.decision.window_evidence import WindowEvidence
from roastwatch.detection.model import ModelSpec
from roastwatch.vocabulary import CrackScore, EventKind, Level, Pop

LEVELS = (Level.POSSIBLE, Level.FIRST_CRACK, Level.CERTAIN)
SHOWN_S = 30.0
"""Pops per minute are counted over this long."""
WITNESS_LOWERS, WITNESS_RAISES = 2.0, 3.0
"""The other witnesses together move each bar by at most this: they never close the door."""
LEAST_BAR = 1.5
"""No witness and no sensitivity makes a bar lower than this."""
STILL_S = 45.0
"""What pops so soon after a charge is the roaster's noise, and decides nothing: the quickest sample
roasters crack after three minutes. It is no longer than that, because a person may tell the charge
late."""
CARRIED_S = 2.0
"""Over so much lost sound an undecided rise goes on: it hides a pop or two, and a microphone that
drops some milliseconds every few seconds would else never tell."""
NOTHING = 1.0
"""Evidence below this decides nothing, whatever the bars."""
REJECTED_SCALE = 1.5
"""By how much the bars are raised after `not a crack`."""


class OnsetOptions(EvidenceOptions):
    """How first crack is decided."""

    sensitivity: float = Field(
        0.5, description="0 waits longest and errs least, 1 is quickest (0 to 1).", ge=0, le=1
    )
    pop_threshold: float | None = Field(
        None,
        description="Probability that makes a pop (0 to 1); null: as the model has it.",
        gt=0,
        lt=1,
    )
    possible_bar: float = Field(5.5, description="Evidence for a possible crack, in nats.", gt=0)
    told_bar: float = Field(8.2, description="Evidence to tell first crack, in nats.", gt=0)
    certain_bar: float = Field(10.0, description="Evidence to be certain of it, in nats.", gt=0)
    end_after_s: float = Field(
        20.0, description="At least so many seconds nearly without a pop end it.", gt=0, le=300
    )
    rejected_for_s: float = Field(
        120.0, description="After `not a crack`, seconds for which more is asked.", ge=0, le=3600
    )
    second_crack: bool = Field(False, description="Tell second crack too: untested on real sound.")


class Onset:
    """The decision of one station. Pure: fed with scores, it returns decisions."""

    def __init__(self, options: OnsetOptions, sample_rate_hz: int, spec: ModelSpec) -> None:
        self._options = options
        self._rate = sample_rate_hz
        if options.pop_threshold is not None:
            spec = replace(spec, pop_threshold=options.pop_threshold)
        self._spec = spec
        hop_s = None if spec.localises else spec.hop_s
        self._crack_end = CrackEnd(sample_rate_hz, options.end_after_s, hop_s)
        self._look_ahead = round(spec.look_ahead_s * sample_rate_hz)
        self.sensitivity = options.sensitivity
        self._witnesses = 0.0
        self._shown: deque[int] = deque()
        self._now = 0
        self._weigher: EvidenceWeights
        self.arm(0)
        self.armed = False

    @property
    def spec(self) -> ModelSpec:
        """The model's, with the threshold that counts here."""
        return self._spec

    @property
    def progress(self) -> float:
        """How near `first_crack` is: 0 nothing, 1 decided."""
        if self._told_onset is not None:
            return 1.0
        if not self.armed or self._now < self._still_until:
            return 0.0
        return min(1.0, max(0.0, self.statistic / self.bars()[1]))

    @property
    def pops_per_minute(self) -> float | None:
        """Pops in the last half minute, as a rate; None for models that don't localise."""
        return len(self._shown) * 60.0 / SHOWN_S if self._spec.localises else None

    @property
    def statistic(self) -> float:
        """The evidence of first crack in nats, for plots; `bars` are what it is held against."""
        return self._weigher.evidence

    def bars(self) -> tuple[float, float, float]:
        """What the evidence must reach for each level now, in nats."""
        options = self._options
        scale = 2.0 ** (2 * (0.5 - min(1.0, max(0.0, self.sensitivity))))
        if self._now < self._rejected_until:
            scale *= REJECTED_SCALE
        low, told, high = (
            max(LEAST_BAR, bar * scale - self._witnesses)
            for bar in (options.possible_bar, options.told_bar, options.certain_bar)
        )
        return low, told, high

    def arm(self, at_sample: int, *, charged: bool = False, same_noise: bool = False) -> None:
        """Decide from here on, and know nothing of what was before.

        `charged`: the beans went in then, which is known, so nothing can crack for a while.
        `same_noise`: the roast goes on, and what its noise is like stays known.
        """
        self.armed = True
        self._now = max(self._now, at_sample)
        self._rejected_until = -1
        still_s = STILL_S if charged else 0.0
        self._still_until = at_sample + round(still_s * self._rate)
        self._restart(at_sample, same_noise=same_noise, still_s=still_s)

    def disarm(self) -> None:
        """Decide nothing; pops are still counted for display."""
        self.armed = False
        self._restart(self._now)

    def weigh(self, log_likelihood_ratio: float) -> None:
        """What all other witnesses say together, in nats: lowers or raises the bars, bounded.

        It holds until it is called again.
        """
        self._witnesses = float(np.clip(log_likelihood_ratio, -WITNESS_RAISES, WITNESS_LOWERS))

    def not_a_crack(self, at_sample: int) -> None:
        """A person says that it was none: begin again, and ask for more for a while."""
        self._now = max(self._now, at_sample)
        self._restart(self._now, same_noise=True)
        self._rejected_until = at_sample + round(self._options.rejected_for_s * self._rate)

    def gap(self, gap_samples: int, at_sample: int) -> None:
        """Sound was lost up to `at_sample`: behind much of it, an undecided rise begins again."""
        self._now = max(self._now, at_sample)
        if self._told_onset is not None:
            self._missed += gap_samples
        elif gap_samples > CARRIED_S * self._rate:
            self._restart(at_sample, same_noise=True)
            return
        self._weigher.gap(gap_samples, at_sample)

    def feed(self, score: CrackScore) -> list[CrackDecision]:
        """Take the next score; return what it decides, in order of time."""
        self._show(score.pops, score.end_sample)
        if not self.armed or score.end_sample <= self._began:
            return []
        self._weigher.feed(score)
        if self._ended:
            return self._second_crack(score.end_sample)
        return self._levels(score.end_sample) + self._end(score.end_sample)

    def skip(self, scores: Sequence[CrackScore]) -> int:
        """Take in scores that decide nothing, from the first on, in one go.

        As `feed` for each of them, but at a fraction of its cost: for sound that nobody waits for.

        Returns:
            How many were taken in; the next one, if there is one, must be fed.
        """
        weigher = self._weigher
        if not isinstance(weigher, PopEvidence) or not self.armed or not scores:
            return 0
        settled = self._said is Level.CERTAIN
        done_with = self._ended and not self._options.second_crack
        below = math.inf if (settled and not self._ended) or done_with else NOTHING
        if self._said in (Level.POSSIBLE, Level.FIRST_CRACK):
            return 0
        if self.statistic >= below or scores[0].end_sample <= self._began:
            return 0

        def says_nothing(score: CrackScore) -> bool:
            return not score.pops or not any(map(weigher.matters, score.pops))

        quiet = list(takewhile(says_nothing, scores))
        if settled and not self._ended:
            counted, told = self._weigher.counted, self._told_onset or 0
            lasts = self._crack_end.earliest(counted, told, self._missed)
            quiet = [score for score in quiet if score.end_sample < lasts]
        if not quiet:
            return 0
        until = weigher.skip(quiet[-1].end_sample, below)
        quiet = [score for score in quiet if score.end_sample < until]
        if quiet:
            self._show((pop for score in quiet for pop in score.pops), quiet[-1].end_sample)
        return len(quiet)

    def _show(self, pops: Iterable[Pop], end_sample: int) -> None:
        """Keep the pops that are shown as pops per minute."""
        self._shown += [p.sample for p in pops if p.probability >= self._spec.pop_threshold]
        while self._shown and self._shown[0] <= end_sample - SHOWN_S * self._rate:
            self._shown.popleft()
        self._now = max(self._now, end_sample)

    def _restart(self, at_sample: int, *, same_noise: bool = False, still_s: float = 0.0) -> None:
        """Know nothing of what was before a sample, but for the noise of a roast that goes on."""
        before = None
        if same_noise and isinstance(self._weigher, PopEvidence):
            before = self._weigher
        self._began = at_sample
        self._missed = 0  # samples lost since the crack was told
        self._weigher = self._new_weigher(before, still_s)
        self._said: Level | None = None
        self._told_onset: int | None = None
        self._ended = False
        self._second = False

    def _new_weigher(self, before: PopEvidence | None, still_s: float) -> EvidenceWeights:
        if self._spec.localises:
            return PopEvidence(self._options, self._rate, self._spec, self._began, before, still_s)
        return WindowEvidence(self._options.told_bar, self._rate, self._spec, self._began)

    def _levels(self, end_sample: int) -> list[CrackDecision]:
        if self._said is Level.CERTAIN or end_sample < self._still_until:
            return []
        statistic = self.statistic
        if statistic < LEAST_BAR and self._said is None:
            return []
        bars = self.bars()
        if self._said is Level.POSSIBLE and statistic < bars[0] / 2:
            self._said = None  # it came to nothing; another may follow
        decisions = []
        for level, bar in zip(LEVELS, bars, strict=True):
            if self._said is not None and level.rank <= self._said.rank:
                continue
            if statistic < bar:
                break
            self._said = level
            happened = self._told_onset
            if happened is None:
                happened = self._weigher.onset(end_sample)
            if level is Level.FIRST_CRACK:
                self._told_onset = happened
                self._weigher.told(end_sample)
            decisions.append(self._decision(EventKind.FIRST_CRACK, level, happened, end_sample))
        return decisions

    def _end(self, end_sample: int) -> list[CrackDecision]:
        if self._told_onset is None:
            return []
        counted = self._weigher.counted
        last = self._crack_end.found(counted, self._told_onset, end_sample, self._missed)
        if last is None:
            return []
        ended = self._decision(EventKind.FIRST_CRACK_END, None, last, end_sample)
        self._restart(end_sample)
        self._told_onset, self._said, self._ended = last, Level.CERTAIN, True
        return [ended]

    def _second_crack(self, end_sample: int) -> list[CrackDecision]:
        if not self._options.second_crack or self._second or self.statistic < self.bars()[1]:
            return []
        self._second = True
        happened = self._weigher.onset(end_sample)
        return [self._decision(EventKind.SECOND_CRACK, None, happened, end_sample)]

    def _decision(
        self, kind: EventKind, level: Level | None, happened: int, end_sample: int
    ) -> CrackDecision:
        sure = float(1 / (1 + np.exp(-(self.statistic - self._options.told_bar / 2))))
        if kind is EventKind.FIRST_CRACK_END:
            sure = 1 - sure
        elif isinstance(self._weigher, WindowEvidence) and self._weigher.confidence is not None:
            sure = self._weigher.confidence
        return CrackDecision(kind, level, happened, end_sample + self._look_ahead, sure)
