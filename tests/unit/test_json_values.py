"""Values become JSON in one way, whatever they are made of."""

import json
import math
from datetime import UTC, datetime

from roastwatch.files.json_values import json_safe
from roastwatch.vocabulary import EventKind, Origin, RoastEvent

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_unknown_numbers_become_null() -> None:
    found = json_safe({"a": math.nan, "b": [math.inf, 1.5], "c": (-math.inf, 2, True)})
    assert found == {"a": None, "b": [None, 1.5], "c": [None, 2, True]}


def test_an_event_survives_strict_json() -> None:
    event = RoastEvent(
        "1", "kitchen", "r", EventKind.DROP, AT, AT, Origin.PERSON, confidence=math.nan
    )
    found = json.loads(json.dumps(json_safe(event), allow_nan=False))
    assert (found["kind"], found["confidence"]) == ("drop", None)
    assert datetime.fromisoformat(found["happened_at"]) == AT
