"""What a person edits in a roast, kept apart from the data of its imported file.

A later save of the file replaces the file's data; the edits stay and are applied over it.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from roastwatch.errors import BadInputError
from roastwatch.records.formats import alog_parts
from roastwatch.records.record import Properties, RecordedEvent, RoastRecord
from roastwatch.roastlog import changes as log_changes
from roastwatch.roastlog import event_rows, lot_rows
from roastwatch.roastlog import rows as log_records
from roastwatch.roastlog.event_rows import stamp
from roastwatch.vocabulary import EventKind, Origin


class InProgressError(BadInputError):
    """The roast has not ended yet."""


class NoSuchChangeError(BadInputError):
    """The roast has no such edit."""


@dataclass(slots=True)
class Edits:
    """All edits of one roast."""

    title: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    """By name; None = cleared."""
    events: dict[str, float | None] = field(default_factory=dict)
    """Seconds on the record's clock by kind; None = removed."""

    def as_json(self) -> str:
        """The edits as the log stores them."""
        return json.dumps(
            {"title": self.title, "properties": self.properties, "events": self.events},
            ensure_ascii=False,
        )

    def names(self) -> list[str]:
        """What was edited, in words."""
        words = ["title"] if self.title is not None else []
        return [*words, *(name.replace("_", " ") for name in (*self.properties, *self.events))]

    def over(self, record: RoastRecord, shift_s: float = 0.0) -> RoastRecord:
        """Apply these edits to a file's record.

        Args:
            record: the file's record.
            shift_s: how far the file's clock is ahead of the one that the edits were made on.
        """
        properties = record.properties.as_json() | self.properties
        known = {k: v for k, v in properties.items() if v not in (None, "")}
        events = list(record.events)
        for name, at_s in self.events.items():
            kind = EventKind(name)
            if at_s is None:
                events = [replace(e, revoked=True) if e.kind is kind else e for e in events]
                continue
            events = [e for e in events if e.kind is not kind]
            events.append(marked(record, kind, at_s + shift_s))
        return replace(
            record,
            title=record.title if self.title is None else self.title,
            properties=Properties.from_json(known),
            events=tuple(sorted(events, key=lambda event: event.at_s)),
        )


def marked(record: RoastRecord, kind: EventKind, at_s: float) -> RecordedEvent:
    """An event that a person marks, with the temperatures at its time."""
    return RecordedEvent(
        kind,
        at_s,
        Origin.PERSON,
        bean_temp_c=record.temperature_at(at_s),
        environment_temp_c=record.temperature_at(at_s, "environment_temp_c"),
    )


def load(connection: sqlite3.Connection, roast_no: int) -> Edits:
    """A roast's edits; from a log that did not keep them apart, what differs from its file."""
    raw, source_format, source_file = connection.execute(
        "SELECT edits, source_format, source_file FROM roasts WHERE roast_no = ?", (roast_no,)
    ).fetchone()
    if raw is not None:
        tree = json.loads(raw)
        return Edits(tree.get("title"), tree.get("properties", {}), tree.get("events", {}))
    if not source_file:
        return Edits()
    record = log_records.fetch(connection, roast_no)
    kept = record.properties.as_json()
    if source_format != "alog":
        # It is unknown which were edited here: keep all of them.
        return Edits(properties=kept)
    theirs = alog_parts.properties(record.foreign).as_json()
    changed = {name: value for name, value in kept.items() if theirs.get(name) != value}
    forgotten: dict[str, Any] = {name: None for name in theirs if name not in kept}
    title = record.title if alog_parts.text(record.foreign, "title") != record.title else None
    return Edits(title, changed | forgotten)


def edit(
    connection: sqlite3.Connection,
    roast_no: int,
    title: str | None,
    properties: dict[str, Any],
    events: dict[EventKind, float | None],
    *,
    lot_id: str | None = "",
    by: str = "",
) -> None:
    """Apply edits to a roast, inside the caller's transaction; what they replace is kept.

    Args:
        connection: to the log.
        roast_no: which roast.
        title: the new one; None = as it is.
        properties: by name; None or "" clears one.
        events: seconds from the charge (without one, from the record's start), by kind; None
            removes the event. The time of the charge itself counts from the present charge.
        lot_id: the lot of beans that it was taken from; None: none; "": as it is.
        by: who edits.

    Raises:
        InProgressError: an event is edited, and the roast is still in progress.
        BadInputError: a time lies outside the roast, or there is no such lot.
    """
    edits = load(connection, roast_no)
    record = log_records.fetch(connection, roast_no)
    (is_open,) = connection.execute(
        "SELECT open FROM roasts WHERE roast_no = ?", (roast_no,)
    ).fetchone()
    if events and is_open:
        raise InProgressError(
            "This roast is still in progress: mark its events live, or edit them when it has ended."
        )
    zero_s = record.charge_s or 0.0
    for kind, since_s in events.items():
        at_s = None if since_s is None else zero_s + since_s
        _check(record, kind, at_s)
        standing = record.event(kind)
        log_changes.add(
            connection, roast_no, log_changes.EVENT + kind.value,
            (standing.at_s if standing else None, at_s),
            _rows_of(connection, roast_no, kind) | _edit_of(edits.events, kind.value), by,
        )  # fmt: skip
        edits.events[kind.value] = at_s
        set_event(connection, roast_no, record, kind, at_s)
    if title is not None and title != record.title:
        log_changes.add(
            connection, roast_no, "title", (record.title, title),
            {"title": record.title, "edit": edits.title}, by,
        )  # fmt: skip
    edits.title = edits.title if title is None else title
    fresh = {name: None if v in (None, "") else v for name, v in properties.items()}
    kept = record.properties.as_json()
    for name, value in fresh.items():
        if value != kept.get(name):
            shown = (kept.get(name), value)
            before = {"value": kept.get(name)} | _edit_of(edits.properties, name)
            log_changes.add(connection, roast_no, name, shown, before, by)
    edits.properties |= fresh
    if lot_id != "":
        _take_from(connection, roast_no, lot_id, by)
    _store(connection, roast_no, record.title if title is None else title, kept | fresh, edits)


def revoke(connection: sqlite3.Connection, roast_no: int, change_id: str) -> None:
    """Revoke an edit, inside the caller's transaction: what it replaced holds again.

    Raises:
        NoSuchChangeError: the roast has no such edit.
        BadInputError: a later edit of the same thing holds, or it can't be restored any more.
    """
    found = log_changes.restorable(connection, roast_no, change_id)
    if found is None:
        raise NoSuchChangeError("This roast has no such change.")
    change, before = found
    if not change.revocable:
        raise BadInputError(
            "This change was revoked already."
            if change.revoked_at
            else "A later change of the same holds: revoke that one first."
        )
    edits, record = load(connection, roast_no), log_records.fetch(connection, roast_no)
    title, properties = record.title, record.properties.as_json()
    if change.what.startswith(log_changes.EVENT):
        kind = change.what.removeprefix(log_changes.EVENT)
        _restore_rows(connection, roast_no, kind, before)
        _restore_edit(edits.events, kind, before)
    elif change.what == "title":
        title, edits.title = before["title"], before["edit"]
    elif change.what == "lot_id":
        connection.execute(
            "UPDATE roasts SET lot_id = (SELECT lot_id FROM lots WHERE lot_id = ?) "
            "WHERE roast_no = ?",
            (before["lot_id"], roast_no),
        )
    else:
        properties[change.what] = before["value"]
        _restore_edit(edits.properties, change.what, before)
    _store(connection, roast_no, title, properties, edits)
    log_changes.revoked(connection, change_id)


def _store(
    connection: sqlite3.Connection,
    roast_no: int,
    title: str,
    properties: dict[str, Any],
    edits: Edits,
) -> None:
    known = Properties.from_json({k: v for k, v in properties.items() if v not in (None, "")})
    connection.execute(
        "UPDATE roasts SET title = ?, properties = ?, edits = ?, summary = NULL WHERE roast_no = ?",
        (title, json.dumps(known.as_json(), ensure_ascii=False), edits.as_json(), roast_no),
    )


def _take_from(connection: sqlite3.Connection, roast_no: int, lot_id: str | None, by: str) -> None:
    (before,) = connection.execute(
        "SELECT lot_id FROM roasts WHERE roast_no = ?", (roast_no,)
    ).fetchone()
    names = {one: lot.name if (lot := lot_rows.lot(connection, one)) else None
             for one in (before, lot_id) if one is not None}  # fmt: skip
    if lot_id is not None and names[lot_id] is None:
        raise BadInputError("There is no such lot of beans.")
    if before != lot_id:
        connection.execute("UPDATE roasts SET lot_id = ? WHERE roast_no = ?", (lot_id, roast_no))
        shown = (names.get(before), names.get(lot_id))
        log_changes.add(connection, roast_no, "lot_id", shown, {"lot_id": before}, by)


_OF_EVENT = (
    "event_id", "at_s", "origin", "bean_temp_c", "environment_temp_c", "happened_at", "revoked",
)  # fmt: skip


def _rows_of(connection: sqlite3.Connection, roast_no: int, kind: EventKind) -> dict[str, Any]:
    """What `set_event` changes of a roast."""
    rows = connection.execute(
        f"SELECT {', '.join(_OF_EVENT)} FROM events WHERE roast_no = ? AND kind = ?",
        (roast_no, kind.value),
    ).fetchall()
    (started_at,) = connection.execute(
        "SELECT started_at FROM roasts WHERE roast_no = ?", (roast_no,)
    ).fetchone()
    return {"rows": [list(row) for row in rows], "started_at": started_at}


def _restore_rows(
    connection: sqlite3.Connection, roast_no: int, kind: str, before: dict[str, Any]
) -> None:
    now = {
        row[0]
        for row in connection.execute(
            "SELECT event_id FROM events WHERE roast_no = ? AND kind = ?", (roast_no, kind)
        )
    }
    if not {row[0] for row in before["rows"]} <= now:
        raise BadInputError("The roast was imported again since: correct the event instead.")
    # An event that the edit added stays with its labels, as one that is revoked.
    connection.execute(
        "UPDATE events SET revoked = 1 WHERE roast_no = ? AND kind = ?", (roast_no, kind)
    )
    names = ", ".join(f"{name} = ?" for name in _OF_EVENT[1:])
    connection.executemany(
        f"UPDATE events SET {names} WHERE event_id = ?",
        [(*row[1:], row[0]) for row in before["rows"]],
    )
    if kind == EventKind.CHARGE:
        connection.execute(
            "UPDATE roasts SET started_at = ? WHERE roast_no = ?", (before["started_at"], roast_no)
        )


def _edit_of(edits: dict[str, Any], name: str) -> dict[str, Any]:
    return {"edit": edits[name]} if name in edits else {}


def _restore_edit(edits: dict[str, Any], name: str, before: dict[str, Any]) -> None:
    edits.pop(name, None)
    if "edit" in before:
        edits[name] = before["edit"]


def _check(record: RoastRecord, kind: EventKind, at_s: float | None) -> None:
    if at_s is None:
        return
    ends = [event.at_s for event in record.events]
    ends += [float(record.at_s[0]), float(record.at_s[-1])] if len(record.at_s) else []
    first, last = min(ends, default=0.0), max(ends, default=at_s)
    if not first - 1.0 <= at_s <= last + 60.0:
        raise BadInputError(
            f"The time of {kind.value} lies outside the roast: give minutes and seconds from the "
            "charge, such as 8:12."
        )


def set_event(
    connection: sqlite3.Connection,
    roast_no: int,
    record: RoastRecord,
    kind: EventKind,
    at_s: float | None,
) -> None:
    """Move, add or (with None) remove an event; its labels stay with it."""
    connection.execute(
        "UPDATE events SET revoked = 1 WHERE roast_no = ? AND kind = ?", (roast_no, kind.value)
    )
    if at_s is None:
        return
    event = marked(record, kind, at_s)
    began = record.recording_started_at
    happened = stamp(began + timedelta(seconds=at_s) if began else None)
    standing = record.event(kind) or next((e for e in record.events if e.kind is kind), None)
    if standing is None:
        event_id = f"{record.roast_id}-edit-{kind.value}"
        own = {"roast_no": roast_no, "event_id": event_id, "station": record.station}
        connection.execute(event_rows.INSERT, event_rows.values(event, **own, happened_at=happened))
    else:
        connection.execute(
            "UPDATE events SET revoked = 0, at_s = ?, origin = ?, bean_temp_c = ?, "
            "environment_temp_c = ?, "
            "happened_at = CASE WHEN happened_at IS NULL THEN NULL ELSE ? END WHERE event_id = ?",
            (at_s, event.origin.value, event.bean_temp_c, event.environment_temp_c, happened,
             standing.event_id),
        )  # fmt: skip
    if kind is EventKind.CHARGE and not record.source_file and began:
        # A roast that was recorded here began with its charge.
        connection.execute("UPDATE roasts SET started_at = ? WHERE roast_no = ?",
                           (happened, roast_no))  # fmt: skip


def labels(connection: sqlite3.Connection, roast_no: int) -> list[tuple[str, str, str, str]]:
    """The labels of a roast's events: event id, label, who gave it and when."""
    return connection.execute(
        "SELECT labels.event_id, label, said_by, said_at FROM labels JOIN events USING (event_id) "
        "WHERE roast_no = ?",
        (roast_no,),
    ).fetchall()


def labelled_events(
    record: RoastRecord, ids: Iterable[str], fresh: RoastRecord
) -> tuple[RecordedEvent, ...]:
    """The events of a fresh record, with the ids of the labelled events that they replace.

    A labelled event that the fresh record lacks is kept as revoked, with its label.
    """
    wanted = {event.event_id: event for event in record.events if event.event_id in set(ids)}
    events = list(fresh.events)
    for event_id, old in wanted.items():
        place = next((n for n, e in enumerate(events) if e.kind is old.kind), None)
        if place is None:
            events.append(replace(old, revoked=True))
        else:
            events[place] = replace(events[place], event_id=event_id)
    return tuple(sorted(events, key=lambda event: event.at_s))
