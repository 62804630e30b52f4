"""The base of every settings model. The options of a component are defined beside it."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from roastwatch.files.untrusted import read_text
from roastwatch.printing.printable import printable, without_credentials

_SECRET_NAMES = ("token", "password", "secret", "urls")


class Options(BaseModel):
    """A frozen set of options. Unknown keys are refused.

    Each field has a `Field(description=...)` that names its unit. `config/roastwatch.yaml` is
    generated from them; a test keeps the two equal. A field of type SecretStr can be given as
    `<field>_file: PATH` instead, so that the settings contain no secret. A secret is never empty.
    A Path may start with `~`; a relative one starts at the folder of the settings file (see
    `placed`; the validation context holds it as `folder`).
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _secrets_and_paths(cls, raw: Any, info: ValidationInfo) -> Any:
        if not isinstance(raw, dict):
            return raw
        raw = dict(raw)
        folder = (info.context or {}).get("folder")
        for name, field in cls.model_fields.items():
            kinds = _kinds(field.annotation)
            if SecretStr in kinds:
                _take_secret(raw, name, folder, many=tuple in kinds)
            elif Path in kinds and isinstance(raw.get(name), str):
                raw[name] = placed(raw[name], folder, name)
        return raw


def holds_secret(annotation: object) -> bool:
    """Whether a field of this type is a secret or contains one."""
    if annotation is SecretStr:
        return True
    return any(holds_secret(inner) for inner in getattr(annotation, "__args__", ()))


def secrets_in(value: object) -> set[str]:
    """The texts of all secrets in options, at any depth."""
    if isinstance(value, SecretStr):
        return {value.get_secret_value()}
    if isinstance(value, BaseModel):
        return secrets_in([getattr(value, name) for name in type(value).model_fields])
    if isinstance(value, Mapping):
        return secrets_in(list(value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return set().union(*(secrets_in(one) for one in value))
    return set()


def explained(
    error: ValidationError, model: type[BaseModel], where: str = "", *, kind: str = "setting"
) -> str:
    """One sentence about invalid values: which key, what is wrong with it, how to correct it.

    Args:
        error: what validation raised.
        model: what was validated.
        where: the path of keys that leads to the model, such as `stations[0].source`.
        kind: what a key is called, such as `setting` or `option`.
    """
    first = _first(error)
    return _explained(first, model, where, kind)[1]


def explanations(
    error: ValidationError, model: type[BaseModel], where: str = ""
) -> list[tuple[str, str]]:
    """The path of keys and the sentence of every invalid value; see `explained`."""
    found = []
    for one in error.errors():
        place, sentence = _explained(one, model, where, "setting")
        key = sentence.removeprefix(f"{place}: ").split(" ", 1)[0]
        if not one["loc"] and key in model.model_fields:  # of a check of several fields
            place = f"{place}.{key}" if place else key
        found.append((place, sentence))
    return found


def _explained(
    first: Mapping[str, Any], model: type[BaseModel], where: str, kind: str
) -> tuple[str, str]:
    """The path of keys and the sentence of one row of `ValidationError.errors()`."""
    keys = list(first["loc"])
    place = _place(keys, where)
    if first["type"] == "extra_forbidden":
        known = _keys(model, keys[:-1])
        near = get_close_matches(str(keys[-1]), known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"the known keys are {', '.join(known)}."
        return place, f"{place} is not {'an' if kind[0] in 'aeiou' else 'a'} {kind}: {hint}"
    if first["type"] == "missing":
        return place, f"{place} is missing and has no default: add it."
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "string_type" and isinstance(first.get("input"), int | float):
        message = "put it in quotes, because YAML does not read it as text"
    before = f"{place}: " if place else ""
    return place, f"{before}{message[:1].lower()}{message[1:]}{_shown_input(first, model)}."


def place_of(error: ValidationError) -> str:
    """The key that `explained` names, such as `steps[0].heater_percent`; empty: the whole."""
    return _place(_first(error)["loc"])


def _first(error: ValidationError) -> Mapping[str, Any]:
    """A misspelt key is often why another is missing: it comes first."""
    return min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")


def _place(keys: Iterable[int | str], where: str = "") -> str:
    place = where
    for key in keys:
        name = str(key) if str(key).isprintable() else repr(key)
        place += f"[{key}]" if isinstance(key, int) else f".{name}" if place else name
    return place


def _keys(model: type[BaseModel], path: list[Any]) -> list[str]:
    """The keys that are known at a place in a model."""
    here: Any = model
    for key in path:
        fields = _fields_of(_model_in(here))
        here = fields[key].annotation if key in fields else here
    fields = _fields_of(_model_in(here)) or model.model_fields
    return sorted(field.alias or name for name, field in fields.items())


def _shown_input(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    """The rejected value as ` (it is 5)`; empty if it may be a secret.

    `error` is one row of `ValidationError.errors()`, `model` the model that was validated. Both
    the type and the name of a key are checked, because a secret may be under a misspelt or wrong
    key.
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
        return ""  # a secret was given instead of a whole group of settings
    return f" (it is {printable(without_credentials(repr(given)), 100)})"


def _fields_of(annotation: Any) -> dict[str, Any]:
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation.model_fields if is_model else {}


def _model_in(annotation: Any) -> Any:
    """The model that a type is or contains; the type itself if it contains none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(one) for one in getattr(annotation, "__args__", ()))
    return next((one for one in inner if _fields_of(one)), annotation)


def placed(text: str, folder: Path | None, key: str = "") -> Path:
    """The file or folder that a path in the settings refers to.

    A relative path starts at the folder of the settings file. If nothing is there, but something
    is in the working directory (where older versions looked), that is used.

    Args:
        text: the path, which may start with `~`.
        folder: folder of the settings file; None: the working directory.
        key: the setting, for the error.

    Raises:
        ValueError: the path is empty, or there is no home folder.
    """
    about = f"{key}: " if key else ""
    if not text.strip() or "\0" in text:
        raise ValueError(f"{about}the path is empty: name a file or folder, or leave the key out")
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise ValueError(
            f"{about}'{text}' needs a home folder, but this user has none: write the absolute path"
        ) from None
    if folder is None or path.is_absolute():
        return path
    beside = folder / path
    return path.absolute() if path.exists() and not beside.exists() else beside


def _kinds(annotation: Any) -> frozenset[Any]:
    """The types in an annotation such as `SecretStr | None` or `tuple[SecretStr, ...]`."""
    parts = get_args(annotation)
    origin = getattr(annotation, "__origin__", None)
    return frozenset({annotation, origin}.union(*(_kinds(part) for part in parts)))


def _take_secret(raw: dict[str, Any], name: str, folder: Path | None, *, many: bool) -> None:
    """Replace the file of a secret by its content, and refuse what is not a secret.

    Raises:
        ValueError: both are given, the secret is empty, or YAML did not read it as text.
    """
    key = f"{name}_file"
    path = raw.pop(key, None)
    if path is not None:
        if raw.get(name) not in (None, (), []):
            raise ValueError(f"give {name} or {key}, not both")
        if not isinstance(path, str | Path):
            raise ValueError(f"{key} must be the path of a file: put it in quotes")
        place = placed(str(path), folder, key)
        try:
            lines = read_text(place).split("\n")
        except OSError as error:
            raise ValueError(f"{key} {place} can't be read: {error.strerror}") from error
        found = [line.strip() for line in lines if line.strip()]
        if not found:
            raise ValueError(f"{key} {place} is empty: write the secret into it")
        if len(found) > 1 and not many:
            raise ValueError(f"{key} {place} has more than one line: keep only the secret in it")
        raw[name] = found if many else found[0]
    secrets = raw.get(name)
    for secret in secrets if many and isinstance(secrets, list | tuple) else [secrets]:
        if secret is None:
            continue
        if isinstance(secret, SecretStr):
            secret = secret.get_secret_value()
        if not isinstance(secret, str):
            # A number has already lost its leading zeros. The value is a secret and not shown.
            raise ValueError(
                f"{name} must be text: put it in quotes, because YAML does not read it as text"
            )
        if not secret.strip():
            raise ValueError(f"{name} is empty: set it, or remove the key if there is none")
