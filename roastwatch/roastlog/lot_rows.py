"""Lots of green beans in the tables of the roast log, and what roasts took from them."""

import sqlite3
from datetime import date
from typing import Any

from roastwatch.errors import BadInputError
from roastwatch.records.tasting import Lot, Stock

MOST_LOTS = 1000
_COLUMNS = (
    "lot_id, name, origin, process, supplier, bought_on, bought_g, corrected_g, notes, finished"
)
_GREEN_G = "json_extract(properties, '$.green_weight_g')"
_ROASTED_G = "json_extract(properties, '$.roasted_weight_g')"
WEIGHT_LOSS_PERCENT = f"100.0 * ({_GREEN_G} - {_ROASTED_G}) / nullif({_GREEN_G}, 0)"
"""SQL: the weight loss of a roast; NULL without both weights."""
_STOCK = (
    f"SELECT {', '.join('lots.' + name for name in _COLUMNS.split(', '))}, count(roast_no), "
    f"coalesce(sum(roast_no IS NOT NULL AND {_GREEN_G} IS NULL), 0), "
    f"coalesce(sum({_GREEN_G}), 0), avg({WEIGHT_LOSS_PERCENT}) "
    "FROM lots LEFT JOIN roasts ON roasts.lot_id = lots.lot_id "
)


def stock(connection: sqlite3.Connection) -> list[Stock]:
    """All lots with what is left of each: those in use first, then by name."""
    rows = connection.execute(
        _STOCK + "GROUP BY lots.lot_id ORDER BY lots.finished, lots.name COLLATE NOCASE, lots.rowid"
    )
    return [_stock(row) for row in rows]


def one(connection: sqlite3.Connection, lot_id: str) -> Stock | None:
    """One lot with what is left of it; None: there is none."""
    row = connection.execute(
        _STOCK + "WHERE lots.lot_id = ? GROUP BY lots.lot_id", (lot_id,)
    ).fetchone()
    return _stock(row) if row else None


def lot(connection: sqlite3.Connection, lot_id: str) -> Lot | None:
    """A lot; None: there is none."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM lots WHERE lot_id = ?", (lot_id,)).fetchone()
    return _lot(row) if row else None


def add(connection: sqlite3.Connection, fresh: Lot) -> None:
    """Add a lot, inside the caller's transaction.

    Raises:
        BadInputError: there are as many as there may be.
    """
    (count,) = connection.execute("SELECT count(*) FROM lots").fetchone()
    if count >= MOST_LOTS:
        raise BadInputError(f"There are {count} lots already: delete one of them.")
    connection.execute(
        f"INSERT INTO lots ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _values(fresh)
    )


def replace(connection: sqlite3.Connection, fresh: Lot) -> bool:
    """Replace what is known of a lot; False: there is none."""
    names = [f"{name} = ?" for name in _COLUMNS.split(", ")[1:]]
    changed = connection.execute(
        f"UPDATE lots SET {', '.join(names)} WHERE lot_id = ?",
        (*_values(fresh)[1:], fresh.lot_id),
    )
    return bool(changed.rowcount)


def finish(connection: sqlite3.Connection, lot_id: str) -> None:
    """Mark a lot as finished."""
    connection.execute("UPDATE lots SET finished = 1 WHERE lot_id = ?", (lot_id,))


def delete(connection: sqlite3.Connection, lot_id: str) -> bool:
    """Delete a lot; False: there is none.

    Raises:
        BadInputError: roasts were taken from it.
    """
    (count,) = connection.execute(
        "SELECT count(*) FROM roasts WHERE lot_id = ?", (lot_id,)
    ).fetchone()
    if count:
        raise BadInputError(
            f"{count} roast{'s were' if count > 1 else ' was'} taken from this lot: mark it as "
            "finished instead."
        )
    return bool(connection.execute("DELETE FROM lots WHERE lot_id = ?", (lot_id,)).rowcount)


def _values(fresh: Lot) -> tuple[Any, ...]:
    return (
        fresh.lot_id,
        fresh.name,
        fresh.origin,
        fresh.process,
        fresh.supplier,
        fresh.bought_on.isoformat() if fresh.bought_on else None,
        fresh.bought_g,
        fresh.corrected_g,
        fresh.notes,
        int(fresh.finished),
    )


def _lot(row: tuple[Any, ...]) -> Lot:
    found = dict(zip(_COLUMNS.split(", "), row, strict=True))
    bought_on = found["bought_on"]
    return Lot(
        **found
        | {
            "bought_on": date.fromisoformat(bought_on) if bought_on else None,
            "finished": bool(found["finished"]),
        }
    )


def _stock(row: tuple[Any, ...]) -> Stock:
    return Stock(_lot(row[:10]), *row[10:])
