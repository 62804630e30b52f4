"""The settings file that documents every option, made from the code so that it can't be wrong."""

import json
from enum import Enum
from typing import Any, get_args

from pydantic.fields import FieldInfo

from roastwatch import plugins
from roastwatch.errors import MissingExtraError
from roastwatch.options import Options
from roastwatch.settings.model import STATION_CHOICES, Chosen, Settings, StationSettings

_HEAD = """\
# Every option of roastwatch, with its default and its unit.
# Made by `roastwatch settings --document`; check yours with `roastwatch settings FILE`.
# Leave out what you don't change. ${NAME} and ${NAME:-default} stand for environment variables,
# and a secret may be given as `<key>_file: PATH` instead of `<key>`.
"""


def document() -> str:
    """The whole file as YAML text."""
    lines = [_HEAD]
    for name, field in Settings.model_fields.items():
        lines += [f"# {field.description}"]
        if name == "stations":
            lines += ["stations:", *_item(_station())]
        elif name == "sinks":
            lines += ["sinks: []", *_commented(_sinks(), 0)]
        else:
            lines += _option(name, field, describe=False)
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _station() -> list[str]:
    lines: list[str] = []
    for name, field in StationSettings.model_fields.items():
        if name in STATION_CHOICES:
            group, default = STATION_CHOICES[name]
            lines += [f"# {field.description}", f"{name}:", *_indent(_plugin(group, default))]
            for other in plugins.names(group):
                if other != default:
                    lines += [
                        "# or:",
                        *_commented([f"{name}:", *_indent(_plugin(group, other))], 0),
                    ]
        else:
            lines += _option(name, field)
    return lines


def _sinks() -> list[str]:
    lines = ["sinks:"]
    for name in plugins.names("sinks"):
        lines += _item(_plugin("sinks", name))
    return lines


def _plugin(group: str, name: str) -> list[str]:
    try:
        model = plugins.load(group, name).Options
    except MissingExtraError as missing:
        return [f"type: {name}", f"# {missing}"]
    return [f"type: {name}", *_options(model)]


def _options(model: type[Options]) -> list[str]:
    return [line for name, field in model.model_fields.items() for line in _option(name, field)]


def _option(name: str, field: FieldInfo, *, describe: bool = True) -> list[str]:
    lines = [f"# {field.description}"] if describe else []
    default = field.get_default(call_default_factory=True) if not field.is_required() else ...
    if isinstance(default, Options) and not isinstance(default, Chosen):
        return [*lines, f"{name}:", *_indent(_options(type(default)))]
    inner = _inner(field.annotation)
    if inner is not None and default in ((), None):
        many = default == ()
        below = _item(_options(inner)) if many else _indent(_options(inner))
        empty = "[]" if many else "null"
        return [*lines, f"{name}: {empty}", *_commented([f"{name}:", *below], 0)]
    if default is ...:
        return [*lines, f"{name}: ...  # no default: needed"]
    return [*lines, f"{name}: {_yaml(default)}"]


def _inner(annotation: Any) -> type[Options] | None:
    """The options model inside tuple[X, ...] or X | None."""
    for part in get_args(annotation):
        if isinstance(part, type) and issubclass(part, Options) and part is not Chosen:
            return part
    return None


def _yaml(value: object) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, tuple | frozenset | set):
        value = sorted(value) if isinstance(value, frozenset | set) else list(value)
    if isinstance(value, str) and value and value.replace("_", "").replace("-", "").isalnum():
        return (
            value
            if value not in {"on", "off", "yes", "no", "null"} and not value[0].isdigit()
            else json.dumps(value)
        )
    return json.dumps(value, default=str, ensure_ascii=False)


def _indent(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _item(lines: list[str]) -> list[str]:
    return [f"  - {lines[0]}", *(f"    {line}" for line in lines[1:])]


def _commented(lines: list[str], depth: int) -> list[str]:
    return [" " * depth + f"# {line}".rstrip() for line in lines]
