"""stub"""

from enum import StrEnum

LABELS = ("crack", "not_a_crack", "unsure")


class MomentKind(StrEnum):
    """What a moment is."""

    POP = "pop"
    DECISION = "decision"
