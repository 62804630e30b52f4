"""A page of the list of roasts: filtered, sorted, each with its figures and a small curve."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from roastwatch.roastlog import rows as log_records
from roastwatch.roastlog.event_rows import unstamp
from roastwatch.roastlog.file import explained, transaction
from roastwatch.roastlog.lot_rows import WEIGHT_LOSS_PERCENT
from roastwatch.roastlog.sounds import pieces, with_sound
from roastwatch.roastlog.store import Store

MOST_WORDS = 8
"""Of a search."""
_SUMMARISED_AT_ONCE = 300
"""Roasts whose figures are computed for one page, if they are sorted by a figure."""
_AROUND_S = 30.0
"""Of the curve before the charge and after the drop."""
_SCORE = (
    "coalesce((SELECT avg(score) FROM tastings t WHERE t.roast_no = r.roast_no), "
    "json_extract(properties, '$.rating'))"
)
_BEAN = "coalesce(json_extract(properties, '$.bean_name'), '')"
_FIGURE = "json_extract(summary, '$.metrics.{}')"
SORTS = {
    "started_at": "started_at",
    "title": "title COLLATE NOCASE",
    "bean": f"nullif({_BEAN}, '') COLLATE NOCASE",
    "duration": _FIGURE.format("drop_s"),
    "first_crack": _FIGURE.format("first_crack_s"),
    "development": _FIGURE.format("development_ratio_percent"),
    "score": _SCORE,
    "weight_loss": WEIGHT_LOSS_PERCENT,
}
"""By what a list can be sorted: its SQL."""
_HAYSTACK = (
    "title || ' ' || roast_id || ' ' || station || ' ' || "
    "(SELECT coalesce(group_concat(value, ' '), '') FROM json_each(properties)) || ' ' || "
    "coalesce((SELECT name FROM lots WHERE lots.lot_id = r.lot_id), '') || ' ' || "
    "coalesce((SELECT group_concat(t.notes || ' ' || t.brew_method, ' ') FROM tastings t "
    "WHERE t.roast_no = r.roast_no), '')"
)
_CHARGE_S = (
    "coalesce((SELECT at_s FROM events e WHERE e.roast_no = r.roast_no AND kind = 'charge' "
    "AND revoked = 0 ORDER BY at_s, rowid LIMIT 1), 0)"
)
_COLUMNS = (
    f"r.roast_no, roast_id, title, station, started_at, open, summary, properties, small_curve, "
    f"lot_id, source_format, {_SCORE}, {WEIGHT_LOSS_PERCENT}, {_CHARGE_S}, "
    "(SELECT count(*) FROM tastings t WHERE t.roast_no = r.roast_no)"
)


@dataclass(frozen=True, slots=True)
class Query:
    """Which roasts are listed, in which order. None: all."""

    search: str = ""
    """Words that must all be found, whatever their case and order."""
    bean: str | None = None
    lot_id: str | None = None
    station: str | None = None
    since: date | None = None
    until: date | None = None
    """Days in UTC, both included."""
    sound: bool | None = None
    sort: str = "-started_at"
    """A key of SORTS; a minus before it reverses the order. What is unknown comes last."""
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class ListedRoast:
    """One roast of a list. Times count from its charge, else from the recording's start."""

    roast_id: str
    title: str
    bean: str
    station: str
    roaster: str
    started_at: datetime | None
    in_progress: bool
    duration_s: float | None
    dry_end_s: float | None
    first_crack_s: float | None
    first_crack_c: float | None
    drop_s: float | None
    drop_c: float | None
    development_s: float | None
    development_ratio_percent: float | None
    green_weight_g: float | None
    roasted_weight_g: float | None
    weight_loss_percent: float | None
    score: float | None
    tastings: int
    lot_id: str | None
    has_sound: bool
    source_format: str
    curve: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the roasts that a query finds."""

    roasts: list[ListedRoast]
    total: int
    beans: list[str]
    """Of all roasts in the log."""
    stations: list[str]


def page(store: Store, query: Query, points: int, names: int) -> Page:
    """The roasts that a query finds, a page of them.

    Args:
        store: the log.
        query: which.
        points: the most points of a small curve.
        names: the most names of beans and stations.

    Raises:
        LogError: the log can't be read.
    """
    connection = store.connection
    connection.create_function("fold", 1, _folded, deterministic=True)
    with explained(store.path):
        where, values = _where(store, query)
        name, down = query.sort.removeprefix("-"), query.sort.startswith("-")
        if "summary" in SORTS[name]:
            _fill(store, where, values)
        order = f"{SORTS[name]} {'DESC' if down else 'ASC'} NULLS LAST"
        (total,) = connection.execute(f"SELECT count(*) FROM roasts r {where}", values).fetchone()
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM roasts r {where} "
            f"ORDER BY {order}, roast_no DESC LIMIT :limit OFFSET :offset",
            values | {"limit": query.limit, "offset": query.offset},
        ).fetchall()
        return Page(
            _listed(store, rows, points),
            int(total),
            _distinct(connection, _BEAN, names),
            _distinct(connection, "station", names),
        )


def listed(store: Store, roast_id: str, points: int) -> ListedRoast:
    """One roast as a list shows it.

    Raises:
        NoSuchRoastError: there is none with this id.
        LogError: the log can't be read.
    """
    with explained(store.path):
        rows = store.connection.execute(
            f"SELECT {_COLUMNS} FROM roasts r WHERE roast_no = ?", (store.find_exactly(roast_id),)
        ).fetchall()
        return _listed(store, rows, points)[0]


def _folded(text: object) -> str:
    return str(text or "").casefold()


def _where(store: Store, query: Query) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {
        "bean": query.bean,
        "lot": query.lot_id,
        "station": query.station,
        "since": query.since.isoformat() if query.since else None,
        "until": (query.until + timedelta(days=1)).isoformat() if query.until else None,
    }
    conditions = [
        f"(:bean IS NULL OR {_BEAN} = :bean)",
        "(:lot IS NULL OR lot_id = :lot)",
        "(:station IS NULL OR station = :station)",
        "(:since IS NULL OR started_at >= :since)",
        "(:until IS NULL OR started_at < :until)",
    ]
    for number, word in enumerate(query.search.split()[:MOST_WORDS]):
        conditions.append(f"instr(fold({_HAYSTACK}), :word{number})")
        values[f"word{number}"] = word.casefold()
    if query.sound is not None:
        numbers = ", ".join(str(number) for number in with_sound(store))
        conditions.append(f"roast_no {'' if query.sound else 'NOT '}IN ({numbers})")
    return "WHERE " + " AND ".join(conditions), values


def _fill(store: Store, where: str, values: dict[str, Any]) -> None:
    """Compute the figures of roasts that have none yet."""
    rows = store.connection.execute(
        f"SELECT roast_no FROM roasts r {where} AND summary IS NULL AND open = 0 "
        f"LIMIT {_SUMMARISED_AT_ONCE}",
        values,
    ).fetchall()
    _keep(store, {roast_no: _computed(store, roast_no)[0] for (roast_no,) in rows}, {})


def _listed(store: Store, rows: Sequence[tuple[Any, ...]], points: int) -> list[ListedRoast]:
    summaries: dict[int, str] = {}
    curves: dict[int, str] = {}
    found = []
    for row in rows:
        roast_no, is_open, summary, curve = row[0], row[5], row[6], row[8]
        if summary is None:
            summary, _ = _computed(store, roast_no)
            if not is_open:
                summaries[roast_no] = summary
        if curve is None:
            curve = json.dumps(_small_curve(store.connection, roast_no, summary, row[13], points))
            if not is_open:
                curves[roast_no] = curve
        found.append(_roast(store, row, json.loads(summary), json.loads(curve)))
    _keep(store, summaries, curves)
    return found


def _computed(store: Store, roast_no: int) -> tuple[str, int]:
    record = log_records.fetch(store.connection, roast_no)
    (also,) = store.connection.execute(
        "SELECT also_saved_as FROM roasts WHERE roast_no = ?", (roast_no,)
    ).fetchone()
    summary = log_records.summary(record, json.loads(also))
    return json.dumps(summary, ensure_ascii=False), roast_no


def _keep(store: Store, summaries: dict[int, str], curves: dict[int, str]) -> None:
    """Keep what was computed, in one transaction; reading goes on where writing can't."""
    if not summaries and not curves:
        return
    try:
        with transaction(store.connection):
            for name, computed in (("summary", summaries), ("small_curve", curves)):
                store.connection.executemany(
                    f"UPDATE roasts SET {name} = ? WHERE roast_no = ? AND open = 0",
                    [(text, roast_no) for roast_no, text in computed.items()],
                )
    except sqlite3.Error:
        pass


def _small_curve(
    connection: sqlite3.Connection, roast_no: int, summary: str, charge_s: float, points: int
) -> list[tuple[float, float]]:
    """The bean temperature from charge to drop, on the record's clock."""
    drop_s = json.loads(summary)["metrics"]["drop_s"]
    rows = connection.execute(
        "SELECT at_s, bean_temp_c FROM readings WHERE roast_no = ? AND bean_temp_c IS NOT NULL "
        "AND at_s >= ? AND at_s <= coalesce(?, at_s) ORDER BY seq",
        (roast_no, charge_s - _AROUND_S, None if drop_s is None else charge_s + drop_s + _AROUND_S),
    ).fetchall()
    return [(round(at_s, 1), round(temp_c, 1)) for at_s, temp_c in thinned(rows, points)]


def thinned(rows: Sequence[Any], points: int) -> list[Any]:
    """At most `points` of some rows, evenly spaced, the first and the last among them."""
    if len(rows) <= points:
        return list(rows)
    places = np.unique(np.linspace(0, len(rows) - 1, points).round().astype(int))
    return [rows[place] for place in places.tolist()]


def _roast(
    store: Store, row: tuple[Any, ...], summary: dict[str, Any], curve: list[tuple[float, float]]
) -> ListedRoast:
    (roast_no, roast_id, title, station, started_at, is_open, _, properties, _, lot_id, source,
     score, loss, charge_s, tastings) = row  # fmt: skip
    known, figures = json.loads(properties), summary["metrics"]
    beans_c = {event["kind"]: event["bean_temp_c"] for event in reversed(summary["events"])}
    return ListedRoast(
        roast_id=roast_id,
        title=title,
        bean=known.get("bean_name", ""),
        station=station,
        roaster=known.get("roaster", ""),
        started_at=unstamp(started_at),
        in_progress=bool(is_open),
        duration_s=figures["drop_s"] or (None if is_open else _end_s(store, roast_no, charge_s)),
        dry_end_s=figures["dry_end_s"],
        first_crack_s=figures["first_crack_s"],
        first_crack_c=beans_c.get("first_crack"),
        drop_s=figures["drop_s"],
        drop_c=beans_c.get("drop"),
        development_s=figures["development_s"],
        development_ratio_percent=figures["development_ratio_percent"],
        green_weight_g=known.get("green_weight_g"),
        roasted_weight_g=known.get("roasted_weight_g"),
        weight_loss_percent=None if loss is None else round(loss, 2),
        score=None if score is None else round(score, 2),
        tastings=tastings,
        lot_id=lot_id,
        has_sound=bool(pieces(store, roast_no)),
        source_format=source,
        curve=[(round(at_s - charge_s, 1), temp_c) for at_s, temp_c in curve],
    )


def _end_s(store: Store, roast_no: int, charge_s: float) -> float | None:
    """From the charge to the last reading."""
    row = store.connection.execute(
        "SELECT at_s FROM readings WHERE roast_no = ? ORDER BY seq DESC LIMIT 1", (roast_no,)
    ).fetchone()
    return None if row is None else round(float(row[0]) - charge_s, 3)


def _distinct(connection: sqlite3.Connection, expression: str, most: int) -> list[str]:
    rows = connection.execute(
        f"SELECT DISTINCT {expression} AS name FROM roasts r WHERE name != '' "
        "ORDER BY name COLLATE NOCASE LIMIT ?",
        (most,),
    )
    return [str(name) for (name,) in rows]
