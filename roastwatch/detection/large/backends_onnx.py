"""ONNX Runtime as a back end for windowed models."""

from pathlib import Path

import numpy as np
import onnxruntime

from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Float32Array


class OnnxBackend:
    """An exported classifier; runs on the processor, or on CUDA if that provider exists."""

    name = "onnx"

    def __init__(self, path: Path, device: str, threads: int) -> None:
        cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
        if device in ("cuda", "mps") and not (device == "cuda" and cuda):
            raise BadInputError(
                f"ONNX Runtime can't use the device '{device}' here: set device to auto or cpu, or "
                "install onnxruntime-gpu instead of onnxruntime."
            )
        self.device = "cuda" if cuda and device != "cpu" else "cpu"
        self.dtype = "int8" if "int8" in path.name else "float32"
        options = onnxruntime.SessionOptions()
        if threads:
            options.intra_op_num_threads = threads
        # A thread that spins between windows takes processor time from the microphone.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = ["CUDAExecutionProvider"] if self.device == "cuda" else []
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=[*providers, "CPUExecutionProvider"]
            )
        except Exception as error:
            if self.device == "cuda":
                raise
            first = next(iter(str(error).splitlines()), type(error).__name__)
            raise BadInputError(
                f"{path} can't be loaded ({first}): export the model again."
            ) from error
        self._input = self._session.get_inputs()[0].name

    def logits(self, inputs: Float32Array) -> Float32Array:
        """Raw outputs, shape (windows, frames, bands) → (windows, labels)."""
        return np.asarray(self._session.run(None, {self._input: inputs})[0], np.float32)
