"""Snapshots become payloads: values that changed, and those that would expire otherwise."""

import json
import math
from collections.abc import Collection, Iterator
from datetime import datetime

from roastwatch.entities import ENTITIES, Needs, Platform, Value
from roastwatch.sinks.mqtt.topics import OFFLINE, ONLINE, Topics
from roastwatch.vocabulary import Snapshot

EXPIRES_AFTER_S = 60
"""A measurement that is older than this is unknown."""
REPEATED_AFTER_S = 15.0
_LONGEST = 255  # of a state in Home Assistant


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
    return str(value)[:_LONGEST]


class States:
    """The last payload of each topic, so that only changes are published."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._said: dict[str, tuple[str, float]] = {}

    def forget(self, topic: str | None = None) -> None:
        """Publish a topic (or all) again, changed or not: the broker may have lost it."""
        if topic is None:
            self._said.clear()
        else:
            self._said.pop(topic, None)

    def due(
        self, snapshot: Snapshot, offered: Collection[str], now_s: float
    ) -> Iterator[tuple[str, str]]:
        """Topics and payloads to publish now; taking one marks it as published at `now_s`."""
        station = snapshot.station
        for part in Needs:
            there = ONLINE if part.available(snapshot) else OFFLINE
            yield from self._changed(self._topics.part(station, part.value), there, now_s, False)
        for entity in ENTITIES:
            if entity.value_of is None or entity.key not in offered:
                continue
            text = payload(entity.platform, entity.value(snapshot))
            expires = entity.platform in (Platform.SENSOR, Platform.BINARY_SENSOR)
            topic = self._topics.state(station, entity.key)
            yield from self._changed(topic, text, now_s, expires)
            if entity.attributes_of is not None:
                topic = self._topics.attributes(station, entity.key)
                text = json.dumps(entity.attributes_of(snapshot))
                yield from self._changed(topic, text, now_s, False)

    def _changed(
        self, topic: str, text: str, now_s: float, expires: bool
    ) -> Iterator[tuple[str, str]]:
        said, at_s = self._said.get(topic, (None, 0.0))
        if said != text or (expires and now_s - at_s >= REPEATED_AFTER_S):
            self._said[topic] = (text, now_s)
            yield topic, text
