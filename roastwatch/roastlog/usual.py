"""What a station's earlier roasts tell about its next first crack, read from the roast log."""

import sqlite3
from pathlib import Path

from roastwatch.roast.curve.predict import FirstCrackModel, past
from roastwatch.roast.priors import TimePrior
from roastwatch.roastlog import rows as log_records
from roastwatch.roastlog.file import LogError
from roastwatch.roastlog.labels import LATEST_LABEL
from roastwatch.roastlog.store import Store

LEARNED_FROM = 30

_LABEL = LATEST_LABEL.format(event_id="crack.event_id")
_TIMES = """
SELECT crack.at_s - charge.at_s AS after_s
FROM roasts
JOIN events crack USING (roast_no)
JOIN events charge USING (roast_no)
WHERE {station} AND roasts.open = 0
  AND crack.kind = 'first_crack' AND crack.revoked = 0
  AND charge.kind = 'charge' AND charge.revoked = 0
  AND (crack.origin = 'person' OR {label} = 'crack')
  AND after_s > 0
ORDER BY roasts.started_at DESC LIMIT ?
"""


def learned(path: Path, station: str) -> FirstCrackModel | None:
    """A model of first crack from a station's last 30 roasts, with imported ones if it has few.

    None if there are too few or the log can't be read: a missing prediction stops nothing.
    """
    try:
        with Store(path, writing=False) as store:
            for chosen in ("station = ?", "station IN (?, '')"):
                rows = store.connection.execute(
                    f"SELECT roast_no FROM roasts WHERE {chosen} AND open = 0 "
                    "ORDER BY started_at DESC LIMIT ?",
                    (station, LEARNED_FROM),
                ).fetchall()
                pasts = [past(log_records.fetch(store.connection, number)) for (number,) in rows]
                model = FirstCrackModel.fit([roast for roast in pasts if roast is not None])
                if model is not None:
                    return model
    except (LogError, sqlite3.Error, ValueError):
        return None
    return None


def usual_time(path: Path, station: str) -> TimePrior | None:
    """Median and spread of a station's last 30 first cracks, with imported ones if it has few.

    Only first cracks that a person marked or confirmed count, so that the detector does not learn
    from its own mistakes. None if there are too few or the log can't be read.
    """
    try:
        with Store(path, writing=False) as store:
            for chosen in ("roasts.station = ?", "roasts.station IN (?, '')"):
                rows = store.connection.execute(
                    _TIMES.format(station=chosen, label=_LABEL), (station, LEARNED_FROM)
                )
                usual = TimePrior.of([float(after_s) for (after_s,) in rows])
                if usual is not None:
                    return usual
    except (LogError, sqlite3.Error):
        return None
    return None
