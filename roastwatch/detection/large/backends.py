"""Back ends that run a classifier's network, with handling of short memory and fallback."""

import logging
import platform
import re
import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from roastwatch.detection.large.checkpoint import WEIGHTS, Checkpoint
from roastwatch.errors import BadInputError, MissingExtraError
from roastwatch.vocabulary import Float32Array

BackendName = Literal["auto", "torch", "torchscript", "onnx", "openvino"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
DtypeName = Literal["auto", "float32", "bfloat16", "float16"]

_FIRST_OPENVINO = (2026, 4)
"""The first version that reads attention as `roastwatch export` writes it into ONNX."""

_log = logging.getLogger(__name__)


class Backend(Protocol):
    """A loaded network. Raises `MemoryError` if memory is short for a batch."""

    name: str
    device: str
    dtype: str

    def logits(self, inputs: Float32Array) -> Float32Array:
        """Raw outputs of a batch, shape (windows, ...) → (windows, labels)."""
        ...


def choose(
    checkpoint: Checkpoint,
    wanted: BackendName,
    device: DeviceName = "auto",
    dtype: DtypeName = "float32",
) -> str:
    """The back end to use: the requested one, or the first whose weights are in the folder.

    ONNX runs in OpenVINO if that is installed and faster.

    Raises:
        BadInputError: the folder has no weights (for the requested back end).
    """
    if wanted != "auto":
        if checkpoint.weights(wanted) is None:
            raise BadInputError(
                f"{checkpoint.folder} has no {' or '.join(WEIGHTS[wanted])} for the back end "
                f"{wanted}: make one with `roastwatch export --model {checkpoint.folder} --to "
                f"{wanted}`, or choose another back end."
                if wanted != "torch"
                else f"{checkpoint.folder} has no {WEIGHTS['torch'][0]}: fetch the weights again, "
                "or choose another back end."
            )
        return wanted
    for name in WEIGHTS:
        path = checkpoint.weights(name)
        if path is not None:
            return "openvino" if name == "onnx" and _is_for_openvino(path, device, dtype) else name
    raise BadInputError(
        f"{checkpoint.folder} has no weights (model.safetensors, model.onnx or model.xml): fetch "
        "the model again."
    )


def has_openvino() -> bool:
    """Whether the installed OpenVINO reads the ONNX of `roastwatch export`."""
    try:
        version = metadata.version("openvino")
    except metadata.PackageNotFoundError:
        return False
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2]) >= _FIRST_OPENVINO


def _is_for_openvino(path: Path, device: DeviceName, dtype: DtypeName) -> bool:
    """Whether OpenVINO runs an ONNX file faster than ONNX Runtime.

    It does on x86 processors for anything but float32: it also computes the floating-point layers
    of an int8 export in the processor's bfloat16, which ONNX Runtime cannot. In float32 they are
    equally fast (figures in docs/development/large-models.md).
    """
    narrow = "int8" in path.name or dtype != "float32"
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    if not (narrow and x86 and device in ("auto", "cpu") and has_openvino()):
        return False
    import onnxruntime

    return device == "cpu" or "CUDAExecutionProvider" not in onnxruntime.get_available_providers()


def load(
    checkpoint: Checkpoint, backend: str, device: DeviceName, dtype: DtypeName, threads: int
) -> Backend:
    """Load a network.

    Raises:
        MissingExtraError: the back end's library is not installed.
        BadInputError: the weights can't be loaded, or memory is short.
    """
    path = checkpoint.weights(backend)
    assert path is not None  # choose() checked it
    made: Backend
    try:
        if backend in ("torch", "torchscript"):
            from roastwatch.detection.large import backends_torch

            made = backends_torch.TorchBackend(checkpoint, backend, device, dtype, threads)
        elif backend == "onnx":
            from roastwatch.detection.large import backends_onnx

            made = backends_onnx.OnnxBackend(path, device, threads)
        else:
            from roastwatch.detection.large import backends_openvino

            made = backends_openvino.OpenVinoBackend(path, dtype, threads)
    except ModuleNotFoundError as missing:
        extra = "openvino" if backend == "openvino" else "ast"
        raise MissingExtraError(f"The back end {backend}", extra) from missing
    except (BadInputError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise BadInputError(
            f"Memory is short for the weights of {checkpoint.model_id}: close other programs, or "
            "use a smaller model (`roastwatch export --to onnx-int8` needs a quarter)."
        ) from error
    _log.info("%s: %s on %s in %s", checkpoint.model_id, made.name, made.device, made.dtype)
    return made


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a library's error means that memory was short; wording differs by library."""
    text = f"{type(error).__name__} {error}".lower()
    return isinstance(error, MemoryError) or any(
        words in text
        for words in (
            "out of memory", "outofmemory", "can't allocate memory", "bad_alloc",
            "failed to allocate", "cannot allocate", "not enough memory", "allocation failed",
        )
    )  # fmt: skip


class Network:
    """A back end whose batches shrink when memory is short, and which falls back to the processor
    when an accelerator fails, so that a roast survives a failing graphics driver.

    May be called from several threads. One batch runs at a time.
    """

    def __init__(
        self, open_on: Callable[[DeviceName], Backend], device: DeviceName, batch: int
    ) -> None:
        self._open_on = open_on
        self._lock = threading.Lock()
        self.batch = batch
        """Most windows per batch; shrinks permanently when memory is short."""
        self.fell_back = False
        try:
            self.backend = open_on(device)
        except (BadInputError, MissingExtraError):
            raise
        except Exception as error:
            if device == "cpu":
                raise
            self._warn(device, error)
            self.backend = open_on("cpu")
            self.fell_back = True

    def logits(self, inputs: Float32Array) -> Float32Array:
        """Outputs for any number of windows, shape (windows, ...) → (windows, labels).

        Raises:
            BadInputError: memory is short even for one window on the processor.
        """
        done: list[Float32Array] = []
        first = 0
        with self._lock:
            while first < len(inputs):
                part = inputs[first : first + self.batch]
                out = self._run(part)
                if out is not None:
                    done.append(out)
                    first += len(part)
        return np.concatenate(done)

    def _run(self, part: Float32Array) -> Float32Array | None:
        """Run one batch; None if it must be repeated smaller or on another device."""
        try:
            return self.backend.logits(part)
        except Exception as error:
            short = is_out_of_memory(error)
            if short and len(part) > 1:
                self.batch = len(part) // 2
                _log.warning(
                    "memory is short for %d windows at once: continuing with %d",
                    len(part),
                    self.batch,
                )
                return None
            if self.backend.device != "cpu":
                self._warn(self.backend.device, error)
                self.backend = self._open_on("cpu")
                self.fell_back = True
                return None
            if short:
                raise BadInputError(
                    "Memory is short for even one window of this model: close other programs, "
                    "or use a smaller model (`roastwatch export --to onnx-int8` halves its need)."
                ) from error
            raise

    def _warn(self, device: str, error: BaseException) -> None:
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        _log.warning(
            "%s failed (%s): continuing on the processor, which is slower", device, first_line
        )
