"""Calibrate the decision on a person's own roasts, judged on roasts that it was not chosen on.

The model hears each recording once; sensitivity and pop threshold are then searched over a small
grid by running the very pipeline on the scores it gave. Each roast is held back in turn, the best
setting of the others is tried on it, and only if the sum over the roasts held back is clearly
better than with the shipped setting is anything written. The model's weights stay as they are.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np

from roastwatch.audio.file import open_file
from roastwatch.detection.calibration import Calibration
from roastwatch.detection.model import CrackModel, ModelSpec
from roastwatch.detection.onset import OnsetOptions
from roastwatch.errors import BadInputError
from roastwatch.training.evaluate_recordings import BLOCK_S, play
from roastwatch.training.evaluate_statistics import EARLY_S
from roastwatch.training.learn_labels import LabelledClip, LabelledRoast
from roastwatch.vocabulary import CrackScore, Float32Array

LEAST_ROASTS = 3
SENSITIVITIES = (0.3, 0.4, 0.5, 0.6, 0.7)
THRESHOLD_STEPS = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Moves of the pop threshold, in logits."""
MISSED_COSTS_S = EARLY_COSTS_S = 120.0
"""What a miss, and what an alarm before anything cracks, is worth in seconds of delay."""
CLIP_COSTS_S = 30.0
"""What an alarm in a clip costs that a person called wrong."""
LEAST_GAIN = 0.05
"""Better by less than this part is called no better."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is searched for."""

    sensitivity: float
    pop_threshold: float

    def options(self, onset: OnsetOptions) -> OnsetOptions:
        """A decision with this setting."""
        return onset.model_copy(
            update={"sensitivity": self.sensitivity, "pop_threshold": self.pop_threshold}
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """What the model said of one recording."""

    name: str
    sample_rate_hz: int
    samples: int
    scores: tuple[CrackScore, ...]
    onset_s: float | None
    is_clip: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one setting makes of one recording."""

    name: str
    cost_s: float
    delay_s: float | None
    wrong: bool
    """Missed, early, or an alarm where nothing cracks."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What learning found, whether or not it is worth keeping."""

    better: bool
    shipped: Setting
    best: Setting
    shipped_outcomes: tuple[Outcome, ...]
    """With the shipped setting, for each recording."""
    held_back: tuple[Outcome, ...]
    """With what was chosen without that recording."""

    def summary(self) -> dict[str, Any]:
        """For the calibration file and for people."""
        return {
            "recordings": len(self.held_back),
            "better": self.better,
            "cost_s_shipped": round(_mean(self.shipped_outcomes), 2),
            "cost_s_held_back": round(_mean(self.held_back), 2),
            "wrong_shipped": sum(o.wrong for o in self.shipped_outcomes),
            "wrong_held_back": sum(o.wrong for o in self.held_back),
            "delay_s_shipped": _median_delay(self.shipped_outcomes),
            "delay_s_held_back": _median_delay(self.held_back),
        }

    def calibration(self, station: str, model_id: str) -> Calibration:
        """The file's content."""
        return Calibration(
            station=station,
            model_id=model_id,
            sensitivity=self.best.sensitivity,
            pop_threshold=round(self.best.pop_threshold, 4),
            learnt=self.summary(),
        )


def learn(
    model: CrackModel,
    roasts: Sequence[LabelledRoast],
    clips: Sequence[LabelledClip],
    onset: OnsetOptions,
    progress: Callable[[str], None] = lambda _: None,
) -> Learnt:
    """Search, and judge on what was held back.

    Raises:
        BadInputError: too few roasts are labelled, or a recording can't be read.
    """
    if len(roasts) < LEAST_ROASTS:
        raise BadInputError(
            f"{len(roasts)} roasts are labelled and at least {LEAST_ROASTS} are needed: press "
            "'first crack' while roasting with recording.roasts on, or mark recordings with "
            "`roastwatch learn --mark FILE=SECONDS`."
        )
    recordings = []
    for roast in roasts:
        progress(f"hearing {roast.path.name}")
        recordings.append(_hear(model, roast.path, roast.onset_s, is_clip=False))
    for clip in clips:
        progress(f"hearing {clip.path.name}")
        recordings.append(_hear(model, clip.path, None, is_clip=True))
    usual = onset.pop_threshold or model.spec.pop_threshold
    shipped = Setting(onset.sensitivity, usual)
    settings = [shipped] + [
        Setting(sensitivity, _moved(usual, step))
        for sensitivity, step in product(SENSITIVITIES, THRESHOLD_STEPS)
    ]
    outcomes: dict[Setting, list[Outcome]] = {}
    for number, setting in enumerate(settings, 1):
        progress(f"trying setting {number} of {len(settings)}")
        options = setting.options(onset)
        outcomes[setting] = [judge(model.spec, heard, options) for heard in recordings]
    held_back = []
    for index in range(len(recordings)):
        chosen = _best(outcomes, shipped, leave_out=index)
        held_back.append(outcomes[chosen][index])
    best = _best(outcomes, shipped)
    before = outcomes[shipped]
    better = (
        best != shipped
        and sum(o.cost_s for o in held_back) < (1 - LEAST_GAIN) * sum(o.cost_s for o in before)
        and sum(o.wrong for o in held_back) <= sum(o.wrong for o in before)
        and sum(o.wrong for o in outcomes[best]) <= sum(o.wrong for o in before)
    )
    return Learnt(better, shipped, best, tuple(before), tuple(held_back))


def judge(spec: ModelSpec, heard: Heard, onset: OnsetOptions) -> Outcome:
    """One recording through the pipeline, with the scores that the model gave."""
    replayed = Replayed(spec, heard.scores)
    size = round(BLOCK_S * heard.sample_rate_hz)
    told = play(replayed, heard.sample_rate_hz, _silence(heard.samples, size), onset=onset).told
    decided_s = told[0][0] if told else None
    if heard.onset_s is None:
        costs = CLIP_COSTS_S if heard.is_clip else EARLY_COSTS_S
        return Outcome(heard.name, costs if told else 0.0, None, bool(told))
    if decided_s is None:
        return Outcome(heard.name, MISSED_COSTS_S, None, True)
    if decided_s < heard.onset_s - EARLY_S:
        return Outcome(heard.name, EARLY_COSTS_S, None, True)
    delay_s = decided_s - heard.onset_s
    return Outcome(heard.name, min(abs(delay_s), MISSED_COSTS_S), delay_s, False)


class Replayed:
    """A model whose scores are known already: a `CrackModel`, and its own stream."""

    def __init__(self, spec: ModelSpec, scores: Sequence[CrackScore]) -> None:
        self.spec = spec
        self._scores = scores
        self._next = 0
        self._heard = 0

    def open(self, sample_rate_hz: int) -> "Replayed":
        """A stream from the beginning."""
        return Replayed(self.spec, self._scores)

    def push(self, samples: Float32Array) -> list[CrackScore]:
        """The scores up to here."""
        self._heard += len(samples)
        first = self._next
        while self._next < len(self._scores) and (
            self._scores[self._next].end_sample <= self._heard
        ):
            self._next += 1
        return list(self._scores[first : self._next])

    def reset(self, gap_samples: int) -> None:
        """A recording has no gaps."""

    def finish(self) -> list[CrackScore]:
        """The rest."""
        return list(self._scores[self._next :])


def _hear(model: CrackModel, path: Path, onset_s: float | None, *, is_clip: bool) -> Heard:
    with open_file(path) as reader:
        rate_hz = reader.sample_rate_hz
        stream = model.open(rate_hz)
        scores: list[CrackScore] = []
        samples = 0
        for block in reader.blocks(samples=round(BLOCK_S * rate_hz)):
            samples += len(block)
            scores += stream.push(block)
        scores += stream.finish()
    # Fingerprints are not needed here, and many.
    slim = tuple(
        replace(score, pops=tuple(replace(pop, fingerprint=()) for pop in score.pops))
        for score in scores
    )
    return Heard(path.name, rate_hz, samples, slim, onset_s, is_clip)


def _silence(samples: int, size: int) -> Iterator[Float32Array]:
    block = np.zeros(size, np.float32)
    for first in range(0, samples, size):
        yield block[: min(size, samples - first)]


def _best(
    outcomes: dict[Setting, list[Outcome]], shipped: Setting, leave_out: int | None = None
) -> Setting:
    """The cheapest setting; of equals the one nearest to what is shipped."""

    def cost(setting: Setting) -> tuple[float, float]:
        rows = [o for index, o in enumerate(outcomes[setting]) if index != leave_out]
        far = abs(setting.sensitivity - shipped.sensitivity) + abs(
            _logit(setting.pop_threshold) - _logit(shipped.pop_threshold)
        )
        return round(sum(o.cost_s for o in rows), 3), far

    return min(outcomes, key=cost)


def _moved(probability: float, logits: float) -> float:
    return 1 / (1 + exp(-(_logit(probability) + logits)))


def _logit(probability: float) -> float:
    return log(probability / (1 - probability))


def _mean(outcomes: Sequence[Outcome]) -> float:
    return sum(o.cost_s for o in outcomes) / len(outcomes)


def _median_delay(outcomes: Sequence[Outcome]) -> float | None:
    delays = [o.delay_s for o in outcomes if o.delay_s is not None]
    return round(float(np.median(delays)), 2) if delays else None
