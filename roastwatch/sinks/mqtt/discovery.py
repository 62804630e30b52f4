"""The message for Home Assistant's device-based discovery of a station, made from the entities.

Source of the format: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
(read against Core 2026.11).
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from roastwatch import __version__
from roastwatch.entities import (
    BY_KEY,
    ENTITIES,
    EVENT_TYPES,
    Entity,
    OfferedEntities,
    Platform,
)
from roastwatch.sinks.mqtt.states import EXPIRES_AFTER_S
from roastwatch.sinks.mqtt.topics import Topics

URL = "https://github.com/roastwatch/roastwatch"
_TRIGGER = "trigger_"


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom entities are described."""

    language: str = "en"
    fahrenheit: bool = False
    words: bool = True
    """Whether Home Assistant shows words for states and event types, or their keys."""


def device(
    topics: Topics,
    station: str,
    title: str,
    reader: Reader,
    offer: OfferedEntities,
) -> dict[str, Any]:
    """The discovery message of a station."""
    components: dict[str, dict[str, Any]] = {
        entity.key: _component(topics, station, entity, reader)
        for entity in ENTITIES
        if entity.key in offer.keys
    }
    for key, choices in offer.choices:
        components[key]["options"] = list(choices)
    components |= {f"{_TRIGGER}{kind}": _trigger(topics, station, kind) for kind in EVENT_TYPES}
    return {
        "device": {
            "identifiers": [topics.device_id(station)],
            "name": title,
            "manufacturer": "roastwatch",
            "model": "Röstwächter" if reader.language == "de" else "Roast watcher",
            "sw_version": __version__,
        },
        "origin": {"name": "roastwatch", "sw_version": __version__},
        "qos": 1,
        "components": components,
    }


def components_of(message: object) -> dict[str, str]:
    """Name → platform of the live components in a discovery message; empty if it is none."""
    found = message.get("components") if isinstance(message, dict) else None
    if not isinstance(found, dict):
        return {}
    return {
        str(name): str(component["platform"])
        for name, component in found.items()
        if isinstance(component, dict) and "platform" in component and len(component) > 1
    }


def instance_of(message: object) -> str | None:
    """The instance that a discovery message belongs to; None: unknown."""
    found = message.get("components") if isinstance(message, dict) else None
    for component in found.values() if isinstance(found, dict) else ():
        for key in ("state_topic", "command_topic", "topic"):
            words = str(component.get(key)).split("/") if isinstance(component, dict) else []
            if len(words) > 2 and words[0] == "roastwatch":
                return words[1]
    return None


def divided(
    message: dict[str, Any], room_bytes: int | None, before: Mapping[int, Collection[str]]
) -> dict[int, dict[str, Any]]:
    """A discovery message as one or more of at most `room_bytes` each, by their number.

    A component stays in the part that held it before, where there is room, so that Home Assistant
    need not remove it and set it up again.
    """
    if room_bytes is None or _bytes(message) <= room_bytes:
        return {0: message}
    parts: dict[int, dict[str, Any]] = {}
    used: dict[int, int] = {}
    head = _bytes({**message, "components": {}})
    was_in = {name: part for part, names in before.items() for name in names}
    components = message["components"]
    for name in sorted(components, key=lambda one: one not in was_in):
        size = _bytes({name: components[name]})
        wanted = (was_in[name],) if name in was_in else ()
        for part in chain(wanted, count()):
            if part not in used or used[part] + size <= room_bytes:
                break
        used[part] = used.get(part, head) + size
        parts.setdefault(part, {**message, "components": {}})["components"][name] = components[name]
    return parts


def removals(
    message: dict[str, Any], gone: Mapping[str, str], room_bytes: int | None
) -> Iterator[dict[str, Any]]:
    """Messages that name components (name → platform) with their platform only.

    Home Assistant removes these; components that are not named stay.
    """
    only = {name: {"platform": platform} for name, platform in gone.items()}
    whole = {**message, "components": message["components"] | only}
    if room_bytes is None or _bytes(whole) <= room_bytes:
        yield whole
    else:
        yield from divided({**message, "components": only}, room_bytes, {}).values()


def _bytes(message: dict[str, Any]) -> int:
    return len(json.dumps(message))  # ASCII


def _availability(topics: Topics, station: str, entity: Entity) -> Iterator[dict[str, str]]:
    yield {"topic": topics.available}
    if entity.needs is not None:
        yield {"topic": topics.part(station, entity.needs.value)}


def _component(topics: Topics, station: str, entity: Entity, reader: Reader) -> dict[str, Any]:
    unique_id = topics.unique_id(station, entity.key)
    state = topics.state(station, entity.key)
    found: dict[str, Any] = {
        "platform": entity.platform.value,
        "unique_id": unique_id,
        "default_entity_id": f"{entity.platform.value}.{unique_id.replace('-', '_')}",
        "name": entity.title(reader.language),
        "icon": entity.icon,
        "device_class": entity.device_class,
        "entity_category": entity.category,
        "availability": list(_availability(topics, station, entity)),
        "availability_mode": "all",
    }
    if entity.attributes_of is not None:
        found["json_attributes_topic"] = topics.attributes(station, entity.key)
    if entity.hidden:
        found["enabled_by_default"] = False
    if entity.asks or entity.actuator:
        found["command_topic"] = topics.set(station, entity.key)
    match entity.platform:
        case Platform.SENSOR:
            found |= {
                "state_topic": state,
                "unit_of_measurement": entity.unit,
                "state_class": entity.state_class,
                "suggested_display_precision": entity.precision,
                "options": list(entity.options) or None,
                "expire_after": EXPIRES_AFTER_S,
            }
        case Platform.BINARY_SENSOR:
            found |= {"state_topic": state, "expire_after": EXPIRES_AFTER_S}
        case Platform.SWITCH | Platform.VALVE | Platform.SELECT:
            found["state_topic"] = state
        case Platform.NUMBER:
            found |= {
                "state_topic": state,
                "unit_of_measurement": entity.unit,
                "min": entity.minimum,
                "max": entity.maximum,
                "step": entity.step,
                "mode": "slider",
            }
        case Platform.TEXT:
            found |= {"min": int(entity.minimum), "max": int(entity.maximum)}
        case Platform.EVENT:
            found |= {"state_topic": topics.event(station), "event_types": list(entity.options)}
        case Platform.IMAGE:
            found |= {"image_topic": state, "content_type": "image/png"}
        case Platform.UPDATE:
            found |= {"state_topic": state, "title": "roastwatch", "release_url": URL}
    if entity.words and reader.words:
        found |= _in_words(entity, reader.language, found)
    if entity.is_difference and reader.fahrenheit:
        unit = str(entity.unit).replace("°C", "°F")
        found |= {"unit_of_measurement": unit, "value_template": _IN_FAHRENHEIT}
    return {key: value for key, value in found.items() if value is not None}


_IN_FAHRENHEIT = "{{ value if value == 'None' else (value | float * 1.8) | round(1) }}"
"""Home Assistant converts temperatures itself, but neither their differences nor their rates."""


def _in_words(entity: Entity, language: str, found: dict[str, Any]) -> dict[str, Any]:
    """Shows words for the keys in messages; the key stays an attribute, for automations."""
    words = {key: entity.word(key, language) for key in entity.options}
    table = json.dumps(words, ensure_ascii=False)
    if entity.platform is Platform.EVENT:
        replaced = "event_type=words.get(value_json.event_type), type=value_json.event_type"
        template = f"{{% set words = {table} %}}{{{{ dict(value_json, {replaced}) | to_json }}}}"
        return {"event_types": list(words.values()), "value_template": template}
    shown = {
        "options": list(words.values()),
        "value_template": f"{{{{ {table}.get(value, value) }}}}",
    }
    if "json_attributes_topic" not in found:
        shown |= {
            "json_attributes_topic": found["state_topic"],
            "json_attributes_template": "{{ {'key': value} | to_json }}",
        }
    return shown


def _trigger(topics: Topics, station: str, kind: str) -> dict[str, Any]:
    """A device trigger, which the automation editor lists under the device."""
    return {
        "platform": "device_automation",
        "automation_type": "trigger",
        "type": kind,
        "subtype": BY_KEY["event"].name[0].lower(),
        "topic": topics.event(station),
        "value_template": "{{ value_json.event_type }}",
        "payload": kind,
        "unique_id": topics.unique_id(station, f"{_TRIGGER}{kind}"),
    }
