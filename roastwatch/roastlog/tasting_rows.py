"""Tastings in the tables of the roast log."""

import json
import sqlite3
from collections.abc import Iterable
from datetime import date
from typing import Any

from roastwatch.errors import BadInputError
from roastwatch.records.tasting import Tasting
from roastwatch.roastlog.event_rows import stamp, unstamp

MOST_TASTINGS = 100
"""Of one roast."""
_COLUMNS = (
    "tasting_id, tasted_on, score, brew_method, attributes, defects, notes, said_by, changed_at"
)


def of_roast(connection: sqlite3.Connection, roast_no: int) -> tuple[Tasting, ...]:
    """The tastings of a roast, oldest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM tastings WHERE roast_no = ? ORDER BY tasted_on, rowid",
        (roast_no,),
    )
    return tuple(_tasting(row) for row in rows)


def insert(connection: sqlite3.Connection, roast_no: int, tastings: Iterable[Tasting]) -> None:
    """Add tastings; one that is there already stays as it is."""
    connection.executemany(
        f"INSERT OR IGNORE INTO tastings (roast_no, {_COLUMNS}) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(roast_no, *_values(tasting)) for tasting in tastings],
    )


def add(connection: sqlite3.Connection, roast_no: int, tasting: Tasting) -> None:
    """Add a tasting, inside the caller's transaction.

    Raises:
        BadInputError: the roast has as many as it may have.
    """
    (count,) = connection.execute(
        "SELECT count(*) FROM tastings WHERE roast_no = ?", (roast_no,)
    ).fetchone()
    if count >= MOST_TASTINGS:
        raise BadInputError(f"This roast has {count} tastings already: delete one of them.")
    insert(connection, roast_no, [tasting])


def replace(connection: sqlite3.Connection, roast_no: int, tasting: Tasting) -> bool:
    """Replace a tasting of the same id; False: there is none."""
    where = connection.execute(
        "DELETE FROM tastings WHERE tasting_id = ? AND roast_no = ?",
        (tasting.tasting_id, roast_no),
    )
    if where.rowcount:
        insert(connection, roast_no, [tasting])
    return bool(where.rowcount)


def delete(connection: sqlite3.Connection, roast_no: int, tasting_id: str) -> bool:
    """Delete a tasting; False: there is none."""
    gone = connection.execute(
        "DELETE FROM tastings WHERE tasting_id = ? AND roast_no = ?", (tasting_id, roast_no)
    )
    return bool(gone.rowcount)


def _values(tasting: Tasting) -> tuple[Any, ...]:
    return (
        tasting.tasting_id,
        tasting.tasted_on.isoformat() if tasting.tasted_on else None,
        tasting.score,
        tasting.brew_method,
        json.dumps(tasting.attributes, ensure_ascii=False),
        json.dumps(tasting.defects, ensure_ascii=False),
        tasting.notes,
        tasting.by,
        stamp(tasting.changed_at),
    )


def _tasting(row: tuple[Any, ...]) -> Tasting:
    tasting_id, tasted_on, score, brew_method, attributes, defects, notes, by, changed_at = row
    return Tasting(
        tasting_id,
        date.fromisoformat(tasted_on) if tasted_on else None,
        score,
        brew_method,
        json.loads(attributes),
        tuple(json.loads(defects)),
        notes,
        by,
        unstamp(changed_at),
    )
