"""Statistics of the log: by bean and roaster, the detector's record, the next first crack."""

import json
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import asdict
from statistics import median
from typing import Any

from roastwatch.roast.curve.predict import FirstCrackModel, PastRoast, leave_one_out, past
from roastwatch.roastlog.file import explained
from roastwatch.roastlog.labels import LATEST_LABEL
from roastwatch.roastlog.store import Store

NEXT_FROM = 30
MEASURED_ON = 60
"""The number of newest roasts on which the prediction is measured, which bounds time and memory."""
FEWEST_RATED = 2


def statistics(store: Store, before_s: float = 120.0) -> dict[str, Any]:
    """All figures of `roasts stats`, ready for JSON; unknown is None.

    Args:
        store: an open log. Roasts that were saved twice are in it once.
        before_s: seconds before first crack at which its prediction is measured.

    Raises:
        LogError: the log can't be read.
    """
    by_bean: dict[str, list[dict[str, Any]]] = defaultdict(list)
    by_roaster: dict[str, list[dict[str, Any]]] = defaultdict(list)
    ratios: dict[str, float | None] = {}
    pasts: deque[PastRoast] = deque(maxlen=MEASURED_ON)
    rated: list[tuple[float, float]] = []
    count = 0
    for line in reversed(store.list_json()):
        row = json.loads(line)
        count += 1
        by_bean[row["bean"] or ""].append(row)
        by_roaster[row["roaster"] or row["station"] or ""].append(row)
        ratios[row["roast_id"]] = row["metrics"]["development_ratio_percent"]
    for record in store.records():
        learned = past(record)
        if learned is not None:
            pasts.append(learned)
        ratio = ratios.get(record.roast_id)
        if record.properties.rating is not None and ratio is not None:
            rated.append((ratio, record.properties.rating))
    model = FirstCrackModel.fit(list(pasts)[-NEXT_FROM:])
    measured = leave_one_out(list(pasts), before_s)
    return {
        "roasts": count,
        "by_bean": [_group(name, rows) for name, rows in sorted(by_bean.items())],
        "by_roaster": [_group(name, rows) for name, rows in sorted(by_roaster.items())],
        "next_first_crack": None
        if model is None
        else {
            "bean_temp_c": round(model.crack_c, 1),
            "spread_c": round(model.spread_c, 1),
            "at_s": round(model.crack_s, 1),
            "from_roasts": model.roasts,
        },
        "prediction": None
        if measured is None
        else {name: round(value, 1) for name, value in asdict(measured).items()},
        "rating_by_development": _ratings(rated),
        "detector": _detector(store),
        "witnesses": _witnesses(store),
    }


def _group(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    cracks = [event for row in rows for event in row["events"] if event["kind"] == "first_crack"]
    times = _known(event["at_s"] for event in cracks)
    temps = _known(event["bean_temp_c"] for event in cracks)
    ratios = _known(row["metrics"]["development_ratio_percent"] for row in rows)
    return {
        "name": name,
        "roasts": len(rows),
        "first_crack_s": _median(times),
        "first_crack_spread_s": _spread(times),
        "first_crack_c": _median(temps),
        "first_crack_spread_c": _spread(temps),
        "development_ratio_percent": _median(ratios),
    }


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _median(values: list[float]) -> float | None:
    return round(median(values), 1) if values else None


def _spread(values: list[float]) -> float | None:
    """The robust standard deviation: 1.48 times the median deviation."""
    if len(values) < 2:
        return None
    middle = median(values)
    return round(1.4826 * median(abs(value - middle) for value in values), 1)


def _ratings(rated: list[tuple[float, float]]) -> list[dict[str, Any]]:
    bins: dict[int, list[float]] = defaultdict(list)
    for ratio, rating in rated:
        bins[int(ratio // 5)].append(rating)
    return [
        {
            "from_percent": 5.0 * place,
            "to_percent": 5.0 * place + 5.0,
            "rating": round(median(ratings), 1),
            "roasts": len(ratings),
        }
        for place, ratings in sorted(bins.items())
        if len(ratings) >= FEWEST_RATED
    ]


def _detector(store: Store) -> dict[str, Any]:
    """The detector's record in roasts whose first crack a person labelled.

    Found: a person confirmed or also marked it. False: a person revoked it. Missed: only the
    person marked it. Delay: from the back-dated onset to the decision.
    """
    with explained(store.path):
        rows = store.connection.execute(
            "SELECT e.roast_no, e.origin, e.revoked, "
            "(julianday(e.decided_at) - julianday(e.happened_at)) * 86400, "
            f"{LATEST_LABEL.format(event_id='e.event_id')}, "
            "EXISTS (SELECT 1 FROM event_levels l WHERE l.event_id = e.event_id "
            "AND l.level IN ('possible', 'first_crack')) "
            "FROM events e JOIN roasts r USING (roast_no) "
            "WHERE e.kind = 'first_crack' AND r.source_format = 'live'"
        ).fetchall()
    found = missed = false = 0
    delays: list[float] = []
    roasts = set()
    for roast_no, origin, revoked, delay_s, label, heard_first in rows:
        by_ear = origin == "sound" or bool(heard_first)
        if revoked or label == "not_a_crack":
            false += 1
        elif label == "crack" or (origin == "person" and heard_first):
            found += 1
        elif origin == "person" and not by_ear:
            missed += 1
        else:
            continue
        roasts.add(roast_no)
        if origin == "sound" and not revoked and delay_s is not None:
            delays.append(float(delay_s))
    return {
        "roasts": len(roasts),
        "found": found,
        "missed": missed,
        "false": false,
        "median_delay_s": _median(delays),
    }


def _witnesses(store: Store) -> list[dict[str, Any]]:
    """When each other source first indicated a crack, relative to the recorded first crack."""
    with explained(store.path):
        rows = store.connection.execute(
            "SELECT w.kind, min(w.at_s) - e.at_s FROM evidence w JOIN events e "
            "ON e.roast_no = w.roast_no AND e.kind = 'first_crack' AND e.revoked = 0 "
            "AND NOT (e.origin = 'temperature' AND e.level = 'possible') "
            "WHERE w.log_likelihood_ratio >= 1 GROUP BY w.roast_no, w.kind"
        ).fetchall()
    by_kind: dict[str, list[float]] = defaultdict(list)
    for kind, difference in rows:
        if difference is not None:
            by_kind[kind].append(float(difference))
    return [
        {"kind": kind, "roasts": len(values), "median_difference_s": _median(values)}
        for kind, values in sorted(by_kind.items())
    ]
