"""Training that starts from an exported net, which is also its teacher."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from roastwatch.detection.pops.features import WIDTH
from roastwatch.errors import BadInputError
from roastwatch.training.calibrate import LogitCalibration
from roastwatch.training.export import export, trained_network
from roastwatch.training.network import PopNet
from roastwatch.training.plan import TrainingPlan
from roastwatch.training.start import started, teacher_loss
from roastwatch.training.train import train

PLAN: dict[str, Any] = {
    "name": "tiny",
    "seed": 3,
    "bank": {"clips": 8, "length_s": 3.0, "seed": 1},
    "validation": {"clips": 4, "length_s": 3.0, "seed": 2},
    "network": {"channels": 8, "dilations": [1, 2], "look_ahead_rows": 6},
    "training": {"epochs": 1, "batch_clips": 4},
}
LONGER = (8, 16, (1, 2, 4))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    plan = TrainingPlan.model_validate(PLAN)
    network = PopNet(*plan.network.size)
    network.train()(torch.randn(3, 200, WIDTH))  # its norms are no longer 0 and 1
    folder = tmp_path_factory.mktemp("exported")
    known = LogitCalibration(0.5, 1.0, 0.0, {})
    export(network.eval(), plan, folder, known, model_id="tiny-1", trained_on="nothing")
    torch.save(
        {"plan": plan.model_dump(mode="json"), "network": network.state_dict()}, folder / "best.pt"
    )
    return folder / "tiny.json"


def test_started_net_judges_like_the_exported_one(exported: Path) -> None:
    original, plan = trained_network(exported.parent / "best.pt")
    fresh = started(exported, plan.network.size)
    rows = torch.randn(2, 300, WIDTH)
    with torch.inference_mode():
        for mine, its in zip(fresh(rows), original(rows), strict=True):
            torch.testing.assert_close(mine, its, atol=1e-4, rtol=1e-4)
        longer = started(exported, LONGER)(rows)[0]
        shift = (longer - original(rows)[0]).abs().mean()
    assert 0 < shift < 0.2


def test_started_run_keeps_what_the_teacher_can_do(exported: Path, tmp_path: Path) -> None:
    original, _ = trained_network(exported.parent / "best.pt")
    rows = torch.randn(2, 300, WIDTH, generator=torch.Generator().manual_seed(5))
    shifts = {}
    for weight in (0.0, 30.0):
        training = {"epochs": 6, "batch_clips": 4, "teacher_weight": weight}
        plan = TrainingPlan.model_validate({**PLAN, "training": training})
        card = train(plan, tmp_path / str(weight), workers=1, start=exported)
        assert card["best_epoch"] == card["epochs"]
        network, used = trained_network(tmp_path / str(weight) / "best.pt")
        assert len(used.started_from) == 64
        with torch.inference_mode():
            shifts[weight] = float((network(rows)[0] - original(rows)[0]).abs().mean())
    assert 0 < shifts[30.0] < 0.7 * shifts[0.0]


def test_only_new_parts_learn_if_the_rest_is_frozen(exported: Path, tmp_path: Path) -> None:
    network = {**PLAN["network"], "dilations": list(LONGER[2])}
    training = {**PLAN["training"], "only_new": True}
    plan = TrainingPlan.model_validate({**PLAN, "network": network, "training": training})
    train(plan, tmp_path, workers=1, start=exported)
    learned = trained_network(tmp_path / "best.pt")[0].state_dict()
    before = started(exported, LONGER).state_dict()
    changed = {name for name, value in learned.items() if not torch.equal(value, before[name])}
    new = {name for name in learned if name.startswith(("blocks.2.", "radio."))}
    assert {"blocks.2.convolution.weight", "radio.weight"} <= changed <= new


def test_teacher_counts_only_where_no_radio_plays() -> None:
    taught = torch.randn(2, 40)
    levels = torch.full((2, 40), -100.0)
    assert float(teacher_loss(taught, taught, levels, 6)) == pytest.approx(0, abs=1e-6)
    other = taught + 1
    assert float(teacher_loss(other, taught, levels, 6)) > 0.01
    levels[:, :34] = 0.0
    assert float(teacher_loss(other, taught, levels, 6)) == 0.0


def test_net_that_cannot_be_started_from_is_refused(exported: Path, tmp_path: Path) -> None:
    for size in ((16, 16, (1, 2)), (8, 8, (1, 2)), (8, 16, (1,))):
        with pytest.raises(BadInputError, match=r"has another size than network\.channels"):
            started(exported, size)
    (tmp_path / "a.json").write_text(json.dumps({"onnx": "none.onnx"}))
    with pytest.raises(BadInputError, match=r"none\.onnx can't be read"):
        started(tmp_path / "a.json", LONGER)
    (tmp_path / "b.json").write_text("[]")
    with pytest.raises(BadInputError, match=r"not the \.json of an exported pop net"):
        started(tmp_path / "b.json", LONGER)
