"""The roast log as the command line uses it: one connection, plain calls, whole roasts."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError
from roastwatch.records.record import RoastRecord
from roastwatch.roastlog import edits as log_edits
from roastwatch.roastlog import importing as log_import
from roastwatch.roastlog import rows as log_records
from roastwatch.roastlog.event_rows import stamp
from roastwatch.roastlog.file import LogError, explained, open_log, open_read_only, transaction
from roastwatch.roastlog.importing import Imported, ImportResult
from roastwatch.vocabulary import EventKind

__all__ = ["ImportResult", "Imported", "Store"]

# Errors of SQLite that are caused by a record's content; all others are the log's own.
_OF_THE_RECORD = (
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
    sqlite3.ProgrammingError,
)


class NoSuchRoastError(BadInputError):
    """The log has no roast with this id."""


class Store:
    """An open roast log. Use as a context manager."""

    def __init__(self, path: Path, *, create: bool = False, writing: bool = True) -> None:
        """Open it.

        Args:
            path: the database file.
            create: make it if there is none.
            writing: False falls back to a read-only connection if the log can't be written.

        Raises:
            LogError: it can't be opened.
        """
        self.path = path
        self._fresh: set[int] = set()
        """Roasts that this run imported."""
        try:
            self.connection = open_log(path, create=create)
        except LogError as refused:
            if writing or not path.is_file():
                raise
            try:
                self.connection = open_read_only(path)
            except LogError:
                raise refused from None

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction whose errors are sentences."""
        with explained(self.path), transaction(self.connection):
            yield self.connection

    def import_record(self, record: RoastRecord) -> ImportResult:
        """Import a roast once, however often and under whatever name it was saved.

        Raises:
            BadInputError: this record can't be stored; others can.
            LogError: the log can't be written.
        """
        try:
            with self.writing() as connection:
                return log_import.bring_in(connection, record, self._fresh)
        except LogError as error:
            if isinstance(error.__cause__, _OF_THE_RECORD):
                raise BadInputError(
                    f"{record.source_file} can't be stored in the log ({error.__cause__}). Save it "
                    "again in the program that made it."
                ) from error
            raise

    def import_records(self, records: Iterable[RoastRecord]) -> list[ImportResult]:
        """Import several roasts in one transaction: all of them or none.

        Raises:
            LogError: the log can't be written.
        """
        with self.writing() as connection:
            return [log_import.bring_in(connection, record, self._fresh) for record in records]

    def list_json(self) -> list[str]:
        """One line of JSON per roast, newest first.

        Raises:
            LogError: the log can't be read.
        """
        with explained(self.path):
            rows = self.connection.execute(
                "SELECT roast_no, summary FROM roasts ORDER BY started_at DESC, roast_no DESC"
            ).fetchall()
            return [line or self._summarise(roast_no) for roast_no, line in rows]

    def show_json(self, roast_id: str) -> str:
        """One roast's JSON object.

        Raises:
            BadInputError: no such roast, or several ids begin like this.
        """
        with explained(self.path):
            roast_no = self.find(roast_id)
            line: str | None = self.connection.execute(
                "SELECT summary FROM roasts WHERE roast_no = ?", (roast_no,)
            ).fetchone()[0]
            return line or self._summarise(roast_no)

    def _summarise(self, roast_no: int) -> str:
        """Make a summary; store it unless the roast is in progress or the log is read-only."""
        record = log_records.fetch(self.connection, roast_no)
        also, is_open = self.connection.execute(
            "SELECT also_saved_as, open FROM roasts WHERE roast_no = ?", (roast_no,)
        ).fetchone()
        line = json.dumps(log_records.summary(record, json.loads(also)), ensure_ascii=False)
        if not is_open:
            try:
                with transaction(self.connection):
                    self.connection.execute(
                        "UPDATE roasts SET summary = ? WHERE roast_no = ?", (line, roast_no)
                    )
            except sqlite3.Error:
                pass  # reading goes on where writing can't
        return line

    def find(self, roast_id: str) -> int:
        """The number of the roast with this id or beginning of an id; `last` is the newest.

        Raises:
            BadInputError: none or several.
        """
        with explained(self.path):
            if roast_id == "last":
                rows = self.connection.execute(
                    "SELECT roast_no, roast_id FROM roasts "
                    "ORDER BY started_at DESC, roast_no DESC LIMIT 1"
                ).fetchall()
            else:
                rows = self.connection.execute(
                    "SELECT roast_no, roast_id FROM roasts WHERE roast_id = ?", (roast_id,)
                ).fetchall()
            if not rows and roast_id:
                rows = self.connection.execute(
                    "SELECT roast_no, roast_id FROM roasts "
                    "WHERE substr(roast_id, 1, ?) = ? LIMIT 3",
                    (len(roast_id), roast_id),
                ).fetchall()
        if not rows:
            raise BadInputError(
                f"No roast has the id '{roast_id}'. `roastwatch roasts list` shows the ids."
            )
        if len(rows) > 1:
            raise BadInputError(
                f"Several roasts' ids begin with '{roast_id}'. Give more of the id."
            )
        return int(rows[0][0])

    def record(self, roast_id: str) -> RoastRecord:
        """A whole roast.

        Raises:
            BadInputError: no such roast.
            LogError: it can't be read.
        """
        with explained(self.path):
            return log_records.fetch(self.connection, self.find(roast_id))

    def ids(self) -> list[str]:
        """The ids of all roasts, oldest first.

        Raises:
            LogError: the log can't be read.
        """
        with explained(self.path):
            rows = self.connection.execute(
                "SELECT roast_id FROM roasts ORDER BY started_at, roast_no"
            ).fetchall()
        return [str(row[0]) for row in rows]

    def record_exactly(self, roast_id: str) -> RoastRecord:
        """A whole roast by its exact id, which may be `last` or the beginning of another id.

        Raises:
            BadInputError: no such roast.
            LogError: it can't be read.
        """
        with explained(self.path):
            return log_records.fetch(self.connection, self.find_exactly(roast_id))

    def find_exactly(self, roast_id: str) -> int:
        """The number of the roast with this id.

        Raises:
            NoSuchRoastError: there is none.
        """
        with explained(self.path):
            row = self.connection.execute(
                "SELECT roast_no FROM roasts WHERE roast_id = ?", (roast_id,)
            ).fetchone()
        if row is None:
            raise NoSuchRoastError(f"No roast has the id '{roast_id}'.")
        return int(row[0])

    def witnesses(self, roast_id: str) -> dict[str, float]:
        """The time of first crack by each source, in seconds from the charge.

        Sound and person by the event's own history; temperature and the roaster's counter by when
        they first indicated it (a log-likelihood ratio of at least 1).

        Raises:
            BadInputError: no such roast.
        """
        with explained(self.path):
            roast_no = self.find(roast_id)
            rows = self.connection.execute(
                "SELECT e.origin, (julianday(e.happened_at) - julianday(r.started_at)) * 86400, "
                "(SELECT (julianday(min(l.happened_at)) - julianday(r.started_at)) * 86400 "
                " FROM event_levels l WHERE l.event_id = e.event_id AND l.level != 'certain'), "
                "e.at_s - coalesce((SELECT c.at_s FROM events c WHERE c.roast_no = e.roast_no "
                " AND c.kind = 'charge' AND c.revoked = 0), 0) "
                "FROM events e JOIN roasts r USING (roast_no) "
                "WHERE e.roast_no = ? AND e.kind = 'first_crack' AND e.revoked = 0",
                (roast_no,),
            ).fetchall()
            evidence = self.connection.execute(
                "SELECT w.kind, (julianday(min(w.happened_at)) - julianday(r.started_at)) * 86400 "
                "FROM evidence w JOIN roasts r USING (roast_no) "
                "WHERE w.roast_no = ? AND w.log_likelihood_ratio >= 1 GROUP BY w.kind",
                (roast_no,),
            ).fetchall()
        times: dict[str, float] = {}
        for origin, happened_s, heard_s, at_s in rows:
            times[origin] = round(at_s if happened_s is None else happened_s, 1)
            if origin == "person" and heard_s is not None:
                times["sound"] = round(heard_s, 1)
        return times | {kind: round(at_s, 1) for kind, at_s in evidence if at_s is not None}

    def records(self) -> Iterator[RoastRecord]:
        """All roasts, oldest first, one in memory at a time."""
        with explained(self.path):
            numbers = self.connection.execute(
                "SELECT roast_no FROM roasts ORDER BY started_at, roast_no"
            ).fetchall()
        for (roast_no,) in numbers:
            with explained(self.path):
                yield log_records.fetch(self.connection, roast_no)

    def edit(
        self,
        roast_id: str,
        *,
        title: str | None = None,
        changes: dict[str, Any] | None = None,
        events: dict[EventKind, float | None] | None = None,
        lot_id: str | None = "",
        by: str = "",
    ) -> str:
        """Change a roast's title, properties or events; return its whole id.

        Args:
            roast_id: which roast.
            title: the new one; None = as it is.
            changes: properties by name; None or "" forgets one.
            events: seconds from the charge by kind; None takes the event away.
            lot_id: the lot of beans that it was taken from; None: none; "": as it is.
            by: who edits.

        Raises:
            BadInputError: no such roast or lot, or a time outside it.
        """
        with self.writing() as connection:
            roast_no = self.find(roast_id)
            log_edits.edit(
                connection, roast_no, title, changes or {}, events or {}, lot_id=lot_id, by=by
            )
            (whole,) = connection.execute(
                "SELECT roast_id FROM roasts WHERE roast_no = ?", (roast_no,)
            ).fetchone()
            return str(whole)

    def delete(self, roast_id: str) -> str:
        """Delete a roast with all its data; return its whole id."""
        with self.writing() as connection:
            roast_no = self.find(roast_id)
            (whole,) = connection.execute(
                "SELECT roast_id FROM roasts WHERE roast_no = ?", (roast_no,)
            ).fetchone()
            connection.execute("DELETE FROM roasts WHERE roast_no = ?", (roast_no,))
            return str(whole)

    def delete_before(self, before: datetime) -> int:
        """Delete the roasts that began before a time; return how many."""
        with self.writing() as connection:
            cursor = connection.execute(
                "DELETE FROM roasts WHERE started_at < ? AND open = 0",
                (stamp(before.astimezone(UTC)),),
            )
            return cursor.rowcount
