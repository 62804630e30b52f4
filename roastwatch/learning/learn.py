"""Learn from a person's own roasts, with leave-one-out validation.

The model hears each recording once. Sensitivity and pop threshold are then searched over a small
grid by running the same pipeline on those scores. If the model is a net that exposes the inputs of
its last layer, that layer is fitted too (`tune_head`). Each roast is held out in turn and tried
with what is best on the others. A calibration is written only if the sum over the held-out roasts
is clearly better than as shipped; a changed layer only if it is also clearly better than the
setting alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from roastwatch.corpus.labels import LabelledClip, LabelledRoast, ReviewedRoast
from roastwatch.detection.calibration import Calibration
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.detection.pops.model import PopsModel
from roastwatch.errors import BadInputError
from roastwatch.learning.judge import Setting, SettingOutcome, hear, judge, moved
from roastwatch.learning.tune_head import Delta, Tuned, tune

LEAST_ROASTS = 3
SENSITIVITIES = (0.3, 0.4, 0.5, 0.6, 0.7)
THRESHOLD_STEPS = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Moves of the pop threshold, in logits."""
LEAST_GAIN = 0.05
"""An improvement by less than this fraction does not count."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """The result of learning, whether or not it is worth keeping."""

    better: bool
    shipped: Setting
    best: Setting
    shipped_outcomes: tuple[SettingOutcome, ...]
    """With the shipped setting, for each recording."""
    calibrated: tuple[SettingOutcome, ...]
    """For each recording, with the setting that was chosen without it."""
    tuned: Tuned | None = None
    """The fit of the last layer; None: the model does not expose its inputs."""
    exit_delta: Delta | None = None
    """The change of the last layer, if it is worth keeping."""
    exit_of: str | None = None
    """SHA-256 of the file that it changes."""
    labelled_moments: int = 0
    """Labels of single sounds that the last layer was fitted to."""

    @property
    def held_back(self) -> tuple[SettingOutcome, ...]:
        """For each recording, with what would be kept, chosen and fitted without it."""
        return self.tuned.held_back if self.tuned and self.exit_delta else self.calibrated

    def summary(self) -> dict[str, Any]:
        """The figures for the calibration file and for people."""
        before, after = _worth(self.shipped_outcomes), _worth(self.held_back)
        tried: dict[str, Any] = {"calibrated": _worth(self.calibrated), "fine_tuned": None}
        if self.tuned is not None:
            tried["fine_tuned"] = {**_worth(self.tuned.held_back), "ridge": self.tuned.ridge}
        return {
            "recordings": len(self.held_back),
            "better": self.better,
            "fine_tuned": self.exit_delta is not None,
            "labelled_moments": self.labelled_moments,
            **{f"{name}_shipped": value for name, value in before.items()},
            **{f"{name}_held_back": value for name, value in after.items()},
            "tried": tried,
        }

    def calibration(self, station: str, model_id: str) -> Calibration:
        """The content of the calibration file."""
        return Calibration(
            station=station,
            model_id=model_id,
            sensitivity=self.best.sensitivity,
            pop_threshold=round(self.best.pop_threshold, 4),
            exit_delta=self.exit_delta,
            exit_of=self.exit_of,
            learnt=self.summary(),
        )


def learn(
    model: CrackModel,
    roasts: Sequence[LabelledRoast],
    clips: Sequence[LabelledClip],
    onset: OnsetOptions,
    progress: Callable[[str], None] = lambda _: None,
    others: Sequence[ReviewedRoast] = (),
) -> Learnt:
    """Search for the best setting, and validate it on the roasts held out.

    Args:
        model: what hears them.
        roasts: labelled roasts.
        clips: clips of wrong decisions.
        onset: the decision's options.
        progress: called with a description of each step.
        others: roasts of which only single sounds are labelled: the last layer is fitted to them.

    Raises:
        BadInputError: too few roasts are labelled, or a recording can't be read.
    """
    if len(roasts) < LEAST_ROASTS:
        raise BadInputError(
            f"Labelled roasts: {len(roasts)}; at least {LEAST_ROASTS} are needed. Press "
            "'first crack' while roasting with recording.roasts on, or mark recordings with "
            "`roastwatch learn --mark FILE=SECONDS`."
        )
    given: list[LabelledRoast | LabelledClip] = [*roasts, *clips]
    recordings = []
    for labelled in given:
        progress(f"hearing {labelled.path.name}")
        recordings.append(hear(model, labelled))
    usual = onset.pop_threshold or model.spec.pop_threshold
    shipped = Setting(onset.sensitivity, usual)
    settings = [shipped] + [
        Setting(sensitivity, moved(usual, step))
        for sensitivity, step in product(SENSITIVITIES, THRESHOLD_STEPS)
    ]
    outcomes: dict[Setting, list[SettingOutcome]] = {}
    for number, setting in enumerate(settings, 1):
        progress(f"trying setting {number} of {len(settings)}")
        options = setting.options(onset)
        outcomes[setting] = [judge(model.spec, heard, options) for heard in recordings]
    calibrated = tuple(
        outcomes[_best(outcomes, shipped, leave_out=index)][index]
        for index in range(len(recordings))
    )
    best, before = _best(outcomes, shipped), tuple(outcomes[shipped])
    better = best != shipped and _is_better(calibrated, outcomes[best], before)
    if not isinstance(model, PopsModel) or not model.activations:
        return Learnt(better, shipped, best, before, calibrated)
    more = []
    for reviewed in others:
        progress(f"hearing {reviewed.path.name}")
        more.append(hear(model, reviewed))
    labelled_moments = sum(len(heard.moments) for heard in (*recordings, *more))
    tuned = tune(model, recordings, outcomes, shipped, onset, progress, more)
    if tuned.delta is not None and all(
        _is_better(tuned.held_back, tuned.outcomes, rest) for rest in (before, calibrated)
    ):
        return Learnt(
            True,
            shipped,
            tuned.setting,
            before,
            calibrated,
            tuned,
            tuned.delta,
            model.manifest.sha256,
            labelled_moments,
        )
    return Learnt(
        better, shipped, best, before, calibrated, tuned, labelled_moments=labelled_moments
    )


def _is_better(
    held_back: Sequence[SettingOutcome],
    on_all: Sequence[SettingOutcome],
    before: Sequence[SettingOutcome],
) -> bool:
    """Whether the held-out roasts cost clearly less, and no more of them are wrong."""
    return (
        _cost_s(held_back) < (1 - LEAST_GAIN) * _cost_s(before)
        and _wrong(held_back) <= _wrong(before)
        and _wrong(on_all) <= _wrong(before)
    )


def _best(
    outcomes: Mapping[Setting, Sequence[SettingOutcome]],
    shipped: Setting,
    leave_out: int | None = None,
) -> Setting:
    """The cheapest setting; among equals the one nearest to the shipped one."""

    def cost(setting: Setting) -> tuple[float, float]:
        rows = [o for index, o in enumerate(outcomes[setting]) if index != leave_out]
        return round(_cost_s(rows), 3), setting.distance(shipped)

    return min(outcomes, key=cost)


def _worth(outcomes: Sequence[SettingOutcome]) -> dict[str, Any]:
    delays = [o.delay_s for o in outcomes if o.delay_s is not None]
    return {
        "cost_s": round(_cost_s(outcomes) / len(outcomes), 2),
        "wrong": _wrong(outcomes),
        "delay_s": round(float(np.median(delays)), 2) if delays else None,
    }


def _cost_s(outcomes: Sequence[SettingOutcome]) -> float:
    return sum(o.cost_s for o in outcomes)


def _wrong(outcomes: Sequence[SettingOutcome]) -> int:
    return sum(o.wrong for o in outcomes)
