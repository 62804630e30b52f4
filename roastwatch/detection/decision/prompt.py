"""What can be nothing but first crack though nobody started a roast: asked about, not decided."""

from roastwatch.detection.decision.crack_decision import CrackDecision

STANDS_S = 300.0
"""So long a question can be answered, and no other is asked while its sound goes on."""


class RoastPrompt:
    """One question at a time."""

    def __init__(self, sample_rate_hz: int) -> None:
        """Nothing was asked."""
        self._stands = round(STANDS_S * sample_rate_hz)
        self._heard_at: int | None = None
        self._about: CrackDecision | None = None

    def put(self, decision: CrackDecision) -> bool:
        """Whether to ask about a decision: not while the one before is fresh."""
        last, self._heard_at = self._heard_at, decision.decided_sample
        if last is not None and decision.decided_sample - last < self._stands:
            return False
        self._about = decision
        return True

    def answered(self, at_sample: int) -> CrackDecision | None:
        """A roast is going on, somebody says: the decision that was asked about, if one stands."""
        about, self._about = self._about, None
        if about is None or at_sample - about.decided_sample > self._stands:
            return None
        return about

    def denied(self) -> None:
        """It was no crack."""
        self._about = None
