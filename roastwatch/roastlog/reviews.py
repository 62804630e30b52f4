"""The review: the moments that the detector was least sure of, and what people say they were.

A moment is a decision (an event of the log, whose label is kept with the labels of events) or a
sound at a time (whose label is kept in `moments`). `labels.py` hands both to `learn`.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from roastwatch.errors import BadInputError
from roastwatch.roastlog.event_rows import stamp, unstamp
from roastwatch.roastlog.file import explained
from roastwatch.roastlog.labels import CRACK, LATEST_LABEL, NOT_A_CRACK, UNSURE
from roastwatch.roastlog.sounds import SoundPiece, pieces, with_sound
from roastwatch.roastlog.store import Store
from roastwatch.roastlog.writes import utc_now
from roastwatch.vocabulary import EventKind, Level, Origin

LABELS = (CRACK, NOT_A_CRACK, UNSURE)
LEAST, MOST = 0.05, 0.95
"""Probabilities between which the detector is unsure."""
APART_S = 5.0
"""Two moments of a roast are at least this far apart."""
NEWEST = 60
"""Roasts that are looked through."""
_AROUND_S = 0.5
"""Of sound that must be there on both sides."""
_SAME_S = 1.0
"""A score this near to a pop, or a moment to one that is labelled, is the same sound."""


class MomentKind(StrEnum):
    """What a moment is."""

    POP = "pop"
    """One sound."""
    DECISION = "decision"
    """A first crack that was detected, or possible."""


class NoSuchMomentError(BadInputError):
    """There is no such moment in the log."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment to review."""

    kind: MomentKind
    roast_no: int
    roast_id: str
    title: str
    station: str
    started_at: datetime | None
    zero_s: float
    """The charge (else the start), in seconds on the record's clock."""
    at_s: float
    """In the same seconds."""
    probability: float | None
    level: Level | None = None
    event_id: str | None = None

    @property
    def moment_id(self) -> str:
        """Its id, which says where it is in the log."""
        return moment_id(self.roast_id, self.at_s, self.event_id)

    @property
    def doubt(self) -> tuple[bool, float]:
        """By which moments are ordered: decisions first, then the nearest to one half."""
        chance = 0.5 if self.probability is None else self.probability
        return self.kind is MomentKind.POP, abs(chance - 0.5)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A moment that a person labelled; `label` None: the label was taken back."""

    moment_id: str
    roast_id: str
    kind: MomentKind
    at_s: float
    label: str | None
    by: str
    at: datetime


def moment_id(roast_id: str, at_s: float, event_id: str | None) -> str:
    """The id of a moment."""
    return f"event:{event_id}" if event_id else f"sound:{round(at_s * 1000)}:{roast_id}"


def unsure(
    store: Store, limit: int, *, roast_id: str | None = None, station: str | None = None
) -> list[Moment]:
    """The moments with sound that the detector was least sure of and nobody labelled yet.

    The roasts take turns, the newest first, so that no roast fills the list.

    Raises:
        BadInputError: there is no such roast.
        LogError: the log can't be read.
    """
    with explained(store.path):
        queues = [
            _of_roast(store, row, sound, limit) for row, sound in _roasts(store, roast_id, station)
        ]
    found: list[Moment] = []
    for place in range(limit):
        found += [queue[place] for queue in queues if place < len(queue)]
        if len(found) >= limit:
            break
    return found[:limit]


def label(store: Store, wanted: str, said: str | None, by: str) -> Labelled:
    """Label a moment, or with None take the label back; return it.

    Raises:
        NoSuchMomentError: it is not in the log.
        LogError: the log can't be written.
    """
    kind, _, rest = wanted.partition(":")
    at = utc_now()
    with store.writing() as connection:
        if kind == "event":
            return _label_event(connection, rest, said, by, at)
        millis, _, roast_id = rest.partition(":")
        row = connection.execute(
            "SELECT roast_no FROM roasts WHERE roast_id = ?", (roast_id,)
        ).fetchone()
        known = kind == "sound" and millis.lstrip("-").isdecimal() and len(millis) < 12
        if row is None or not known or wanted != f"sound:{int(millis)}:{roast_id}":
            raise NoSuchMomentError("There is no such moment in the roast log.")
        at_s = int(millis) / 1000
        key = (row[0], at_s)
        if said is None:
            connection.execute("DELETE FROM moments WHERE roast_no = ? AND at_s = ?", key)
        else:
            _check_inside(connection, row[0], at_s)
            connection.execute(
                "INSERT OR REPLACE INTO moments VALUES (?, ?, ?, ?, ?)",
                (*key, said, by, stamp(at)),
            )
        return Labelled(wanted, roast_id, MomentKind.POP, at_s, said, by, at)


def labelled(connection: sqlite3.Connection, roast_no: int) -> list[Labelled]:
    """What people said of the moments of a roast, in their order."""
    rows = connection.execute(
        "SELECT roast_id, NULL, m.at_s, label, said_by, said_at FROM moments m "
        "JOIN roasts USING (roast_no) WHERE roast_no = :no UNION ALL "
        "SELECT roast_id, event_id, e.at_s, label, said_by, said_at FROM labels "
        "JOIN events e USING (event_id) JOIN roasts USING (roast_no) WHERE roast_no = :no "
        "ORDER BY 3, 6",
        {"no": roast_no},
    )
    return [
        Labelled(
            moment_id(roast_id, at_s or 0.0, event_id),
            roast_id,
            MomentKind.DECISION if event_id else MomentKind.POP,
            at_s or 0.0, said, by, datetime.fromisoformat(at),
        )
        for roast_id, event_id, at_s, said, by, at in rows
        if said in LABELS
    ]  # fmt: skip


def counts(store: Store) -> dict[str, int]:
    """How many moments have which label.

    Raises:
        LogError: the log can't be read.
    """
    with explained(store.path):
        rows = store.connection.execute(
            "SELECT label, count(*) FROM moments GROUP BY label UNION ALL "
            "SELECT label, count(*) FROM labels GROUP BY label"
        ).fetchall()
    found: Counter[str] = Counter()
    for said, count in rows:
        found[said] += count
    return {one: found[one] for one in LABELS}


_Row = tuple[int, str, str, str, str | None, float]


def _roasts(
    store: Store, roast_id: str | None, station: str | None
) -> Iterator[tuple[_Row, list[SoundPiece]]]:
    """The newest roasts with sound that have ended."""
    one = None if roast_id is None else store.find_exactly(roast_id)
    sound = with_sound(store) if one is None else {one: pieces(store, one)}
    rows = store.connection.execute(
        "SELECT roast_no, roast_id, title, station, recording_started_at, coalesce((SELECT at_s "
        "FROM events e WHERE e.roast_no = r.roast_no AND kind = 'charge' AND revoked = 0 "
        "ORDER BY at_s LIMIT 1), 0) FROM roasts r WHERE open = 0 AND station = coalesce(?, "
        "station) AND roast_no = coalesce(?, roast_no) ORDER BY started_at DESC, roast_no DESC",
        (station, one),
    ).fetchall()
    with_any = [row for row in rows if sound.get(row[0])]
    yield from ((row, sound[row[0]]) for row in with_any[:NEWEST])


def _of_roast(store: Store, row: _Row, sound: list[SoundPiece], limit: int) -> list[Moment]:
    """The moments of one roast, the least sure first."""
    connection, roast_no = store.connection, row[0]
    done = [
        at_s
        for (at_s,) in connection.execute(
            "SELECT at_s FROM moments WHERE roast_no = ?", (roast_no,)
        )
    ]
    found: list[Moment] = []
    candidates = [*_decisions(connection, row), *_sounds(connection, row)]
    for moment in sorted(candidates, key=lambda one: one.doubt):
        known = moment.kind is MomentKind.POP and any(
            abs(at_s - moment.at_s) < _SAME_S for at_s in done
        )
        near = any(abs(one.at_s - moment.at_s) < APART_S for one in found)
        if known or near or not any(piece.holds(moment.at_s, _AROUND_S) for piece in sound):
            continue
        found.append(moment)
        if len(found) >= limit:
            break
    return found


def _moment(row: _Row, at_s: float, probability: float | None, *of_event: str | None) -> Moment:
    roast_no, roast_id, title, station, began, zero_s = row
    began_at = unstamp(began)
    given = (roast_no, roast_id, title, station, began_at, zero_s, at_s, probability)
    if not of_event:
        return Moment(MomentKind.POP, *given)
    event_id, level = of_event
    return Moment(MomentKind.DECISION, *given, Level(level) if level else None, event_id)


def _decisions(connection: sqlite3.Connection, row: _Row) -> Iterator[Moment]:
    """First cracks by sound that never were certain, and that nobody confirmed or rejected."""
    rows = connection.execute(
        "SELECT at_s, confidence, event_id, level FROM events e WHERE roast_no = ? AND kind = ? "
        "AND origin = ? AND at_s IS NOT NULL AND revoked = 0 AND coalesce(level, '') != ? "
        f"AND {LATEST_LABEL.format(event_id='e.event_id')} IS NULL",
        (row[0], EventKind.FIRST_CRACK.value, Origin.SOUND.value, Level.CERTAIN.value),
    )
    for at_s, confidence, event_id, level in rows.fetchall():
        yield _moment(row, at_s, confidence, event_id, level)


def _sounds(connection: sqlite3.Connection, row: _Row) -> Iterator[Moment]:
    """Pops, and the scores of other seconds, that are neither likely nor unlikely."""
    pops = connection.execute(
        "SELECT at_s, probability FROM pops WHERE roast_no = ?", (row[0],)
    ).fetchall()
    scores = connection.execute(
        "SELECT at_s, probability FROM scores WHERE roast_no = ? AND probability BETWEEN ? AND ?",
        (row[0], LEAST, MOST),
    ).fetchall()
    seconds = {int(at_s / _SAME_S) + step for at_s, _ in pops for step in (-1, 0, 1)}
    others = [score for score in scores if int(score[0] / _SAME_S) not in seconds]
    for at_s, probability in (*pops, *others):
        if LEAST <= probability <= MOST:
            yield _moment(row, round(at_s, 3), probability)


def _label_event(
    connection: sqlite3.Connection, event_id: str, said: str | None, by: str, at: datetime
) -> Labelled:
    row = connection.execute(
        "SELECT roast_id, at_s FROM events JOIN roasts USING (roast_no) WHERE event_id = ? "
        "AND kind = ?",
        (event_id, EventKind.FIRST_CRACK.value),
    ).fetchone()
    if row is None:
        raise NoSuchMomentError("There is no such moment in the roast log.")
    if said is None:
        connection.execute(
            "DELETE FROM labels WHERE event_id = :id AND said_at = "
            "(SELECT max(said_at) FROM labels WHERE event_id = :id)",
            {"id": event_id},
        )
    else:
        connection.execute(
            "INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?)", (event_id, said, by, stamp(at))
        )
    given = (row[0], MomentKind.DECISION, float(row[1] or 0.0), said, by, at)
    return Labelled(f"event:{event_id}", *given)


def _check_inside(connection: sqlite3.Connection, roast_no: int, at_s: float) -> None:
    """Refuse a time at which nothing was heard: labels are bounded by what was scored."""
    near = connection.execute(
        "SELECT 1 FROM pops WHERE roast_no = :no AND abs(at_s - :at) < 0.01 UNION ALL "
        "SELECT 1 FROM scores WHERE roast_no = :no AND abs(at_s - :at) < 0.01 LIMIT 1",
        {"no": roast_no, "at": at_s},
    ).fetchone()
    if near is None:
        raise NoSuchMomentError("The detector scored nothing at this moment.")
