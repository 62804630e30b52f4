"""PyTorch as a back end. No other module of detection imports torch."""

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as _transformers

from roastwatch.detection.large.checkpoint import Checkpoint
from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Float32Array

_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_log = logging.getLogger(__name__)

# These libraries are untyped.
transformers: Any = _transformers
jit: Any = torch.jit


def choose_device(wanted: str, needed_bytes: int) -> str:
    """`cuda`, `mps` or `cpu`: an available device with enough free memory.

    Raises:
        BadInputError: the requested device is missing.
    """
    if wanted in ("auto", "cuda") and torch.cuda.is_available():
        free, _total = torch.cuda.mem_get_info()
        if wanted == "cuda" or free > needed_bytes:
            return "cuda"
        _log.warning("cuda has %d MB free but %d MB are needed: using cpu", free >> 20,
                     needed_bytes >> 20)  # fmt: skip
    if wanted in ("auto", "mps") and torch.backends.mps.is_available():
        return "mps"
    if wanted in ("cuda", "mps"):
        raise BadInputError(
            f"torch finds no device '{wanted}' on this machine: set device to auto or cpu."
        )
    return "cpu"


def choose_dtype(wanted: str, device: str) -> str:
    """`auto`: bfloat16 if the device computes it natively, else float32."""
    if wanted != "auto":
        return wanted
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device == "cpu":
        try:
            flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
        except OSError:
            return "float32"
        return "bfloat16" if "amx_bf16" in flags or "avx512_bf16" in flags else "float32"
    return "float32"


class TorchBackend:
    """A checkpoint, or its TorchScript export, on a processor or an accelerator."""

    name = "torch"

    def __init__(
        self, checkpoint: Checkpoint, kind: str, device: str, dtype: str, threads: int
    ) -> None:
        path = checkpoint.weights(kind)
        assert path is not None
        size = sum(file.stat().st_size for file in checkpoint.folder.glob("*.safetensors"))
        self.name = kind
        self.device = choose_device(device, needed_bytes=2 * size + (512 << 20))
        self.dtype = choose_dtype(dtype, self.device)
        if threads:
            torch.set_num_threads(threads)
        if kind == "torchscript":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # deprecation of TorchScript, which still works
                self._network: Any = jit.load(str(path), map_location=self.device)
        else:
            self._network = load_network(checkpoint.folder)
        self._network = self._network.to(self.device, _TYPES[self.dtype]).eval()

    def logits(self, inputs: Float32Array) -> Float32Array:
        """Raw outputs, shape (windows, ...) → (windows, labels)."""
        with torch.inference_mode():
            batch = torch.from_numpy(inputs).to(self.device, _TYPES[self.dtype])
            out = self._network(batch)
            out = out if isinstance(out, torch.Tensor) else out.logits
            return np.asarray(out.float().cpu().numpy(), np.float32)


def load_network(folder: Path) -> Any:
    """Load the classifier in a folder, in float32 on the processor.

    Raises:
        BadInputError: its weights are damaged or belong to another network.
    """
    quiet = transformers.utils.logging
    level = quiet.get_verbosity()
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    try:
        network, report = transformers.AutoModelForAudioClassification.from_pretrained(
            str(folder), local_files_only=True, output_loading_info=True, dtype=torch.float32
        )
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise BadInputError(
            f"The weights in {folder} can't be loaded ({first}): fetch the model again."
        ) from error
    finally:
        quiet.set_verbosity(level)
    wrong = list(report["missing_keys"]) + list(report["mismatched_keys"])
    if wrong:
        raise BadInputError(
            f"The weights in {folder} belong to another network ({len(wrong)} tensors such as "
            f"{wrong[0]} are missing or differ): use a checkpoint trained for audio classification."
        )
    return network


def load_for_tuning(folder: Path, labels: tuple[str, ...]) -> Any:
    """Load the classifier in a folder with a head for these labels: its own if it fits, else new.

    Raises:
        BadInputError: its weights can't be loaded.
    """
    quiet = transformers.utils.logging
    level = quiet.get_verbosity()
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    try:
        return transformers.AutoModelForAudioClassification.from_pretrained(
            str(folder),
            local_files_only=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={name: index for index, name in enumerate(labels)},
        )
    except (OSError, ValueError, RuntimeError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise BadInputError(
            f"The weights in {folder} can't be loaded ({first}): fetch the model again."
        ) from error
    finally:
        quiet.set_verbosity(level)


class WaveFrontEnd:
    """The front end of other checkpoints, from transformers. Units are samples, shape ()."""

    unit_samples = 1

    def __init__(self, folder: Path, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._extract: Any = transformers.AutoFeatureExtractor.from_pretrained(
            str(folder), local_files_only=True
        )

    def units_in(self, samples: int) -> int:
        """One unit per sample."""
        return samples

    def push(self, samples: Float32Array) -> Float32Array:
        """The unchanged samples."""
        return samples.astype(np.float32, copy=False)

    def finish(self) -> Float32Array:
        """Nothing remains."""
        return np.zeros(0, np.float32)

    def network_input(self, units: Float32Array) -> Float32Array:
        """One window through the checkpoint's extractor."""
        made = self._extract(
            units, sampling_rate=self.sample_rate_hz, return_tensors="np", padding=True
        )
        return np.asarray(next(iter(made.values()))[0], np.float32)
