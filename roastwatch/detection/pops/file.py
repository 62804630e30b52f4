"""The files of a streaming net: an ONNX file and the manifest that describes it."""

import hashlib
import json
from pathlib import Path
from typing import Any, cast

import onnxruntime
from pydantic import Field, ValidationError

from roastwatch.detection.pops import features
from roastwatch.errors import BadInputError
from roastwatch.options import Options


class Manifest(Options):
    """The description next to an ONNX file, checked before the file is used."""

    model_id: str = Field(description="Name and version.")
    onnx: str = Field(description="Name of the ONNX file in the same folder.")
    sha256: str = Field(description="Hash of that file.")
    front_end: str = Field(description="Version of the features that it was trained on.")
    lowest_rate_hz: int = Field(description="Least sample rate, Hz.")
    highest_rate_hz: int = Field(description="Highest tested sample rate, Hz.")
    hop_s: float = Field(description="Time between scores, s.")
    look_ahead_s: float = Field(description="Least delay of a score after its sound, s.")
    look_ahead_rows: int = Field(description="Delay of the logits in rows of 10 ms.", ge=0)
    state_shape: tuple[int, ...] = Field(description="Shape of the streaming state.")
    pop_threshold: float = Field(description="Least probability of a pop.", gt=0, lt=1)
    evidence_over: float = Field(
        0.0, description="Logits above it at which a pop counts in full as evidence.", ge=0
    )
    candidate_threshold: float = Field(description="Least probability of a candidate.")
    llr_scale: float = Field(description="log likelihood ratio = scale * logit + offset.")
    llr_offset: float = Field(description="See llr_scale.")
    llr_limits: tuple[float, float] = Field(description="Range of the log likelihood ratio.")
    trained_on: str = Field(description="In words.")
    trained_on_files: tuple[str, ...] = Field(
        (), description="First 16 hex digits of the SHA-256 of each recording trained on."
    )
    scores: dict[str, Any] = Field(description="Scores measured at export.")


def read_manifest(path: Path) -> Manifest:
    """Read a model's manifest.

    Raises:
        BadInputError: it is missing or invalid.
    """
    try:
        return Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadInputError(
            f"The model's manifest {path} can't be read ({error.strerror}): name the .json file "
            "that `roastwatch export` wrote."
        ) from error
    except (ValueError, ValidationError) as error:
        raise BadInputError(
            f"{path} is not the manifest of a pop model: name the .json file that "
            "`roastwatch export` wrote."
        ) from error


def open_session(path: Path, manifest: Manifest) -> onnxruntime.InferenceSession:
    """Open a model's file, on one thread.

    Raises:
        BadInputError: the file is missing, broken, or does not match the manifest.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInputError(
            f"The model file {path} can't be read ({error.strerror}): put it in the same folder as "
            "its manifest."
        ) from error
    if hashlib.sha256(content).hexdigest() != manifest.sha256:
        raise BadInputError(
            f"The model file {path} does not match its manifest (its hash differs): export the "
            "model again or reinstall roastwatch."
        )
    if manifest.front_end != features.VERSION:
        raise BadInputError(
            f"The model {manifest.model_id} was trained on other features "
            f"({manifest.front_end}, this is {features.VERSION}): train and export it again."
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        inputs = {put.name: put.shape for put in session.get_inputs()}
        outputs = {put.name for put in session.get_outputs()}
    except Exception as error:
        raise BadInputError(
            f"{path} is not an ONNX model that this onnxruntime can load: export it again."
        ) from error
    if set(inputs) != {"rows", "state"} or inputs["rows"][-1] != features.WIDTH:
        raise BadInputError(f"{path} is not a pop model: its inputs are {', '.join(inputs)}.")
    if not {"logits", "next_state"} <= outputs:
        raise BadInputError(f"{path} is not a pop model: its outputs are {', '.join(outputs)}.")
    return cast(onnxruntime.InferenceSession, session)
