"""Reads the description of a transformers audio classifier without transformers."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roastwatch.detection.large.logmel import AUDIOSET_MEAN, AUDIOSET_STD, LogMelSpec
from roastwatch.errors import BadInputError

AST = "audio-spectrogram-transformer"
TORCH_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
ONNX_WEIGHTS = ("model.onnx", "model-int8.onnx")
OPENVINO_WEIGHTS = ("model.xml", *ONNX_WEIGHTS)
TORCHSCRIPT_WEIGHTS = ("model.torchscript.pt",)
WEIGHTS = {
    "torch": TORCH_WEIGHTS,
    "torchscript": TORCHSCRIPT_WEIGHTS,
    "onnx": ONNX_WEIGHTS,
    "openvino": OPENVINO_WEIGHTS,
}
_FIRST_CRACK = {"first_crack", "firstcrack", "1st_crack", "1stcrack", "first_crack_start"}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An audio classifier in a folder: labels, front end and weights."""

    folder: Path
    model_id: str
    kind: str
    """transformers' `model_type`."""
    labels: tuple[str, ...]
    exclusive: bool
    """Whether labels exclude one another (softmax) or are independent (sigmoid)."""
    sample_rate_hz: int
    log_mel: LogMelSpec | None
    """Settings of the numpy front end; None if the checkpoint has another one."""
    longest_s: float | None
    """Longest input in seconds, if limited."""

    def weights(self, backend: str) -> Path | None:
        """The file that a back end loads; None if the folder has none for it."""
        for name in WEIGHTS[backend]:
            if (self.folder / name).exists():
                return self.folder / name
        return None

    def crack_index(self, label: str | None = None) -> int:
        """Index of the output for first crack.

        Raises:
            BadInputError: no label names it.
        """
        names = [_plain(name) for name in self.labels]
        wanted = {_plain(label)} if label else _FIRST_CRACK
        for index, name in enumerate(names):
            if name in wanted:
                return index
        known = ", ".join(repr(name) for name in self.labels[:8])
        more = f" and {len(self.labels) - 8} more" if len(self.labels) > 8 else ""
        raise BadInputError(
            f"No label of {self.folder} is {label!r}: it has {known}{more}."
            if label
            else f"No label of {self.folder} names first crack (it has {known}{more}): set the "
            "option `label` to the right one, or use a model trained for first crack."
        )


def _plain(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")


def read(folder: Path) -> Checkpoint:
    """Read the checkpoint in a folder.

    Raises:
        BadInputError: the folder is not an audio classifier, or is incomplete.
    """
    config = _json(folder, "config.json", "a model folder contains config.json and the weights")
    architecture = str((config.get("architectures") or ["an unknown network"])[0])
    kind = str(config.get("model_type", "unknown"))
    # transformers calls audio classifiers ...ForAudioClassification, the older of them
    # (Wav2Vec2, HuBERT, WavLM) ...ForSequenceClassification, as it does with text.
    audio = architecture.endswith("ForAudioClassification") or (
        architecture.endswith("ForSequenceClassification")
        and re.match(r"wav2vec2|hubert|wavlm|unispeech|sew|data2vec-audio", kind)
    )
    if not audio:
        raise BadInputError(
            f"{folder} holds {architecture} ({kind}), which is not an audio classifier: use a "
            "checkpoint for audio classification, such as ASTForAudioClassification."
        )
    front = _json(
        folder,
        "preprocessor_config.json",
        "it describes the model's input; copy it from the source of the model",
    )
    try:
        rate = int(front.get("sampling_rate", 16_000))
        log_mel, longest_s = None, None
        if kind == AST:
            log_mel = LogMelSpec(
                sample_rate_hz=rate,
                bands=int(front.get("num_mel_bins", 128)),
                max_frames=int(front.get("max_length", 1024)),
                mean=float(front.get("mean", AUDIOSET_MEAN)),
                std=float(front.get("std", AUDIOSET_STD)),
                normalise=bool(front.get("do_normalize", True)),
            )
            _must_fit(folder, config, log_mel)
            longest_s = ((log_mel.max_frames - 1) * 160 + 400) / rate
        return Checkpoint(
            folder=folder,
            model_id=str(front.get("roastwatch_model_id") or folder.resolve().name),
            kind=kind,
            labels=_labels(config),
            exclusive=config.get("problem_type") != "multi_label_classification",
            sample_rate_hz=rate,
            log_mel=log_mel,
            longest_s=longest_s,
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise BadInputError(
            f"The configuration in {folder} can't be used ({error}): fetch the model again."
        ) from error


def _must_fit(folder: Path, config: dict[str, Any], front: LogMelSpec) -> None:
    """Make sure that the front end fits the network."""
    network = (int(config.get("max_length", 1024)), int(config.get("num_mel_bins", 128)))
    if network != (front.max_frames, front.bands):
        raise BadInputError(
            f"In {folder} preprocessor_config.json gives {front.max_frames} frames of "
            f"{front.bands} bands, but config.json needs {network[0]} of {network[1]}: one of the "
            "two files belongs to another model. Fetch the model again."
        )


def _labels(config: dict[str, Any]) -> tuple[str, ...]:
    names = config.get("id2label")
    if not isinstance(names, dict) or not names:
        return ("LABEL_0", "LABEL_1")  # transformers' default, which it does not write
    return tuple(str(names[key]) for key in sorted(names, key=int))


def _json(folder: Path, name: str, why: str) -> dict[str, Any]:
    path = folder / name
    if not path.is_file():
        raise BadInputError(f"{folder} has no {name}: {why}.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} can't be read ({error}): fetch the model again.") from error
    if not isinstance(found, dict):
        raise BadInputError(f"{path} is not a JSON object: fetch the model again.")
    return found
