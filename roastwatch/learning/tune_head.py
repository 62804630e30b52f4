"""Fit the net's last layer to a person's own roasts, validated on roasts that were held out.

The last layer is linear in its activations, so a change of it is a logistic regression with the
shipped logit as offset and a ridge towards no change. A sound that a person labelled in a review
is what they said. Of the others only the start of first crack is known. A peak long before it is
not a crack. For a peak after it, the net's own probability says how likely it is a crack
(self-training; Scudder, "Probability of error of some adaptive pattern-recognition machines",
IEEE Trans. Information Theory 11, 1965).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.pops import features
from roastwatch.detection.pops.model import PopsModel
from roastwatch.detection.pops.peaks import peaks
from roastwatch.learning.judge import ScoredRecording, Setting, SettingOutcome, judge, moved

Float64Array = npt.NDArray[np.float64]
Delta = tuple[float, ...]

RIDGES = (0.01, 0.1)
SENSITIVITIES = (0.7,)
THRESHOLD_STEPS = (0.0, -0.5)
"""What is tried with a changed layer beside the shipped setting: where less strays in, less need
be asked for."""
MOST_GROUPS = 6
"""The most groups in which recordings are held out, so that the time grows only linearly."""
FIRST_S, BEFORE_S, CRACKS_S = 3.0, 30.0, 75.0
"""Strays are learnt from FIRST_S to BEFORE_S before first crack, cracks from CRACKS_S of it."""
_STEPS = 30
MOMENT_S = 0.15
"""A label belongs to the strongest peak within this time of it."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Peaks of a recording."""

    values: Float64Array
    """Activations, shape (peaks, activations)."""
    logits: Float64Array
    """As shipped, shape (peaks,)."""
    cracks: Float64Array
    """How likely each is a crack, shape (peaks,); 0: it is not one."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """The result of fitting the last layer."""

    held_back: tuple[SettingOutcome, ...]
    """For each recording, with what was chosen and fitted without it."""
    ridge: float | None
    """Chosen on all recordings; None: no change was worth it."""
    setting: Setting
    delta: Delta | None
    """The change that is fitted to all recordings."""
    outcomes: tuple[SettingOutcome, ...]
    """With that change, on the recordings it was fitted to."""


def examples(model: PopsModel, heard: ScoredRecording) -> Examples:
    """The peaks of a recording that are known to be cracks or strays."""
    shown = heard.activations
    assert shown is not None
    late = model.manifest.look_ahead_rows
    faintest = model.manifest.candidate_threshold
    least = float(np.log(faintest / (1 - faintest)))
    rows = np.array(peaks(shown.logits[late:].tolist(), least), np.intp)
    at_s = (rows + 0.5) * features.ROW_S
    strays = (at_s >= FIRST_S) & (at_s < shown.samples / shown.sample_rate_hz)
    cracks = np.zeros(len(rows), bool)
    if heard.onset_s is not None:
        strays &= at_s < heard.onset_s - BEFORE_S
        cracks = (at_s >= heard.onset_s) & (at_s < heard.onset_s + CRACKS_S)
    elif heard.decided_s is not None:
        strays &= at_s < heard.decided_s
    elif heard.only_moments:
        strays[:] = False
    logits = shown.logits[rows + late].astype(np.float64)
    likely = np.where(cracks, 1 / (1 + np.exp(-logits)), 0.0)
    for moment_s, is_crack in heard.moments:
        near = np.flatnonzero(np.abs(at_s - moment_s) <= MOMENT_S)
        if len(near):
            peak = near[np.argmax(logits[near])]
            likely[peak] = float(is_crack)
            cracks[peak], strays[peak] = is_crack, not is_crack
    kept = strays | cracks
    return Examples(
        shown.values[:, rows[kept] + late].T.astype(np.float64), logits[kept], likely[kept]
    )


def fit(given: Sequence[Examples], ridge: float) -> Delta | None:
    """The change of weights and bias that separates these cracks from these strays better.

    Cracks and strays have the same total weight. The bias keeps the mean logit of the cracks, so
    that a threshold keeps its meaning and strays fall below it. None if one kind is missing.
    """
    values = np.concatenate([e.values for e in given])
    offsets = np.concatenate([e.logits for e in given])
    likely = np.concatenate([e.cracks for e in given])
    is_crack = likely > 0
    if not is_crack.any() or is_crack.all():
        return None
    weights = np.where(is_crack, likely / likely.sum() / 2, 0.5 / np.count_nonzero(~is_crack))
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread[spread < 1e-6] = 1.0
    z = np.column_stack(((values - mean) / spread, np.ones(len(values))))
    penalty = np.full(z.shape[1], ridge)
    penalty[-1] = 1e-6

    def loss(point: Float64Array) -> float:
        margin = np.where(is_crack, 1.0, -1.0) * (offsets + z @ point)
        return float(weights @ np.logaddexp(0, -margin) + penalty @ point**2 / 2)

    point = np.zeros(z.shape[1])
    now = loss(point)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-(offsets + z @ point)))
        slope = z.T @ (weights * (chance - is_crack)) + penalty * point
        bend = (z.T * (weights * chance * (1 - chance))) @ z + np.diag(penalty)
        step = np.linalg.solve(bend, slope)
        size = 1.0
        while (then := loss(point - size * step)) > now and size > 1e-4:
            size /= 2
        point = point - size * step
        if now - then < 1e-9:
            break
        now = then
    change = point[:-1] / spread
    bias = -float(likely @ (values @ change)) / float(likely.sum())
    return (*change.tolist(), bias)


def tune(
    model: PopsModel,
    recordings: Sequence[ScoredRecording],
    plain: Mapping[Setting, Sequence[SettingOutcome]],
    shipped: Setting,
    onset: OnsetOptions,
    progress: Callable[[str], None] = lambda _: None,
    more: Sequence[ScoredRecording] = (),
) -> Tuned:
    """Choose between the shipped layer and changed ones, on recordings they were not fitted to.

    Each group is held out in turn. What is tried on it is chosen on the other groups, and each of
    those is evaluated with a change that was fitted without it too.

    Args:
        model: a net that exposes its activations.
        recordings: heard with it.
        plain: the outcome of each setting on each recording with the shipped layer.
        shipped: the setting to start from.
        onset: the decision's other options.
        progress: called with a description of each step.
        more: recordings that the layer is fitted to for their labelled sounds, and not tried on.
    """
    trial = _Trial(model, recordings, plain, shipped, onset, more)
    everything = range(len(recordings))
    held_back: dict[int, SettingOutcome] = {}
    numbers = sorted({trial.group[index] for index in everything})
    for number in numbers:
        progress(f"fitting the last layer without recordings {number + 1} of {len(numbers)}")
        inside = [index for index in everything if trial.group[index] == number]
        others = [index for index in everything if trial.group[index] != number]
        ridge, setting = trial.choose(others, without=number)
        for index in inside:
            held_back[index] = trial.outcomes(index, ridge, frozenset((number,)))[setting]
    progress("fitting the last layer to all recordings")
    ridge, setting = trial.choose(everything)
    return Tuned(
        tuple(held_back[index] for index in everything),
        ridge,
        setting,
        None if ridge is None else trial.delta(ridge, frozenset()),
        tuple(trial.outcomes(index, ridge, frozenset())[setting] for index in everything),
    )


class _Trial:
    """Fits and outcomes, each computed once."""

    def __init__(
        self,
        model: PopsModel,
        recordings: Sequence[ScoredRecording],
        plain: Mapping[Setting, Sequence[SettingOutcome]],
        shipped: Setting,
        onset: OnsetOptions,
        more: Sequence[ScoredRecording],
    ) -> None:
        self.group = _groups([*recordings, *more])
        self._model, self._recordings, self._onset = model, recordings, onset
        self._plain, self._shipped = plain, shipped
        self._examples = [examples(model, heard) for heard in (*recordings, *more)]
        self._deltas: dict[tuple[float, frozenset[int]], Delta | None] = {}
        self._outcomes: dict[tuple[int, float, frozenset[int]], dict[Setting, SettingOutcome]] = {}
        self._settings = dict.fromkeys(
            Setting(sensitivity, moved(shipped.pop_threshold, step))
            for sensitivity, step in product((shipped.sensitivity, *SENSITIVITIES), THRESHOLD_STEPS)
        )

    def delta(self, ridge: float, without: frozenset[int]) -> Delta | None:
        """The change fitted to all groups except some."""
        key = (ridge, without)
        if key not in self._deltas:
            rows = zip(self._examples, self.group, strict=True)
            self._deltas[key] = fit([e for e, group in rows if group not in without], ridge)
        return self._deltas[key]

    def outcomes(
        self, index: int, ridge: float | None, without: frozenset[int]
    ) -> Mapping[Setting, SettingOutcome]:
        """The outcome of each setting on a recording, with a layer fitted without some groups.

        Empty if there is nothing to fit to; without a ridge, with the layer as shipped.
        """
        if ridge is None:
            return {setting: outcomes[index] for setting, outcomes in self._plain.items()}
        key = (index, ridge, without)
        if key not in self._outcomes:
            delta, heard = self.delta(ridge, without), self._recordings[index]
            found = {}
            if delta is not None and heard.activations is not None:
                scores = self._model.with_exit(delta).judge(heard.activations)
                for setting in self._settings:
                    options = setting.options(self._onset)
                    found[setting] = judge(self._model.spec, heard, options, scores)
            self._outcomes[key] = found
        return self._outcomes[key]

    def choose(
        self, indices: Sequence[int], without: int | None = None
    ) -> tuple[float | None, Setting]:
        """The cheapest ridge (None: as shipped) and setting on recordings, each judged by a layer
        that knows neither it nor the group `without`; of equals the one nearest to what is shipped.
        """
        costs: dict[tuple[float | None, Setting], float] = {}
        for ridge in (None, *RIDGES):
            tables = []
            for index in indices:
                group = self.group[index]
                unknown = frozenset((group,) if without is None else (group, without))
                tables.append(self.outcomes(index, ridge, unknown))
            for setting in tables[0]:
                if all(setting in table for table in tables):
                    costs[ridge, setting] = sum(table[setting].cost_s for table in tables)
        return min(
            costs,
            key=lambda c: (round(costs[c], 3), c[0] is not None, c[1].distance(self._shipped)),
        )


def _groups(recordings: Sequence[ScoredRecording]) -> list[int]:
    """The number of each recording's group: the recordings of one roast are held out together."""
    roasts: dict[str, int] = {}
    numbers = [roasts.setdefault(heard.roast_id or heard.name, len(roasts)) for heard in recordings]
    return [number % MOST_GROUPS for number in numbers]
