"""Everything that is wrong with the tree of a settings file, by the path of its keys."""

import copy
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from roastwatch import plugins
from roastwatch.errors import SettingsError
from roastwatch.options import Options, explanations
from roastwatch.settings.model import STATION_CHOICES, Settings, chosen_from, parse
from roastwatch.settings.secret_keys import GROUPS

_PLACE = re.compile(r"^([a-z_]\w*(?:\[\d+\]|\.\w+)*)(?::| is | uses )")


def problems(tree: Mapping[str, Any], folder: Path | None = None) -> list[tuple[str, str]]:
    """What is wrong: path of keys such as `sinks[0].port` (empty: unknown), and a sentence each.

    Plugins are checked one by one, so that each of them has its own sentences.
    """
    found: list[tuple[str, str]] = []
    for group, raw, where, default in _plugins(tree):
        try:
            chosen_from(group, copy.deepcopy(raw), where, default, folder)
        except SettingsError as error:
            model = _model(group, raw, default)
            found += _of(error, where, model)
    if not found:
        try:
            parse(copy.deepcopy(dict(tree)), folder)
        except SettingsError as error:
            found += _of(error, "", Settings)
    return found


def _plugins(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any, str, str | None]]:
    """Group, raw options, path and default type of every plugin that is named."""
    stations = tree.get("stations")
    for index, station in enumerate(stations if isinstance(stations, list) else ()):
        if not isinstance(station, dict):
            continue
        for key, group in GROUPS.items():
            value, where = station.get(key), f"stations[{index}].{key}"
            if key == "detectors" and isinstance(value, list):
                yield from ((group, one, f"{where}[{n}]", None) for n, one in enumerate(value))
            elif value is not None and key not in ("detectors", "sinks"):
                yield group, value, where, STATION_CHOICES.get(key, (group, None))[1]
    sinks = tree.get("sinks")
    for index, sink in enumerate(sinks if isinstance(sinks, list) else ()):
        yield "sinks", sink, f"sinks[{index}]", None


def _model(group: str, raw: Any, default: str | None) -> type[Options] | None:
    name = raw.get("type", default) if isinstance(raw, dict) else raw
    if not isinstance(name, str) or name not in plugins.names(group):
        return None
    try:
        found: type[Options] = plugins.load(group, name).Options
    except Exception:  # noqa: BLE001 - its own sentence says that it can't be loaded
        return None
    return found


def _of(error: SettingsError, where: str, model: type[Options] | None) -> list[tuple[str, str]]:
    cause = error.__cause__
    if isinstance(cause, ValidationError) and model is not None:
        rows = explanations(cause, model, where)
        # A list without its wrong items is too short as well.
        return [row for row in rows if not any(one.startswith(f"{row[0]}[") for one, _ in rows)]
    place = _PLACE.match(str(error))
    return [(place[1] if place else where, str(error))]
