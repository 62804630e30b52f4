"""Events between their decision and their arrival. Pure: the clock is passed in.

Each is delivered at least once under its event_id. A broker that is away gets them when it is
back. Home Assistant keeps no session over its restart, and events are never retained: those that
were sent while it was away are sent again, marked late, at its birth message.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from roastwatch.entities import event_type, urgency
from roastwatch.sinks.monotonic_utc import age_s
from roastwatch.vocabulary import RoastEvent

LATE_AFTER_S = 5.0
_UNNOTICED_S = 100.0
"""Home Assistant pings every 60 s: a broker notices after 1.5 of these that it was cut off."""
_LINK_GRACE_S = 5.0
_BIRTH_WITHIN_S = 600.0
"""After a lost link Home Assistant may reconnect later than we do; beyond this it was not away."""


@dataclass(slots=True)
class QueuedEvent:
    """One event as it is sent."""

    event_id: str
    type: str
    station: str
    facts: dict[str, Any]
    arrived_s: float
    late_on_arrival_s: float
    sent_s: float | None = None
    again: bool = False
    durable: bool = False
    """Whether it would survive a crash."""

    @classmethod
    def of(cls, event: RoastEvent, kind: str, arrived_s: float, late_s: float) -> "QueuedEvent":
        """An event that arrived at `arrived_s` (monotonic), `late_s` after its decision."""
        found = facts(event, kind)
        return cls(event.event_id, kind, event.station, found, arrived_s, late_s)

    def message(self, now_s: float) -> dict[str, Any]:
        """What is published, see integrations/contract.md."""
        late_by_s = self.late_on_arrival_s + now_s - self.arrived_s
        late = {"late": self.again or late_by_s > LATE_AFTER_S, "late_by_s": round(late_by_s, 3)}
        return self.facts | late


def facts(event: RoastEvent, kind: str) -> dict[str, Any]:
    """The fields of an event that is sent, except how late it is."""
    return {
        "event_type": kind,
        "event_id": event.event_id,
        "station": event.station,
        "roast_id": event.roast_id,
        "kind": event.kind.value,
        "level": event.level.value if event.level else None,
        "origin": event.origin.value,
        "happened_at": event.happened_at.isoformat(timespec="milliseconds"),
        "decided_at": event.decided_at.isoformat(timespec="milliseconds"),
        "confidence": None if event.confidence is None else round(event.confidence, 4),
        "bean_temp_c": event.bean_temp_c,
        "message": event.message,
        "urgency": urgency(event).value,
        "unlogged": event.unlogged,
    }


class Outbox:
    """The newest events, sent and unsent. When full it discards the oldest, sent ones first."""

    def __init__(self, started_s: float, size: int = 256) -> None:
        self._kept: dict[tuple[str, str], QueuedEvent] = {}
        self._size = size
        self.lost = 0
        self._delivered: set[tuple[str, str]] = set()
        # Home Assistant may start at the same time: it counts as away until its first message.
        self._away_since_s: float | None = started_s
        self._forget_away_at_s: float | None = started_s + _BIRTH_WITHIN_S

    def delivered(self, event_id: str, kind: str) -> None:
        """An earlier process delivered this event: it is not delivered again."""
        self._delivered.add((event_id, kind))

    def add(self, event: RoastEvent, now_s: float, now: datetime) -> QueuedEvent | None:
        """Keep an event to be sent; an event that is added again is sent again.

        None: an earlier process delivered it. A resumed roast publishes its last events once more,
        because the log can't know which of them every sink has delivered.
        """
        kind, first = event_type(event), (event.event_id, "first_crack")
        if kind == "first_crack_certain" and not (first in self._kept or first in self._delivered):
            kind = "first_crack"
        if (event.event_id, kind) in self._delivered:
            return None
        return self._take(facts(event, kind), now_s, age_s(event, now_s, now))

    def take(self, found: dict[str, Any], now_s: float, now: datetime) -> QueuedEvent:
        """Keep an event that was kept before, perhaps by an earlier process.

        Raises:
            KeyError, TypeError, ValueError: these are not the facts of an event.
        """
        decided_at = datetime.fromisoformat(found["decided_at"])
        return self._take(found, now_s, max(0.0, (now - decided_at).total_seconds()))

    def _take(self, found: dict[str, Any], now_s: float, late_s: float) -> QueuedEvent:
        event_id, kind = str(found["event_id"]), str(found["event_type"])
        kept = QueuedEvent(event_id, kind, str(found["station"]), found, now_s, late_s)
        before = self._kept.pop((event_id, kind), None)
        kept.again = before is not None and before.again
        self._kept[event_id, kind] = kept
        while len(self._kept) > self._size:
            sent = (key for key, item in self._kept.items() if item.sent_s is not None)
            oldest = next(sent, None)
            if oldest is None:
                oldest = next(iter(self._kept))
                self.lost += 1
            del self._kept[oldest]
        return kept

    def unsent(self) -> QueuedEvent | None:
        """The oldest event that is still to be sent."""
        return next((kept for kept in self._kept.values() if kept.sent_s is None), None)

    def link_lost(self, now_s: float) -> None:
        """The connection to the broker ended, and perhaps Home Assistant's with it."""
        if self._away_since_s is None:
            self._away_since_s = now_s - _LINK_GRACE_S
        self._forget_away_at_s = None

    def link_back(self, now_s: float) -> None:
        """Connected again. If Home Assistant was cut off too, it follows soon or was first.

        If it was first, it may have missed events that the broker took in its last moments.
        """
        if self._forget_away_at_s is None and self._away_since_s is not None:
            since_s = self._away_since_s
            self._again(lambda _, sent_s: sent_s >= since_s)
            self._forget_away_at_s = now_s + _BIRTH_WITHIN_S

    def listener_gone(self, now_s: float) -> None:
        """Home Assistant is away; this may be noticed up to 100 s late."""
        since_s = now_s - _UNNOTICED_S
        if self._away_since_s is not None and not self._is_old(now_s):
            since_s = min(since_s, self._away_since_s)
        self._away_since_s, self._forget_away_at_s = since_s, float("inf")

    def listener_back(self, now_s: float) -> int:
        """Home Assistant is back: events that it missed become unsent. Returns their number."""
        since_s, old = self._away_since_s, self._is_old(now_s)
        self._away_since_s = self._forget_away_at_s = None
        if since_s is None or old:
            return 0
        return self._again(lambda _, sent_s: since_s <= sent_s < now_s)

    def unheard(self, station: str, since_s: float) -> int:
        """A station may have had no listener since then: its events become unsent."""
        return self._again(lambda kept, sent_s: kept.station == station and sent_s >= since_s)

    def _again(self, was_missed: Callable[[QueuedEvent, float], bool]) -> int:
        missed = [
            kept
            for kept in self._kept.values()
            if kept.sent_s is not None and was_missed(kept, kept.sent_s)
        ]
        for kept in missed:
            kept.sent_s, kept.again = None, True
        return len(missed)

    def _is_old(self, now_s: float) -> bool:
        return self._forget_away_at_s is not None and now_s > self._forget_away_at_s
