"""Snapshots become payloads: values that changed, and those that would expire otherwise."""

import json
import math
from collections.abc import Callable, Collection, Iterator
from datetime import datetime

from roastwatch.entities import ENTITIES, Needs, Platform, Value
from roastwatch.sinks.arming import CONFIRM_ARMING
from roastwatch.sinks.mqtt.topics import OFFLINE, ONLINE, Topics
from roastwatch.sinks.paced import PacedValues
from roastwatch.vocabulary import Snapshot

EXPIRES_AFTER_S = 60
"""A measurement that is older than this is unknown."""
REPEATED_AFTER_S = 15.0
LONGEST_STATE = 255
"""Characters of a state in Home Assistant."""


def payload(platform: Platform, value: Value) -> str:
    """A value as Home Assistant reads it; "None" means unknown."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "None"
    if isinstance(value, bool):
        if platform is Platform.VALVE:
            return "open" if value else "closed"
        return "ON" if value else "OFF"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)[:LONGEST_STATE]


class States:
    """The last payload of each topic, so that only changes are published."""

    def __init__(
        self,
        topics: Topics,
        waits_for_arming: Callable[[str, float], bool] = lambda _station, _now_s: False,
        translated: Callable[[str], str] = lambda sentence: sentence,
    ) -> None:
        self._topics = topics
        self._waits_for_arming = waits_for_arming
        self._translated = translated
        self._said: dict[str, tuple[str, float]] = {}
        self._paced = PacedValues()

    def forget(self, station: str | None = None, key: str | None = None) -> None:
        """Publish an entity (or all) again, changed or not: the broker may have lost it."""
        self._paced.forget(station, key)
        if station is None or key is None:
            self._said.clear()
        else:
            self._said.pop(self._topics.state(station, key), None)

    def due(
        self, snapshot: Snapshot, offered: Collection[str], now_s: float
    ) -> Iterator[tuple[str, str]]:
        """Topics and payloads to publish now; taking one marks it as published at `now_s`."""
        station = snapshot.station
        self._paced.begin(snapshot)
        for part in Needs:
            there = part.available(snapshot)
            if part is Needs.ARMING:
                there = self._waits_for_arming(station, now_s)
            topic = self._topics.part(station, part.value)
            yield from self._changed(topic, ONLINE if there else OFFLINE, now_s, False)
        for entity in ENTITIES:
            if entity.value_of is None or entity.key not in offered:
                continue
            value, attributes = self._paced.shown(entity, snapshot, now_s)
            if entity.key == "last_refusal" and self._waits_for_arming(station, now_s):
                value = CONFIRM_ARMING
            if entity.sentence and isinstance(value, str):
                value = self._translated(value)
            text = payload(entity.platform, value)
            expires = entity.platform in (Platform.SENSOR, Platform.BINARY_SENSOR)
            topic = self._topics.state(station, entity.key)
            yield from self._changed(topic, text, now_s, expires)
            if entity.attributes_of is not None:
                topic = self._topics.attributes(station, entity.key)
                said = {name: self._translated(one) for name, one in attributes.items()}
                yield from self._changed(topic, json.dumps(said), now_s, False)

    def _changed(
        self, topic: str, text: str, now_s: float, expires: bool
    ) -> Iterator[tuple[str, str]]:
        said, at_s = self._said.get(topic, (None, 0.0))
        if said != text or (expires and now_s - at_s >= REPEATED_AFTER_S):
            self._said[topic] = (text, now_s)
            yield topic, text
