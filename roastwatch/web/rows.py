"""What the API shows of a station and of an event, as JSON's own types."""

from dataclasses import asdict
from typing import Any

from roastwatch.entities import ENTITIES, actions, event_type, urgency
from roastwatch.files.json_values import json_safe
from roastwatch.vocabulary import HeardPop, LevelNow, RoastEvent, Snapshot


def state_row(snapshot: Snapshot) -> dict[str, Any]:
    """The values of all entities that a station has now, an attribute as `<key>_<attribute>`."""
    found: dict[str, Any] = {}
    for row in ENTITIES:
        if row.value_of is None or not row.offered(snapshot):
            continue
        found[row.key] = json_safe(row.value(snapshot))
        more = row.attributes_of(snapshot) if row.attributes_of else {}
        found |= {f"{row.key}_{name}": value for name, value in more.items()}
    return found


def event_row(event: RoastEvent) -> dict[str, Any]:
    """An event with its published name."""
    row = asdict(event)
    del row["known_s"]  # this process's own clock
    named = {"event_type": event_type(event), "urgency": urgency(event)}
    found: dict[str, Any] = json_safe(row | named)
    return found


def pop_row(pop: HeardPop) -> dict[str, Any]:
    """A pop; its station is named beside it."""
    return {"at": pop.at.isoformat(), "probability": round(pop.probability, 3)}


def level_row(level: LevelNow) -> dict[str, Any]:
    """A level with its advice; its station is named beside it."""
    advice = {"code": level.problem.value, "text": level.advice} if level.problem else None
    return {
        "at": level.at.isoformat(),
        "rms_dbfs": round(level.rms_dbfs, 1),
        "peak_dbfs": round(level.peak_dbfs, 1),
        "advice": advice,
    }


def actions_row(snapshot: Snapshot) -> dict[str, Any]:
    """What may be asked of a station now, and why not."""
    return {
        name: {
            "enabled": one.enabled,
            "reason": one.reason.text if one.reason else None,
            "code": one.reason.code if one.reason else None,
        }
        for name, one in actions(snapshot).items()
    }
