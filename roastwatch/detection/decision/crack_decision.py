"""What the onset decision says: the noun between `onset` and the pipeline."""

from dataclasses import dataclass

from roastwatch.vocabulary import EventKind, Level


@dataclass(frozen=True, slots=True)
class CrackDecision:
    """A first crack that is possible, told or certain; its end; or a second crack.

    A first crack that grows is said again at each level with the same `happened_sample` or a
    better one. Samples count at the source's rate.
    """

    kind: EventKind
    level: Level | None
    happened_sample: int
    """When it began, dated back."""
    decided_sample: int
    """When enough was known."""
    confidence: float
    """0 to 1."""
