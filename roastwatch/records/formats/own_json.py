"""Our own JSON, read and written without loss. Its schema is `roast.schema.json` beside this."""

import json
import math
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.files.json_values import json_safe
from roastwatch.records.record import (
    COLUMNS,
    Column,
    ExtraCurve,
    Properties,
    RecordedControl,
    RecordedEvent,
    RoastRecord,
)
from roastwatch.records.tasting import Tasting
from roastwatch.vocabulary import EventKind, Level, Origin

FORMAT = "roastwatch-roast"
VERSION = 1
SCHEMA = Path(__file__).with_name("roast.schema.json")


def looks_like(raw: Any) -> bool:
    """Whether a parsed file is ours."""
    return isinstance(raw, dict) and raw.get("format") == FORMAT


def write(record: RoastRecord) -> str:
    """A roast as JSON text, lossless; unknown is null."""
    tree = {
        "format": FORMAT,
        "version": VERSION,
        "roast_id": record.roast_id,
        "title": record.title,
        "started_at": record.started_at.isoformat() if record.started_at else None,
        "station": record.station,
        "source_file": record.source_file,
        "source_format": record.source_format,
        "fahrenheit": record.fahrenheit,
        "properties": record.properties.as_json(),
        "tastings": [tasting.as_json() for tasting in record.tastings],
        "lot": record.lot.as_json() if record.lot else None,
        "events": [_event(event) for event in record.events],
        "controls": [
            {"at_s": c.at_s, "what": c.what, "value": c.value, "text": c.text}
            for c in record.controls
        ],
        "readings": {"at_s": record.at_s.tolist()}
        | {name: _list(column) for name, column in record.columns.items()},
        "extra_curves": [
            {"name": curve.name, "at_s": _list(curve.at_s), "values": _list(curve.values)}
            | ({"temperature": True} if curve.temperature else {})
            for curve in record.extras
        ],
        "pops": [list(pop) for pop in record.pops],
        "scores": [list(score) for score in record.scores],
        "gaps": [list(gap) for gap in record.gaps],
        "foreign": json_safe(record.foreign),
    }
    return json.dumps(tree, ensure_ascii=False, allow_nan=False)


def read(raw: dict[str, Any], name: str) -> RoastRecord:
    """The roast in our JSON.

    Raises:
        BadInputError: of a newer version, or not as the schema says.
    """
    version = raw.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise BadInputError(
            f"{name} was written by a newer roastwatch (version {version}): update this one."
        )
    try:
        readings = raw["readings"]
        at_s = _column(readings["at_s"])
        columns = {key: _column(readings[key]) for key in COLUMNS if key in readings}
        if any(len(column) != len(at_s) for column in columns.values()):
            raise BadInputError(f"{name}: the columns of 'readings' differ in length.")
        if np.any(np.diff(at_s) < 0) or not np.all(np.isfinite(at_s)):
            raise BadInputError(f"{name}: the time of 'readings' runs backwards.")
        return RoastRecord(
            roast_id=str(raw["roast_id"]),
            title=str(raw.get("title", "")),
            started_at=_when(raw.get("started_at")),
            at_s=at_s,
            columns=columns,
            events=tuple(_read_event(event) for event in raw.get("events", [])),
            controls=tuple(_control(control) for control in raw.get("controls", [])),
            extras=tuple(_extra(curve) for curve in raw.get("extra_curves", [])),
            pops=tuple((_number(a), _number(b)) for a, b in raw.get("pops", [])),
            scores=tuple((_number(a), _number(b), _number(c)) for a, b, c in raw.get("scores", [])),
            gaps=tuple((_number(a), _number(b)) for a, b in raw.get("gaps", [])),
            properties=_properties(raw.get("properties", {})),
            tastings=tuple(Tasting.from_json(one) for one in raw.get("tastings", [])),
            station=str(raw.get("station", "")),
            source_file=str(raw.get("source_file") or name),
            source_format=str(raw.get("source_format") or "roastwatch"),
            fahrenheit=bool(raw.get("fahrenheit", False)),
            foreign=dict(raw.get("foreign", {})),
        )
    except KeyError as error:
        raise BadInputError(f"{name} lacks {error}: it is not as the schema says.") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise BadInputError(f"{name} is not as the schema says ({error}).") from error


def _event(event: RecordedEvent) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for f in fields(event):
        value = getattr(event, f.name)
        if isinstance(value, Enum):
            value = value.value
        elif isinstance(value, datetime):
            value = value.isoformat()
        if value is not None:
            tree[f.name] = value
    return tree


def _read_event(tree: dict[str, Any]) -> RecordedEvent:
    known = {f.name for f in fields(RecordedEvent)}
    kept = {key: value for key, value in tree.items() if key in known}
    kept["kind"] = EventKind(kept["kind"])
    kept["at_s"] = _number(kept["at_s"])
    for key in ("bean_temp_c", "environment_temp_c", "confidence"):
        kept[key] = None if kept.get(key) is None else _number(kept[key])
    for key in ("happened_sample", "decided_sample"):
        kept[key] = None if kept.get(key) is None else int(_number(kept[key]))
    for key in ("event_id", "message"):
        kept[key] = str(kept.get(key) or "")
    for key in ("revoked", "unlogged"):
        kept[key] = bool(kept.get(key, False))
    kept["origin"] = Origin(kept.get("origin", Origin.PERSON))
    if kept.get("level"):
        kept["level"] = Level(kept["level"])
    for key in ("happened_at", "decided_at"):
        kept[key] = _when(kept.get(key))
    return RecordedEvent(**kept)


def _number(value: Any) -> float:
    """A finite number.

    Raises:
        ValueError: it is none.
    """
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not a number")
    return number


def _control(tree: dict[str, Any]) -> RecordedControl:
    value = tree.get("value")
    return RecordedControl(
        _number(tree["at_s"]),
        str(tree["what"]),
        None if value is None else _number(value),
        str(tree.get("text") or ""),
    )


def _extra(tree: dict[str, Any]) -> ExtraCurve:
    at_s, values = _column(tree["at_s"]), _column(tree["values"])
    if at_s.shape != values.shape:
        raise ValueError("an extra curve has more times than values")
    return ExtraCurve(str(tree["name"]), at_s, values, bool(tree.get("temperature", False)))


def _properties(tree: dict[str, Any]) -> Properties:
    """Properties of the types that they have; a newer version's keys are ignored."""
    kinds = {f.name: f.type for f in fields(Properties)}
    known = {k: v for k, v in tree.items() if k in kinds and v is not None}
    checked = {k: str(v) if kinds[k] is str else _number(v) for k, v in known.items()}
    return Properties.from_json(checked)


def _when(text: Any) -> datetime | None:
    when = datetime.fromisoformat(text) if text else None
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when


def _list(column: Column) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in column.tolist()]


def _column(values: list[float | None]) -> Column:
    return np.array([math.nan if v is None else float(v) for v in values], dtype=np.float64)
