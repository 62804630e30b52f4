"""The base of every settings model. Each part's options live beside the part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from roastwatch.printable import printable, without_credentials

_SECRET_NAMES = ("token", "password", "secret", "urls")


class Options(BaseModel):
    """A frozen set of options. Unknown keys are refused.

    Each field carries `Field(description=...)` with its unit: `config/roastwatch.yaml` is made
    from them, and a test holds the two equal. A field of type SecretStr may be given as
    `<field>_file: PATH` instead, so that no secret stands in the settings. A secret that is given
    is never empty: an empty token would let everybody in.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        raw = dict(raw)
        for name, field in cls.model_fields.items():
            key = f"{name}_file"
            if not holds_secret(field.annotation):
                continue
            if raw.get(key) is None:
                raw.pop(key, None)
                _refuse_empty(name, raw.get(name))
                continue
            if raw.get(name) is not None:
                raise ValueError(f"give {name} or {key}, not both")
            path = Path(str(raw.pop(key)))
            try:
                raw[name] = path.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ValueError(f"{key} {path} can't be read ({error.strerror})") from error
            except UnicodeDecodeError:
                raise ValueError(f"{key} {path} is not UTF-8 text") from None
            _refuse_empty(f"{key} {path}", raw[name])
        return raw


def holds_secret(annotation: object) -> bool:
    """Whether a field of this type is a secret, or holds some."""
    if annotation is SecretStr:
        return True
    return any(holds_secret(inner) for inner in getattr(annotation, "__args__", ()))


def shown_input(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    """What was given and is wrong, as ` (it is 5)`; nothing where that may be a secret.

    `error` is one row of a ValidationError's `errors()`, `model` what was validated. Both the
    type and the name of a key count: a secret may stand under a misspelt or a wrong one.
    """
    given = error.get("input")
    if not isinstance(given, str | int | float | bool):
        return ""
    here: Any = model
    for key in error["loc"]:
        if isinstance(key, str) and any(word in key for word in _SECRET_NAMES):
            return ""
        fields = _fields_of(_model_in(here))
        here = fields[key].annotation if key in fields else here
        if key in fields and holds_secret(here):
            return ""
    if any(holds_secret(one.annotation) for one in _fields_of(_model_in(here)).values()):
        return ""  # a secret where a whole group of settings belongs
    return f" (it is {printable(without_credentials(repr(given)), 100)})"


def _fields_of(annotation: Any) -> dict[str, Any]:
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation.model_fields if is_model else {}


def _model_in(annotation: Any) -> Any:
    """The model that a type is or holds, itself where it holds none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(one) for one in getattr(annotation, "__args__", ()))
    return next((one for one in inner if _fields_of(one)), annotation)


def _refuse_empty(key: str, given: object) -> None:
    """Raises ValueError for an empty secret, and for what is no text (its value isn't shown)."""
    for one in given if isinstance(given, list | tuple) else [given]:
        text = one.get_secret_value() if isinstance(one, SecretStr) else one
        if isinstance(text, str) and not text.strip():
            raise ValueError(f"{key} is empty: give a secret, or leave the key out")
        if text is not None and not isinstance(text, str):
            raise ValueError(f"{key} must be a text: put it in quotes")
