"""Options models as Markdown: one bullet a key, with its type, default, range and meaning."""

import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from roastwatch.options import Options
from roastwatch.settings.model import Chosen

_WORDS: dict[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    SecretStr: "secret",
    NoneType: "null",
    dict: "keys and values",
    Chosen: "plugin",
}
_BOUNDS = {Ge: ("ge", "at least"), Gt: ("gt", "above"), Le: ("le", "at most"), Lt: ("lt", "below")}


def options(model: type[Options], prefix: str = "", skip: tuple[str, ...] = ()) -> list[str]:
    """The keys of a model as bullets; nested models follow their key with dotted names."""
    lines: list[str] = []
    for name, field in model.model_fields.items():
        if name in skip:
            continue
        lines.append(_bullet(f"{prefix}{name}", field))
        inner = next(_models(field.annotation), None)
        if inner is not None:
            many = "[]" if list in _origins(field.annotation) else ""
            lines += options(inner, f"{prefix}{name}{many}.")
    return lines


def _bullet(key: str, field: FieldInfo) -> str:
    facts = [_kind(field.annotation), *_range(field)]
    if field.is_required():
        facts.append("required")
    else:
        default = field.get_default(call_default_factory=True)
        if not isinstance(default, Options):
            facts.append(f"default `{_value(default)}`")
    return f"- **`{key}`** ({', '.join(facts)}): {field.description}"


def _range(field: FieldInfo) -> Iterator[str]:
    for bound in field.metadata:
        for kind, (attribute, word) in _BOUNDS.items():
            if isinstance(bound, kind):
                yield f"{word} {getattr(bound, attribute):g}"


def _kind(annotation: Any) -> str:
    """A type in words, such as `text or null`."""
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin = get_origin(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if origin in (Union, UnionType):
        return " or ".join(_kind(part) for part in get_args(annotation))
    if origin in (tuple, list, set, frozenset):
        inner = next(part for part in get_args(annotation) if part is not Ellipsis)
        return f"list of {_kind(inner)}"
    if origin in _WORDS:
        return _WORDS[origin]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, Options):
        return "group"
    if origin is not None or getattr(annotation, "__metadata__", None):
        return _kind(get_args(annotation)[0])
    return str(annotation)


def _models(annotation: Any) -> Iterator[type[Options]]:
    """The options models that an annotation is or holds, without plugins' own."""
    if isinstance(annotation, type) and issubclass(annotation, Options):
        if annotation is not Chosen:
            yield annotation
        return
    for part in get_args(annotation):
        yield from _models(part)


def _origins(annotation: Any) -> set[object]:
    found = {list} if get_origin(annotation) in (tuple, list) else set()
    return found.union(*(_origins(part) for part in get_args(annotation)))


def _value(value: object) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, tuple | frozenset | set):
        value = sorted(value) if isinstance(value, frozenset | set) else list(value)
    return json.dumps(value, default=str, ensure_ascii=False)
