"""Import roasts into the log: which roast a file belongs to, and what a later save changes.

A roast is identified by its id and its start (without an id, by its curve). Newer file data
replaces older file data; edits made in roastwatch stay.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import numpy as np

from roastwatch.records.formats.alog import PLACES
from roastwatch.records.record import Properties, RoastRecord
from roastwatch.roastlog import edits as log_edits
from roastwatch.roastlog import rows as log_records
from roastwatch.roastlog import tasting_rows
from roastwatch.roastlog.event_rows import stamp, unstamp

# Saves under one id that began this close together are one roast, whatever their curves ...
SAME_START_S = 120.0
# ... and, with the same curve or the same beginning of one, even this far apart.
SAME_CURVE_S = 3600.0
# File systems and archives store the time of saving to within 2 s.
SAVED_TOGETHER_S = 2.0
# An event counts as moved if a file has it elsewhere by more than the spacing of its readings.
MOVED_S = 1.5
_FEWEST_ALIKE = 30


class Imported(StrEnum):
    """The outcome of importing a file."""

    NEW = "new"
    KNOWN = "known"
    """This save is already in the log."""
    DUPLICATE = "duplicate"
    """Another save of a roast that is in the log."""
    REPLACED = "replaced"
    """A later save of a roast that is in the log; its data replaced the earlier save's."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The outcome of importing one file, and the roast it belongs to."""

    outcome: Imported
    roast_id: str
    twin: str = ""
    """The file that the roast came from, if it was already in the log."""
    changed: tuple[str, ...] = ()
    """What the later save replaced."""
    kept: tuple[str, ...] = ()
    """The edits that stayed."""


@dataclass(frozen=True, slots=True)
class _Twin:
    """The roast that is already in the log."""

    roast_no: int
    roast_id: str
    source_file: str
    source_format: str
    also: list[str]
    started_at: datetime | None
    digest: str | None
    older: list[str]
    saved_at: datetime | None
    readings: int
    events: int

    @property
    def recorded_here(self) -> bool:
        return not self.source_file and self.digest is None


_TWINS = (
    "SELECT roast_no, roast_id, source_file, source_format, also_saved_as, started_at, "
    "file_digest, older_digests, saved_at, "
    "(SELECT count(*) FROM readings WHERE readings.roast_no = roasts.roast_no), "
    "(SELECT count(*) FROM events WHERE events.roast_no = roasts.roast_no AND revoked = 0) "
    "FROM roasts WHERE "
)


def bring_in(connection: sqlite3.Connection, record: RoastRecord, fresh: set[int]) -> ImportResult:
    """Import a roast once, however often and under whatever name it was saved.

    Args:
        connection: to the log, inside the caller's transaction.
        record: the roast.
        fresh: numbers of the roasts that this run imported; extended here.
    """
    digest = record.digest()
    twin = _twin(connection, record)
    if twin is None:
        record = replace(record, roast_id=_free_id(connection, record))
        roast_no = log_records.insert(connection, record)
        _remember(connection, roast_no, digest, [])
        fresh.add(roast_no)
        return ImportResult(Imported.NEW, record.roast_id)
    if twin.recorded_here:
        return _into_recording(connection, twin, record, digest)
    if digest == twin.digest or digest in twin.older:
        return _known(connection, twin, record)
    before = log_records.fetch(connection, twin.roast_no)
    edits = log_edits.load(connection, twin.roast_no)
    merged = edits.over(record, _clock_shift_s(before, record))
    merged = replace(merged, roast_id=twin.roast_id, station=before.station)
    changed = _changes(before, merged)
    if twin.digest is None and not changed:  # of a log that kept no digests
        _remember(connection, twin.roast_no, digest, twin.older)
        return _known(connection, twin, record)
    if not _same_file(twin, record) or not _newer(twin, record, fresh):
        _remember(connection, twin.roast_no, twin.digest, [*twin.older, digest])
        return _known(connection, twin, record)
    labels = log_edits.labels(connection, twin.roast_no)
    ids = [row[0] for row in labels]
    merged = replace(merged, events=log_edits.labelled_events(before, ids, merged))
    connection.execute(
        "DELETE FROM labels WHERE event_id IN (SELECT event_id FROM events WHERE roast_no = ?)",
        (twin.roast_no,),
    )
    log_records.rewrite(connection, twin.roast_no, merged)
    connection.executemany("INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?)", labels)
    connection.execute(
        "UPDATE roasts SET edits = ? WHERE roast_no = ?", (edits.as_json(), twin.roast_no)
    )
    older = [*twin.older, *([twin.digest] if twin.digest else [])]
    _remember(connection, twin.roast_no, digest, older)
    others = [n for n in dict.fromkeys([twin.source_file, *twin.also]) if n != record.source_file]
    also_saved_as(connection, twin.roast_no, [name for name in others if name])
    kept = edits.names() + ([f"{len(labels)} label{'s' * (len(labels) > 1)}"] if labels else [])
    together = twin.roast_no in fresh and len(record.at_s) == twin.readings
    outcome = Imported.DUPLICATE if together else Imported.REPLACED
    return ImportResult(outcome, twin.roast_id, twin.source_file, tuple(changed), tuple(kept))


def _twin(connection: sqlite3.Connection, record: RoastRecord) -> _Twin | None:
    """The roast in the log that a record is a save of."""
    size = len(record.roast_id)
    for twin in _rows(
        connection,
        # A copied id got a suffix of eight letters (see `_free_id`).
        "roast_id = ? OR (substr(roast_id, 1, ?) = ? AND length(roast_id) = ?)",
        (record.roast_id, size + 1, record.roast_id + "-", size + 9),
    ):
        apart_s = _apart_s(twin.started_at, record.started_at)
        if apart_s is None or apart_s <= SAME_START_S:
            return twin
        if apart_s <= SAME_CURVE_S and _begins_alike(connection, twin, record):
            return twin
    if not len(record.at_s):
        return None
    for twin in _rows(connection, "fingerprint = ?", (record.fingerprint(),)):
        apart_s = _apart_s(twin.started_at, record.started_at)
        if apart_s is None or apart_s <= SAME_CURVE_S:
            return twin
    if not record.derived_id or record.started_at is None:
        return None
    named = _rows(
        connection,
        "source_file = ? AND source_format = ? AND abs(julianday(started_at) - julianday(?)) < ?",
        (record.source_file, record.source_format, stamp(record.started_at),
         SAME_START_S / 86400),
    )  # fmt: skip
    return next((twin for twin in named if _begins_alike(connection, twin, record)), None)


def _rows(connection: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[_Twin]:
    return [
        _Twin(row[0], row[1], row[2], row[3], json.loads(row[4]), unstamp(row[5]),
              row[6], json.loads(row[7]), unstamp(row[8]), row[9], row[10])
        for row in connection.execute(_TWINS + where, values).fetchall()
    ]  # fmt: skip


def _apart_s(one: datetime | None, other: datetime | None) -> float | None:
    """Seconds between two starts; None where one is unknown."""
    return None if one is None or other is None else abs((one - other).total_seconds())


def _begins_alike(connection: sqlite3.Connection, twin: _Twin, record: RoastRecord) -> bool:
    """Whether the shorter curve is the beginning of the longer."""
    rows = connection.execute(
        "SELECT bean_temp_c FROM readings WHERE roast_no = ? ORDER BY seq", (twin.roast_no,)
    ).fetchall()
    old = np.array([row[0] for row in rows], dtype=np.float64)
    new = record.bean_temp_c
    size = min(len(old), len(new))
    if size < _FEWEST_ALIKE:
        return False
    return bool(np.allclose(old[:size], new[:size], atol=0.01, equal_nan=True))


def _free_id(connection: sqlite3.Connection, record: RoastRecord) -> str:
    """The record's id, or one derived from it if another roast has it (a copied template)."""
    wanted = record.roast_id or record.digest()
    seeds: list[Callable[[], str]] = [record.fingerprint, record.digest]
    for made in (lambda: "", *seeds):
        suffix = made()[:8]
        roast_id = f"{wanted}-{suffix}" if suffix else wanted
        taken = connection.execute("SELECT 1 FROM roasts WHERE roast_id = ?", (roast_id,))
        if taken.fetchone() is None:
            return roast_id
    return f"{wanted}-{record.digest()}"


def _same_file(twin: _Twin, record: RoastRecord) -> bool:
    """Whether a save is a version of the same file, not a copy under another id or format."""
    if record.derived_id:
        return (twin.source_format, twin.source_file) == (record.source_format, record.source_file)
    return twin.roast_id.startswith(record.roast_id)


def _newer(twin: _Twin, record: RoastRecord, fresh: set[int]) -> bool:
    """Whether a save is later than the one in the log.

    The time of saving decides. If both were saved together (as in a copied folder), the longer
    curve is later; then, among files of one run, the one with more events; else the one imported
    later.
    """
    apart_s = _apart_s(twin.saved_at, record.saved_at)
    if apart_s is not None and apart_s > SAVED_TOGETHER_S:
        assert twin.saved_at is not None
        assert record.saved_at is not None
        return record.saved_at > twin.saved_at
    if len(record.at_s) != twin.readings:
        return len(record.at_s) > twin.readings
    if twin.roast_no in fresh:
        return sum(not event.revoked for event in record.events) > twin.events
    return True


def _clock_shift_s(before: RoastRecord, record: RoastRecord) -> float:
    """How far the new save's clock is ahead: a save may begin at another sample."""
    old, new = (r.foreign.get("first_timex") for r in (before, record))
    both = isinstance(old, int | float) and isinstance(new, int | float)
    return float(old) - float(new) if both else 0.0  # type: ignore[arg-type]


def _changes(before: RoastRecord, after: RoastRecord) -> list[str]:
    """What differs, in words."""
    words = []
    if before.title != after.title:
        words.append("title")
    if before.started_at != after.started_at:
        words.append("start")
    if before.fingerprint() != after.fingerprint():
        words.append("curve")
    old, new = before.properties.as_json(), after.properties.as_json()
    words += [
        name.replace("_", " ")
        for name in Properties.__dataclass_fields__
        if old.get(name) != new.get(name)
    ]
    marks = [
        {e.kind: round(e.at_s, 3) for e in record.events if not e.revoked}
        for record in (before, after)
    ]
    words += [
        kind.value.replace("_", " ")
        for kind in sorted(marks[0].keys() | marks[1].keys())
        if marks[0].get(kind) != marks[1].get(kind)
    ]
    if before.controls != after.controls:
        words.append("settings")
    if [curve.name for curve in before.extras] != [curve.name for curve in after.extras]:
        words.append("extra curves")
    if not words and before.foreign != after.foreign:
        words.append("details")
    return words


def _into_recording(
    connection: sqlite3.Connection, twin: _Twin, record: RoastRecord, digest: str
) -> ImportResult:
    """Import a file of a roast that was recorded here: its properties and events are taken over.

    Readings, pops, scores, commands and evidence stay as they were recorded.
    """
    before = log_records.fetch(connection, twin.roast_no)
    if digest in twin.older:
        return _known(connection, twin, record)
    edits = log_edits.load(connection, twin.roast_no)
    imported = {
        name: value
        for name, value in record.properties.as_json().items()
        if name not in edits.properties
    }
    changed = [
        name for name, value in imported.items() if before.properties.as_json().get(name) != value
    ]
    properties = Properties.from_json(before.properties.as_json() | imported)
    title = record.title if record.title and edits.title is None else before.title
    if record.source_format in ("artisan_csv", "roastlogger", "coffee_roaster_mcp"):
        title = before.title  # the file's name, not the roast's
    if title != before.title:
        changed.append("title")
    for kind in PLACES.values():
        mark, had = record.event(kind), before.event(kind)
        since_s = record.from_charge(mark.at_s) if mark else None
        if since_s is None or before.charge_s is None or kind.value in edits.events:
            continue
        at_s = before.charge_s + since_s
        if had is None or abs(had.at_s - at_s) > MOVED_S:
            log_edits.set_event(connection, twin.roast_no, before, kind, at_s)
            changed.append(kind.value)
    connection.execute(
        "UPDATE roasts SET title = ?, properties = ?, summary = NULL WHERE roast_no = ?",
        (title, json.dumps(properties.as_json(), ensure_ascii=False), twin.roast_no),
    )
    tasting_rows.insert(connection, twin.roast_no, record.tastings)
    _remember(connection, twin.roast_no, None, [*twin.older, digest])
    if not changed:
        return _known(connection, twin, record)
    words = tuple(name.replace("_", " ") for name in changed)
    kept = ("readings", "pops", *edits.names())
    return ImportResult(Imported.REPLACED, twin.roast_id, "the recording", words, kept)


def _known(connection: sqlite3.Connection, twin: _Twin, record: RoastRecord) -> ImportResult:
    if record.source_file in (twin.source_file, *twin.also):
        return ImportResult(Imported.KNOWN, twin.roast_id, twin.source_file)
    also_saved_as(connection, twin.roast_no, [*twin.also, record.source_file])
    return ImportResult(Imported.DUPLICATE, twin.roast_id, twin.source_file)


def _remember(
    connection: sqlite3.Connection, roast_no: int, digest: str | None, older: list[str]
) -> None:
    connection.execute(
        "UPDATE roasts SET file_digest = ?, older_digests = ? WHERE roast_no = ?",
        (digest, json.dumps(list(dict.fromkeys(older))), roast_no),
    )


def also_saved_as(connection: sqlite3.Connection, roast_no: int, names: list[str]) -> None:
    """Store the other names under which a roast is saved."""
    connection.execute(
        "UPDATE roasts SET also_saved_as = ?, summary = NULL WHERE roast_no = ?",
        (json.dumps(names, ensure_ascii=False), roast_no),
    )
