"""Every exported form of a model runs and gives the same scores."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from roastwatch.bench import large
from roastwatch.detection.large import backends, backends_torch, checkpoint
from roastwatch.detection.large.windowed import Windowed, WindowedOptions
from roastwatch.errors import BadInputError
from roastwatch.settings import model as settings
from roastwatch.training.large import ast_graph, ast_int8, optimise

_TOLERANCE = {"onnx": 1e-4, "torchscript": 1e-5, "openvino": 1e-3, "onnx-int8": 0.1}
_RUN_BY = {"onnx-int8": ["onnx", "openvino"]}


def _chances(folder: Path, batch: int = 1, **more: str) -> list[float]:
    options: dict[str, Any] = {"model": str(folder), "threads": 1, "batch": batch, **more}
    chosen = settings.chosen("models", "windowed", **options).options
    assert isinstance(chosen, WindowedOptions)
    stream = Windowed(chosen).open(32_000)
    sound = np.random.default_rng(8).normal(0, 0.1, 6 * 32_000).astype(np.float32)
    return [score.probability for score in stream.push(sound) + stream.finish()]


@pytest.mark.parametrize("form", optimise.FORMS)
def test_each_form_runs_and_gives_equal_scores(form: str, tiny_ast: Path, tmp_path: Path) -> None:
    out = tmp_path / form
    before, *after = optimise.export(tiny_ast, form, out)
    assert before.probability_difference == 0
    assert [row.backend for row in after] == _RUN_BY.get(form, [form])
    for row in after:
        assert row.form == form
        assert row.probability_difference <= _TOLERANCE[form]
        assert row.bytes > 10_000
    assert np.allclose(_chances(out), _chances(tiny_ast), atol=_TOLERANCE[form])
    assert np.allclose(_chances(out, batch=3), _chances(tiny_ast), atol=_TOLERANCE[form])
    if form in ("onnx", "onnx-int8"):
        for backend in ("onnx", "openvino"):
            chances = _chances(out, backend=backend)
            assert np.allclose(chances, _chances(tiny_ast), atol=_TOLERANCE[form])
    if form == "onnx-int8":
        _multiplies_integers(out / "model-int8.onnx", tmp_path / "plan.onnx")
    manifest = json.loads((out / optimise.MANIFEST).read_text())
    assert manifest["sha256"] == optimise.sha256(out / manifest["file"])
    assert sorted(file.name for file in out.iterdir() if file.suffix == ".tmp") == []


def _multiplies_integers(weights: Path, plan: Path) -> None:
    assert onnxruntime.InferenceSession(weights, _plan(plan)) is not None
    kinds = [node.op_type for node in onnx.load(plan).graph.node]
    assert kinds.count("MatMulIntegerToFloat") == 2 * 6  # two layers: q, k, v, o, and two of MLP
    assert kinds.count("MultiHeadAttention") == 2
    assert "MatMul" not in kinds


def _plan(path: Path) -> onnxruntime.SessionOptions:
    """Options by which ONNX Runtime writes what it will run."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3  # it warns that the plan is for this processor
    return options


@pytest.mark.parametrize("reach", [1.0, 50.0])
def test_scaling_channels_changes_no_output(reach: float, tiny_ast: Path) -> None:
    network = backends_torch.load_network(tiny_ast)
    layers = network.audio_spectrogram_transformer.layers
    with torch.no_grad():
        for layer in layers:  # a few channels reach far, as a trained transformer's do
            layer.layernorm_before.weight[:3] *= reach
            layer.attention.v_proj.weight[5] *= reach
    inputs = torch.from_numpy(optimise.sample_inputs(checkpoint.read(tiny_ast)))
    whole = ast_graph.Classifier(network, ast_graph.torch_attention)
    with torch.no_grad():
        before = whole(inputs)
        ranges = ast_int8.ranges(network, inputs)
        wide = {module: float(seen.most.max()) for module, seen in ranges.items()}
        for layer in layers:
            ast_int8.smooth(layer, ranges)
        assert torch.allclose(whole(inputs), before, atol=1e-4)
        again = ast_int8.ranges(network, inputs)
    for module, seen in again.items():
        assert float(seen.most.max()) == pytest.approx(float(ranges[module].most.max()), rel=1e-3)
    first = layers[0].attention.q_proj
    if reach > 1:
        spread = again[first].most.max() / again[first].most.median()
        assert spread < wide[first] / 3


def test_int8_uses_openvino_if_installed(
    tiny_ast: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((tiny_ast / name).read_bytes())
    (tmp_path / "model-int8.onnx").write_bytes(b"")
    model = checkpoint.read(tmp_path)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert backends.choose(model, "auto") == "openvino"
    assert backends.choose(model, "onnx") == "onnx"
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2025.4.1")
    assert backends.choose(model, "auto") == "onnx"
    monkeypatch.undo()
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert backends.choose(model, "auto") == "onnx"
    (tmp_path / "model-int8.onnx").rename(tmp_path / "model.onnx")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert backends.choose(model, "auto", dtype="float32") == "onnx"
    assert backends.choose(model, "auto", dtype="auto") == "openvino"


def test_models_that_cannot_be_exported_are_named(tiny_ast: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="own folder"):
        optimise.export(tiny_ast, "onnx", tiny_ast)
    (tmp_path / "taken").write_text("")
    with pytest.raises(BadInputError, match="can't be written"):
        optimise.export(tiny_ast, "torchscript", tmp_path / "taken")


def test_the_front_end_is_measured_beside_transformers(tiny_ast: Path) -> None:
    figures = {f.name: f for f in large.front_ends(Windowed(WindowedOptions(model=str(tiny_ast))))}
    assert figures["front_end_difference"].met
    assert (figures["front_end"].value or 0) > 0
    assert (figures["front_end_gain"].value or 0) > 0
