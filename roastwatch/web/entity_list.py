"""Which entities each station has now, described for programs that show them."""

import hashlib
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from roastwatch import __version__
from roastwatch.entities import BY_KEY, ENTITIES, Entity, OfferedEntities, Platform, offered
from roastwatch.sinks.sink import SinkContext
from roastwatch.vocabulary import Snapshot
from roastwatch.web.answers import json_bytes

_CONFIRMED_BY = {"arm": "confirm_arming"}
"""Switches of which turning on is a request only → the button that confirms it."""
_LIMITED = (Platform.NUMBER, Platform.TEXT)


class EntityLists:
    """What each station has. It remembers, because some of it can't be seen at every moment."""

    def __init__(self, context: SinkContext) -> None:
        self._context = context
        self._offers: dict[str, OfferedEntities] = {}
        self._revisions: dict[str, str] = {}
        # The API draws pictures where it can, and never looks for newer versions.
        self._absent = {"update"} | ({"image"} if context.picture is None else set())

    def look(self, snapshot: Snapshot) -> None:
        """Note what a station has now."""
        station = snapshot.station
        before = self._offers.get(station)
        keys = before.keys if before is not None else ()
        offer = offered(ENTITIES, snapshot, keys, self._absent)
        if before is not None:  # what a station was seen to lack is decided
            offer = replace(offer, undecided=offer.undecided & before.undecided)
            if offer == before and offer.undecided == before.undecided:
                return
        self._offers[station] = offer
        content = json_bytes(self._row(station, offer))
        self._revisions[station] = hashlib.blake2b(content, digest_size=8).hexdigest()

    def entities(self, station: str) -> list[Entity]:
        """The entities of a station, in the order in which people want to see them."""
        return [BY_KEY[key] for key in BY_KEY if key in self._offers[station].keys]

    def revision(self, station: str) -> str:
        """A text that changes with the list of a station, and only with it."""
        return self._revisions[station]

    def document(self, service_id: str, snapshots: Collection[Snapshot]) -> dict[str, Any]:
        """All that a program needs to show the stations without a table of its own."""
        for snapshot in snapshots:
            self.look(snapshot)
        context = self._context
        return {
            "id": service_id,
            "instance": context.instance,
            "version": __version__,
            "language": context.language,
            "temperature_unit": "F" if context.fahrenheit else "C",
            "stations": {
                name: {"revision": self._revisions[name], **self._row(name, offer)}
                for name, offer in self._offers.items()
            },
        }

    def _row(self, station: str, offer: OfferedEntities) -> dict[str, Any]:
        context, choices = self._context, dict(offer.choices)
        return {
            "title": context.titles.get(station) or station.replace("_", " ").capitalize(),
            "device": {
                "id": f"roastwatch_{context.instance}_{station}",
                "manufacturer": "roastwatch",
                "model": {"en": "Roast watcher", "de": "Röstwächter"},
                "version": __version__,
                "roaster": context.roasters.get(station),
            },
            "entities": [
                _described(one, choices.get(one.key)) for one in ENTITIES if one.key in offer.keys
            ],
            "undecided": sorted(offer.undecided),
        }


def _described(entity: Entity, choices: tuple[str, ...] | None) -> dict[str, Any]:
    """One entity, with null for what it has not."""
    limited = entity.platform in _LIMITED
    return {
        "key": entity.key,
        "platform": entity.platform.value,
        "name": _both(entity.name),
        "help": _both(entity.help),
        "unit": entity.unit,
        "device_class": entity.device_class,
        "state_class": entity.state_class,
        "entity_category": entity.category,
        "enabled_by_default": not entity.hidden,
        "icon": entity.icon,
        "precision": entity.precision,
        "options": list(choices or entity.options) or None,
        "words": {value: _both(words) for value, words in entity.words.items()} or None,
        "minimum": entity.minimum if limited else None,
        "maximum": entity.maximum if limited else None,
        "step": entity.step if entity.platform is Platform.NUMBER else None,
        "settable": bool(entity.asks or entity.actuator),
        "confirmed_by": _CONFIRMED_BY.get(entity.key),
    }


def _both(words: tuple[str, str]) -> dict[str, str]:
    return {"en": words[0], "de": words[1]}


def entity_schemas() -> dict[str, Any]:
    """The schemas of the lists, for the OpenAPI document."""
    text, maybe_text = {"type": "string"}, {"type": ["string", "null"]}
    maybe_number, yes = {"type": ["number", "null"]}, {"type": "boolean"}
    both = {"$ref": "#/components/schemas/BothLanguages"}
    return {
        "BothLanguages": _object(en=text, de=text),
        "EntityLists": _object(
            id=text,
            instance=text,
            version=text,
            language=text,
            temperature_unit={"enum": ["C", "F"]},
            stations={
                "type": "object",
                "additionalProperties": {"$ref": "#/components/schemas/StationEntities"},
            },
        ),
        "StationEntities": _object(
            revision=text,
            title=text,
            device=_object(
                id=text, manufacturer=text, model=both, version=text, roaster=maybe_text
            ),
            entities={"type": "array", "items": {"$ref": "#/components/schemas/Entity"}},
            undecided={"type": "array", "items": text},
        ),
        "Entity": _object(
            key={"enum": [one.key for one in ENTITIES]},
            platform={"enum": [one.value for one in Platform]},
            name=both,
            help=both,
            unit=maybe_text,
            device_class=maybe_text,
            state_class=maybe_text,
            entity_category=maybe_text,
            enabled_by_default=yes,
            icon=maybe_text,
            precision={"type": ["integer", "null"]},
            options={"type": ["array", "null"], "items": text},
            words={"type": ["object", "null"], "additionalProperties": both},
            minimum=maybe_number,
            maximum=maybe_number,
            step=maybe_number,
            settable=yes,
            confirmed_by=maybe_text,
        ),
    }


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
