"""What was learnt from a person's own roasts: a small file that overrides two options.

`roastwatch learn` writes it; a station reads it when it starts, if it was learnt with the same
model. Taking it back is renaming a file.
"""

import json
import logging
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from roastwatch.detection.onset import OnsetOptions
from roastwatch.errors import SettingsError
from roastwatch.options import Options

_log = logging.getLogger(__name__)


class Calibration(Options):
    """One station's calibration."""

    station: str = Field(description="Whose roasts it was learnt from.")
    model_id: str = Field(description="The model that it was learnt with; no other uses it.")
    sensitivity: float = Field(description="As in the settings, 0 to 1.", ge=0, le=1)
    pop_threshold: float = Field(description="Probability that makes a pop.", gt=0, lt=1)
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
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(calibration.model_dump(), indent=1), encoding="utf-8")
    if path.is_file():
        path.replace(_before(path))
    part.replace(path)


def undo(path: Path) -> str:
    """Take the newest calibration back; one sentence that says what counts now.

    Raises:
        SettingsError: there is nothing to take back.
    """
    if not path.is_file():
        raise SettingsError(f"There is no calibration at {path}: the shipped thresholds count.")
    path.replace(path.with_suffix(".undone"))
    if _before(path).is_file():
        _before(path).replace(path)
        return f"Taken back: the calibration before it counts again ({path})."
    return "Taken back: the shipped thresholds count again."


def applied(onset: OnsetOptions, path: Path, model_id: str) -> OnsetOptions:
    """The options of a decision with a station's calibration, if it has one for this model."""
    calibration = read(path)
    if calibration is None:
        return onset
    if calibration.model_id != model_id:
        _log.warning(
            "%s was learnt with the model %s and is not used with %s: run `roastwatch learn` again",
            path,
            calibration.model_id,
            model_id,
        )
        return onset
    _log.info("calibrated by %s", path)
    return onset.model_copy(
        update={
            "sensitivity": calibration.sensitivity,
            "pop_threshold": calibration.pop_threshold,
        }
    )


def _before(path: Path) -> Path:
    return path.with_suffix(".before")
