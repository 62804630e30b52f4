"""The base of every settings model. Each part's options live beside the part."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator


class Options(BaseModel):
    """A frozen set of options. Unknown keys are refused.

    Each field carries `Field(description=...)` with its unit: `config/roastwatch.yaml` is made
    from them, and a test holds the two equal. A field of type SecretStr may be given as
    `<field>_file: PATH` instead, so that no secret stands in the settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        raw = dict(raw)
        for name, field in cls.model_fields.items():
            key = f"{name}_file"
            if SecretStr not in (field.annotation, *getattr(field.annotation, "__args__", ())):
                continue
            if raw.get(key) is None:
                raw.pop(key, None)
                continue
            if raw.get(name) is not None:
                raise ValueError(f"give {name} or {key}, not both")
            path = Path(str(raw.pop(key)))
            try:
                raw[name] = path.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ValueError(f"{key} {path} can't be read ({error.strerror})") from error
        return raw
