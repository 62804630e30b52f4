"""A decision, as `onset` gives it to the pipeline."""

from dataclasses import dataclass

from roastwatch.vocabulary import EventKind, Level


@dataclass(frozen=True, slots=True)
class CrackDecision:
    """A first crack (possible, reported or certain), its end, or a second crack.

    First crack is repeated at each level with the same or a better `happened_sample`. Samples count
    at the source's rate.
    """

    kind: EventKind
    level: Level | None
    happened_sample: int
    """When it began."""
    decided_sample: int
    """When the evidence sufficed."""
    confidence: float
    """0 to 1."""
