"""The single writes of a roast in progress, as small objects that can be queued and retried.

Each is applied inside a transaction on the log's thread, whole or not at all. Events and readings
may be applied twice without harm. (Those of the outbox are in outbox.py.)
"""

import json
import sqlite3
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from roastwatch.roastlog import event_rows
from roastwatch.roastlog.event_rows import stamp
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    EventKind,
    Evidence,
    Origin,
    Outcome,
    Reading,
    RoastEvent,
)

_AT_S = (
    "coalesce(:at_s, (SELECT (julianday(:happened_at) - julianday(recording_started_at)) * 86400 "
    "FROM roasts WHERE roast_id = :roast_id))"
)


class Write(Protocol):
    """One write."""

    def apply(self, connection: sqlite3.Connection) -> None:
        """Write it inside the caller's transaction."""
        ...


@dataclass(frozen=True, slots=True)
class RoastHead:
    """A roast in progress. Repeated before each write that depends on it."""

    roast_id: str
    station: str
    recording_started_at: datetime
    title: str = ""
    properties: str = "{}"

    def apply(self, connection: sqlite3.Connection) -> None:
        """Insert the roast's row if there is none."""
        connection.execute(
            "INSERT INTO roasts (roast_id, station, title, started_at, recording_started_at, "
            "open, heard_of_s, source_format, properties) "
            "VALUES (?, ?, ?, ?, ?, 1, 0, 'live', ?) ON CONFLICT (roast_id) DO NOTHING",
            (
                self.roast_id,
                self.station,
                self.title,
                stamp(self.recording_started_at),
                stamp(self.recording_started_at),
                self.properties,
            ),
        )


@dataclass(frozen=True, slots=True)
class ReadingWrite:
    """One reading at its place in the roast."""

    roast_id: str
    seq: int
    at_s: float
    reading: Reading

    def apply(self, connection: sqlite3.Connection) -> None:
        """Write it."""
        r = self.reading
        connection.execute(
            "INSERT OR REPLACE INTO readings SELECT roast_no, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? "
            "FROM roasts WHERE roast_id = ?",
            (
                self.seq,
                self.at_s,
                r.bean_temp_c,
                r.environment_temp_c,
                r.heater_percent,
                r.fan_percent,
                r.drum_percent,
                r.cooling_percent,
                None if r.door_open is None else float(r.door_open),
                r.crack_count,
                self.roast_id,
            ),
        )
        heard(connection, self.roast_id, self.at_s)


@dataclass(frozen=True, slots=True)
class EventWrite:
    """An event in its present state; a growing first crack is written again at each level."""

    event: RoastEvent
    at_s: float | None

    def apply(self, connection: sqlite3.Connection) -> None:
        """Write the event, and the times of its level."""
        e = self.event
        connection.execute(
            f"INSERT INTO events (roast_no, {event_rows.COLUMNS}) "
            "VALUES ((SELECT roast_no FROM roasts WHERE roast_id = :roast_id), "
            f"{event_rows.VALUES.replace(':at_s', _AT_S)}) ON CONFLICT (event_id) DO UPDATE SET "
            "level = excluded.level, at_s = excluded.at_s, happened_at = excluded.happened_at, "
            "decided_at = excluded.decided_at, happened_sample = excluded.happened_sample, "
            "decided_sample = excluded.decided_sample, confidence = excluded.confidence, "
            "message = excluded.message, origin = excluded.origin, "
            "bean_temp_c = coalesce(excluded.bean_temp_c, bean_temp_c), "
            "revoked = excluded.revoked, unlogged = max(unlogged, excluded.unlogged)",
            event_rows.values(e, roast_id=e.roast_id, at_s=self.at_s),
        )
        if e.level:
            connection.execute(
                "INSERT OR REPLACE INTO event_levels VALUES (?, ?, ?, ?, ?)",
                (
                    e.event_id,
                    e.level.value,
                    stamp(e.happened_at),
                    stamp(e.decided_at),
                    e.confidence,
                ),
            )
        if e.roast_id is None:
            return
        if e.kind is EventKind.CHARGE and not e.revoked:
            connection.execute(
                "UPDATE roasts SET started_at = ? WHERE roast_id = ?",
                (stamp(e.happened_at), e.roast_id),
            )
        connection.execute("UPDATE roasts SET summary = NULL WHERE roast_id = ?", (e.roast_id,))


@dataclass(frozen=True, slots=True)
class Unlogged:
    """The event was sent before it was durable."""

    event_id: str

    def apply(self, connection: sqlite3.Connection) -> None:
        """Mark it."""
        connection.execute("UPDATE events SET unlogged = 1 WHERE event_id = ?", (self.event_id,))


@dataclass(frozen=True, slots=True)
class Rows:
    """Plain rows of a roast: pops, scores, controls, clips, evidence."""

    table: str
    roast_id: str
    rows: tuple[tuple[object, ...], ...]

    _COLUMNS = {  # noqa: RUF012  (slots: a class attribute, not a field)
        "pops": "roast_no, at_s, probability",
        "scores": "roast_no, at_s, probability, decision",
        "controls": "roast_no, at_s, what, value, text",
        "clips": "roast_no, path, from_s, duration_s, note",
    }

    def apply(self, connection: sqlite3.Connection) -> None:
        """Write them."""
        columns = self._COLUMNS[self.table]
        marks = ", ".join("?" * columns.count(","))
        connection.executemany(
            f"INSERT INTO {self.table} ({columns}) SELECT roast_no, {marks} FROM roasts "
            "WHERE roast_id = ?",
            [(*row, self.roast_id) for row in self.rows],
        )


@dataclass(frozen=True, slots=True)
class EvidenceWrite:
    """One piece of evidence for or against first crack."""

    roast_id: str
    evidence: Evidence
    at_s: float | None = None

    def apply(self, connection: sqlite3.Connection) -> None:
        """Write it."""
        e = self.evidence
        connection.execute(
            "INSERT INTO evidence (roast_no, kind, at_s, happened_at, log_likelihood_ratio, note) "
            "SELECT roast_no, ?, coalesce(?, (julianday(?) - julianday(recording_started_at)) "
            "* 86400), ?, ?, ? FROM roasts WHERE roast_id = ?",
            (
                e.kind.value,
                self.at_s,
                stamp(e.happened_at),
                stamp(e.happened_at),
                e.log_likelihood_ratio,
                e.note,
                self.roast_id,
            ),
        )


@dataclass(frozen=True, slots=True)
class CommandWrite:
    """A command and its outcome, including those of interlocks."""

    command: Command
    result: CommandResult
    roast_id: str | None
    at_s: float | None
    logged_at: datetime

    def apply(self, connection: sqlite3.Connection) -> None:
        """Write it."""
        connection.execute(
            "INSERT OR REPLACE INTO commands VALUES (?, (SELECT roast_no FROM roasts WHERE "
            "roast_id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.command.command_id,
                self.roast_id,
                self.command.station,
                stamp(self.logged_at),
                self.at_s,
                self.command.actuator.value,
                self.command.target,
                self.command.origin.value,
                self.result.outcome.value,
                self.result.applied,
                self.result.interlock,
                _said(self.command.by, self.result.reason),
            ),
        )


@dataclass(frozen=True, slots=True)
class RequestWrite:
    """What an agent requested besides commands, in the same table: its kind for the actuator."""

    station: str
    by: str
    what: str
    refused: str | None
    roast_id: str | None
    at_s: float | None
    logged_at: datetime
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def apply(self, connection: sqlite3.Connection) -> None:
        """Write it."""
        connection.execute(
            "INSERT OR REPLACE INTO commands VALUES (?, (SELECT roast_no FROM roasts WHERE "
            "roast_id = ?), ?, ?, ?, ?, 0, ?, ?, NULL, NULL, ?)",
            (
                self.request_id,
                self.roast_id,
                self.station,
                stamp(self.logged_at),
                self.at_s,
                self.what,
                Origin.AGENT.value,
                "accepted" if self.refused is None else Outcome.REFUSED.value,
                _said(self.by, self.refused or ""),
            ),
        )


def _said(by: str, reason: str) -> str:
    """A reason with who is meant."""
    return f"{by}: {reason}" if by else reason


@dataclass(frozen=True, slots=True)
class LabelWrite:
    """A person's label of an event; each person has one."""

    event_id: str
    label: str
    said_by: str
    said_at: datetime

    def apply(self, connection: sqlite3.Connection) -> None:
        """Write it; a later label by the same person replaces the earlier one."""
        connection.execute(
            "INSERT OR REPLACE INTO labels SELECT event_id, ?, ?, ? FROM events WHERE event_id = ?",
            (self.label, self.said_by, stamp(self.said_at), self.event_id),
        )


@dataclass(frozen=True, slots=True)
class EndWrite:
    """The roast is over."""

    roast_id: str
    ended_at: datetime

    def apply(self, connection: sqlite3.Connection) -> None:
        """Close it."""
        connection.execute(
            "UPDATE roasts SET open = 0, ended_at = ?, summary = NULL WHERE roast_id = ?",
            (stamp(self.ended_at), self.roast_id),
        )


@dataclass(frozen=True, slots=True)
class GapWrite:
    """A gap in the record."""

    roast_id: str
    from_s: float
    to_s: float

    def apply(self, connection: sqlite3.Connection) -> None:
        """Add it to the roast's gaps, once."""
        row = connection.execute(
            "SELECT gaps FROM roasts WHERE roast_id = ?", (self.roast_id,)
        ).fetchone()
        if row is None:
            return
        gaps = json.loads(row[0])
        if [self.from_s, self.to_s] not in gaps:
            gaps.append([self.from_s, self.to_s])
        connection.execute(
            "UPDATE roasts SET gaps = ? WHERE roast_id = ?", (json.dumps(gaps), self.roast_id)
        )


def heard(connection: sqlite3.Connection, roast_id: str, at_s: float) -> None:
    """Store how far the record of an open roast reaches."""
    connection.execute(
        "UPDATE roasts SET heard_of_s = ? WHERE roast_id = ? AND coalesce(heard_of_s, -1) < ?",
        (at_s, roast_id, at_s),
    )


def utc_now() -> datetime:
    """The present time (UTC, aware)."""
    return datetime.now(UTC)
