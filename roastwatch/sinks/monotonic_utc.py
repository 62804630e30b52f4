"""Time that doesn't jump, for due times, ages and delays of delivery."""

import time
from datetime import UTC, datetime, timedelta

from roastwatch.vocabulary import RoastEvent

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""The due time of what is due at once: also due if the clock is set back later."""


class MonotonicUtc:
    """UTC as it was at the start, carried on by the monotonic clock.

    A clock that is set by an hour during a roast must not delay an alert by an hour, or discard it.
    """

    def __init__(self) -> None:
        self._from = datetime.now(UTC)
        self._from_s = time.monotonic()

    def __call__(self) -> datetime:
        """The moment."""
        return self._from + timedelta(seconds=time.monotonic() - self._from_s)


def age_s(event: RoastEvent, now_s: float, now: datetime) -> float:
    """Seconds since an event was decided, whatever the clock did since; never negative.

    `now_s` is monotonic; `now` is for events of an earlier process, which has another such clock.
    """
    if event.known_s is not None:
        return max(0.0, now_s - event.known_s)
    return max(0.0, (now - event.decided_at).total_seconds())


def present(event: RoastEvent) -> datetime:
    """The present on the clock that an event's times refer to."""
    if event.known_s is None:
        return datetime.now(UTC)
    return event.decided_at + timedelta(seconds=time.monotonic() - event.known_s)
