"""OpenVINO as a back end for windowed models, on the processor. Reads ONNX too."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino

from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Float32Array

_PRECISION = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}


class OpenVinoBackend:
    """An exported classifier. `dtype: auto` leaves the precision to OpenVINO.

    So does an int8 export in float32: its floating-point layers then use the processor's fastest
    precision.
    """

    name = "openvino"
    device = "cpu"

    def __init__(self, path: Path, dtype: str, threads: int) -> None:
        hints: dict[str, object] = {"PERFORMANCE_HINT": "LATENCY"}
        int8 = "int8" in path.name
        if dtype in _PRECISION and not (int8 and dtype == "float32"):
            hints["INFERENCE_PRECISION_HINT"] = _PRECISION[dtype]
        if threads:
            hints["INFERENCE_NUM_THREADS"] = threads
        try:
            compiled = openvino.Core().compile_model(str(path), "CPU", hints)
        except Exception as error:
            if isinstance(error, MemoryError):
                raise
            first = next(iter(str(error).splitlines()), type(error).__name__)
            raise BadInputError(
                f"{path} can't be loaded ({first}): export the model again."
            ) from error
        precision = str(compiled.get_property("INFERENCE_PRECISION_HINT"))
        self.dtype = (
            "int8"
            if int8
            else {"bfloat16": "bfloat16", "float16": "float16"}.get(
                precision.strip("<>").split("'")[-2] if "'" in precision else precision, "float32"
            )
        )
        self._compiled = compiled
        self._request = compiled.create_infer_request()

    def logits(self, inputs: Float32Array) -> Float32Array:
        """Raw outputs, shape (windows, frames, bands) → (windows, labels)."""
        out = self._request.infer([inputs])
        return np.asarray(out[self._compiled.output(0)], np.float32)


def convert(network: Any, example: Any, to: Path) -> None:
    """Write a torch module in OpenVINO's form (XML and BIN), its weights in float32.

    Any number of windows can be run at once; the other dimensions are the example's.
    """
    any_number = openvino.PartialShape([-1, *example.shape[1:]])
    made = openvino.convert_model(network, example_input=example, input=any_number)
    openvino.save_model(made, str(to), compress_to_fp16=False)
