"""The service's lease of the machine. No clock: the caller passes the time in monotonic seconds."""

from roastwatch.roaster.guardian.states import LeaseState

LEASE_S = 0.5


class Lease:
    """Held while the service renews it at least every half second."""

    def __init__(self) -> None:
        self._until_s: float | None = None
        self._renewed_at_s: float | None = None
        self._was_held = False

    def state(self, now_s: float) -> LeaseState:
        """How it stands now; a lease from the future is none."""
        until_s = self._until_s
        if until_s is not None and until_s - LEASE_S - 0.001 <= now_s <= until_s:
            return LeaseState.HELD
        return LeaseState.ENDED if self._was_held else LeaseState.NEVER

    def renew(self, sent_at_s: float) -> bool:
        """Extend it from when the service sent the renewal; whether there was no gap before it."""
        last_s, self._renewed_at_s = self._renewed_at_s, sent_at_s
        self._until_s, self._was_held = sent_at_s + LEASE_S, True
        return last_s is None or sent_at_s - last_s <= LEASE_S

    def end(self) -> bool:
        """The service has left; whether it held the lease."""
        held = self._until_s is not None
        self._until_s = self._renewed_at_s = None
        return held
