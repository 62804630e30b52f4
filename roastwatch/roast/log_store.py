"""The roast log as the command line uses it: one connection, plain calls, whole roasts."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError
from roastwatch.roast import log_records
from roastwatch.roast.log_file import LogError, explained, open_log, open_read_only, transaction
from roastwatch.roast.record import Properties, RoastRecord

# Two saves under one id are one roast when they began within this of one another.
SAME_START_S = 3600.0


class Imported(StrEnum):
    """What became of an imported file."""

    NEW = "new"
    KNOWN = "known"
    """This very file is in the log already."""
    DUPLICATE = "duplicate"
    """Another save of a roast that is in the log."""
    REPLACED = "replaced"
    """A longer save of a roast that is in the log took its place."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of one file, and which roast it is."""

    outcome: Imported
    roast_id: str
    twin: str = ""
    """The file that the roast came from, where it was there before."""


class Store:
    """A roast log that is open. Use as a context manager."""

    def __init__(self, path: Path, *, create: bool = False, writing: bool = True) -> None:
        """Open it.

        Args:
            path: the database file.
            create: make it where there is none.
            writing: False tries a connection that writes, and falls back to one that doesn't.

        Raises:
            LogError: it can't be opened.
        """
        self.path = path
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
        """Give the file back."""
        self.connection.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction whose failures are sentences."""
        with explained(self.path), transaction(self.connection):
            yield self.connection

    def import_record(self, record: RoastRecord) -> ImportResult:
        """Put a roast in, once, however often and under whatever name it is saved.

        Raises:
            LogError: the log can't be written.
        """
        with self.writing() as connection:
            return self._import(connection, record)

    def import_records(self, records: Iterable[RoastRecord]) -> list[ImportResult]:
        """Several in one transaction: all of them or none.

        Raises:
            LogError: the log can't be written.
        """
        with self.writing() as connection:
            return [self._import(connection, record) for record in records]

    def _import(self, connection: sqlite3.Connection, record: RoastRecord) -> ImportResult:
        twin = connection.execute(
            "SELECT roast_no, roast_id, source_file, also_saved_as FROM roasts "
            "WHERE fingerprint = ? LIMIT 1",
            (record.fingerprint(),),
        ).fetchone()
        if twin:
            return self._known(connection, twin, record)
        twin = connection.execute(
            "SELECT roast_no, roast_id, source_file, also_saved_as, started_at, "
            "(SELECT count(*) FROM readings WHERE readings.roast_no = roasts.roast_no) "
            "FROM roasts WHERE roast_id = ?",
            (record.roast_id,),
        ).fetchone()
        if twin and _near(log_records.unstamp(twin[4]), record.started_at):
            if len(record.at_s) <= twin[5]:
                return self._known(connection, twin, record)
            connection.execute("DELETE FROM roasts WHERE roast_no = ?", (twin[0],))
            roast_no = log_records.insert(connection, record)
            others = [name for name in (twin[2], *json.loads(twin[3])) if name]
            self._also_saved_as(connection, roast_no, others)
            return ImportResult(Imported.REPLACED, record.roast_id, twin[2])
        if twin:
            # One id on two roasts: a template that was copied. They are told apart by their curve.
            record = replace(record, roast_id=f"{record.roast_id}-{record.fingerprint()[:8]}")
        log_records.insert(connection, record)
        return ImportResult(Imported.NEW, record.roast_id)

    def _known(
        self, connection: sqlite3.Connection, twin: tuple[Any, ...], record: RoastRecord
    ) -> ImportResult:
        others = json.loads(twin[3])
        if record.source_file in (twin[2], *others):
            return ImportResult(Imported.KNOWN, twin[1], twin[2])
        self._also_saved_as(connection, twin[0], [*others, record.source_file])
        return ImportResult(Imported.DUPLICATE, twin[1], twin[2])

    def _also_saved_as(
        self, connection: sqlite3.Connection, roast_no: int, names: list[str]
    ) -> None:
        connection.execute(
            "UPDATE roasts SET also_saved_as = ?, summary = NULL WHERE roast_no = ?",
            (json.dumps(names, ensure_ascii=False), roast_no),
        )

    def list_json(self) -> list[str]:
        """One JSON object a roast, newest first, as ready lines.

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
            BadInputError: no such roast, or several begin so.
        """
        with explained(self.path):
            roast_no = self.find(roast_id)
            line: str | None = self.connection.execute(
                "SELECT summary FROM roasts WHERE roast_no = ?", (roast_no,)
            ).fetchone()[0]
            return line or self._summarise(roast_no)

    def _summarise(self, roast_no: int) -> str:
        """Make a summary anew and keep it, unless the roast goes on or nothing can be written."""
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
        """The number of the roast with an id, or with its beginning; `last` is the newest.

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
                f"No roast has the id '{roast_id}': `roastwatch roasts list` shows them."
            )
        if len(rows) > 1:
            raise BadInputError(f"Several roasts' ids begin with '{roast_id}': write more of it.")
        return int(rows[0][0])

    def record(self, roast_id: str) -> RoastRecord:
        """A whole roast.

        Raises:
            BadInputError: no such roast.
            LogError: it can't be read.
        """
        with explained(self.path):
            return log_records.fetch(self.connection, self.find(roast_id))

    def witnesses(self, roast_id: str) -> dict[str, float]:
        """When each witness has first crack, in seconds from the charge, kept apart.

        The ear and the person by the event's own history; temperature and the roaster's counter
        by when they first spoke for it (a log-likelihood ratio of 1 and more).

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
            spoke = self.connection.execute(
                "SELECT w.kind, (julianday(min(w.happened_at)) - julianday(r.started_at)) * 86400 "
                "FROM evidence w JOIN roasts r USING (roast_no) "
                "WHERE w.roast_no = ? AND w.log_likelihood_ratio >= 1 GROUP BY w.kind",
                (roast_no,),
            ).fetchall()
        said: dict[str, float] = {}
        for origin, happened_s, heard_s, at_s in rows:
            said[origin] = round(at_s if happened_s is None else happened_s, 1)
            if origin == "person" and heard_s is not None:
                said["sound"] = round(heard_s, 1)
        return said | {kind: round(at_s, 1) for kind, at_s in spoke if at_s is not None}

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
        self, roast_id: str, *, title: str | None = None, changes: dict[str, Any] | None = None
    ) -> None:
        """Change a roast's title or properties; a value of None or "" forgets one."""
        with self.writing() as connection:
            roast_no = self.find(roast_id)
            if title is not None:
                connection.execute(
                    "UPDATE roasts SET title = ? WHERE roast_no = ?", (title, roast_no)
                )
            (raw,) = connection.execute(
                "SELECT properties FROM roasts WHERE roast_no = ?", (roast_no,)
            ).fetchone()
            kept = json.loads(raw) | (changes or {})
            kept = Properties.from_json({k: v for k, v in kept.items() if v not in (None, "")})
            connection.execute(
                "UPDATE roasts SET properties = ?, summary = NULL WHERE roast_no = ?",
                (json.dumps(kept.as_json(), ensure_ascii=False), roast_no),
            )

    def delete(self, roast_id: str) -> str:
        """Forget a roast with all that hangs on it; return its whole id."""
        with self.writing() as connection:
            roast_no = self.find(roast_id)
            (whole,) = connection.execute(
                "SELECT roast_id FROM roasts WHERE roast_no = ?", (roast_no,)
            ).fetchone()
            connection.execute("DELETE FROM roasts WHERE roast_no = ?", (roast_no,))
            return str(whole)

    def delete_before(self, before: datetime) -> int:
        """Forget the roasts that began before a moment; return how many."""
        with self.writing() as connection:
            cursor = connection.execute(
                "DELETE FROM roasts WHERE started_at < ? AND open = 0",
                (log_records.stamp(before.astimezone(UTC)),),
            )
            return cursor.rowcount


def _near(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs((one - other).total_seconds()) <= SAME_START_S
