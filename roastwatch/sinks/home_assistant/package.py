"""A package and the inputs of the blueprints for one's own names, as YAML. Pure."""

from collections.abc import Sequence
from typing import Any

import yaml

from roastwatch.entities import EVENT_WORDS
from roastwatch.sinks.home_assistant.cards import StationCards

_PACKAGE = """\
template:
  - binary_sensor:
      - name: {roasting}
        unique_id: {prefix}_roasting
        icon: mdi:coffee-maker
        state: >-
          {{{{ (state_attr('{phase}', 'key') or states('{phase}'))
             in ['charged', 'drying', 'maillard', 'roasting', 'first_crack', 'development'] }}}}
  - sensor:
      - name: {summary}
        unique_id: {prefix}_summary
        icon: mdi:coffee
        state: >-
          {{% set elapsed = states('{elapsed}') | int(0) %}}
          {{{{ states('{phase}') }}}}, {{{{ '%d:%02d' | format(elapsed // 60, elapsed % 60) }}}}

automation:
  - id: {prefix}_first_crack_notification
    alias: "{alias}"
    mode: queued
    triggers:
      - trigger: state
        entity_id: {event}
        not_from: unavailable
        not_to: [unavailable, unknown]
    conditions:
      - condition: template
        value_template: >-
          {{{{ (trigger.to_state.attributes.type or trigger.to_state.attributes.event_type)
             == 'first_crack' and not trigger.to_state.attributes.late }}}}
    actions:
      - action: persistent_notification.create
        data:
          notification_id: "{{{{ trigger.to_state.attributes.event_id }}}}"
          title: First crack
          message: >-
            {{{{ as_timestamp(trigger.to_state.attributes.happened_at)
               | timestamp_custom('%H:%M:%S') }}}},
            {{{{ (100 * trigger.to_state.attributes.confidence | float(0)) | round | int }}}} %

script:
  {prefix}_begin:
    alias: {begin}
    icon: mdi:play
    sequence:
      - action: switch.turn_on
        target:
          entity_id: {listening}
      - action: button.press
        target:
          entity_id: {start}
"""

_EN = {
    "roasting": "Roasting",
    "summary": "Roast summary",
    "alias": "Roast: notify of first crack",
    "begin": "Start a roast",
}
_DE = {
    "roasting": "Röstung läuft",
    "summary": "Röstung",
    "alias": "Röstung: First Crack melden",
    "begin": "Röstung starten",
}
_BUTTONS = {
    "not_a_crack": ("Not a crack", "Kein Crack"),
    "first_crack_now": ("I hear it", "Ich höre es"),
    "under_way": ("Roast under way", "Röstung läuft"),
    "drop": ("Drop", "Auswerfen"),
    "emergency_stop": ("Emergency stop", "Not-Aus"),
    "present": ("I am here", "Ich bin da"),
    "acknowledge": ("Acknowledge", "Bestätigen"),
}


def package(cards: StationCards) -> str:
    """Template sensors, an automation and a script for a station, as a package."""
    prefix = f"{cards.instance}_{cards.station}".replace("-", "_")
    keys = ("phase", "elapsed", "event", "listening", "start")
    ids = {key: cards.id(key) for key in keys}
    words = _DE if cards.language == "de" else _EN
    alone = prefix == "roastwatch_roaster"
    names = words if alone else {key: f"{text} ({prefix})" for key, text in words.items()}
    return _PACKAGE.format(prefix="roastwatch" if alone else prefix, **ids, **names)


def blueprint_inputs(stations: Sequence[tuple[str, StationCards]]) -> str:
    """One automation for each station and blueprint, to be completed and pasted."""
    made = [one for title, cards in stations for one in _automations(title, cards)]
    return yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=100)


def _automations(title: str, cards: StationCards) -> list[dict[str, Any]]:
    event = {"event_entity": cards.id("event")}
    alert = event | {"phone": "ID of your phone's device", "words": alert_words(cards.language)}
    speaker = {"speaker": "media_player.your_speaker", "voice": "tts.your_voice"}
    inputs = {
        "alert": alert,
        "announce": event | speaker,
        "scene": event | {"crack_scene": "scene.your_scene", "restored": []},
    }
    if cards.has("bean_temperature"):
        hot = {"temperature": cards.id("bean_temperature"), "phase": cards.id("phase")}
        inputs["left_hot"] = hot | {"actions": [{"event": "roaster_left_hot"}]}
    return [
        {
            "alias": f"{title}: {name}",
            "use_blueprint": {"path": f"roastwatch/{name}.yaml", "input": values},
        }
        for name, values in inputs.items()
    ]


def alert_words(language: str) -> dict[str, str]:
    """The texts of alerts and of their buttons in a language."""
    number = 1 if language == "de" else 0
    words = {kind: both[number] for kind, both in EVENT_WORDS.items()}
    words["late"] = ("late by", "verspätet um")[number]
    return words | {f"{key}_button": both[number] for key, both in _BUTTONS.items()}
