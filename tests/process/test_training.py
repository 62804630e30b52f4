import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml

from roastwatch.corpus.recordings import find_radio
from roastwatch.detection.pops.features import WIDTH
from roastwatch.detection.pops.model import PopsModel, PopsOptions
from roastwatch.errors import BadInputError
from roastwatch.synth.programmes import PROGRAMMES
from roastwatch.training import checkpoints
from roastwatch.training.bank import CRACK, NO_RADIO_DB, Bank
from roastwatch.training.calibrate import calibrate
from roastwatch.training.export import (
    Streaming,
    export,
    largest_difference,
    trained_network,
    write_graph,
)
from roastwatch.training.measure import measured
from roastwatch.training.network import PopNet
from roastwatch.training.plan import TrainingPlan, changed, read_plan
from roastwatch.training.train import train

PLAN: dict[str, Any] = {
    "name": "tiny",
    "seed": 3,
    "bank": {"clips": 12, "length_s": 3.0, "seed": 1},
    "validation": {"clips": 6, "length_s": 3.0, "seed": 2},
    "network": {"channels": 8, "dilations": [1, 2, 4], "look_ahead_rows": 6},
    "training": {"epochs": 3, "batch_clips": 4},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("run")
    card = train(TrainingPlan.model_validate(PLAN), out, workers=1)
    assert card["epochs"] == 3
    assert (out / "card.json").exists()
    assert list((out / "tensorboard").iterdir())
    return out


def weights(path: Path) -> dict[str, Any]:
    stand = checkpoints.load(path)
    assert stand is not None
    return dict(stand["network"])


def test_bank_contains_cracks(run: Path) -> None:
    labels = np.fromfile(run / "bank" / "labels.u1", np.uint8)
    assert len(labels) == 12 * 300
    assert (labels == CRACK).sum() > 3


def test_killed_run_resumes_to_the_same_result(run: Path, tmp_path: Path) -> None:
    for name in ("bank", "validation"):
        (tmp_path / name).symlink_to(run / name)
    (tmp_path / "epoch-0002.pt").write_bytes((run / "epoch-0002.pt").read_bytes())
    (tmp_path / "epoch-0003.pt").write_bytes(b"half a checkpoint")
    train(TrainingPlan.model_validate(PLAN), tmp_path, workers=1)
    whole, resumed = weights(run / "epoch-0003.pt"), weights(tmp_path / "epoch-0003.pt")
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0)


def test_old_checkpoints_are_deleted_and_full_disk_loses_nothing(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [path.name for path in sorted(run.glob("epoch-*.pt"))] == [
        "epoch-0002.pt",
        "epoch-0003.pt",
    ]
    before = (run / "best.pt").read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInputError, match="No space left"):
        checkpoints.save(run, {"network": {}}, 9, best=True, keep=1)
    assert (run / "best.pt").read_bytes() == before
    assert len(list(run.glob("epoch-*.pt"))) == 2
    assert not list(run.glob("*.part"))


def test_run_of_another_plan_is_refused(run: Path) -> None:
    other = TrainingPlan.model_validate({**PLAN, "seed": 4})
    with pytest.raises(BadInputError, match="another plan"):
        checkpoints.newest(run, other)


def test_exported_net_equals_torch_when_streamed(run: Path, tmp_path: Path) -> None:
    network, plan = trained_network(run / "best.pt")
    proposed = calibrate(network, plan, run, (), false_per_min=2.0, workers=1)
    calibration = calibrate(
        network, plan, run, (), false_per_min=2.0, threshold=proposed.pop_threshold - 0.1, workers=1
    )
    strays = "false_pops_per_min_on_development_sounds"
    assert calibration.scores[strays] >= proposed.scores[strays]
    manifest = export(
        network,
        plan,
        tmp_path,
        calibration,
        model_id="tiny-1",
        trained_on="little",
        evidence_over=0.25,
    )
    assert manifest["scores"]["largest_difference"] < 1e-4
    model = PopsModel(PopsOptions(path=tmp_path / "tiny.json"))
    assert model.spec.model_id == "tiny-1"
    assert model.spec.pop_threshold == calibration.pop_threshold
    assert model.spec.evidence_over == 0.25
    stream = model.open(16000)
    scores = stream.push(np.zeros(16000, np.float32)) + stream.finish()
    assert len(scores) == 10
    sound = np.random.default_rng(3).normal(0, 0.1, 5 * 16000).astype(np.float32)
    pieces = model.open(16000)
    cut = [score for part in np.split(sound, 40) for score in pieces.push(part)] + pieces.finish()
    whole = model.open(16000)
    heard = whole.push(sound) + whole.finish()
    radio = np.array([score.radio for score in heard], np.float64)
    assert radio.shape == (50, 2)
    assert ((radio > 0) & (radio < 1)).all()
    np.testing.assert_allclose(np.array([score.radio for score in cut], float), radio, atol=1e-4)
    again = model.judge(model.hear(16000, [sound]))
    np.testing.assert_allclose(np.array([score.radio for score in again], float), radio, atol=1e-4)
    stand = checkpoints.load(run / "best.pt")
    assert stand is not None
    del stand["network"]["entry.mix.weight"]
    torch.save(stand, tmp_path / "other.pt")
    with pytest.raises(BadInputError, match="another structure"):
        trained_network(tmp_path / "other.pt")
    (tmp_path / "bad.pt").write_bytes(b"no")
    with pytest.raises(BadInputError, match="not a readable checkpoint"):
        trained_network(tmp_path / "bad.pt")


def test_streamed_graph_equals_torch_on_whole_clips(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = PopNet(8, 5, (1, 2, 5))
    network(torch.randn(4, 100, WIDTH))  # norms that do something
    write_graph(Streaming(network), tmp_path / "net.onnx")
    assert largest_difference(network, tmp_path / "net.onnx") < 1e-4


def test_single_false_clip_does_not_set_the_threshold() -> None:
    labels = np.zeros((20, 800), np.uint8)
    labels[:, 300] = CRACK
    said = torch.where(torch.from_numpy(labels) == CRACK, 2.0, -9.0)
    said[0, 20::10] = 5.0  # sure of a crack each 0.1 s

    class Said(torch.nn.Module):
        def forward(self, _rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return said, said

    silent = np.full((20, 80), NO_RADIO_DB, np.int8)
    bank = Bank(np.zeros((20, 800, WIDTH), np.float16), labels, silent, [[]] * 20)
    figures = measured(Said(), bank, 0, torch.device("cpu"))
    assert figures["recall_at_1_per_min"] > 0.9


def test_real_cracks_of_fire_are_measured(run: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    fire = 0.001 * rng.standard_normal(3 * 32000)
    for at in range(8000, 90_000, 12_000):
        fire[at : at + 300] += 0.5 * rng.standard_normal(300) * np.exp(-np.arange(300) / 60)
    soundfile.write(tmp_path / "4-a.wav", fire, 32000)
    network, plan = trained_network(run / "best.pt")

    def recall_at(threshold: float) -> float:
        real = (("fire", str(tmp_path / "4-a.wav")),)
        found = calibrate(network, plan, tmp_path, real, false_per_min=2.0, threshold=threshold)
        return float(found.scores["recall_on_crackles"])

    assert recall_at(0.001) > recall_at(0.999)
    labels = np.fromfile(tmp_path / "crackles" / "labels.u1", np.uint8)
    assert (labels == CRACK).sum() > 60


def test_radio_settings_reach_the_bank_and_the_card(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    (tmp_path / "radio").mkdir()
    for name in ("song", "talk-en"):
        soundfile.write(tmp_path / "radio" / f"{name}.wav", rng.standard_normal(40000) / 9, 16000)
    radio = find_radio(tmp_path / "radio")
    assert [kind for kind, _ in radio] == ["music", "talk"]
    raw = changed(PLAN, ["bank.music=1", "bank.music_real=0.5", "training.epochs=1"])
    card = train(TrainingPlan.model_validate(raw), tmp_path / "run", radio, workers=1)
    assert (card["recordings"], card["radio_recordings"]) == (0, 2)
    assert len(card["trained_on_files"]) == 2
    kinds = json.loads((tmp_path / "run" / "bank" / "bank.json").read_text())["kinds"]
    assert all(set(clip) & set(PROGRAMMES) for clip in kinds)


def test_training_on_recordings_kept_for_evaluation_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.wav", np.ones(16000) / 9, 16000)
    (tmp_path / "manifest.csv").write_text("path,kind,label,part\nsong.wav,music,song,evaluation\n")
    with pytest.raises(BadInputError, match=r"song\.wav is for evaluation"):
        train(TrainingPlan.model_validate(PLAN), tmp_path / "run", find_radio(tmp_path), workers=1)
    assert not (tmp_path / "run").exists()


def test_wrong_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump({**PLAN, "training": {"epoch": 3}}))
    with pytest.raises(BadInputError, match=r"training\.epoch"):
        read_plan(path)
    assert read_plan(Path(__file__).parents[2] / "config" / "models" / "pops.yaml").name == "pops"


def test_plan_keys_are_changed_from_the_command_line() -> None:
    raw = {"bank": {"clips": 10, "rooms": 0.8}}
    fresh = changed(raw, ("bank.rooms=0", "training.epochs=3"))
    assert fresh == {"bank": {"clips": 10, "rooms": 0}, "training": {"epochs": 3}}
    assert raw["bank"]["rooms"] == 0.8
    for wrong in ("bank.rooms", "bank.clips.more=1"):
        with pytest.raises(BadInputError, match="KEY=VALUE"):
            changed(raw, (wrong,))


def test_two_processes_train_together(run: Path, tmp_path: Path) -> None:
    for name in ("bank", "validation"):
        (tmp_path / name).symlink_to(run / name)
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump({**PLAN, "training": {"epochs": 1, "batch_clips": 4}}))
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words += ["-m", "roastwatch", "train", "--config", str(path), "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *words, "--threads", "1"],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Next: roastwatch export") == 1, "only the leading process speaks"
    assert '"processes": 2' in (tmp_path / "card.json").read_text()
    assert weights(tmp_path / "best.pt")
