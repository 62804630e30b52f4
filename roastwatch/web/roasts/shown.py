"""One roast as its page shows it: JSON's own types, with bounds on every list.

Times count from the roast's zero: its charge, else the start of the record.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from roastwatch.files.json_values import json_safe
from roastwatch.records.metrics import metrics, order_faults
from roastwatch.records.record import Column, RoastRecord
from roastwatch.roastlog import changes as log_changes
from roastwatch.roastlog import labels as log_labels
from roastwatch.roastlog import lot_rows, reviews
from roastwatch.roastlog.event_rows import stamp
from roastwatch.roastlog.listing import Page, listed, thinned
from roastwatch.roastlog.reviews import Labelled, Moment
from roastwatch.roastlog.sounds import pieces
from roastwatch.roastlog.store import Store
from roastwatch.web.answers import json_bytes
from roastwatch.web.roasts.bounds import MOST_POPS, SMALL_POINTS

_MOST_ROWS = 2000
"""Events, controls, pieces of evidence, labels: a roast has some dozens."""


def page(found: Page, offset: int, limit: int) -> bytes:
    """A page of the list, as JSON."""
    tree = json_safe(found)
    return json_bytes(tree | {"offset": offset, "limit": limit})


def roast(store: Store, roast_id: str, points: int) -> bytes:
    """One roast, as JSON.

    Args:
        store: the log.
        roast_id: its whole id.
        points: the most points of a curve.

    Raises:
        NoSuchRoastError: there is none.
        LogError: the log can't be read.
    """
    record = store.record_exactly(roast_id)
    roast_no = store.find_exactly(roast_id)
    zero_s = record.charge_s
    began_at = record.recording_started_at
    from_s = zero_s or 0.0
    row = listed(store, roast_id, SMALL_POINTS)
    lot = lot_rows.one(store.connection, row.lot_id) if row.lot_id else None
    found = {
        "summary": row,
        "zero": "start" if zero_s is None else "charge",
        "zero_at": _moment(began_at, from_s),
        "properties": record.properties.as_json(),
        "metrics": metrics(record).as_json(),
        "events": _events(store, record, from_s),
        "witnesses": store.witnesses(roast_id),
        "curves": _curves(record, from_s, points),
        "pops": _pops(record, from_s),
        "decision": _decision(record, from_s, points),
        "controls": [
            {"at_s": _since(c.at_s, from_s), "what": c.what, "value": c.value, "text": c.text}
            for c in record.controls[:_MOST_ROWS]
        ],
        "evidence": _evidence(store, roast_no, from_s),
        "gaps": [(_since(a, from_s), _since(b, from_s)) for a, b in record.gaps],
        "warnings": list(dict.fromkeys((*record.warnings, *order_faults(record)))),
        "source_file": record.source_file,
        "also_saved_as": _also(store, roast_no),
        "sound": [
            {
                "from_s": _since(piece.from_s, from_s),
                "to_s": _since(piece.to_s, from_s),
                "event_id": piece.event_id or None,
            }
            for piece in pieces(store, roast_no)
        ],
        "tastings": [tasting.as_json() for tasting in record.tastings],
        "lot": lot.as_json() if lot else None,
        "labels": [
            labelled(one, from_s)
            for one in reviews.labelled(store.connection, roast_no)[:_MOST_ROWS]
        ],
        "changes": _changes(store, roast_no, from_s),
    }
    return json_bytes(json_safe(found))


def labelled(one: Labelled, zero_s: float) -> dict[str, Any]:
    """A labelled moment."""
    return asdict(one) | {"at_s": _since(one.at_s, zero_s), "at": stamp(one.at)}


def moment(one: Moment, around_s: float) -> dict[str, Any]:
    """A moment to review, with the sound to play around it."""
    at_s = _since(one.at_s, one.zero_s)
    return {
        "moment_id": one.moment_id,
        "kind": one.kind,
        "roast_id": one.roast_id,
        "title": one.title,
        "station": one.station,
        "started_at": _moment(one.started_at, one.zero_s),
        "at_s": at_s,
        "at": _moment(one.started_at, one.at_s),
        "probability": None if one.probability is None else round(one.probability, 3),
        "level": one.level,
        "event_id": one.event_id,
        "from_s": round(at_s - around_s, 3),
        "to_s": round(at_s + around_s, 3),
    }


def _since(at_s: float, zero_s: float) -> float:
    return round(at_s - zero_s, 3)


def _moment(began_at: datetime | None, at_s: float) -> str | None:
    return None if began_at is None else stamp(began_at + timedelta(seconds=at_s))


def _events(store: Store, record: RoastRecord, zero_s: float) -> list[dict[str, Any]]:
    known = log_labels.logged(store, record.roast_id)
    assert known is not None
    found = []
    for event in record.events[:_MOST_ROWS]:
        noted = known.events[event.event_id]
        decided_s = noted.decided_s
        found.append(
            {
                "event_id": event.event_id,
                "kind": event.kind,
                "level": event.level,
                "at_s": _since(event.at_s, zero_s),
                "happened_at": stamp(event.happened_at),
                "decided_s": None if decided_s is None else _since(decided_s, zero_s),
                "origin": event.origin,
                "confidence": event.confidence,
                "bean_temp_c": event.bean_temp_c
                if event.bean_temp_c is not None
                else _rounded(record.temperature_at(event.at_s)),
                "message": event.message,
                "revoked": event.revoked,
                "edited": event.kind in known.edited,
                "label": noted.label,
            }
        )
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _curves(record: RoastRecord, zero_s: float, points: int) -> list[dict[str, Any]]:
    found = [
        _curve(name, _unit(name), False, record.at_s - zero_s, column, points)
        for name, column in record.columns.items()
    ]
    for curve in record.extras:
        unit = "°C" if curve.temperature else ""
        found.append(_curve(curve.name, unit, True, curve.at_s - zero_s, curve.values, points))
    return found


def _unit(name: str) -> str:
    return "°C" if name.endswith("_c") else "%" if name.endswith("_percent") else ""


def _curve(
    name: str, unit: str, extra: bool, at_s: Column, values: Column, points: int
) -> dict[str, Any]:
    known = np.flatnonzero(np.isfinite(values) & np.isfinite(at_s))
    places = thinned(known.tolist(), points)
    return {
        "name": name,
        "unit": unit,
        "extra": extra,
        "at_s": np.round(at_s[places], 2).tolist(),
        "values": np.round(values[places], 2).tolist(),
    }


def _pops(record: RoastRecord, zero_s: float) -> list[tuple[float, float]]:
    loudest = sorted(record.pops, key=lambda pop: -pop[1])[:MOST_POPS]
    return [(_since(at_s, zero_s), round(chance, 3)) for at_s, chance in sorted(loudest)]


def _decision(record: RoastRecord, zero_s: float, points: int) -> dict[str, list[float]]:
    """The logged scores; of several that fall together, the most probable."""
    kept = record.scores
    if len(kept) > points:
        parts = np.array_split(np.arange(len(kept)), points)
        kept = tuple(max((kept[i] for i in part), key=lambda score: score[1]) for part in parts)
    return {
        "at_s": [_since(at_s, zero_s) for at_s, _, _ in kept],
        "probability": [round(probability, 3) for _, probability, _ in kept],
        "progress": [round(progress, 3) for _, _, progress in kept],
    }


def _evidence(store: Store, roast_no: int, zero_s: float) -> list[dict[str, Any]]:
    rows: Iterable[Sequence[Any]] = store.connection.execute(
        "SELECT kind, at_s, log_likelihood_ratio, note FROM evidence WHERE roast_no = ? "
        "ORDER BY at_s LIMIT ?",
        (roast_no, _MOST_ROWS),
    )
    return [
        {
            "kind": kind,
            "at_s": None if at_s is None else _since(at_s, zero_s),
            "log_likelihood_ratio": round(ratio, 3),
            "note": note,
        }
        for kind, at_s, ratio, note in rows
    ]


def _also(store: Store, roast_no: int) -> list[str]:
    rows = store.connection.execute(
        "SELECT value FROM roasts, json_each(also_saved_as) WHERE roast_no = ?", (roast_no,)
    )
    return [str(name) for (name,) in rows]


def _changes(store: Store, roast_no: int, zero_s: float) -> list[dict[str, Any]]:
    """The newest edits, oldest first; times of events as the page shows them."""
    found = []
    for change in log_changes.of_roast(store.connection, roast_no)[-_MOST_ROWS:]:
        row = asdict(change) | {"at": stamp(change.at), "revoked_at": stamp(change.revoked_at)}
        if change.what.startswith(log_changes.EVENT):
            for name in ("before", "after"):
                at_s = row[name]
                row[name] = None if at_s is None else _since(float(at_s), zero_s)
        found.append(row)
    return found
