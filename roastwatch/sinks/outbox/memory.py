"""Alerts that wait in memory, if no roast log keeps them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_SIZE = 256


@dataclass(slots=True)
class _Waiting:
    alert_id: str
    payload: dict[str, Any]
    target: str
    due_at: datetime
    expires_at: datetime | None
    attempts: int = 0


class MemoryOutbox:
    """The newest 256 alerts; see `AlertOutbox`."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}

    async def outbox_add(
        self,
        alert_id: str,
        payload: dict[str, Any],
        *,
        due_at: datetime | None = None,
        expires_at: datetime | None = None,
        event_id: str = "",
        target: str = "",
    ) -> bool:
        """Keep it; the oldest is discarded when there are too many."""
        due = due_at or datetime.now(UTC)
        self._waiting[alert_id] = _Waiting(alert_id, payload, target, due, expires_at)
        while len(self._waiting) > _SIZE:
            del self._waiting[next(iter(self._waiting))]
        return False

    async def outbox_due(
        self, now: datetime | None = None, target: str | None = None
    ) -> list[_Waiting]:
        """Those that are due and not expired."""
        at = now or datetime.now(UTC)
        for alert in list(self._waiting.values()):
            if alert.expires_at is not None and alert.expires_at <= at:
                del self._waiting[alert.alert_id]
        return [
            alert
            for alert in self._waiting.values()
            if alert.due_at <= at and target in (None, alert.target)
        ]

    async def outbox_done(self, alert_id: str) -> bool:
        """Forget it."""
        return self._waiting.pop(alert_id, None) is not None

    async def outbox_failed(self, alert_id: str, problem: str, try_again_at: datetime) -> bool:
        """Try it again later."""
        if alert_id not in self._waiting:
            return False
        self._waiting[alert_id].due_at = try_again_at
        self._waiting[alert_id].attempts += 1
        return True
