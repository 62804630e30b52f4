"""The log's outbox: alerts that wait to be delivered and survive a crash.

Its writes are applied like those of writes.py; an alert may be added or removed twice without harm.
"""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from roastwatch.roastlog.event_rows import stamp, unstamp

_FORGOTTEN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AlertWrite:
    """Adds an alert."""

    alert_id: str
    payload: str
    due_at: datetime
    expires_at: datetime | None
    event_id: str
    target: str
    created_at: datetime

    def apply(self, connection: sqlite3.Connection) -> None:
        """Add it to the outbox, or replace the same alert; delete what expired a day ago."""
        connection.execute(
            "DELETE FROM outbox WHERE expires_at < ?", (stamp(self.created_at - _FORGOTTEN),)
        )
        connection.execute(
            "INSERT OR REPLACE INTO outbox (alert_id, event_id, target, payload, created_at, "
            "due_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self.alert_id,
                self.event_id or None,
                self.target,
                self.payload,
                stamp(self.created_at),
                stamp(self.due_at),
                stamp(self.expires_at),
            ),
        )


@dataclass(frozen=True, slots=True)
class AlertDone:
    """Removes an alert that was delivered or is no longer wanted."""

    alert_id: str

    def apply(self, connection: sqlite3.Connection) -> None:
        """Delete it from the outbox."""
        connection.execute("DELETE FROM outbox WHERE alert_id = ?", (self.alert_id,))


@dataclass(frozen=True, slots=True)
class AlertFailed:
    """Reschedules an alert that could not be delivered yet."""

    alert_id: str
    problem: str
    due_at: datetime

    def apply(self, connection: sqlite3.Connection) -> None:
        """Set when it is retried."""
        connection.execute(
            "UPDATE outbox SET attempts = attempts + 1, problem = ?, due_at = ? WHERE alert_id = ?",
            (self.problem, stamp(self.due_at), self.alert_id),
        )


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert in the outbox."""

    alert_id: str
    event_id: str
    target: str
    payload: dict[str, Any]
    created_at: datetime
    due_at: datetime
    expires_at: datetime | None
    attempts: int
    problem: str


def due_alerts(
    connection: sqlite3.Connection, now: datetime, target: str | None
) -> list[StoredAlert]:
    """The alerts that are due and not expired, oldest first."""
    rows = connection.execute(
        "SELECT alert_id, event_id, target, payload, created_at, due_at, expires_at, attempts, "
        "problem FROM outbox WHERE due_at <= ? AND (expires_at IS NULL OR expires_at > ?) "
        "AND (? IS NULL OR target = ?) ORDER BY created_at, rowid",
        (stamp(now), stamp(now), target, target),
    )
    return [
        StoredAlert(
            alert_id=row[0],
            event_id=row[1] or "",
            target=row[2],
            payload=json.loads(row[3]),
            created_at=datetime.fromisoformat(row[4]),
            due_at=datetime.fromisoformat(row[5]),
            expires_at=unstamp(row[6]),
            attempts=row[7],
            problem=row[8],
        )
        for row in rows
    ]
