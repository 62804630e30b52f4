"""How a setting of the decision does on a person's recordings; the model hears each one once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from roastwatch.audio.file import open_file
from roastwatch.corpus.labels import LabelledClip, LabelledRoast, Moments, ReviewedRoast
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel, ModelSpec
from roastwatch.detection.odds import logit, probability
from roastwatch.detection.pops.model import PopsModel
from roastwatch.detection.pops.stream import Activations
from roastwatch.evaluation.recordings import BLOCK_S, play
from roastwatch.evaluation.statistics import EARLY_S
from roastwatch.vocabulary import CrackScore, Float32Array

MISSED_COSTS_S = EARLY_COSTS_S = 120.0
"""Cost of a miss, and of an alarm before first crack, in seconds of delay."""
CLIP_COSTS_S = 30.0
"""Cost of an alarm in a clip that a person called wrong."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One point of the search."""

    sensitivity: float
    pop_threshold: float

    def options(self, onset: OnsetOptions) -> OnsetOptions:
        """The decision's options with this setting."""
        return onset.model_copy(
            update={"sensitivity": self.sensitivity, "pop_threshold": self.pop_threshold}
        )

    def distance(self, other: "Setting") -> float:
        """Distance to another setting."""
        apart = logit(self.pop_threshold) - logit(other.pop_threshold)
        return abs(self.sensitivity - other.sensitivity) + abs(apart)


@dataclass(frozen=True, slots=True)
class ScoredRecording:
    """One recording with the model's scores."""

    name: str
    sample_rate_hz: int
    samples: int
    scores: tuple[CrackScore, ...]
    onset_s: float | None
    is_clip: bool = False
    roast_id: str | None = None
    """Clips of a roast are held out together with it."""
    decided_s: float | None = None
    """For a clip: when the decision came that a person called wrong, in seconds."""
    charge_s: float | None = None
    """When the beans went in, in seconds; None: unknown."""
    moments: Moments = ()
    """Sounds that a person labelled, in seconds."""
    only_moments: bool = False
    """Whether nothing is known of its other sounds."""
    activations: Activations | None = None
    """Inputs of the last layer, from models that expose them."""


@dataclass(frozen=True, slots=True)
class SettingOutcome:
    """The result of one setting on one recording."""

    name: str
    cost_s: float
    delay_s: float | None
    wrong: bool
    """Missed, early, or an alarm where nothing cracks."""


def judge(
    spec: ModelSpec,
    heard: ScoredRecording,
    onset: OnsetOptions,
    scores: Sequence[CrackScore] | None = None,
) -> SettingOutcome:
    """Run one recording through the pipeline with the model's scores, or with other scores."""
    if heard.charge_s is None:
        # a live roast would have a known charge, which lowers the threshold
        spec = replace(spec, evidence_over=0.0)
    replayed = Replayed(spec, heard.scores if scores is None else scores)
    size = round(BLOCK_S * heard.sample_rate_hz)
    silence = _silence(heard.samples, size)
    played = play(replayed, heard.sample_rate_hz, silence, onset=onset, charge_s=heard.charge_s)
    alarms = played.reported
    decided_s = alarms[0][0] if alarms else None
    if heard.onset_s is None:
        costs = CLIP_COSTS_S if heard.is_clip else EARLY_COSTS_S
        return SettingOutcome(heard.name, costs if alarms else 0.0, None, bool(alarms))
    if decided_s is None:
        return SettingOutcome(heard.name, MISSED_COSTS_S, None, True)
    if decided_s < heard.onset_s - EARLY_S:
        return SettingOutcome(heard.name, EARLY_COSTS_S, None, True)
    delay_s = decided_s - heard.onset_s
    return SettingOutcome(heard.name, min(abs(delay_s), MISSED_COSTS_S), delay_s, False)


class Replayed:
    """A model whose scores are already known: both a `CrackModel` and its stream."""

    def __init__(self, spec: ModelSpec, scores: Sequence[CrackScore]) -> None:
        self.spec = spec
        self._scores = scores
        self._next = 0
        self._heard = 0

    def open(self, sample_rate_hz: int) -> "Replayed":
        """Start a stream from the beginning."""
        return Replayed(self.spec, self._scores)

    def push(self, samples: Float32Array) -> list[CrackScore]:
        """Return the scores up to here."""
        self._heard += len(samples)
        first = self._next
        while self._next < len(self._scores) and (
            self._scores[self._next].end_sample <= self._heard
        ):
            self._next += 1
        return list(self._scores[first : self._next])

    def reset(self, gap_samples: int) -> None:
        """Do nothing: a recording has no gaps."""

    def finish(self) -> list[CrackScore]:
        """Return the remaining scores."""
        return list(self._scores[self._next :])


def hear(
    model: CrackModel, labelled: LabelledRoast | LabelledClip | ReviewedRoast
) -> ScoredRecording:
    """Run a recording through the model once.

    Raises:
        BadInputError: the recording can't be read, or the model can't analyse it.
    """
    activations = None
    with open_file(labelled.path) as reader:
        rate_hz = reader.sample_rate_hz
        blocks = reader.blocks(samples=round(BLOCK_S * rate_hz))
        if isinstance(model, PopsModel) and model.activations:
            activations = model.hear(rate_hz, blocks)
            samples, scores = activations.samples, model.judge(activations)
        else:
            samples, scores = _scores(model, rate_hz, blocks)
    return ScoredRecording(
        labelled.path.name,
        rate_hz,
        samples,
        tuple(scores),
        labelled.onset_s if isinstance(labelled, LabelledRoast) else None,
        isinstance(labelled, LabelledClip),
        labelled.roast_id,
        labelled.decided_s if isinstance(labelled, LabelledClip) else None,
        labelled.charge_s if isinstance(labelled, LabelledRoast) else None,
        () if isinstance(labelled, LabelledClip) else labelled.moments,
        isinstance(labelled, ReviewedRoast),
        activations,
    )


def _scores(
    model: CrackModel, rate_hz: int, blocks: Iterable[Float32Array]
) -> tuple[int, list[CrackScore]]:
    stream = model.open(rate_hz)
    scores: list[CrackScore] = []
    samples = 0
    for block in blocks:
        samples += len(block)
        scores += stream.push(block)
    return samples, scores + stream.finish()


def _silence(samples: int, size: int) -> Iterator[Float32Array]:
    block = np.zeros(size, np.float32)
    for first in range(0, samples, size):
        yield block[: min(size, samples - first)]


def moved(chance: float, logits: float) -> float:
    """Move a probability by some logits."""
    return probability(logit(chance) + logits)
