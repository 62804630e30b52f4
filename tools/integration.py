"""What the Home Assistant integration shows, made from the one table of entities.

python -m tools.integration          write it
python -m tools.integration --check  name the files that are out of date (exit 1)

Only some sections of the translations are made here: the others are written by hand.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from roastwatch.entities import BY_KEY, ENTITIES, EVENT_TYPES, EVENT_WORDS, Entity, Platform, Reason
from roastwatch.sinks.arming import NOTHING_TO_CONFIRM
from roastwatch.vocabulary import Actuator, InstructionKind

FOLDER = (
    Path(__file__).resolve().parents[1] / "integrations/home_assistant/custom_components/roastwatch"
)
LANGUAGES = ("en", "de")

INSTRUCTIONS = {
    InstructionKind.START: BY_KEY["start"].name,
    InstructionKind.UNDER_WAY: BY_KEY["under_way"].name,
    InstructionKind.FIRST_CRACK_NOW: BY_KEY["first_crack_now"].name,
    InstructionKind.NOT_A_CRACK: BY_KEY["not_a_crack"].name,
    InstructionKind.DROP: BY_KEY["drop"].name,
    InstructionKind.STOP: BY_KEY["stop"].name,
    InstructionKind.LISTEN_ON: ("Listen", "Zuhören einschalten"),
    InstructionKind.LISTEN_OFF: ("Stop listening", "Zuhören ausschalten"),
    InstructionKind.ACKNOWLEDGE: BY_KEY["acknowledge"].name,
    InstructionKind.PRESENT: BY_KEY["present"].name,
    InstructionKind.DISARM: ("Disarm", "Entschärfen"),
    InstructionKind.EMERGENCY_STOP: BY_KEY["emergency_stop"].name,
}
"""What the action `instruct` offers. Arming is left out: it takes two steps."""
ACTUATORS = (Actuator.HEATER, Actuator.FAN, Actuator.DRUM)

_REFUSALS_DE = {
    Reason.NO_ROAST: "Es läuft keine Röstung.",
    Reason.ROAST_ACTIVE: "Es läuft bereits eine Röstung.",
    Reason.DURING_ROAST: "Während einer Röstung lässt es sich nicht ändern: Beende sie zuerst.",
    Reason.NO_CRACK: "In dieser Röstung wurde kein First Crack gemeldet.",
    Reason.ROASTER_LOST: "Der Röster ist nicht verbunden.",
    Reason.NOT_ARMED: "Der Röster ist nicht scharf: Schalte ihn zuerst scharf.",
    Reason.DISARMED: "Der Röster ist nicht scharf.",
    Reason.DOOR_OPEN: "Die Klappe ist offen: Schließe sie zuerst.",
}
"""What a request is refused for that needs no more words than its reason has."""
_NOTHING_TO_CONFIRM_DE = (
    "Es wurde nichts scharfgeschaltet: Schalte zuerst „Scharfgeschaltet“ ein und bestätige dann "
    "innerhalb von 30 s."
)


def refusals(language: str) -> dict[str, str]:
    """Code → sentence."""
    german = language == "de"
    found = {one.code: text if german else one.text for one, text in _REFUSALS_DE.items()}
    return found | {"nothing_to_confirm": _NOTHING_TO_CONFIRM_DE if german else NOTHING_TO_CONFIRM}


def translations(language: str) -> dict[str, Any]:
    """The sections of a language that follow from the code, by path."""
    entities: dict[str, dict[str, Any]] = {}
    for one in sorted(ENTITIES, key=lambda one: (one.platform.value, one.key)):
        if one.platform is not Platform.UPDATE:
            entities.setdefault(one.platform.value, {})[one.key] = _entity(one, language)
    return {
        "entity": entities,
        "device_automation": {
            "trigger_type": {kind: _word(EVENT_WORDS[kind], language) for kind in EVENT_TYPES}
        },
        "selector": {
            "instruction": {
                "options": {
                    kind.value: _word(words, language) for kind, words in INSTRUCTIONS.items()
                }
            },
            "actuator": {
                "options": {one.value: BY_KEY[one.value].title(language) for one in ACTUATORS}
            },
        },
    }


def _entity(entity: Entity, language: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": entity.title(language)}
    words = {key: entity.word(key, language) for key in entity.options}
    if entity.platform is Platform.EVENT:
        found["state_attributes"] = {"event_type": {"state": words}}
    elif words:
        found["state"] = words
    if entity.key == "hearing":
        found["state_attributes"] = {"reason": {"name": "Grund" if language == "de" else "Reason"}}
    return found


def whole(language: str) -> str:
    """The translations of a language: what stands there by hand, and what follows from the code."""
    path = FOLDER / "translations" / f"{language}.json"
    by_hand = json.loads(path.read_text(encoding="utf-8"))
    exceptions = {
        key: value for key, value in by_hand["exceptions"].items() if not key.startswith("refused_")
    } | {f"refused_{code}": {"message": text} for code, text in refusals(language).items()}
    found = by_hand | translations(language) | {"exceptions": exceptions}
    return _json({key: found[key] for key in sorted(found)})


def icons() -> str:
    """The icons of entities and actions."""
    entities: dict[str, dict[str, Any]] = {}
    for one in ENTITIES:
        if one.icon and one.platform is not Platform.UPDATE:
            entities.setdefault(one.platform.value, {})[one.key] = {"default": one.icon}
    services = {
        "instruct": {"service": "mdi:gesture-tap-button"},
        "add_note": {"service": "mdi:note-plus-outline"},
        "set_actuator": {"service": "mdi:tune-vertical"},
    }
    return _json({"entity": entities, "services": services})


def table() -> str:
    """Names that the integration's code needs."""
    keys = [one.key for one in ENTITIES if one.platform is not Platform.UPDATE]
    return "\n".join(
        (
            '"""Made from the entities by `python -m tools.integration`: not changed by hand."""',
            "",
            _names("KEYS", keys, "Keys of entities that have translations."),
            _names("EVENT_TYPES", EVENT_TYPES, "Types of events."),
            _names("INSTRUCTIONS", [kind.value for kind in INSTRUCTIONS], "What a person asks."),
            _names("ACTUATORS", [one.value for one in ACTUATORS], "What is set in percent."),
            _names("REFUSALS", refusals("en"), "Codes of refusals that have translations."),
        )
    )


def _names(name: str, values: Iterable[str], said: str) -> str:
    lines = "".join(f'    "{value}",\n' for value in values)
    return f'{name} = (\n{lines})\n"""{said}"""\n'


def _word(words: tuple[str, str], language: str) -> str:
    return words[LANGUAGES.index(language)]


def _json(found: dict[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def files() -> dict[Path, str]:
    """Every file that is made here, with its text."""
    english = whole("en")
    return {
        FOLDER / "translations" / "en.json": english,
        FOLDER / "strings.json": english,
        FOLDER / "translations" / "de.json": whole("de"),
        FOLDER / "icons.json": icons(),
        FOLDER / "table.py": table(),
    }


def main() -> None:
    """Write the files, or check them."""
    stale = [
        path
        for path, text in files().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"out of date: {path.name}")  # noqa: T201 - a command
        sys.exit(1 if stale else 0)
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
