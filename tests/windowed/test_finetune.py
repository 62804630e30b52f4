"""Fine-tuning a tiny random AST on a corpus of the project's layout."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from click.testing import CliRunner

from roastwatch.cli import cli
from roastwatch.corpus import corpus
from roastwatch.detection.large.windowed import Windowed, WindowedOptions
from roastwatch.errors import BadInputError
from roastwatch.settings import model as settings
from roastwatch.training.large import finetune_ast, finetune_windows
from roastwatch.training.large.finetune_ast import FineTunePlan, finetune
from roastwatch.training.large.finetune_windows import WindowSettings

RATE = 16_000


def _recording(path: Path, seed: int, *, cracks_from_s: float | None) -> corpus.CorpusRecording:
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, 0.01, 14 * RATE)
    pops = []
    if cracks_from_s is not None:
        pops = np.sort(rng.uniform(cracks_from_s, 13.9, 70)).round(3).tolist()
        for at_s in pops:
            at = round(at_s * RATE)
            sound[at : at + 200] += rng.normal(0, 0.4, 200) * np.exp(-np.arange(200) / 40)
    soundfile.write(path, sound, RATE)
    marks = corpus.Marks(pops_s=tuple(pops)) if pops else None
    return corpus.described(path, path.parent, "roast" if pops else "negative", marks)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    rows = [
        _recording(root / f"{number}.flac", number, cracks_from_s=None if number % 3 == 2 else 7.0)
        for number in range(6)
    ]
    splits = ["train", "validation", "train", "train", "train", "validation"]
    rows = [
        corpus.CorpusRecording(**{**_fields(row), "split": split})
        for row, split in zip(rows, splits, strict=True)
    ]
    corpus.write_manifest(root / "manifest.json", rows)
    return root / "manifest.json"


def _fields(row: corpus.CorpusRecording) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _plan(tiny_ast: Path, manifest: Path, **training: Any) -> FineTunePlan:
    return FineTunePlan.model_validate(
        {
            "name": "tuned",
            "base": str(tiny_ast),
            "manifest": manifest,
            "windows": {"window_s": 2.0, "least_pops": 2},
            "training": {
                "epochs": 3, "batch_windows": 8, "learning_rate": 3e-3, "frozen_layers": 1,
                **training,
            },
        }
    )  # fmt: skip


def test_fine_tuned_model_learns_and_runs(base_ast: Path, manifest: Path, tmp_path: Path) -> None:
    plan = _plan(base_ast, manifest, epochs=8, patience_epochs=8, learning_rate=1e-3)
    card = finetune(plan, tmp_path / "run")
    assert card["best"]["area_under_roc"] > 0.9
    assert card["windows"]["train"]["first_crack"] > 5
    assert card["windows"]["train"]["no_first_crack"] > 5
    assert 0 < card["frozen_parameters"] < card["parameters"]
    assert json.loads((tmp_path / "run" / "card.json").read_text()) == card
    chosen = settings.chosen("models", "windowed", model=str(tmp_path / "run" / "model"), threads=1)
    assert isinstance(chosen.options, WindowedOptions)
    model = Windowed(chosen.options)
    assert model.spec.model_id == "tuned"
    rng = np.random.default_rng(77)
    quiet = rng.normal(0, 0.01, 4 * RATE).astype(np.float32)
    loud = quiet.copy()
    for at in rng.integers(0, 4 * RATE - 200, 20):
        loud[at : at + 200] += rng.normal(0, 0.4, 200) * np.exp(-np.arange(200) / 40)
    means = []
    for sound in (quiet, loud):
        stream = model.open(RATE)
        means.append(np.mean([s.probability for s in stream.push(sound) + stream.finish()]))
    assert means[1] > means[0]


def test_killed_run_gives_the_same_result(tiny_ast: Path, manifest: Path, tmp_path: Path) -> None:
    whole = finetune(_plan(tiny_ast, manifest), tmp_path / "whole")
    finetune(_plan(tiny_ast, manifest), tmp_path / "cut")
    for left in ("epoch-0003.pt", "card.json", "best.pt"):  # as if it had ended in epoch 3
        (tmp_path / "cut" / left).unlink()
    again = finetune(_plan(tiny_ast, manifest), tmp_path / "cut")
    for one, other in zip(again["history"], whole["history"], strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_two_processes_tune_together_and_one_prints(
    tiny_ast: Path, manifest: Path, tmp_path: Path
) -> None:
    path = tmp_path / "plan.yaml"
    plan = _plan(tiny_ast, manifest, epochs=2, patience_epochs=2)
    path.write_text(yaml.safe_dump(plan.model_dump(mode="json")))
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words += ["-m", "roastwatch", "train", "--config", str(path), "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, *words, "--threads", "1", "--json"],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    reported = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert [json.loads(line) for line in reported] == [
        json.loads((tmp_path / "run" / "card.json").read_text())
    ]
    assert json.loads(reported[0])["processes"] == 2
    assert (tmp_path / "run" / "model" / "config.json").exists()
    assert not (tmp_path / "run" / "windows").exists()


def test_frozen_layers_and_the_front_end_stay(
    tiny_ast: Path, manifest: Path, tmp_path: Path
) -> None:
    from roastwatch.detection.large import backends_torch

    finetune(_plan(tiny_ast, manifest, epochs=1, frozen_layers=1), tmp_path)
    before = backends_torch.load_network(tiny_ast).state_dict()
    after = backends_torch.load_network(tmp_path / "model").state_dict()
    same = {name for name in before if before[name].equal(after[name])}
    assert any("embeddings" in name for name in same)
    assert "classifier.dense.weight" not in same
    front = [json.loads((f / "preprocessor_config.json").read_text()) for f in
             (tiny_ast, tmp_path / "model")]  # fmt: skip
    assert (front[0]["mean"], front[0]["std"]) == (front[1]["mean"], front[1]["std"])


def test_recordings_in_two_splits_are_refused(
    tiny_ast: Path, manifest: Path, tmp_path: Path
) -> None:
    rows = corpus.read_manifest(manifest)
    leaky = [corpus.CorpusRecording(**{**_fields(row), "group": "one"}) for row in rows]
    path = manifest.parent / "leaky.json"
    corpus.write_manifest(path, leaky)
    with pytest.raises(BadInputError, match="more than one split"):
        finetune(_plan(tiny_ast, path), tmp_path)


def test_models_that_cannot_be_tuned_are_named(
    tiny_ast: Path, manifest: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match="frozen_layers is 9"):
        finetune(_plan(tiny_ast, manifest, frozen_layers=9), tmp_path)
    config = tmp_path / "plan.yaml"
    config.write_text(f"name: x\nbase: {tiny_ast}\nmanifest: {manifest}\n")
    result = CliRunner().invoke(
        cli, ["train", "--config", str(config), "--out", str(tmp_path / "y")]
    )
    assert "window_s is 10" in str(result.exception)


def test_window_labels_follow_pops_and_phase() -> None:
    plain = {"duration_s": 100.0, "sample_rate_hz": RATE, "sha256": "", "group": "g"}
    rule = WindowSettings()
    label = finetune_windows.label
    roast = corpus.CorpusRecording("a", "roast", **plain, first_crack_s=(50.0, 80.0))  # type: ignore[arg-type]
    assert [label(roast, at, at + 10, rule) for at in (0, 38, 46, 60, 88)] == [0, None, 1, 1, 0]
    dotted = corpus.CorpusRecording("a", "roast", **plain, pops_s=(50.0, 51.0, 70.0))  # type: ignore[arg-type]
    assert [label(dotted, at, at + 10, rule) for at in (0, 45, 65)] == [0, 1, None]
    unknown = corpus.CorpusRecording("a", "roast", **plain)  # type: ignore[arg-type]
    assert label(unknown, 0, 10, rule) is None
    assert label(corpus.CorpusRecording("a", "negative", **plain), 0, 10, rule) == 0  # type: ignore[arg-type]


def test_area_under_roc() -> None:
    area = finetune_ast._area
    assert area(np.array([0.9, 0.8]), np.array([0.1, 0.2])) == 1.0
    assert area(np.array([0.5]), np.array([0.5])) == 0.5
    assert area(np.array([]), np.array([0.5])) == 0.5
