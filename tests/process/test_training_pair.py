"""Two nets in one model: which one decides, and the exported graph of both."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from roastwatch.cli import main
from roastwatch.detection.pops.features import ROWS_PER_STEP, WIDTH
from roastwatch.detection.pops.model import PopsModel, PopsOptions
from roastwatch.errors import BadInputError
from roastwatch.training.export import largest_difference, streaming, write_graph
from roastwatch.training.network import PopNet
from roastwatch.training.pair import (
    AFTER_STEPS,
    CALM,
    DOUBTS,
    MEAN_STEPS,
    PAST_STEPS,
    QUIET,
    RADIO,
    Pair,
    mixed,
    room,
)
from roastwatch.training.plan import TrainingPlan
from tests.process.test_training_start import PLAN

SILENT, LOUD = -20.0, 20.0


def net(seed: int, dilations: tuple[int, ...], radio: float, channels: int = 8) -> PopNet:
    """A net with random weights that is sure of a radio, or of none."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    made = PopNet(channels, 5, dilations)
    made(torch.randn(4, 100, WIDTH))  # norms that do something
    assert made.radio.bias is not None
    with torch.no_grad():
        made.radio.weight.mul_(0.01)
        made.radio.bias.fill_(radio)
    return made.eval()


@pytest.mark.parametrize("radio", [SILENT, LOUD])
def test_room_says_which_net_decides(radio: float) -> None:
    nets = net(1, (1, 2), SILENT), net(2, (1, 4, 2), radio)
    rows = torch.randn(2, (AFTER_STEPS + 50) * ROWS_PER_STEP, WIDTH)
    with torch.inference_mode():
        cracks, present = Pair(*nets)(rows)
        quiet, other = (one(rows)[0] for one in nets)
        torch.testing.assert_close(present, nets[0](rows)[1])
    expected = other if radio == LOUD else torch.minimum(quiet, other + DOUBTS[0])
    torch.testing.assert_close(cracks[:, -50:], expected[:, -50:], atol=1e-5, rtol=1e-5)
    assert float((quiet - other).abs().mean()) > 0.05


def test_without_a_radio_both_nets_must_hear_a_crack() -> None:
    quiet, other = (
        torch.tensor(values).repeat_interleave(ROWS_PER_STEP)[None]
        for values in ([2.0, 2.0, -1.0], [3.0, -1.0, 3.0])
    )
    half, none, whole = (torch.full((1, 3), value) for value in (0.5, 0.0, 1.0))
    in_quiet, in_music = mixed(quiet, other, none, half), mixed(quiet, other, whole, half)
    assert in_quiet[0, ::ROWS_PER_STEP].tolist() == [2.0, -0.5, -1.0]
    assert in_music.tolist() == other.tolist()


def test_radio_counts_once_its_mean_is_high_enough() -> None:
    began, ended = PAST_STEPS, 2 * PAST_STEPS
    present = torch.full((1, 3 * PAST_STEPS * ROWS_PER_STEP), SILENT)
    present[:, began * ROWS_PER_STEP : ended * ROWS_PER_STEP] = LOUD
    share, _, past = room(present, torch.zeros(1, 2, PAST_STEPS))
    on = share[0].numpy()
    assert on[: began + AFTER_STEPS + int(QUIET * MEAN_STEPS) - 1].max() == 0
    assert on[began + AFTER_STEPS + int(RADIO * MEAN_STEPS) + 1 : ended].min() == 1
    assert on[-1] == 0
    assert float(past.max()) < 1e-6


@pytest.mark.parametrize(
    ("chance", "expected"), [(0.0, DOUBTS[0]), (CALM / 2, sum(DOUBTS) / 2), (0.49, DOUBTS[1])]
)
def test_unlikely_radio_only_lets_the_second_net_doubt(chance: float, expected: float) -> None:
    rows = PAST_STEPS * ROWS_PER_STEP
    present = torch.full((1, rows), float(np.log(max(chance, 1e-9) / (1 - chance))))
    past = torch.stack((torch.full((1, PAST_STEPS), chance), torch.zeros(1, PAST_STEPS)), dim=1)
    share, doubt, _ = room(present, past)
    assert float(share.max()) == 0
    torch.testing.assert_close(doubt, torch.full((1, PAST_STEPS), expected), atol=1e-3, rtol=0)


def test_streamed_pair_equals_both_nets_on_whole_clips(tmp_path: Path) -> None:
    # in 12 s its mean passes both thresholds: first one net counts, then both, then the other
    pair = Pair(net(1, (1, 2), SILENT), net(2, (1, 4, 2), 1.0)).eval()
    write_graph(streaming(pair), tmp_path / "net.onnx")
    assert largest_difference(pair, tmp_path / "net.onnx") < 1e-4


def test_nets_of_other_sizes_are_refused() -> None:
    with pytest.raises(BadInputError, match="8 and 4 channels"):
        Pair(net(1, (1,), SILENT), net(1, (1,), SILENT, channels=4))


def exit_code(command: list[str]) -> object:
    with pytest.raises(SystemExit) as ended:
        main(command)
    return ended.value.code or 0


def test_export_joins_two_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed, late in (("quiet", 1, 6), ("music", 2, 6), ("later", 3, 7)):
        plan = TrainingPlan.model_validate(
            {**PLAN, "network": {**PLAN["network"], "look_ahead_rows": late}}
        )
        torch.manual_seed(seed)
        network = PopNet(*plan.network.size)
        folder = tmp_path / name
        folder.mkdir()
        torch.save(
            {"plan": plan.model_dump(mode="json"), "network": network.state_dict()},
            folder / "best.pt",
        )
        card = {"recordings": seed, "trained_on_files": [f"{seed:016x}"]}
        (folder / "card.json").write_text(json.dumps(card))
    command = ["export", "--workers", "1", "--out", str(tmp_path), "--run", str(tmp_path / "quiet")]
    command.append("--with-radio")
    assert exit_code([*command, str(tmp_path / "music")]) == 0
    model = PopsModel(PopsOptions(path=tmp_path / "tiny.json"))
    assert "1 real everyday sounds" in model.spec.description
    assert "while a radio plays" in model.spec.description
    assert model.spec.trained_on == {f"{1:016x}", f"{2:016x}"}
    sound = np.random.default_rng(3).normal(0, 0.1, 3 * 16000).astype(np.float32)
    heard = model.hear(16000, [sound])
    assert len(model.judge(heard)) == 30
    capsys.readouterr()
    assert exit_code([*command, str(tmp_path / "later")]) != 0
    assert "do not look equally far ahead" in capsys.readouterr().err
