"""A calibration learnt from a person's own roasts, in a small file.

It overrides two options of the decision and may change the net's last layer. `roastwatch learn`
writes it. A station reads it at its start if it was learnt with the same model. Undoing it renames
a file.
"""

import json
import logging
from pathlib import Path
from typing import Any

from pydantic import Field, FiniteFloat, ValidationError

from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.errors import BadInputError, SettingsError
from roastwatch.files.atomic import replacing
from roastwatch.options import Options

_log = logging.getLogger(__name__)


class Calibration(Options):
    """One station's calibration."""

    station: str = Field(description="Station whose roasts it was learnt from.")
    model_id: str = Field(description="Model that it was learnt with and applies to.")
    sensitivity: float = Field(description="Sensitivity as in the settings, 0 to 1.", ge=0, le=1)
    pop_threshold: float = Field(description="Least probability of a pop.", gt=0, lt=1)
    exit_delta: tuple[FiniteFloat, ...] | None = Field(
        None, description="Added to the weights and bias of the net's last layer; null: no change."
    )
    exit_of: str | None = Field(
        None, description="SHA-256 of the model file that exit_delta was learnt with."
    )
    learnt: dict[str, Any] = Field({}, description="Data it was learnt from and its gain.")


def path_for(folder: Path, station: str) -> Path:
    """The path of a station's calibration in a data folder."""
    return folder / "calibration" / f"{station}.json"


def read(path: Path) -> Calibration | None:
    """Read a calibration; None if the file does not exist.

    Raises:
        SettingsError: the file is not a calibration.
    """
    if not path.is_file():
        return None
    try:
        return Calibration.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise SettingsError(
            f"{path} is not a calibration: undo it with `roastwatch learn --undo`, or delete it."
        ) from error


def write(path: Path, calibration: Calibration) -> None:
    """Write a calibration whole; the one before it is kept beside it."""
    with replacing(path) as fresh:
        fresh.write_text(json.dumps(calibration.model_dump(), indent=1), encoding="utf-8")
        if path.is_file():
            path.replace(_before(path))


def undo(path: Path) -> str:
    """Undo the newest calibration; return a sentence that says what applies now.

    Raises:
        SettingsError: there is no calibration.
    """
    if not path.is_file():
        raise SettingsError(f"There is no calibration at {path}: the shipped settings apply.")
    path.replace(path.with_suffix(".undone"))
    if _before(path).is_file():
        _before(path).replace(path)
        return f"Undone: the previous calibration applies again ({path})."
    return "Undone: the shipped settings apply again."


def applied(onset: OnsetOptions, model: CrackModel, path: Path) -> tuple[OnsetOptions, CrackModel]:
    """Apply a station's calibration to the options of the decision and to a model.

    Both are returned unchanged without a calibration, or with one of another model.

    Raises:
        SettingsError: the file is not a calibration, or not one for this kind of net.
    """
    calibration = read(path)
    if calibration is None:
        return onset, model
    model_id = model.spec.model_id
    if calibration.model_id != model_id:
        _log.warning(
            "%s was learnt with the model %s and is not used with %s: run `roastwatch learn` again",
            path,
            calibration.model_id,
            model_id,
        )
        return onset, model
    delta = calibration.exit_delta
    if delta is not None:
        from roastwatch.detection.pops.model import (
            PopsModel,  # loads a runtime that other models do not need,
        )

        if not isinstance(model, PopsModel) or calibration.exit_of != model.manifest.sha256:
            _log.warning(
                "%s was learnt with other weights than %s has now and is not used: run "
                "`roastwatch learn` again",
                path,
                model_id,
            )
            return onset, model
        try:
            model = model.with_exit(delta)
        except BadInputError as error:
            raise SettingsError(f"{path} can't be used. {error}") from error
    fitted = "" if delta is None else ", including the last layer"
    _log.info("using the calibration %s%s", path, fitted)
    onset = onset.model_copy(
        update={
            "sensitivity": calibration.sensitivity,
            "pop_threshold": calibration.pop_threshold,
        }
    )
    return onset, model


def _before(path: Path) -> Path:
    return path.with_suffix(".before")
