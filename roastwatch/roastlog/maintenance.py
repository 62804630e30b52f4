"""Back up a log in use, check it, free its unused space, and repair a damaged one."""

import contextlib
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from roastwatch.files.atomic import replacing
from roastwatch.roastlog.file import (
    LogError,
    explained,
    explanation,
    open_log,
    open_read_only,
    transaction,
)
from roastwatch.roastlog.schema import TABLES


@dataclass(frozen=True, slots=True)
class Repaired:
    """The result of a repair."""

    roasts: int
    kept: Path
    """Where the damaged log is now."""
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By table: rows recovered, and places where at least one row was lost."""


def backup(path: Path, target: Path) -> int:
    """Copy a log that may be in use; return the copy's size in bytes.

    The copy is one file without a write-ahead log; it takes the target's place when it is complete.

    Raises:
        LogError: the log can't be read, the target can't be written or is a folder.
    """
    if target.is_dir():
        target = target / f"{path.stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}{path.suffix}"
    if target.exists() and path.exists() and target.samefile(path):
        raise LogError(f"{target} is the log itself. Name another file for the backup.")
    source = open_log(path, create=False)
    try:
        with replacing(target, private=True) as partial:
            with explained(partial), contextlib.closing(sqlite3.connect(partial)) as copy:
                source.backup(copy, pages=1000, sleep=0.001)
                copy.execute("PRAGMA journal_mode = DELETE")
                found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise LogError(
                    f"The log is damaged ({found}), and so is its copy. Run "
                    f"`roastwatch roasts repair --log {path}`."
                )
    except OSError as error:
        raise LogError(f"The backup {target} can't be written ({error.strerror}).") from error
    finally:
        source.close()
    return target.stat().st_size


def check(path: Path, limit: int = 20) -> list[str]:
    """Check a log; return one line for each problem.

    Raises:
        LogError: there is no log, or it can't be read for another reason than damage.
    """
    if not path.exists():
        open_log(path, create=False)
    try:
        connection = open_read_only(path)
    except LogError as error:
        if isinstance(error.__cause__, sqlite3.DatabaseError):
            return [str(error)]
        raise
    try:
        rows = connection.execute(f"PRAGMA integrity_check({limit})").fetchall()
        problems = [str(row[0]) for row in rows if row[0] != "ok"]
        lost = connection.execute("PRAGMA foreign_key_check").fetchall()
        problems += [f"{table}: a row belongs to nothing" for table, *_ in lost[:limit]]
        return problems
    except sqlite3.DatabaseError as error:
        return [explanation(error, path)]
    finally:
        connection.close()


def vacuum(path: Path) -> None:
    """Free the space of deleted roasts.

    Raises:
        LogError: the log is in use or its disk is full.
    """
    connection = open_log(path, create=False)
    try:
        with explained(path):
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def repair(path: Path) -> Repaired:
    """Make a new log of everything that can be read; the damaged one is kept beside it.

    Raises:
        LogError: nothing can be read, or the new log can't be written.
    """
    fresh_path = path.with_name(path.name + ".repaired")
    fresh_path.unlink(missing_ok=True)
    fresh = open_log(fresh_path)
    rows: dict[str, tuple[int, int]] = {}
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as damaged:
            for table in TABLES:
                rows[table] = _save(damaged, fresh, table)
        with explained(fresh_path), transaction(fresh):
            fresh.execute("PRAGMA defer_foreign_keys = ON")
            for table, *_ in fresh.execute("PRAGMA foreign_key_check").fetchall():
                fresh.execute(
                    f"DELETE FROM {table} WHERE roast_no NOT IN (SELECT roast_no FROM roasts)"
                    if table not in ("labels", "event_levels")
                    else f"DELETE FROM {table} WHERE event_id NOT IN (SELECT event_id FROM events)"
                )
            fresh.execute(
                "UPDATE roasts SET summary = NULL, small_curve = NULL, lot_id = CASE "
                "WHEN lot_id IN (SELECT lot_id FROM lots) THEN lot_id END"
            )
        (roasts,) = fresh.execute("SELECT count(*) FROM roasts").fetchone()
        fresh.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        fresh.close()
    kept = path.with_name(f"{path.stem}.damaged-{datetime.now(UTC):%Y%m%d-%H%M%S}{path.suffix}")
    path.rename(kept)
    for tail in ("-wal", "-shm"):
        beside = path.with_name(path.name + tail)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + tail))
    fresh_path.rename(path)
    return Repaired(int(roasts), kept, rows)


def _save(damaged: sqlite3.Connection, fresh: sqlite3.Connection, table: str) -> tuple[int, int]:
    """Copy a table from both ends, as far as it can be read."""
    names = [row[1] for row in fresh.execute(f"PRAGMA table_info({table})")]
    with contextlib.suppress(sqlite3.DatabaseError):
        # A log of an older version lacks the newer columns.
        older = [row[1] for row in damaged.execute(f"PRAGMA table_info({table})")]
        names = [name for name in names if name in older] or names
    columns = ", ".join(names)
    marks = ", ".join("?" * len(names))
    insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"
    order = "roast_no {0}, seq {0}" if table == "readings" else "rowid {0}"
    lost = 0
    fresh.execute("PRAGMA foreign_keys = OFF")
    with transaction(fresh):
        for direction in ("ASC", "DESC"):
            try:
                query = f"SELECT {columns} FROM {table} ORDER BY {order.format(direction)}"
                for row in damaged.execute(query):
                    with contextlib.suppress(sqlite3.IntegrityError):
                        fresh.execute(insert, row)
                break
            except sqlite3.DatabaseError:
                lost += 1
        if lost and table == "readings":
            _save_each_roast(damaged, fresh, columns, insert)
    fresh.execute("PRAGMA foreign_keys = ON")
    (saved,) = fresh.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(saved), lost


def _save_each_roast(
    damaged: sqlite3.Connection, fresh: sqlite3.Connection, columns: str, insert: str
) -> None:
    """After a bad page in the middle, copy each roast's readings from both ends."""
    for (roast_no,) in fresh.execute("SELECT roast_no FROM roasts").fetchall():
        for direction in ("ASC", "DESC"):
            try:
                query = (
                    f"SELECT {columns} FROM readings WHERE roast_no = ? ORDER BY seq {direction}"
                )
                for row in damaged.execute(query, (roast_no,)):
                    with contextlib.suppress(sqlite3.IntegrityError):
                        fresh.execute(insert, row)
                break
            except sqlite3.DatabaseError:
                continue
