"""The protocol of models that detect cracks: synchronous, run in an executor."""

from dataclasses import dataclass
from typing import Protocol

from roastwatch.detection.windowed_events import WindowRule
from roastwatch.vocabulary import CrackScore, Float32Array


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Properties of a model."""

    model_id: str
    lowest_rate_hz: int
    """Lowest sample rate that it accepts."""
    hop_s: float
    """Time between scores."""
    look_ahead_s: float
    """Delay of a score after its sound."""
    localises: bool
    """Whether scores contain pops."""
    pop_threshold: float
    """Pops below this probability are candidates: plotted, but not counted."""
    evidence_over: float = 0.0
    """Logits above the threshold at which a pop counts in full as evidence of first crack, if the
    adaptive threshold is learnt without a known charge. Otherwise a pop counts at the threshold."""
    candidates: bool = False
    """Whether scores contain candidates, down to a probability of about 0.2. The adaptive threshold
    needs them."""
    description: str = ""
    trained_on: frozenset[str] = frozenset()
    """First 16 hex digits of the SHA-256 of each training recording, as far as known."""
    window_s: float | None = None
    """Length of a window, for models that judge windows."""
    window_rule: WindowRule | None = None
    """Rule of a model that judges windows, if it has its own."""


class CrackStream(Protocol):
    """One stream of sound through a model. Keeps the model's state between pushes."""

    def push(self, samples: Float32Array) -> list[CrackScore]:
        """Take the next samples, shape (n,); return the completed scores.

        The scores do not depend on how the samples are split into pushes.
        """
        ...

    def reset(self, gap_samples: int) -> None:
        """`gap_samples` are missing: count them, forget the state."""
        ...

    def finish(self) -> list[CrackScore]:
        """End the sound: the scores that the look-ahead held back."""
        ...


class CrackModel(Protocol):
    """A model, loaded once and opened for each stream. Created by `Model(options)`."""

    @property
    def spec(self) -> ModelSpec:
        """Its properties."""
        ...

    def open(self, sample_rate_hz: int) -> CrackStream:
        """Open a new stream.

        Raises:
            BadInputError: the model does not accept this sample rate.
        """
        ...
