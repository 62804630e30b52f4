"""Whole roasts in and out of the log's tables: what import, show, plot and export work on."""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from roastwatch.records.metrics import metrics, turning_point_index
from roastwatch.records.record import (
    COLUMNS,
    Column,
    ExtraCurve,
    Properties,
    RecordedControl,
    RecordedEvent,
    RoastRecord,
)
from roastwatch.roastlog import event_rows, lot_rows, tasting_rows
from roastwatch.roastlog.event_rows import stamp, unstamp
from roastwatch.vocabulary import EventKind, Origin

_READING_COLUMNS = ", ".join(COLUMNS)


def summary(record: RoastRecord, also_saved_as: Iterable[str] = ()) -> dict[str, Any]:
    """One roast as `list --json` and `show --json` print it."""
    return {
        "roast_id": record.roast_id,
        "title": record.title,
        "started_at": stamp(record.started_at),
        "source_file": record.source_file or None,
        "station": record.station or None,
        "roaster": record.properties.roaster or None,
        "bean": record.properties.bean_name or None,
        "events": events_since(record, record.charge_s),
        "metrics": metrics(record).promised(),
        "also_saved_as": list(also_saved_as),
    }


def events_since(record: RoastRecord, zero_s: float | None) -> list[dict[str, Any]]:
    """The roast's events in order, with their seconds since `zero_s`, or None without one."""

    def since(at_s: float) -> float | None:
        return None if zero_s is None else _rounded(at_s - zero_s)

    events = [
        {
            "kind": event.kind.value,
            "at_s": since(event.at_s),
            "bean_temp_c": _rounded(_temperature(record, event)),
            "origin": event.origin.value,
        }
        for event in record.events
        if not event.revoked
    ]
    turn = turning_point_index(record)
    if turn is not None and record.event(EventKind.TURNING_POINT) is None:
        events.append(
            {
                "kind": EventKind.TURNING_POINT.value,
                "at_s": since(float(record.at_s[turn])),
                "bean_temp_c": _rounded(float(record.bean_temp_c[turn])),
                "origin": Origin.TEMPERATURE.value,
            }
        )
    events.sort(key=lambda event: (event["at_s"] is None, event["at_s"]))
    return events


def _temperature(record: RoastRecord, event: RecordedEvent) -> float | None:
    """The beans' at an event: as it was logged with it, else the curve's at its time."""
    if event.bean_temp_c is not None:
        return event.bean_temp_c
    return record.temperature_at(event.at_s)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def insert(connection: sqlite3.Connection, record: RoastRecord) -> int:
    """Write a whole roast inside the caller's transaction; return its number."""
    cursor = connection.execute(
        "INSERT INTO roasts (roast_id, station, edits) VALUES (?, ?, '{}')",
        (record.roast_id, record.station),
    )
    roast_no = int(cursor.lastrowid or 0)
    _write(connection, roast_no, record)
    return roast_no


def rewrite(connection: sqlite3.Connection, roast_no: int, record: RoastRecord) -> None:
    """Replace what a file said of a roast; its id, station, clips, commands and evidence stay, and
    what people added: its lot, its tastings and labelled moments.

    Labels go with the events that they belong to: the caller keeps them.
    """
    for table in ("readings", "pops", "scores", "controls", "extras", "events"):
        connection.execute(f"DELETE FROM {table} WHERE roast_no = ?", (roast_no,))
    _write(connection, roast_no, record)


def _write(connection: sqlite3.Connection, roast_no: int, record: RoastRecord) -> None:
    connection.execute(
        "UPDATE roasts SET title = ?, started_at = ?, recording_started_at = ?, source_file = ?, "
        "source_format = ?, fahrenheit = ?, fingerprint = ?, gaps = ?, properties = ?, "
        "summary = ?, foreign_data = ?, saved_at = ?, warnings = ?, small_curve = NULL "
        "WHERE roast_no = ?",
        (
            record.title,
            stamp(record.started_at),
            stamp(record.recording_started_at),
            record.source_file,
            record.source_format,
            int(record.fahrenheit),
            record.fingerprint(),
            json.dumps(record.gaps),
            json.dumps(record.properties.as_json(), ensure_ascii=False),
            json.dumps(summary(record), ensure_ascii=False),
            pack(record.foreign),
            stamp(record.saved_at),
            json.dumps(record.warnings, ensure_ascii=False),
            roast_no,
        ),
    )
    connection.executemany(
        f"INSERT INTO readings VALUES (?, ?, ?, {', '.join('?' * len(COLUMNS))})",
        _rows(roast_no, record),
    )
    connection.executemany(
        event_rows.INSERT,
        _event_rows(connection, roast_no, record),
    )
    connection.executemany(
        "INSERT INTO controls VALUES (?, ?, ?, ?, ?)",
        [(roast_no, c.at_s, c.what, c.value, c.text) for c in record.controls],
    )
    connection.executemany(
        "INSERT INTO extras (roast_no, position, name, at_s, curve, temperature) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [
            (roast_no, place, curve.name, pack_column(curve.at_s), pack_column(curve.values),
             int(curve.temperature))
            for place, curve in enumerate(record.extras)
        ],
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO pops VALUES (?, ?, ?)", [(roast_no, *pop) for pop in record.pops]
    )
    connection.executemany(
        "INSERT INTO scores VALUES (?, ?, ?, ?)", [(roast_no, *score) for score in record.scores]
    )
    tasting_rows.insert(connection, roast_no, record.tastings)


def _event_rows(
    connection: sqlite3.Connection, roast_no: int, record: RoastRecord
) -> Iterator[dict[str, object]]:
    """Rows with ids of their own: a copied file may bring the ids of another roast's events."""
    used: set[str] = set()
    for place, event in enumerate(record.events):
        event_id = event.event_id
        taken = connection.execute("SELECT 1 FROM events WHERE event_id = ?", (event_id,))
        if not event_id or event_id in used or taken.fetchone():
            event_id = f"{record.roast_id}-{place}-{event.kind.value}"
            while (
                event_id in used
                or connection.execute(
                    "SELECT 1 FROM events WHERE event_id = ?", (event_id,)
                ).fetchone()
            ):
                event_id += "-"
        used.add(event_id)
        own = {"roast_no": roast_no, "event_id": event_id, "station": record.station}
        yield event_rows.values(event, **own)


def _rows(roast_no: int, record: RoastRecord) -> Iterator[tuple[object, ...]]:
    lists: list[list[float | None]] = []
    for name in COLUMNS:
        column = record.columns.get(name)
        if column is None:
            lists.append([None] * len(record.at_s))
        else:
            lists.append([None if v != v else v for v in column.tolist()])
    for seq, row in enumerate(zip(record.at_s.tolist(), *lists, strict=True)):
        yield (roast_no, seq, *row)


def fetch(connection: sqlite3.Connection, roast_no: int) -> RoastRecord:
    """Read a whole roast back, as it was inserted or recorded."""
    head = connection.execute(
        "SELECT roast_id, station, title, started_at, recording_started_at, source_file, "
        "source_format, fahrenheit, gaps, properties, foreign_data, saved_at, warnings, lot_id "
        "FROM roasts WHERE roast_no = ?",
        (roast_no,),
    ).fetchone()
    rows = connection.execute(
        f"SELECT at_s, {_READING_COLUMNS} FROM readings WHERE roast_no = ? ORDER BY seq",
        (roast_no,),
    ).fetchall()
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 1 + len(COLUMNS))
    columns = {
        name: np.ascontiguousarray(table[:, place])
        for place, name in enumerate(COLUMNS, start=1)
        if len(rows) and np.any(np.isfinite(table[:, place]))
    }
    return RoastRecord(
        roast_id=head[0],
        station=head[1],
        title=head[2],
        started_at=unstamp(head[3]),
        at_s=np.ascontiguousarray(table[:, 0]),
        columns=columns,
        source_file=head[5],
        source_format=head[6],
        fahrenheit=bool(head[7]),
        gaps=tuple((float(a), float(b)) for a, b in json.loads(head[8])),
        properties=Properties.from_json(json.loads(head[9])),
        foreign=unpack(head[10]),
        saved_at=unstamp(head[11]),
        warnings=tuple(json.loads(head[12])),
        tastings=tasting_rows.of_roast(connection, roast_no),
        lot=lot_rows.lot(connection, head[13]) if head[13] else None,
        events=tuple(_events(connection, roast_no)),
        controls=_controls(connection, roast_no),
        extras=tuple(
            ExtraCurve(name, unpack_column(at_s), unpack_column(values), bool(temperature))
            for name, at_s, values, temperature in connection.execute(
                "SELECT name, at_s, curve, temperature FROM extras WHERE roast_no = ? "
                "ORDER BY position",
                (roast_no,),
            )
        ),
        pops=tuple(
            connection.execute(
                "SELECT at_s, probability FROM pops WHERE roast_no = ? ORDER BY at_s", (roast_no,)
            )
        ),
        scores=tuple(
            (at_s, probability or 0.0, decision or 0.0)
            for at_s, probability, decision in connection.execute(
                "SELECT at_s, probability, decision FROM scores WHERE roast_no = ? ORDER BY at_s",
                (roast_no,),
            )
        ),
    )


def _events(connection: sqlite3.Connection, roast_no: int) -> Iterator[RecordedEvent]:
    for row in connection.execute(
        f"SELECT {event_rows.COLUMNS} FROM events WHERE roast_no = ? ORDER BY at_s, rowid",
        (roast_no,),
    ):
        yield event_rows.recorded_event(row)


def _controls(connection: sqlite3.Connection, roast_no: int) -> tuple[RecordedControl, ...]:
    """Remarks and imported settings as they were written, then the commands that took effect."""
    written = connection.execute(
        "SELECT at_s, what, value, text FROM controls WHERE roast_no = ? ORDER BY rowid",
        (roast_no,),
    ).fetchall()
    commanded = connection.execute(
        "SELECT at_s, actuator, applied, coalesce(interlock, '') FROM commands "
        "WHERE roast_no = ? AND at_s IS NOT NULL AND outcome IN ('applied', 'limited') "
        "ORDER BY at_s, rowid",
        (roast_no,),
    ).fetchall()
    return tuple(RecordedControl(*row) for row in (*written, *commanded))


def pack(tree: dict[str, Any]) -> bytes | None:
    """A tree as compressed JSON; None for an empty one."""
    return zlib.compress(json.dumps(tree).encode(), 6) if tree else None


def unpack(packed: bytes | None) -> dict[str, Any]:
    """The other way."""
    tree: dict[str, Any] = json.loads(zlib.decompress(packed)) if packed else {}
    return tree


def pack_column(column: Column) -> bytes:
    """Little-endian float64, compressed."""
    return zlib.compress(np.asarray(column, dtype="<f8").tobytes(), 6)


def unpack_column(packed: bytes) -> Column:
    """The other way."""
    return np.frombuffer(zlib.decompress(packed), dtype="<f8").astype(np.float64)
