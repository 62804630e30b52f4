"""`--model` and `--model-option`: a model by name, file, folder or Hugging Face hub name."""

from pathlib import Path
from typing import Any

import yaml

from roastwatch import plugins
from roastwatch.detection.model import CrackModel
from roastwatch.errors import SettingsError
from roastwatch.files.yaml_file import parse_yaml
from roastwatch.settings import model as settings
from roastwatch.settings.model import STATION_CHOICES


def choose(name: str | None, options: tuple[str, ...] = ()) -> tuple[str, dict[str, Any]]:
    """The plugin and options that `--model` names; without it, the default model.

    A folder, or a name with a slash, is a windowed model; a .json file is a manifest that
    `roastwatch export` wrote.

    Raises:
        SettingsError: an option is not KEY=VALUE.
    """
    name = name or STATION_CHOICES["model"][1]
    chosen: dict[str, Any] = {}
    if name.endswith(".json"):
        chosen["path"] = str(Path(name).expanduser().absolute())
        name = "pops"
    if name not in plugins.names("models") and ("/" in name or Path(name).is_dir()):
        folder = Path(name).expanduser()
        chosen["model"] = str(folder.absolute()) if folder.exists() else name
        name = "windowed"
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise SettingsError(f"--model-option {option}: write KEY=VALUE, such as overlap=0.5.")
        try:
            chosen[key] = parse_yaml(value)
        except yaml.YAMLError as error:
            raise SettingsError(
                f"--model-option {option}: the value is not YAML; put it in quotes."
            ) from error
    return name, chosen


def load(name: str | None, options: tuple[str, ...] = ()) -> CrackModel:
    """Load the model that `--model` names.

    Raises:
        RoastwatchError: it is unknown, broken, or needs a library that is missing.
    """
    kind, chosen = choose(name, options)
    choice = settings.chosen("models", kind, "--model", **chosen)
    model: CrackModel = plugins.load("models", choice.type)(choice.options)
    return model
