"""A package runs with its own example."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from roastwatch.cli import cli
from roastwatch.errors import BadInputError
from roastwatch.training.large.package import write_package


def test_the_example_runs(tiny_ast: Path, tmp_path: Path) -> None:
    out = tmp_path / "package"
    result = CliRunner().invoke(
        cli,
        ["package", "--model", str(tiny_ast), "--out", str(out), "--id", "my-ast", "--json"],
    )
    assert result.exit_code == 0, result.output
    manifest = json.loads(result.stdout)
    assert manifest == json.loads((out / "roastwatch.json").read_text())
    assert set(manifest["files"]) == {
        "README.md", "config.json", "example.flac", "example.sh", "model.safetensors",
        "preprocessor_config.json", "settings.yaml",
    }  # fmt: skip
    assert "First crack".lower() in (out / "README.md").read_text().lower()
    where = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    ran = subprocess.run(
        ["sh", str(out / "example.sh")], capture_output=True, text=True, env=where, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["model_id"] == "my-ast"
    assert found["duration_s"] == pytest.approx(60.0, abs=0.1)


def test_models_that_cannot_be_packaged_are_named(tiny_ast: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep me")
    plain = {"model_id": None, "licence": "", "trained_on": "", "threshold": 0.5}
    with pytest.raises(BadInputError, match="not empty"):
        write_package(tiny_ast, tmp_path / "full", **plain)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="no config"):
        write_package(tmp_path / "full", tmp_path / "new", **plain)  # type: ignore[arg-type]
