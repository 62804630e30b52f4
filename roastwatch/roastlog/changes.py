"""The history of what people edited in a roast: what each edit replaced, who made it and when."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from roastwatch.roastlog.event_rows import stamp, unstamp
from roastwatch.roastlog.writes import utc_now

EVENT = "event:"
"""Before an event's kind in `what`."""


@dataclass(frozen=True, slots=True)
class Change:
    """One edit of one thing. Times of events are seconds on the record's clock."""

    change_id: str
    what: str
    """`title`, `lot_id`, a property, or `event:` and a kind."""
    before: str | float | None
    after: str | float | None
    by: str
    at: datetime
    revoked_at: datetime | None
    revocable: bool
    """Whether it is the latest that holds of its thing."""


def add(
    connection: sqlite3.Connection,
    roast_no: int,
    what: str,
    shown: tuple[Any, Any],
    before: dict[str, Any],
    by: str,
) -> None:
    """Keep one edit.

    Args:
        connection: to the log, inside the caller's transaction.
        roast_no: which roast.
        what: which thing of it.
        shown: its value before and after, for people.
        before: what is needed to restore it.
        by: who edits.
    """
    connection.execute(
        "INSERT INTO changes (roast_no, what, shown_before, shown_after, before, said_by, said_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (roast_no, what, *(json.dumps(one, ensure_ascii=False) for one in (*shown, before)), by,
         stamp(utc_now())),
    )  # fmt: skip


def of_roast(connection: sqlite3.Connection, roast_no: int) -> list[Change]:
    """The edits of a roast, oldest first."""
    rows = connection.execute(
        "SELECT change_no, what, shown_before, shown_after, said_by, said_at, revoked_at, "
        "change_no = max(change_no) FILTER (WHERE revoked_at IS NULL) OVER (PARTITION BY what) "
        "FROM changes WHERE roast_no = ? ORDER BY change_no",
        (roast_no,),
    ).fetchall()
    return [
        Change(
            str(number), what, json.loads(before), json.loads(after), by,
            datetime.fromisoformat(at), unstamp(revoked_at), bool(revocable),
        )
        for number, what, before, after, by, at, revoked_at, revocable in rows
    ]  # fmt: skip


def restorable(
    connection: sqlite3.Connection, roast_no: int, change_id: str
) -> tuple[Change, dict[str, Any]] | None:
    """An edit and what is needed to restore what it replaced; None: there is no such edit."""
    known = {change.change_id: change for change in of_roast(connection, roast_no)}
    if change_id not in known:
        return None
    (before,) = connection.execute(
        "SELECT before FROM changes WHERE change_no = ?", (int(change_id),)
    ).fetchone()
    return known[change_id], json.loads(before)


def revoked(connection: sqlite3.Connection, change_id: str) -> None:
    """Mark an edit as revoked."""
    connection.execute(
        "UPDATE changes SET revoked_at = ? WHERE change_no = ?",
        (stamp(utc_now()), int(change_id)),
    )
