"""Home Assistant's built-in cards for one station, as its dashboards store them. Pure.

A card of something that a station may lack, or lack for a while, is shown only while its entity is
available: no dashboard shows "Entity not found".
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from roastwatch.entities import BY_KEY
from roastwatch.sinks.home_assistant.card_words import WORDS

Card = dict[str, Any]
Condition = dict[str, Any]

_ABSENT = ["unavailable", "unknown"]
_UNTIL_DROP = ("charged", "drying", "maillard", "roasting", "first_crack", "development")


@dataclass(frozen=True, slots=True)
class StationCards:
    """Cards of a station, for an instance, in a language."""

    instance: str
    station: str
    language: str = "en"
    words_shown: bool = True
    """Whether Home Assistant shows words for phases, or their keys."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Key → entity id, where it is not the first one (a person renamed it)."""
    missing: Collection[str] = ()
    """Keys that the station is known to lack."""

    def id(self, key: str) -> str:
        """The entity id of a key."""
        first = f"{BY_KEY[key].platform.value}.{self.instance}_{self.station}_{key}"
        return self.names.get(key, first.replace("-", "_"))

    def has(self, *keys: str) -> bool:
        """Whether the station has, or may have, one of these."""
        return any(key not in self.missing for key in keys)

    def word(self, key: str) -> str:
        """A text of the dashboard."""
        return WORDS[key][1 if self.language == "de" else 0]

    def state(self, key: str, value: str) -> str:
        """A value as Home Assistant shows it."""
        return BY_KEY[key].word(value, self.language) if self.words_shown else value

    # Conditions

    def there(self, key: str) -> Condition:
        """While an entity has a value."""
        return {"condition": "state", "entity": self.id(key), "state_not": _ABSENT}

    def available(self, key: str) -> Condition:
        """While an entity is available: a button has no value before it is pressed."""
        return {"condition": "state", "entity": self.id(key), "state_not": "unavailable"}

    def phase(self, *phases: str, is_one: bool = True) -> Condition:
        """While the phase is one of these, or none of them."""
        shown = list(dict.fromkeys(self.state("phase", phase) for phase in phases))
        how = "state" if is_one else "state_not"
        return {"condition": "state", "entity": self.id("phase"), how: shown}

    @property
    def roasting(self) -> Condition:
        """While beans are in."""
        return self.phase(*_UNTIL_DROP)

    @property
    def not_roasting(self) -> Condition:
        """While no beans are in."""
        return self.phase("idle", "dropped", "cooling")

    # Cards

    def tile(self, key: str, columns: int = 6, **more: Any) -> Card:
        """One value; shown while there is one."""
        shown = {"visibility": [self.there(key)]} | more
        return {
            "type": "tile",
            "entity": self.id(key),
            "name": self.word(key) if key in WORDS else BY_KEY[key].title(self.language),
            "grid_options": {"columns": columns, "rows": 1},
            **shown,
        }

    def press(self, key: str, columns: int = 6, *also: Condition, **more: Any) -> Card:
        """A button; `also` are conditions besides that it is available."""
        tap = {"action": "toggle"}
        return self.tile(
            key,
            columns,
            hide_state=True,
            vertical=False,
            tap_action=tap,
            icon_tap_action=tap,
            visibility=[self.available(key), *also],
            **more,
        )

    def alert(self, kind: str, text: str, *conditions: Condition, title: str = "") -> Card:
        """A message in words; `text` is a template."""
        titled = f' title="{title}"' if title else ""
        return {
            "type": "markdown",
            "text_only": True,
            "content": f'<ha-alert alert-type="{kind}"{titled}>{text}</ha-alert>',
            "grid_options": {"columns": "full", "rows": "auto"},
            "visibility": list(conditions),
        }

    def graph(self, title: str, keys: Collection[str], rows: int = 5) -> Card:
        """The last 20 minutes of some values."""
        keys = [key for key in keys if self.has(key)]
        return {
            "type": "history-graph",
            "title": self.word(title),
            "hours_to_show": 0.33,
            "grid_options": {"columns": "full", "rows": rows},
            "visibility": [self.there(keys[0])] if keys else [],
            "entities": [{"entity": self.id(key), "name": self.word(key)} for key in keys],
        }

    def states(self, key: str) -> str:
        """The state of an entity, in a template."""
        return f"states('{self.id(key)}')"


def heading(text: str, icon: str, *conditions: Condition) -> Card:
    """The heading of a section."""
    shown = {"visibility": list(conditions)} if conditions else {}
    return {"type": "heading", "heading": text, "icon": f"mdi:{icon}", **shown}


def section(*cards: Card | None, span: int = 1) -> Card:
    """Cards that stay together."""
    spans = {"column_span": span} if span > 1 else {}
    return {"type": "grid", **spans, "cards": [card for card in cards if card is not None]}
