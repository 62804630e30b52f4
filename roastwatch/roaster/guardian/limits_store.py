"""The limits of each machine: `config/roasters/<name>.yaml`, or a person's own file."""

from pathlib import Path

import yaml
from annotated_types import Ge, Le
from pydantic import ValidationError

from roastwatch.errors import BadInputError
from roastwatch.files.untrusted import read_text
from roastwatch.files.yaml_file import parse_yaml
from roastwatch.options import explained
from roastwatch.roaster.guardian.limits import Limits

_BESIDE = Path(__file__).parent / "machines"
_IN_THE_REPOSITORY = Path(__file__).parents[3] / "config" / "roasters"


def folder() -> Path:
    """Where the machines' files are: in the wheel beside this file, else in the repository."""
    return _BESIDE if _BESIDE.is_dir() else _IN_THE_REPOSITORY


def names() -> list[str]:
    """The machines that have a file."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def limits_for(machine: str, file: Path | None = None) -> Limits:
    """The limits of a machine: from `file`, else from its own file, else the cautious defaults.

    Raises:
        BadInputError: a file that can't be read, an unknown key or a value out of range.
    """
    if file is None:
        file = folder() / f"{machine}.yaml"
        if not file.is_file():
            return Limits()
    try:
        raw = parse_yaml(read_text(file))
    except OSError as error:
        raise BadInputError(f"The limits {file} can't be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise BadInputError(f"The limits {file} are not YAML: {error}.") from error
    return parse_limits(raw or {}, str(file))


def parse_limits(raw: object, where: str) -> Limits:
    """Limits from keys and values.

    Raises:
        BadInputError: an unknown key or a value out of range; the text names it and the fix.
    """
    if not isinstance(raw, dict):
        raise BadInputError(f"{where}: limits are keys and values, such as `hot_above_c: 80`.")
    try:
        return Limits.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] != "extra_forbidden" and key in Limits.model_fields:
            raise BadInputError(f"{where}: {key}: {_wanted(key)}, not {first['input']}.") from error
        raise BadInputError(f"{where}: {explained(error, Limits, kind='limit')}") from error


def _wanted(key: str) -> str:
    """The range and meaning of a limit."""
    field = Limits.model_fields[key]
    meaning = (field.description or "").rstrip(".")
    if field.annotation is bool:
        return f"true or false is needed ({meaning})"
    low = next((m.ge for m in field.metadata if isinstance(m, Ge)), 0)
    high = next(m.le for m in field.metadata if isinstance(m, Le))
    return f"a number from {low:g} to {high:g} is needed ({meaning})"
