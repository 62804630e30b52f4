"""The values of entities for programs that ask for them over `live`: JSON, at the pace of MQTT."""

import time
from collections.abc import Callable
from typing import Any

from roastwatch.entities import Entity, Needs, Value
from roastwatch.files.json_values import json_safe
from roastwatch.sinks.arming import CONFIRM_ARMING
from roastwatch.sinks.paced import PacedValues
from roastwatch.vocabulary import Snapshot
from roastwatch.web.entity_list import EntityLists

LONGEST_STATE = 255
"""Characters of a state in Home Assistant."""


class EntityValues:
    """What each station shows of its entities; the same for all who ask."""

    def __init__(
        self,
        lists: EntityLists,
        waits_for_arming: Callable[[str], bool],
        translated: Callable[[str], str],
        clock: Callable[[], float] = lambda: time.monotonic(),
    ) -> None:
        self._lists = lists
        self._waits_for_arming = waits_for_arming
        self._translated = translated
        self._clock = clock
        self._paced = PacedValues()
        self._shown: dict[str, dict[str, Any]] = {}
        self._revisions: dict[str, str] = {}
        """Station → the revision of its list that was sent last."""
        self._pictured: dict[str, tuple[object, str]] = {}

    def forget(self) -> None:
        """Nobody asked for a while: what is shown next is the present."""
        self._paced.forget()
        self._shown.clear()

    def whole(self, station: str) -> dict[str, Any] | None:
        """The message with all values of a station; None before its first snapshot."""
        shown = self._shown.get(station)
        return None if shown is None else self._message(station, shown, whole=True)

    def look(self, snapshot: Snapshot) -> dict[str, Any] | None:
        """What changed at a station as a message, or all if its list did; None: nothing."""
        station, now_s = snapshot.station, self._clock()
        self._lists.look(snapshot)
        revision = self._lists.revision(station)
        anew = self._revisions.get(station) != revision or station not in self._shown
        self._revisions[station] = revision
        self._paced.begin(snapshot)
        rows = {one.key: self._row(one, snapshot, now_s) for one in self._lists.entities(station)}
        before = self._shown.get(station, {})
        self._shown[station] = rows
        if anew:
            return self._message(station, rows, whole=True)
        changed = {key: row for key, row in rows.items() if row != before.get(key)}
        return self._message(station, changed, whole=False) if changed else None

    def _message(self, station: str, rows: dict[str, Any], *, whole: bool) -> dict[str, Any]:
        return {
            "type": "entities",
            "station": station,
            "revision": self._lists.revision(station),
            "whole": whole,
            "values": dict(rows),
        }

    def _row(self, entity: Entity, snapshot: Snapshot, now_s: float) -> dict[str, Any]:
        value, attributes = self._paced.shown(entity, snapshot, now_s)
        if entity.key == "image":
            value = self._picture(snapshot)
        if entity.key == "last_refusal" and self._waits_for_arming(snapshot.station):
            value = CONFIRM_ARMING
        row = {
            "value": json_safe(self._said(entity, value)),
            "available": self._available(entity, snapshot),
        }
        if entity.attributes_of is not None:
            said = {name: self._translated(one) for name, one in attributes.items()}
            row["attributes"] = said
        return row

    def _said(self, entity: Entity, value: Value) -> Value:
        if not isinstance(value, str):
            return value
        return (self._translated(value) if entity.sentence else value)[:LONGEST_STATE]

    def _available(self, entity: Entity, snapshot: Snapshot) -> bool:
        if entity.needs is Needs.ARMING:
            return self._waits_for_arming(snapshot.station)
        return entity.needs is None or entity.needs.available(snapshot)

    def _picture(self, snapshot: Snapshot) -> str | None:
        """Since when there is another picture of the roast: at each change of phase and event."""
        if snapshot.roast_id is not None:
            event = snapshot.last_event
            seen = (snapshot.roast_id, snapshot.phase, event.event_id if event else None)
            drawn = self._pictured.get(snapshot.station)
            if drawn is None or drawn[0] != seen:
                self._pictured[snapshot.station] = (seen, snapshot.at.isoformat())
        found = self._pictured.get(snapshot.station)
        return found[1] if found else None
