"""Evidence of first crack from models that judge windows of seconds.

They are judged by the model's own rule, or by a plain sum (CUSUM; Page, "Continuous inspection
schemes", Biometrika 41, 1954) of the windows' log-likelihood ratios.
"""

from collections import deque

import numpy as np

from roastwatch.detection.decision.adaptive_threshold import LOWEST
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.windowed_events import WindowRun
from roastwatch.vocabulary import CrackScore

WINDOW_CLIP = 3.0
"""One window adds or removes at most this, in nats."""
WINDOW_NEWS_S = 4.0
"""Overlapping windows share sound: one window's worth of new sound takes this long."""
HIGHEST_SUM = 14.0
"""A cap just above `certain`, so that the sum can fall when the crack ends."""


class WindowLikelihood:
    """Evidence from windows of several seconds."""

    def __init__(self, threshold: float, sample_rate_hz: int, spec: ModelSpec, began: int) -> None:
        self._threshold, self._rate, self._spec, self._began = (
            threshold,
            sample_rate_hz,
            spec,
            began,
        )
        self._sum, self._onset = 0.0, began
        self._run = WindowRun(spec.window_rule) if spec.window_rule else None
        self.counted: deque[int] = deque(maxlen=2000)

    @property
    def evidence(self) -> float:
        """The sum; under a rule, its progress towards the threshold of first crack."""
        return self._sum

    @property
    def confidence(self) -> float | None:
        """Under a rule, the mean probability of the consecutive windows."""
        return self._run.confidence if self._run else None

    def onset(self, end_sample: int) -> int:
        """Where the sum last left zero, or the run of windows began."""
        return min(self._onset, end_sample)

    def dated_by(self, onset: int) -> list[int]:
        """The ends of the clear windows."""
        return [end for end in self.counted if end >= onset]

    def feed(self, score: CrackScore, least_level: float = LOWEST) -> None:
        """Take the next window; pops have a level, windows do not."""
        if self._run is not None:
            self._by_rule(self._run, score)
            return
        share = min(1.0, self._spec.hop_s / WINDOW_NEWS_S)
        gain = float(np.clip(score.log_likelihood_ratio, -WINDOW_CLIP, WINDOW_CLIP)) * share
        if gain > 0:
            self.counted.append(score.end_sample)
            if self._sum == 0.0:
                begins = score.end_sample - round(self._spec.hop_s * self._rate)
                self._onset = max(begins, self._began)
        self._sum = min(max(0.0, self._sum + gain), HIGHEST_SUM)

    def reported(self, end_sample: int) -> None:
        """Do nothing: windows learn no noise."""

    def gap(self, gap_samples: int, at_sample: int) -> None:
        """End a run of windows: it does not span a gap."""
        if self._run is not None:
            self._run.reset()

    def _by_rule(self, run: WindowRun, score: CrackScore) -> None:
        """As many consecutive positive windows as the rule needs raise the sum to the threshold."""
        length = round((self._spec.window_s or self._spec.hop_s) * self._rate)
        run.feed(score.end_sample - length, score.end_sample, score.probability)
        if run.windows == 0:
            self._sum = 0.0
            return
        self._onset = max(self._began, run.start_sample or 0)
        self._sum = min(HIGHEST_SUM, self._threshold * run.progress(self._rate))
        self.counted.append(score.end_sample)
