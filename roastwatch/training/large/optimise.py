"""Export a windowed model to another form: ONNX, int8, TorchScript or OpenVINO.

Each export is compared with the original on the same synthesised sound: outputs and time.
"""

import hashlib
import json
import logging
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from roastwatch import __version__
from roastwatch.detection.large import backends, backends_torch, checkpoint
from roastwatch.detection.large.windows import LogMelFrontEnd, WindowStream, stack
from roastwatch.errors import BadInputError, MissingExtraError
from roastwatch.synth.clips import Kitchen
from roastwatch.synth.rates import CrackPhase, RoastRates
from roastwatch.synth.roasts import SynthRoast
from roastwatch.training.large import ast_graph, ast_int8
from roastwatch.vocabulary import Float32Array

FORMS = ("onnx", "onnx-int8", "torchscript", "openvino")
jit: Any = torch.jit  # not typed
_BACKENDS = {"onnx-int8": ("onnx", "openvino"), "onnx": ("onnx",)}
MANIFEST = "roastwatch.json"
_WINDOWS = 8
_CALIBRATION_WINDOWS = 32
_OVERLAP = 0.7


@dataclass(frozen=True, slots=True)
class Measured:
    """One form of a model, measured on this machine with all threads."""

    form: str
    backend: str
    """What ran it."""
    bytes: int
    load_s: float
    window_ms: float
    """Median time for one window."""
    times_real_time: float
    """For one stream at 70 % overlap."""
    logit_difference: float
    """Largest difference between an output and the original's."""
    probability_difference: float


def export(folder: Path, form: str, out: Path) -> list[Measured]:
    """Export a model to a folder that can be used as a model.

    Returns:
        The measurements of the original, and of the export on each installed back end.

    Raises:
        BadInputError: the folder is not an audio classifier with torch weights whose front end
            exists in numpy, or `out` can't be written.
    """
    original = checkpoint.read(folder)
    if original.log_mel is None:
        raise BadInputError(
            f"{folder} is {original.kind}, whose front end runs in transformers only: export "
            "an Audio Spectrogram Transformer."
        )
    if original.weights("torch") is None:
        raise BadInputError(f"{folder} has no model.safetensors: export the original model.")
    original.crack_index()
    if out.resolve() == folder.resolve():
        raise BadInputError(f"--out is the model's own folder {folder}: choose another.")
    inputs = sample_inputs(original)
    before, reference = measure(original, "torch", inputs, None)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in ("config.json", "preprocessor_config.json"):
            shutil.copyfile(folder / name, out / name)
        for names in checkpoint.WEIGHTS.values():  # of an earlier export into this folder
            for name in names:
                (out / name).unlink(missing_ok=True)
        network = backends_torch.load_network(folder)
        with _quiet():
            sound = calibration_inputs(original) if form == "onnx-int8" else inputs
            written = _WRITERS[form](network, sound, out)
        del network
    except OSError as error:
        raise BadInputError(
            f"The export can't be written to {out} ({error.strerror}): choose another --out."
        ) from error
    made = checkpoint.read(out)
    after = [
        measure(made, backend, inputs, reference, form)[0]
        for backend in _BACKENDS.get(form, (form,))
        if backend != "openvino" or backends.has_openvino() or form == "openvino"
    ]
    manifest = {
        "model_id": f"{original.model_id}-{form}",
        "made_from": original.model_id,
        "made_by": f"roastwatch {__version__}",
        "form": form,
        "file": written.name,
        "sha256": sha256(written),
        "labels": list(original.labels),
        "sample_rate_hz": original.sample_rate_hz,
        "logit_difference": round(max(row.logit_difference for row in after), 6),
        "probability_difference": round(max(row.probability_difference for row in after), 6),
    }
    text = json.dumps(manifest, indent=2, allow_nan=False)
    (out / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return [before, *after]


def sample_inputs(model: checkpoint.Checkpoint) -> Float32Array:
    """Network inputs from a synthesised roast: windows before and during first crack."""
    assert model.log_mel is not None
    window_s = _window_s(model)
    length_s = (_WINDOWS + 0.5) * window_s
    crack = CrackPhase(length_s / 2, length_s / 8, length_s, 1.0, peak_per_s=2.0)
    roast = SynthRoast(3, 32_000, curve=RoastRates(length_s, crack))
    stream = WindowStream(LogMelFrontEnd(model.log_mel), 32_000, window_s, window_s)
    windows = [window for block in roast.blocks() for window in stream.push(block)]
    return stack(windows[:_WINDOWS])


def calibration_inputs(model: checkpoint.Checkpoint) -> Float32Array:
    """Network inputs of roasters, cracks and everyday sounds in many rooms and levels; silence.

    They differ from `sample_inputs`, on which exports are measured.
    """
    assert model.log_mel is not None
    window_s, rate = _window_s(model), model.sample_rate_hz
    kitchen = Kitchen(np.random.default_rng(8), rate, window_s + 0.5)
    sounds = [kitchen.clip().samples for _ in range(_CALIBRATION_WINDOWS - 1)]
    sounds.append(np.zeros_like(sounds[0]))
    windows = []
    for sound in sounds:
        stream = WindowStream(LogMelFrontEnd(model.log_mel), rate, window_s, window_s)
        windows += stream.push(sound)[:1]
    return stack(windows)


def _window_s(model: checkpoint.Checkpoint) -> float:
    assert model.longest_s is not None
    return min(10.0, model.longest_s)


def measure(
    model: checkpoint.Checkpoint,
    backend: str,
    inputs: Float32Array,
    reference: Float32Array | None,
    form: str | None = None,
    dtype: backends.DtypeName = "float32",
    threads: int = 0,
) -> tuple[Measured, Float32Array]:
    """Load a form of a model, and time it on single windows.

    Returns:
        The measurements, and the outputs of shape (windows, labels).
    """
    began_s = time.perf_counter()
    loaded = backends.load(model, backend, "cpu", dtype, threads)
    load_s = time.perf_counter() - began_s
    outputs, took_ms = [], []
    loaded.logits(inputs[:1])  # the first run is slower
    for index in range(len(inputs)):
        began_s = time.perf_counter()
        outputs.append(loaded.logits(inputs[index : index + 1]))
        took_ms.append(1000 * (time.perf_counter() - began_s))
    logits = np.concatenate(outputs)
    reference = logits if reference is None else reference
    window_ms = float(np.median(took_ms))
    hop_s = min(10.0, model.longest_s or 10.0) * (1 - _OVERLAP)
    weights = model.weights(backend)
    assert weights is not None
    size = weights.stat().st_size
    if weights.suffix == ".xml":  # the weights are in a file beside it
        size += weights.with_suffix(".bin").stat().st_size
    measured = Measured(
        form=form or backend,
        backend=backend,
        bytes=size,
        load_s=round(load_s, 3),
        window_ms=round(window_ms, 2),
        times_real_time=round(hop_s / (window_ms / 1000), 2),
        logit_difference=float(np.abs(logits - reference).max()),
        probability_difference=float(np.abs(_softmax(logits) - _softmax(reference)).max()),
    )
    return measured, logits


def as_json(rows: list[Measured]) -> list[dict[str, Any]]:
    """Convert the rows to plain values."""
    return [asdict(row) for row in rows]


def sha256(path: Path) -> str:
    """A file's checksum in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _softmax(logits: Float32Array) -> Float32Array:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)


def _onnx(network: Any, sound: Float32Array, out: Path, name: str = "model.onnx") -> Path:
    path = out / name
    try:
        import onnxscript  # noqa: F401 - torch's exporter needs it, and reports that less clearly
    except ModuleNotFoundError as missing:
        raise MissingExtraError("Exporting to ONNX", "ast") from missing
    torch.onnx.export(
        ast_graph.Classifier(network, ast_graph.onnxruntime_attention),
        (torch.from_numpy(sound[:2]),),
        path,
        input_names=["inputs"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("windows")},),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    return path


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the warnings of exporters; their outputs are compared with the original."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _int8(network: Any, sound: Float32Array, out: Path) -> Path:
    ast_int8.round_products(network, torch.from_numpy(sound))
    return _onnx(network, sound, out, "model-int8.onnx")


def _torchscript(network: Any, sound: Float32Array, out: Path) -> Path:
    path = out / "model.torchscript.pt"
    whole = ast_graph.Classifier(network, ast_graph.torch_attention)
    with torch.inference_mode():
        jit.trace(whole, torch.from_numpy(sound[:2]), check_trace=False).save(str(path))
    return path


def _openvino(network: Any, sound: Float32Array, out: Path) -> Path:
    try:
        from roastwatch.detection.large.backends_openvino import convert
    except ModuleNotFoundError as missing:
        raise MissingExtraError("Exporting to OpenVINO", "openvino") from missing
    path = out / "model.xml"
    whole = ast_graph.Classifier(network, ast_graph.torch_attention)
    convert(whole, torch.from_numpy(sound[:2]), path)
    return path


_WRITERS: dict[str, Callable[[Any, Float32Array, Path], Path]] = {
    "onnx": _onnx,
    "onnx-int8": _int8,
    "torchscript": _torchscript,
    "openvino": _openvino,
}
