"""Open, check and migrate the roast log's file: SQLite in WAL mode, synchronous FULL.

A write-ahead log with synchronous FULL survives a power cut: a committed transaction is on the
disk before `COMMIT` returns (sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous).
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from roastwatch.errors import RoastwatchError
from roastwatch.files.private import make_file, make_folder, tighten
from roastwatch.roastlog.schema import APPLICATION_ID, MIGRATIONS, VERSION

BUSY_MS = 5000
FILE_NAME = "roasts.db"
_WAL_PAGES = 256
"""Pages of the write-ahead log (1 MiB) after which it is copied into the database."""


class LogError(RoastwatchError):
    """The roast log can't be opened, read or written; the text says why and what to do."""


def open_log(path: Path, *, create: bool = True, busy_ms: int = BUSY_MS) -> sqlite3.Connection:
    """Connect to a log; check that it is ours, and bring it to this version.

    Args:
        path: the database file.
        create: make the file and its folder if there is none.
        busy_ms: how long to wait for another program's lock.

    Raises:
        LogError: one sentence that says why not.
    """
    if not path.exists():
        if not create:
            raise LogError(
                f"There is no roast log at {path}. Name another with --log, or import roasts with "
                "`roastwatch roasts import`."
            )
        try:
            make_folder(path.parent)
        except OSError as error:
            raise LogError(
                f"The folder {path.parent} of the roast log can't be made ({error.strerror}). "
                "Make it, or name another log."
            ) from error
    elif path.is_dir():
        raise LogError(
            f"{path} is a folder. Name the roast log's file, such as {path}/{FILE_NAME}."
        )
    make_private(path)
    with explained(path):
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=busy_ms / 1000, check_same_thread=False
        )
    try:
        with explained(path):
            _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def make_private(path: Path) -> None:
    """Make a log readable by its owner alone; create the file if there is none.

    The folder too, if it is roastwatch's own (by its name, or because it contains nothing else).
    """
    with contextlib.suppress(OSError):
        make_file(path)
        tighten(*(path.with_name(path.name + tail) for tail in ("-wal", "-shm")))
        others = (p for p in path.parent.iterdir() if not p.name.startswith(path.stem))
        if path.parent.name == "roastwatch" or next(others, None) is None:
            tighten(path.parent)


def open_read_only(path: Path) -> sqlite3.Connection:
    """Connect without writing, for a log on a read-only disk.

    Raises:
        LogError: the log is missing, not ours, damaged or of a newer version.
    """
    if not path.exists():
        return open_log(path, create=False)
    flags = "mode=ro" if os.access(path.parent, os.W_OK) else "mode=ro&immutable=1"
    with explained(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{flags}", uri=True, isolation_level=None,
            timeout=BUSY_MS / 1000,
        )  # fmt: skip
    try:
        with explained(path):
            version = _version(connection, path)
            if version < VERSION:
                raise LogError(
                    f"The roast log {path} is of an older version and its disk is read-only. "
                    "Copy it to a writable disk."
                )
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if owner != APPLICATION_ID and (
        version or connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
    ):
        raise LogError(f"{path} is another program's database. Name the roast log's file.")
    if version > VERSION:
        raise LogError(
            f"The roast log {path} was written by a newer roastwatch (log version {version}; this "
            f"one reads up to {VERSION}). Update roastwatch, or name another log."
        )
    return version


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection, path)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise LogError(
            f"The roast log {path} is not safe on this disk, which allows no write-ahead log. Put "
            "it on a local disk."
        )
    # After a full disk the write-ahead log must not stay large.
    connection.execute(f"PRAGMA journal_size_limit = {16 * 1024 * 1024}")
    if version < VERSION:
        migrate(connection)


def make_room(connection: sqlite3.Connection) -> None:
    """Extend the write-ahead log to the size it will need, before any write is waited for.

    A write at the end of a file is durable only when the file system has also written the new
    length, together with what other programs have in the same journal (such as Home Assistant's
    recorder): the slowest commit in twenty took three times as long. An overwrite needs none of it.

    Raises:
        sqlite3.Error: it can't be written.
    """
    with transaction(connection):
        connection.execute(
            "INSERT OR REPLACE INTO meta VALUES ('room', zeroblob(?))",
            (_WAL_PAGES * int(connection.execute("PRAGMA page_size").fetchone()[0]),),
        )
    with transaction(connection):
        connection.execute("DELETE FROM meta WHERE name = 'room'")
    # from here on it is overwritten from its beginning
    connection.execute("PRAGMA wal_checkpoint(RESTART)")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")


def migrate(connection: sqlite3.Connection, migrations: tuple[str, ...] = MIGRATIONS) -> None:
    """Bring a log to the newest version in one transaction."""
    with transaction(connection):
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        for number, step in enumerate(migrations[version:], start=version + 1):
            for statement in step.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that takes the write lock at once, so that it can't lose it half-way."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some failures (full disk, I/O) SQLite has rolled back by itself.
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into sentences that say what a person can do."""
    try:
        yield
    except sqlite3.Error as error:
        raise LogError(explanation(error, path)) from error


def explanation(error: sqlite3.Error, path: Path) -> str:
    """One sentence for an error of SQLite."""
    name = getattr(error, "sqlite_errorname", "") or ""
    text = str(error)
    causes: tuple[tuple[Callable[[], bool], str], ...] = (
        (
            lambda: name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or "locked" in text,
            f"The roast log {path} is locked by another program. Close that program.",
        ),
        (
            lambda: name.startswith("SQLITE_FULL") or "is full" in text,
            f"The disk of the roast log {path} is full. Free some space.",
        ),
        (
            lambda: name.startswith("SQLITE_READONLY") or "readonly" in text,
            f"The roast log {path} can't be written (read-only disk or file). Make it writable, "
            "or name another log.",
        ),
        (
            lambda: name.startswith("SQLITE_CANTOPEN") or "unable to open" in text,
            f"The roast log {path} can't be opened. Check that its folder exists and is writable.",
        ),
        (
            lambda: name.startswith("SQLITE_NOTADB") or "not a database" in text,
            f"{path} is not a roast log, or its header is damaged. Name another with --log, or run "
            f"`roastwatch roasts repair --log {path}`.",
        ),
        (
            lambda: name.startswith("SQLITE_CORRUPT") or "malformed" in text,
            f"The roast log {path} is damaged. `roastwatch roasts repair --log {path}` recovers "
            "what can be read.",
        ),
        (
            lambda: name.startswith("SQLITE_IOERR") or "I/O" in text,
            f"The disk of the roast log {path} fails ({text}). Check the disk and its free space.",
        ),
    )
    for applies, sentence in causes:
        if applies():
            return sentence
    return f"The roast log {path} can't be used ({text})."
