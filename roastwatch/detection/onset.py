"""From pops to first crack: a debouncing decision that counts samples and nothing else.

A cumulative sum (CUSUM; Page, "Continuous inspection schemes", Biometrika 41, 1954) of the
log-likelihood ratio of two pop rates: each counted pop lifts it, each second of silence lowers
it, and it never falls below zero. At most one pop a second counts, because a clatter makes many
and first crack begins with few. The sum dates the onset back to where its last rise began.
Models that don't localise lift and lower the same sum by their windows' log-likelihood ratios.
"""

from collections import deque

import numpy as np
from pydantic import Field

from roastwatch.detection.decision import CrackDecision
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.windowed_events import WindowRun
from roastwatch.options import Options
from roastwatch.vocabulary import CrackScore, EventKind, Level, Pop

LEVELS = (Level.POSSIBLE, Level.FIRST_CRACK, Level.CERTAIN)
HIGHEST_SUM = 14.0
"""What is known beyond `certain` need not be unlearnt at the end."""
SHOWN_S = 30.0
"""Pops per minute are counted over this long."""
WITNESS_LOWERS, WITNESS_RAISES = 2.0, 3.0
"""The other witnesses together move each bar by at most this: they never close the door."""
WINDOW_CLIP = 3.0
"""One window of a model that does not localise says at most this."""
WINDOW_NEWS_S = 4.0
"""Overlapping windows hear the same sound: one window's worth of news takes this long."""


class OnsetOptions(Options):
    """How first crack is decided."""

    sensitivity: float = Field(
        0.5, description="0 waits longest and errs least, 1 is quickest (0 to 1).", ge=0, le=1
    )
    quiet_rate: float = Field(
        0.02, description="Pops a second that pass for stray, before first crack.", gt=0, le=1
    )
    crack_rate: float = Field(
        0.25, description="Pops a second that first crack has soon after it began.", gt=0, le=5
    )
    dead_time_s: float = Field(
        1.0, description="At most one pop counts in so many seconds.", ge=0, le=10
    )
    possible_bar: float = Field(4.0, description="Sum that makes a crack possible, in nats.", gt=0)
    told_bar: float = Field(6.0, description="Sum that tells first crack, in nats.", gt=0)
    certain_bar: float = Field(8.0, description="Sum that makes it certain, in nats.", gt=0)
    end_after_s: float = Field(
        25.0, description="So many seconds without a pop end first crack.", gt=0, le=300
    )
    rejected_for_s: float = Field(
        120.0, description="After `not a crack`, seconds for which more is asked.", ge=0, le=3600
    )


class Onset:
    """The decision of one station. Pure: fed with scores, it returns decisions."""

    def __init__(self, options: OnsetOptions, sample_rate_hz: int, spec: ModelSpec) -> None:
        self._options = options
        self._rate = sample_rate_hz
        self._spec = spec
        self._look_ahead = round(spec.look_ahead_s * sample_rate_hz)
        self._gain = float(np.log(options.crack_rate / options.quiet_rate))
        self._loss_per_s = options.crack_rate - options.quiet_rate
        self.sensitivity = options.sensitivity
        self.armed = False
        self._witnesses = 0.0
        self._shown: deque[int] = deque()
        self._now = 0
        self.arm(0)
        self.armed = False

    @property
    def progress(self) -> float:
        """How near `first_crack` is: 0 nothing, 1 decided."""
        if self._said is not None and self._said.rank >= Level.FIRST_CRACK.rank:
            return 1.0
        return min(1.0, max(0.0, self._sum / self._bars()[1])) if self.armed else 0.0

    @property
    def pops_per_minute(self) -> float | None:
        """Pops in the last half minute, as a rate; None for models that don't localise."""
        if not self._spec.localises:
            return None
        since = min(SHOWN_S, max(self._now - self._began, self._rate) / self._rate)
        return len(self._shown) * 60.0 / max(since, SHOWN_S / 3)

    @property
    def statistic(self) -> float:
        """The sum in nats, for plots; `bars` are what it is held against."""
        return self._sum

    def bars(self) -> tuple[float, float, float]:
        """What the sum must reach for each level now, in nats."""
        return self._bars()

    def arm(self, at_sample: int) -> None:
        """Begin a new roast: forget everything, decide from here on."""
        self.armed = True
        self._now = max(self._now, at_sample)
        self._began = at_sample
        self._sum = 0.0
        self._onset: int | None = None
        self._said: Level | None = None
        self._told_onset: int | None = None
        self._last_counted: int | None = None
        self._last_in_crack: int | None = None
        self._ended = False
        self._rejected_until = -1
        self._run = WindowRun(self._spec.window_rule) if self._spec.window_rule else None

    def disarm(self) -> None:
        """Decide nothing; pops are still counted for display."""
        self.armed = False
        self._restart()

    def weigh(self, log_likelihood_ratio: float) -> None:
        """What all other witnesses say together, in nats: lowers or raises the bars, bounded.

        It holds until it is called again.
        """
        self._witnesses = float(np.clip(log_likelihood_ratio, -WITNESS_RAISES, WITNESS_LOWERS))

    def not_a_crack(self, at_sample: int) -> None:
        """A person says that it was none: begin again, and ask for more for a while."""
        self._restart()
        self._said, self._told_onset, self._ended = None, None, False
        self._last_in_crack = None
        self._now = max(self._now, at_sample)
        self._rejected_until = at_sample + round(self._options.rejected_for_s * self._rate)

    def gap(self, gap_samples: int, at_sample: int) -> None:
        """Sound was lost up to `at_sample`: an undecided rise begins again behind it."""
        self._now = max(self._now, at_sample)
        if self._said is None or self._said is Level.POSSIBLE:
            self._restart()
        self._last_counted = None
        if self._last_in_crack is not None:  # what was not heard is no silence
            self._last_in_crack += gap_samples

    def feed(self, score: CrackScore) -> list[CrackDecision]:
        """Take the next score; return what it decides, in order of time."""
        decisions: list[CrackDecision] = []
        if self._spec.localises:
            for pop in score.pops:
                if pop.probability >= self._spec.pop_threshold:
                    self._shown.append(pop.sample)
                    if self.armed and pop.sample >= self._began:
                        self._count(pop)
        elif self.armed and score.end_sample > self._began:
            self._window(score)
        self._pass(score.end_sample)
        while self._shown and self._shown[0] <= score.end_sample - SHOWN_S * self._rate:
            self._shown.popleft()
        if self.armed:
            decisions += self._levels(score.end_sample)
            decisions += self._end(score.end_sample)
        return decisions

    def _restart(self) -> None:
        if self._run is not None:
            self._run = WindowRun(self._run.rule)
        self._sum, self._onset, self._last_counted = 0.0, None, None

    def _bars(self) -> tuple[float, float, float]:
        options = self._options
        scale = 2.0 ** (2 * (0.5 - min(1.0, max(0.0, self.sensitivity))))
        if self._now < self._rejected_until:
            scale *= 1.5
        low, told, high = (
            max(1.5, bar * scale - self._witnesses)
            for bar in (options.possible_bar, options.told_bar, options.certain_bar)
        )
        return low, told, high

    def _pass(self, sample: int) -> None:
        """Let silence up to a sample lower the sum."""
        if sample <= self._now:
            return
        if self._spec.localises and self.armed:
            self._sum -= self._loss_per_s * (sample - max(self._now, self._began)) / self._rate
            if self._sum <= 0:
                self._sum, self._onset = 0.0, None
        self._now = sample

    def _count(self, pop: Pop) -> None:
        self._pass(pop.sample)
        if self._told_onset is not None:
            self._last_in_crack = max(pop.sample, self._last_in_crack or 0)
        apart = self._options.dead_time_s * self._rate
        if self._last_counted is not None and pop.sample - self._last_counted < apart:
            return
        self._last_counted = pop.sample
        self._lift(self._gain, pop.sample)

    def _window(self, score: CrackScore) -> None:
        if self._run is not None:
            self._window_by_rule(self._run, score)
            return
        news = min(1.0, self._spec.hop_s / WINDOW_NEWS_S)
        said = float(np.clip(score.log_likelihood_ratio, -WINDOW_CLIP, WINDOW_CLIP)) * news
        begins = score.end_sample - round(self._spec.hop_s * self._rate)
        if said > 0 and self._told_onset is not None:
            self._last_in_crack = score.end_sample
        self._lift(said, max(begins, self._began))

    def _window_by_rule(self, run: WindowRun, score: CrackScore) -> None:
        """Positive windows in a row: as many as the rule wants lift the sum to the told bar."""
        length = round((self._spec.window_s or self._spec.hop_s) * self._rate)
        run.feed(score.end_sample - length, score.end_sample, score.probability)
        if run.windows == 0:
            self._sum, self._onset = 0.0, None
            return
        self._onset = max(self._began, run.start_sample or 0)
        self._sum = min(HIGHEST_SUM, self._options.told_bar * run.progress(self._rate))
        if self._told_onset is not None:
            self._last_in_crack = score.end_sample

    def _lift(self, by: float, sample: int) -> None:
        if self._onset is None and by > 0:
            self._onset = sample
        self._sum = min(self._sum + by, HIGHEST_SUM)
        if self._sum <= 0:
            self._sum, self._onset = 0.0, None

    def _levels(self, end_sample: int) -> list[CrackDecision]:
        if self._ended:
            return []
        if self._said is Level.POSSIBLE and self._sum == 0.0:
            self._said = None  # it came to nothing; another may follow
        decisions = []
        for level, bar in zip(LEVELS, self._bars(), strict=True):
            if self._said is not None and level.rank <= self._said.rank:
                continue
            if self._sum < bar or self._onset is None:
                break
            self._said = level
            if level is Level.FIRST_CRACK:
                self._told_onset, self._last_in_crack = self._onset, end_sample
            happened = self._onset if self._told_onset is None else self._told_onset
            decisions.append(self._decision(EventKind.FIRST_CRACK, level, happened, end_sample))
        return decisions

    def _end(self, end_sample: int) -> list[CrackDecision]:
        if self._ended or self._told_onset is None or self._last_in_crack is None:
            return []
        if end_sample - self._last_in_crack < self._options.end_after_s * self._rate:
            return []
        self._ended = True
        return [self._decision(EventKind.FIRST_CRACK_END, None, self._last_in_crack, end_sample)]

    def _decision(
        self, kind: EventKind, level: Level | None, happened: int, end_sample: int
    ) -> CrackDecision:
        confidence = float(1 / (1 + np.exp(-(self._sum - 3.0)))) if level else 0.9
        if level and self._run is not None:
            confidence = self._run.confidence
        return CrackDecision(kind, level, happened, end_sample + self._look_ahead, confidence)
