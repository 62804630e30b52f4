"""Where the secrets are in the tree of a settings file, by the models that will read it."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, get_args

from pydantic import BaseModel

from roastwatch import plugins
from roastwatch.errors import RoastwatchError
from roastwatch.options import holds_secret

GROUPS = {
    "source": "sources", "reference": "sources", "model": "models", "detectors": "models",
    "roaster": "drivers", "sinks": "sinks",
}  # fmt: skip
"""Key of a station or of the whole file → the group of its plugin."""
_DEFAULTS = {"sources": "microphone", "models": "pops"}
_NAMES = ("token", "password", "secret", "urls")
"""Of an unknown plugin, what has such a name is taken for a secret."""
Place: TypeAlias = tuple[Any, Any, str]
"""A mapping or list, the key or index of the secret in it, and its text."""


def secrets_of(tree: Mapping[str, Any]) -> Iterator[Place]:
    """Every secret of a settings file, in a fixed order; what can't be a secret is passed over."""
    stations = tree.get("stations")
    for station in stations if isinstance(stations, list) else ():
        if isinstance(station, dict):
            for key, group in GROUPS.items():
                yield from _of_plugins(station.get(key), group)
    yield from _of_plugins(tree.get("sinks"), "sinks")


def _of_plugins(value: Any, group: str) -> Iterator[Place]:
    for one in value if isinstance(value, list) else (value,):
        if not isinstance(one, dict):
            continue
        try:
            model = plugins.load(group, str(one.get("type", _DEFAULTS.get(group, "")))).Options
        except RoastwatchError:
            yield from _by_name(one)
        else:
            yield from _of_model(one, model)


def _of_model(node: dict[str, Any], model: type[BaseModel]) -> Iterator[Place]:
    for key, value in node.items():
        field = model.model_fields.get(key)
        if field is None:
            yield from _by_name({key: value}, node)
        elif holds_secret(field.annotation):
            yield from _texts(node, key)
        elif (inner := _inner(field.annotation)) is not None:
            for one in value if isinstance(value, list) else (value,):
                if isinstance(one, dict):
                    yield from _of_model(one, inner)


def _by_name(part: Mapping[str, Any], node: Any = None) -> Iterator[Place]:
    """Secrets of what no model describes: a misspelt key may hold one."""
    for key, value in part.items():
        if not str(key).endswith("_file") and any(word in str(key) for word in _NAMES):
            yield from _texts(part if node is None else node, key)
        elif isinstance(value, dict):
            yield from _by_name(value)


def _texts(node: Any, key: Any) -> Iterator[Place]:
    value = node[key]
    if isinstance(value, list):
        for index in range(len(value)):
            yield from _texts(value, index)
    elif value is not None and not isinstance(value, dict):
        yield node, key, str(value)


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The model that a type is or contains."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((one for part in get_args(annotation) if (one := _inner(part))), None)
