"""What was learnt from a person's own roasts: a small file, used in place of what is shipped.

It overrides two options of the decision and may change the net's last layer. `roastwatch learn`
writes it; a station reads it when it starts, if it was learnt with the same model. Taking it back
is renaming a file.
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

    station: str = Field(description="Whose roasts it was learnt from.")
    model_id: str = Field(description="The model that it was learnt with; no other uses it.")
    sensitivity: float = Field(description="As in the settings, 0 to 1.", ge=0, le=1)
    pop_threshold: float = Field(description="Probability that makes a pop.", gt=0, lt=1)
    exit_delta: tuple[FiniteFloat, ...] | None = Field(
        None, description="Added to the weights and bias of the net's last layer; null: nothing."
    )
    exit_of: str | None = Field(
        None, description="SHA-256 of the model file that exit_delta was learnt with."
    )
    learnt: dict[str, Any] = Field({}, description="What it was learnt from and what it gained.")


def path_for(folder: Path, station: str) -> Path:
    """Where a station's calibration lies in a data folder."""
    return folder / "calibration" / f"{station}.json"


def read(path: Path) -> Calibration | None:
    """The calibration in a file; None when there is none.

    Raises:
        SettingsError: the file is there but is no calibration.
    """
    if not path.is_file():
        return None
    try:
        return Calibration.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise SettingsError(
            f"{path} is no calibration: take it back with `roastwatch learn --undo`, or delete it."
        ) from error


def write(path: Path, calibration: Calibration) -> None:
    """Write a calibration whole; the one before it is kept beside it."""
    with replacing(path) as fresh:
        fresh.write_text(json.dumps(calibration.model_dump(), indent=1), encoding="utf-8")
        if path.is_file():
            path.replace(_before(path))


def undo(path: Path) -> str:
    """Take the newest calibration back; one sentence that says what counts now.

    Raises:
        SettingsError: there is nothing to take back.
    """
    if not path.is_file():
        raise SettingsError(f"There is no calibration at {path}: what is shipped counts.")
    path.replace(path.with_suffix(".undone"))
    if _before(path).is_file():
        _before(path).replace(path)
        return f"Taken back: the calibration before it counts again ({path})."
    return "Taken back: what is shipped counts again."


def applied(onset: OnsetOptions, model: CrackModel, path: Path) -> tuple[OnsetOptions, CrackModel]:
    """A decision's options and a model, as a station's calibration changes them.

    Both come back unchanged where there is no calibration, or one of another model.

    Raises:
        SettingsError: the file is there but is no calibration, or not one for a net like this.
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
            PopsModel,  # loads a runtime that others don't need,
        )

        if not isinstance(model, PopsModel) or calibration.exit_of != model.manifest.sha256:
            _log.warning(
                "%s was learnt with other weights than those of %s now and is not used: run "
                "`roastwatch learn` again",
                path,
                model_id,
            )
            return onset, model
        try:
            model = model.with_exit(delta)
        except BadInputError as error:
            raise SettingsError(f"{path} can't be used. {error}") from error
    fitted = "" if delta is None else ", the last layer too"
    _log.info("calibrated by %s%s", path, fitted)
    onset = onset.model_copy(
        update={
            "sensitivity": calibration.sensitivity,
            "pop_threshold": calibration.pop_threshold,
        }
    )
    return onset, model


def _before(path: Path) -> Path:
    return path.with_suffix(".before")
