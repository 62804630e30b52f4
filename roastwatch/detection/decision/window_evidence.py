"""Evidence of first crack from models that judge windows of seconds.

They go through a rule of their own, or through a plain sum (CUSUM; Page, "Continuous inspection
schemes", Biometrika 41, 1954) of their windows' log-likelihood ratios.
"""

from collections import deque

import numpy as np

from roastwatch.detection.model import ModelSpec
from roastwatch.detection.windowed_events import WindowRun
from roastwatch.vocabulary import CrackScore

WINDOW_CLIP = 3.0
"""One window says at most this."""
WINDOW_NEWS_S = 4.0
"""Overlapping windows hear the same sound: one window's worth of news takes this long."""
HIGHEST_SUM = 14.0
"""What is known beyond `certain` need not be unlearnt at the end."""


class WindowEvidence:
    """Evidence from windows that hear seconds at once."""

    def __init__(self, told_bar: float, sample_rate_hz: int, spec: ModelSpec, began: int) -> None:
        self._told_bar, self._rate, self._spec, self._began = told_bar, sample_rate_hz, spec, began
        self._sum, self._onset = 0.0, began
        self._run = WindowRun(spec.window_rule) if spec.window_rule else None
        self.counted: deque[int] = deque(maxlen=2000)

    @property
    def evidence(self) -> float:
        """The sum; under a rule, how near it is to the bar of first crack."""
        return self._sum

    @property
    def confidence(self) -> float | None:
        """Mean probability of the windows in a row, under a rule."""
        return self._run.confidence if self._run else None

    def onset(self, end_sample: int) -> int:
        """Where the sum last left zero, or the run of windows began."""
        return min(self._onset, end_sample)

    def feed(self, score: CrackScore) -> None:
        """Take the next window."""
        if self._run is not None:
            self._by_rule(self._run, score)
            return
        news = min(1.0, self._spec.hop_s / WINDOW_NEWS_S)
        said = float(np.clip(score.log_likelihood_ratio, -WINDOW_CLIP, WINDOW_CLIP)) * news
        if said > 0:
            self.counted.append(score.end_sample)
            if self._sum == 0.0:
                begins = score.end_sample - round(self._spec.hop_s * self._rate)
                self._onset = max(begins, self._began)
        self._sum = min(max(0.0, self._sum + said), HIGHEST_SUM)

    def told(self, end_sample: int) -> None:
        """Windows learn no noise."""

    def gap(self, gap_samples: int, at_sample: int) -> None:
        """A run of windows does not go on over a gap."""
        if self._run is not None:
            self._run.reset()

    def _by_rule(self, run: WindowRun, score: CrackScore) -> None:
        """As many positive windows in a row as the rule wants lift the sum to the told bar."""
        length = round((self._spec.window_s or self._spec.hop_s) * self._rate)
        run.feed(score.end_sample - length, score.end_sample, score.probability)
        if run.windows == 0:
            self._sum = 0.0
            return
        self._onset = max(self._began, run.start_sample or 0)
        self._sum = min(HIGHEST_SUM, self._told_bar * run.progress(self._rate))
        self.counted.append(score.end_sample)
