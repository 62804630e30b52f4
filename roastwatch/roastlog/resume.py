"""Read the roast in progress from the log when the service restarts."""

import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from roastwatch.roastlog import event_rows
from roastwatch.roastlog import writes as log_writes
from roastwatch.roastlog.event_rows import unstamp
from roastwatch.roastlog.writes import Write
from roastwatch.vocabulary import EventKind, RoastEvent


@dataclass(frozen=True, slots=True)
class OpenRoast:
    """A roast in progress, as the log knows it."""

    roast_id: str
    station: str
    title: str
    started_at: datetime
    """UTC of the roast's second 0."""
    events: tuple[RoastEvent, ...]
    """In their present state, in the order they happened; including revoked ones."""
    readings: tuple[tuple[float, float | None, float | None], ...]
    """Seconds since `started_at`, bean and environment temperature in °C."""
    pops: tuple[tuple[float, float], ...]
    """Seconds since `started_at`, probability."""
    last_heard_s: float
    """How far the record reaches."""
    gap_s: tuple[float, float]
    """The gap in the record that this restart marks, in seconds since `started_at`."""
    next_seq: int
    set_back_s: float = 0.0
    """How far the computer's clock was set back before the end of the record, in seconds.

    The roast continues where its record ends, and all its times are by the present clock.
    """

    def event(self, kind: EventKind) -> RoastEvent | None:
        """The event of a kind that stands."""
        return next((e for e in self.events if e.kind is kind and not e.revoked), None)


def find_open(
    connection: sqlite3.Connection, station: str, now: datetime, within_s: float
) -> tuple[OpenRoast | None, list[Write]]:
    """The newest open roast of a station, and what must be written about the open ones."""
    rows = connection.execute(
        "SELECT roast_no, roast_id, title, recording_started_at, heard_of_s, "
        "(SELECT max(at_s) FROM events WHERE events.roast_no = roasts.roast_no), "
        "(SELECT max(at_s) FROM readings WHERE readings.roast_no = roasts.roast_no), "
        "(SELECT max(at_s) FROM scores WHERE scores.roast_no = roasts.roast_no) "
        "FROM roasts WHERE station = ? AND open = 1 ORDER BY recording_started_at DESC",
        (station,),
    ).fetchall()
    found: OpenRoast | None = None
    writes: list[Write] = []
    for roast_no, roast_id, title, started, *reached in rows:
        started_at = unstamp(started) or now
        last_s = max((r for r in reached if r is not None), default=0.0)
        last_at = started_at + timedelta(seconds=last_s)
        if found is not None or (now - last_at).total_seconds() > within_s:
            writes.append(log_writes.EndWrite(roast_id, last_at))
            continue
        set_back_s = max(0.0, (last_at - now).total_seconds())
        started_at -= timedelta(seconds=set_back_s)  # time since charge never runs backwards
        now_s = max(last_s, (now - started_at).total_seconds())
        found = _open_roast(
            connection, roast_no, roast_id, station, title, started_at, last_s, now_s
        )
        found = replace(found, set_back_s=set_back_s)
        writes.append(log_writes.GapWrite(roast_id, last_s, now_s))
    return found, writes


def _open_roast(
    connection: sqlite3.Connection,
    roast_no: int,
    roast_id: str,
    station: str,
    title: str,
    started_at: datetime,
    last_s: float,
    now_s: float,
) -> OpenRoast:
    readings = tuple(
        connection.execute(
            "SELECT at_s, bean_temp_c, environment_temp_c FROM readings WHERE roast_no = ? "
            "ORDER BY seq",
            (roast_no,),
        )
    )
    (last_seq,) = connection.execute(
        "SELECT max(seq) FROM readings WHERE roast_no = ?", (roast_no,)
    ).fetchone()
    return OpenRoast(
        roast_id=roast_id,
        station=station,
        title=title,
        started_at=started_at,
        events=_events(connection, roast_no, roast_id, started_at),
        readings=readings,
        pops=tuple(
            connection.execute(
                "SELECT at_s, probability FROM pops WHERE roast_no = ? ORDER BY at_s", (roast_no,)
            )
        ),
        last_heard_s=last_s,
        gap_s=(last_s, now_s),
        next_seq=0 if last_seq is None else last_seq + 1,
    )


def _events(
    connection: sqlite3.Connection, roast_no: int, roast_id: str, started_at: datetime
) -> tuple[RoastEvent, ...]:
    """The events with their times by the clock that `started_at` goes by.

    Their place in the roast (`at_s`) is what counts: each was stamped by the computer's clock of
    its own run of the service, and that may have been set between two runs.
    """
    rows = connection.execute(
        f"SELECT at_s, happened_at, decided_at, {event_rows.COLUMNS} FROM events "
        "WHERE roast_no = ? AND at_s IS NOT NULL ORDER BY at_s, rowid",
        (roast_no,),
    )
    events = []
    for at_s, happened, decided, *row in rows:
        if happened and decided:
            took = datetime.fromisoformat(decided) - datetime.fromisoformat(happened)
            at = started_at + timedelta(milliseconds=round(1000 * at_s))
            events.append(event_rows.roast_event(row, roast_id, at, at + took))
    return tuple(events)
