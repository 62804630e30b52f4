"""A prompt instead of a decision: certain first crack although no roast was started."""

from roastwatch.detection.decision.crack_decision import CrackDecision

STANDS_S = 300.0
"""A prompt can be answered for this long; meanwhile its sound raises no other."""


class RoastPrompt:
    """At most one prompt at a time."""

    def __init__(self, sample_rate_hz: int) -> None:
        """Start without a prompt."""
        self._stands = round(STANDS_S * sample_rate_hz)
        self._heard_at: int | None = None
        self._about: CrackDecision | None = None

    def put(self, decision: CrackDecision) -> bool:
        """Whether to ask about a decision: not while the previous one is recent."""
        last, self._heard_at = self._heard_at, decision.decided_sample
        if last is not None and decision.decided_sample - last < self._stands:
            return False
        self._about = decision
        return True

    def answered(self, at_sample: int) -> CrackDecision | None:
        """A person confirmed a roast: the decision that was asked about, unless it expired."""
        about, self._about = self._about, None
        if about is None or at_sample - about.decided_sample > self._stands:
            return None
        return about

    def denied(self) -> None:
        """A person said that it was not first crack."""
        self._about = None
