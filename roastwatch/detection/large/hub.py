"""Finds a model: a folder, or a name on the Hugging Face hub (downloaded once and cached)."""

import importlib
import re
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError

_HUB_NAME = re.compile(r"^[\w.-]+/[\w.-]+$")
_FILES = ["*.json", "*.safetensors", "*.onnx", "*.onnx.data", "*.xml", "*.bin", "*.torchscript.pt"]


def locate(model: str) -> Path:
    """The folder of a model given by path or hub name.

    Raises:
        BadInputError: the folder does not exist, or the model is not cached and can't be fetched.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise BadInputError(f"{model} is a file: name the folder that holds it and config.json.")
    if not _HUB_NAME.match(model) or model.startswith("."):
        raise BadInputError(
            f"There is no model folder {model}: give a folder with config.json and the weights, "
            "or a name on the Hugging Face hub such as syamaner/coffee-first-crack-detection."
        )
    # The library is untyped; its types stay within this file.
    try:
        hub: Any = importlib.import_module("huggingface_hub")
    except ModuleNotFoundError:
        raise _unreachable(model, "the library huggingface_hub is not installed") from None
    for offline in (True, False):
        try:
            return Path(
                hub.snapshot_download(
                    model, allow_patterns=_FILES, local_files_only=offline, etag_timeout=10
                )
            )
        except Exception as error:  # noqa: BLE001 - its network library raises its own errors
            reason = error
    raise _unreachable(model, type(reason).__name__) from reason


def _unreachable(model: str, reason: str) -> BadInputError:
    name = model.split("/")[1]
    return BadInputError(
        f"The model {model} is neither a folder nor cached, and it can't be fetched from the "
        f"Hugging Face hub ({reason}): on a machine that is online run "
        f"`hf download {model} --local-dir {name}`, copy that folder (config.json, "
        f"preprocessor_config.json, model.safetensors) to this machine, and give its path "
        f"instead of the name."
    )
