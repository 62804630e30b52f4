"""The JSON schema of a settings file, for forms: made from the models, with German texts."""

import re
from typing import Any

from roastwatch import plugins
from roastwatch.errors import RoastwatchError
from roastwatch.options import Options
from roastwatch.settings.german import DESCRIPTIONS, TITLES
from roastwatch.settings.model import STATION_CHOICES, Settings, StationSettings
from roastwatch.settings.secret_keys import GROUPS

_UNITS = {
    "_s": "s", "_ms": "ms", "_hz": "Hz", "_c": "°C", "_g": "g", "_mb": "MB", "_percent": "%",
    "_days": "days", "_per_h": "per hour",
}  # fmt: skip
_WORDS = {
    "ca": "CA", "url": "URL", "urls": "URLs", "mqtt": "MQTT", "tls": "TLS", "id": "ID",
    "api": "API", "usb": "USB", "udp": "UDP", "tcp": "TCP",
}  # fmt: skip


def schema() -> dict[str, Any]:
    """The schemas of the whole file, of a station, and of the options of every plugin.

    A property that names a plugin has `x-plugin`, the group; `x-title-de` and `x-description-de`
    are German texts, and `x-unit` the unit of a number. A secret has `format: password`.
    """
    return {
        "settings": _schema(Settings),
        "station": _schema(StationSettings),
        "plugins": {
            group: {name: _plugin(group, name) for name in plugins.names(group)}
            for group in ("sources", "models", "drivers", "sinks")
        },
        "defaults": {key: default for key, (_, default) in STATION_CHOICES.items()},
    }


def _plugin(group: str, name: str) -> dict[str, Any]:
    """The schema of a plugin's options, or why it can't be used."""
    try:
        model: type[Options] = plugins.load(group, name).Options
    except RoastwatchError as missing:
        return {"x-missing": str(missing)}
    return _schema(model)


def _schema(model: type[Options]) -> dict[str, Any]:
    found = model.model_json_schema(mode="validation")
    for one in (found, *found.get("$defs", {}).values()):
        for key, value in one.get("properties", {}).items():
            _name(key, value)
    return found


def _name(key: str, value: dict[str, Any]) -> None:
    """Title, unit and German texts of one property, in place."""
    value["title"], unit = title(key)
    if unit:
        value["x-unit"] = unit
    if german := TITLES.get(key):
        value["x-title-de"] = german
    if german := DESCRIPTIONS.get(value.get("description", "")):
        value["x-description-de"] = german
    if key in GROUPS and "Chosen" in str(value):
        value["x-plugin"] = GROUPS[key]


def title(key: str) -> tuple[str, str]:
    """A key as words, and its unit: `lost_after_s` is ("Lost after", "s")."""
    ending = next((one for one in _UNITS if key.endswith(one)), "")
    words = re.split("_+", key.removesuffix(ending))
    text = " ".join(_WORDS.get(word, word) for word in words)
    return text[:1].upper() + text[1:], _UNITS.get(ending, "")
