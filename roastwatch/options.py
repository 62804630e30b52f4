"""The base of every settings model. Each part's options live beside the part."""

from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationInfo, model_validator

from roastwatch.text_file import TextFileError, read_text


class Options(BaseModel):
    """A frozen set of options. Unknown keys are refused.

    Each field carries `Field(description=...)` with its unit: `config/roastwatch.yaml` is made
    from them, and a test holds the two equal. A field of type SecretStr may be given as
    `<field>_file: PATH` instead, so that no secret stands in the settings. A secret is never
    empty. A Path may begin with `~`, and stands beside the settings file when it is relative (see
    `placed`; the folder is `folder` in the validation's context).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

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


def placed(text: str, folder: Path | None, key: str = "") -> Path:
    """The file or folder that is meant by a path in the settings.

    A relative one is beside the settings; where it is not there but is in the working directory,
    as older versions sought it, it is that one.

    Args:
        text: the path, which may begin with `~`.
        folder: where the settings file is; None: the working directory.
        key: which setting it is, for the error.

    Raises:
        ValueError: it is empty, or there is no home folder.
    """
    about = f"{key}: " if key else ""
    if not text.strip() or "\0" in text:
        raise ValueError(f"{about}the path is empty: name a file or folder, or leave the key out")
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise ValueError(
            f"{about}'{text}' needs a home folder, and this user has none: write the whole path"
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
    """Put a secret's file in as the secret, and refuse what would be none.

    Raises:
        ValueError: both are given, it is empty, or YAML made something else of it.
    """
    key = f"{name}_file"
    path = raw.pop(key, None)
    if path is not None:
        if raw.get(name) not in (None, (), []):
            raise ValueError(f"give {name} or {key}, not both")
        if not isinstance(path, str | Path):
            raise ValueError(f"{key} is the name of a file: put it in quotes")
        place = placed(str(path), folder, key)
        try:
            lines = read_text(place).split("\n")
        except OSError as error:
            raise ValueError(f"{key} {place} can't be read ({error.strerror})") from error
        except TextFileError as error:
            raise ValueError(f"{key} {place} {error}") from error
        found = [line.strip() for line in lines if line.strip()]
        if not found:
            raise ValueError(f"{key} {place} is empty: write the secret into it")
        if len(found) > 1 and not many:
            raise ValueError(f"{key} {place} has more than one line: it takes the secret alone")
        raw[name] = found if many else found[0]
    secrets = raw.get(name)
    for secret in secrets if many and isinstance(secrets, list | tuple) else [secrets]:
        if secret is None:
            continue
        if isinstance(secret, SecretStr):
            secret = secret.get_secret_value()
        if not isinstance(secret, str):
            # A number has lost its leading zeros by now. The value is not shown: it is a secret.
            raise ValueError(
                f"{name} must be text: put it in quotes, because YAML takes it for something else"
            )
        if not secret.strip():
            raise ValueError(f"{name} is empty: write it, or leave the key out if there is none")
