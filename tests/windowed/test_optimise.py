"""Every form of a model runs as it stands and says the same."""

import json
from pathlib import Path

import numpy as np
import pytest

from roastwatch import settings
from roastwatch.bench import large
from roastwatch.detection.windowed import Windowed, WindowedOptions
from roastwatch.errors import BadInputError
from roastwatch.training import optimise

_TOLERANCE = {"onnx": 1e-4, "torchscript": 1e-5, "openvino": 1e-3, "onnx-int8": 0.1}


def _chances(folder: Path, batch: int = 1) -> list[float]:
    options = {"model": str(folder), "threads": 1, "batch": batch}
    chosen = settings.chosen("models", "windowed", **options).options
    stream = Windowed(chosen).open(32_000)
    sound = np.random.default_rng(8).normal(0, 0.1, 6 * 32_000).astype(np.float32)
    return [score.probability for score in stream.push(sound) + stream.finish()]


@pytest.mark.parametrize("form", optimise.FORMS)
def test_each_form_runs_and_agrees(form: str, tiny_ast: Path, tmp_path: Path) -> None:
    out = tmp_path / form
    before, after = optimise.export(tiny_ast, form, out)
    assert before.probability_difference == 0
    assert after.form == form
    assert after.probability_difference <= _TOLERANCE[form]
    assert after.bytes > 10_000
    assert np.allclose(_chances(out), _chances(tiny_ast), atol=_TOLERANCE[form])
    assert np.allclose(_chances(out, batch=3), _chances(tiny_ast), atol=_TOLERANCE[form])
    manifest = json.loads((out / optimise.MANIFEST).read_text())
    assert manifest["sha256"] == optimise.sha256(out / manifest["file"])
    assert sorted(file.name for file in out.iterdir() if file.suffix == ".tmp") == []


def test_what_cannot_be_exported(tiny_ast: Path, tmp_path: Path) -> None:
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
