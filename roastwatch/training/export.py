"""Export a trained net as an ONNX file, with its state as input and output, and a manifest."""

import hashlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

from roastwatch.detection.pops import features
from roastwatch.detection.pops.peaks import REACH_ROWS
from roastwatch.errors import BadInputError
from roastwatch.training import checkpoints
from roastwatch.training.calibrate import LogitCalibration
from roastwatch.training.network import POSITIONS, Block, Entry, PopNet, by_band
from roastwatch.training.pair import KEPT, PAST_STEPS, Pair, mixed, room
from roastwatch.training.plan import TrainingPlan


class Streaming(torch.nn.Module):
    """The streaming form of the net. Its state holds the past rows that its blocks need.

    Time is the first axis, and the three rows of a block are concatenated, so that a block is one
    matrix product. On ten rows (one live step) that makes ONNX Runtime a sixth faster than
    convolutions do.
    """

    def __init__(self, network: PopNet) -> None:
        """Fold each norm into the layer before it."""
        super().__init__()
        network.eval()
        blocks = [part for part in network.modules() if isinstance(part, Block)]
        layers = [
            *_of_entry(network.entry),
            *(fuse_conv_bn_eval(block.convolution, block.norm) for block in blocks),
            network.exit,
        ]
        # (out, in, taps) to (taps · in, out)
        # one product for what is heard and for the radio
        layers.append(joined(layers.pop(), network.radio))
        self.weights = [layer.weight.detach().permute(2, 1, 0).flatten(0, 1) for layer in layers]
        self.biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        self.dilations = network.dilations
        self.first_block = len(layers) - 1 - len(blocks)

    def rest(self) -> torch.Tensor:
        """The state before any sound: zeros, (1, rows, channels)."""
        return torch.zeros(1, 2 * sum(self.dilations), self.weights[-1].shape[0])

    def forward(
        self, rows: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits (1, rows), the next state, the last layer's input (1, channels, rows), radio.

        The logits of the radio are of shape (1, levels, rows).
        """
        x = rows.squeeze(0)
        for index in range(self.first_block):
            x = torch.relu(torch.addmm(self.biases[index], x, self.weights[index]))
        kept = []
        pasts = torch.split(state.squeeze(0), [2 * dilation for dilation in self.dilations])
        blocks = enumerate(zip(self.dilations, pasts, strict=True), self.first_block)
        for index, (dilation, past) in blocks:
            whole = torch.cat((past, x))
            kept.append(whole[-2 * dilation :])
            taps = torch.cat((whole[: -2 * dilation], whole[dilation:-dilation], x), dim=1)
            x = x + torch.relu(torch.addmm(self.biases[index], taps, self.weights[index]))
        logits = torch.addmm(self.biases[-1], x, self.weights[-1]).t()
        cracks, radio = logits[:1], logits[1:].unsqueeze(0)
        return cracks, torch.cat(kept).unsqueeze(0), x.t().unsqueeze(0), radio


class PairStreaming(torch.nn.Module):
    """The streaming form of a pair: the states of both nets follow one another, then its past."""

    def __init__(self, pair: Pair) -> None:
        super().__init__()
        self.quiet, self.radio = Streaming(pair.quiet), Streaming(pair.radio)

    def rest(self) -> torch.Tensor:
        """The state before any sound: zeros, (1, rows, channels)."""
        quiet = self.quiet.rest()
        past = torch.zeros(1, KEPT // quiet.shape[2], quiet.shape[2])
        return torch.cat((quiet, self.radio.rest(), past), dim=1)

    def forward(
        self, rows: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Shapes as from `Streaming`; the last layer's input and the radio are the quiet net's."""
        lengths = [2 * sum(part.dilations) for part in (self.quiet, self.radio)]
        first, second, past = torch.split(state, [*lengths, state.shape[1] - sum(lengths)], dim=1)
        cracks, first, heard, radio = self.quiet(rows, first)
        other, second, _, present = self.radio(rows, second)
        share, doubt, kept = room(present[:, 0], past.reshape(1, 2, PAST_STEPS))
        following = torch.cat((first, second, kept.reshape(past.shape)), dim=1)
        return mixed(cracks, other, share, doubt), following, heard, radio


def streaming(network: PopNet | Pair) -> Streaming | PairStreaming:
    """The streaming form of a net."""
    return PairStreaming(network) if isinstance(network, Pair) else Streaming(network)


def joined(first: torch.nn.Conv1d, second: torch.nn.Conv1d) -> torch.nn.Conv1d:
    """Two layers with the same input as one: the outputs of the second follow the first's."""
    both = torch.nn.Conv1d(first.in_channels, first.out_channels + second.out_channels, 1)
    assert first.bias is not None
    assert second.bias is not None
    both.weight = torch.nn.Parameter(torch.cat((first.weight, second.weight)))
    both.bias = torch.nn.Parameter(torch.cat((first.bias, second.bias)))
    return both


def _of_entry(entry: Entry) -> list[torch.nn.Conv1d]:
    """The layers of the entry, with the weights that bands share written out for each band.

    Three of four weights are zero then, but one product over all of them is still the fastest.
    """
    shared = fuse_conv_bn_eval(entry.bands, entry.bands_norm)
    assert shared.bias is not None
    whole = torch.nn.Conv1d(features.WIDTH, entry.mix.in_channels, 1, bias=False)
    with torch.no_grad():
        ones = torch.eye(features.WIDTH).unsqueeze(2)  # a row for each number in it
        answers = by_band(ones, shared) - shared.bias[:, None, None]
        whole.weight.copy_(answers.flatten(1).t().unsqueeze(2))
    whole.bias = torch.nn.Parameter(shared.bias.repeat_interleave(POSITIONS))
    return [whole, fuse_conv_bn_eval(entry.mix, entry.norm)]


def trained_network(checkpoint: Path) -> tuple[PopNet, TrainingPlan]:
    """Load the net of a checkpoint, in evaluation mode.

    Raises:
        BadInputError: the file is missing or damaged, or its net has another structure.
    """
    stand = checkpoints.load(checkpoint)
    if stand is None:
        raise BadInputError(
            f"{checkpoint} is not a readable checkpoint: pass the best.pt of a run."
        )
    plan = TrainingPlan.model_validate(stand["plan"])
    network = PopNet(*plan.network.size)
    try:
        network.load_state_dict(stand["network"])
    except RuntimeError as error:
        raise BadInputError(
            f"{checkpoint} holds a net with another structure: export it with the version of "
            "roastwatch that trained it, or train again."
        ) from error
    return network.eval(), plan


def export(
    network: PopNet | Pair,
    plan: TrainingPlan,
    out: Path,
    calibration: LogitCalibration,
    *,
    model_id: str,
    trained_on: str,
    trained_on_files: Sequence[str] = (),
    evidence_over: float = 0.0,
) -> dict[str, Any]:
    """Write `<name>.onnx` and `<name>.json` to a folder; return the manifest.

    The graph also outputs the last layer's input as `features`, from which `learn` fits that layer.
    The manifest's scores include `largest_difference`, the largest difference between torch and
    ONNX Runtime on random rows that are streamed in parts of uneven length.

    Args:
        evidence_over: see `ModelSpec`.
        trained_on_files: `trained_on` of `ModelSpec`.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{plan.name}.onnx"
    live = streaming(network)
    write_graph(live, path)
    difference = largest_difference(network, path)
    late = plan.network.look_ahead_rows
    lag_steps = -(-(late + REACH_ROWS) // features.ROWS_PER_STEP)
    manifest = {
        "model_id": model_id,
        "onnx": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "front_end": features.VERSION,
        "lowest_rate_hz": features.LOWEST_RATE_HZ,
        "highest_rate_hz": 48000,
        "hop_s": features.STEP_S,
        "look_ahead_s": round(lag_steps * features.STEP_S, 3),
        "look_ahead_rows": late,
        "state_shape": list(live.rest().shape),
        "pop_threshold": calibration.pop_threshold,
        "evidence_over": evidence_over,
        "candidate_threshold": 0.2,
        "llr_scale": calibration.llr_scale,
        "llr_offset": calibration.llr_offset,
        "llr_limits": [-5.0, 8.0],
        "trained_on": trained_on,
        **({"trained_on_files": list(trained_on_files)} if trained_on_files else {}),
        "scores": {**calibration.scores, "largest_difference": difference},
    }
    content = (json.dumps(manifest, indent=2) + "\n").encode()
    checkpoints.write_whole(out / f"{plan.name}.json", content)
    return manifest


def write_graph(live: Streaming | PairStreaming, path: Path) -> None:
    """Write the net as an ONNX file, and check it."""
    rows = torch.randn(1, 40, features.WIDTH)
    with warnings.catch_warnings():  # the newer exporter needs another library and fixed sizes
        warnings.simplefilter("ignore")
        torch.onnx.export(
            live.eval(),
            (rows, live.rest()),
            str(path),
            input_names=["rows", "state"],
            output_names=["logits", "next_state", "features", "radio"],
            dynamic_axes={
                "rows": {1: "count"},
                "logits": {1: "count"},
                "features": {2: "count"},
                "radio": {2: "count"},
            },
            opset_version=17,
            dynamo=False,
        )
    onnx.checker.check_model(onnx.load(path))


def largest_difference(network: PopNet | Pair, path: Path) -> float:
    """The largest |torch - ONNX Runtime| in logits over 12 s of random rows."""
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(1, 1200, features.WIDTH, generator=generator)
    with torch.inference_mode():
        expected = network(rows)[0].numpy()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    state = streaming(network).rest().numpy()
    found = []
    for part in np.split(rows.numpy(), [10, 20, 330, 1000], axis=1):
        logits, state = session.run(["logits", "next_state"], {"rows": part, "state": state})
        found.append(logits)
    return float(np.abs(np.concatenate(found, axis=1) - expected).max())
