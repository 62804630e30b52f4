"""What hears cracks: one small protocol, plain and synchronous, run in an executor."""

from dataclasses import dataclass
from typing import Protocol

from roastwatch.detection.windowed_events import WindowRule
from roastwatch.vocabulary import CrackScore, Float32Array


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a model says of itself."""

    model_id: str
    lowest_rate_hz: int
    """Sound below this rate can't be judged."""
    hop_s: float
    """Time between scores."""
    look_ahead_s: float
    """How long after a sound its score is known."""
    localises: bool
    """Whether scores carry pops."""
    pop_threshold: float
    """Pops below this probability are candidates only: plotted, never counted."""
    evidence_over: float = 0.0
    """So far over the threshold, in logits, a pop counts in full as evidence of first crack where
    a place's own noise is learnt without a known charge; elsewhere at the threshold."""
    candidates: bool = False
    """Whether pops far below the threshold are given too (down to about 0.2), from which a place's
    noise can be known."""
    description: str = ""
    trained_on: frozenset[str] = frozenset()
    """First 16 hex digits of the SHA-256 of each recording that it was trained on, where known."""
    window_s: float | None = None
    """Sound that one score hears, for models that judge windows."""
    window_rule: WindowRule | None = None
    """How windows decide, for models that don't localise and have a rule of their own."""


class CrackStream(Protocol):
    """One stream of sound through a model; keeps the model's state between pushes."""

    def push(self, samples: Float32Array) -> list[CrackScore]:
        """Take the next samples, shape (n,), any n; return the scores that became known.

        The scores are the same however the samples are cut into pushes.
        """
        ...

    def reset(self, gap_samples: int) -> None:
        """So many samples are missing here: count them, forget the state."""
        ...

    def finish(self) -> list[CrackScore]:
        """The sound ends here: the scores that the look-ahead still held back."""
        ...


class CrackModel(Protocol):
    """A model, loaded once, opened for each stream. Made by `Model(options)`."""

    @property
    def spec(self) -> ModelSpec:
        """What it is and needs."""
        ...

    def open(self, sample_rate_hz: int) -> CrackStream:
        """A new stream.

        Raises:
            BadInputError: the model can't judge sound of this rate.
        """
        ...
