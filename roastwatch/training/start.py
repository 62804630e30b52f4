"""Start training from an exported net, and keep what it can do.

The exported net goes on learning, and where no radio plays it is also the teacher: the new net
must judge there as the old one does (knowledge distillation, Hinton and others 2015). So it learns
what a radio sounds like, and forgets nothing of cracks that the clips hold too few of.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from roastwatch.detection.pops import features
from roastwatch.errors import BadInputError
from roastwatch.training.network import NEIGHBOURS, PER_BAND, POSITIONS, PopNet
from roastwatch.vocabulary import Float32Array

_NO_RADIO_DB = -30.0
_SURE_LOGIT = 7.0
_LEAST_WEIGHT = 0.02  # of rows in which neither net hears anything
_LAYERS_BESIDE_BLOCKS = 3  # two of the entry, and the exit
_NEW_BLOCK = 0.1  # a new block begins almost silent

Layer = tuple[Float32Array, Float32Array]
"""Weights, (inputs, outputs), and biases, (outputs,)."""


def started(
    manifest: Path, size: tuple[int, int, tuple[int, ...]], *, only_new: bool = False
) -> PopNet:
    """An exported net as one that can be trained, in evaluation mode; it stays in that mode.

    Its norms were folded into its layers, so those of the new net do nothing until they learn.
    Blocks that the exported net lacks follow its own, and begin almost silent.

    Args:
        manifest: the exported net's `.json`.
        size: arguments of the new `PopNet`.
        only_new: what the exported net has is frozen: only more blocks and the radio learn.

    Raises:
        BadInputError: the file is not such a net, or the sizes do not fit.
    """
    layers = _layers(manifest)
    channels, band_channels, dilations = size
    net = PopNet(*size)
    blocks = layers[2:-1]
    wanted = [(features.WIDTH, band_channels * POSITIONS), (band_channels * POSITIONS, channels)]
    wanted += [(3 * channels, channels)] * len(blocks)
    if [weights.shape for weights, _ in layers[:-1]] != wanted or len(blocks) > len(dilations):
        raise BadInputError(
            f"{manifest}: its net has another size than network.channels, network.band_channels "
            "and network.dilations of the plan, which may only have more dilations at the end."
        )
    with torch.no_grad():
        _set_entry(net, layers)
        for index, block in enumerate(net.blocks):
            convolution, norm = block.convolution, block.norm
            assert isinstance(convolution, nn.Conv1d)
            assert isinstance(norm, nn.BatchNorm1d)
            if index < len(blocks):
                weights, biases = blocks[index]
                taps = weights.reshape(3, channels, channels).transpose(2, 1, 0)
                convolution.weight.copy_(torch.from_numpy(taps.copy()))
                _adds(norm, biases)
            else:
                convolution.weight.mul_(_NEW_BLOCK)
                _adds(norm, np.zeros(channels, np.float32))
        weights, biases = layers[-1]
        _set_exit(net.exit, weights[:, :1], biases[:1])
        if weights.shape[1] == 1 + net.radio.out_channels:
            _set_exit(net.radio, weights[:, 1:], biases[1:])
    if only_new:
        net.requires_grad_(requires_grad=False)
        for part in (*net.blocks[len(blocks) :], net.radio):
            part.requires_grad_(requires_grad=True)
    return net.eval()


def teacher_of(manifest: Path, size: tuple[int, int, tuple[int, ...]]) -> PopNet:
    """The exported net itself, in evaluation mode. Arguments and errors are those of `started`."""
    channels, band_channels, dilations = size
    known = len(_layers(manifest)) - _LAYERS_BESIDE_BLOCKS
    return started(manifest, (channels, band_channels, dilations[:known]))


def fingerprint(manifest: Path) -> str:
    """SHA-256 of an exported net."""
    return hashlib.sha256(_graph(manifest).read_bytes()).hexdigest()


def teacher_loss(
    logits: torch.Tensor, taught: torch.Tensor, levels_db: torch.Tensor, late_rows: int
) -> torch.Tensor:
    """How far the logits of cracks are from the teacher's, where no radio plays.

    The Kullback-Leibler divergence of each row, weighted by the larger of both probabilities and
    divided by the number of cracks that the teacher hears.

    Args:
        logits: (batch, rows).
        taught: the teacher's.
        levels_db: the radio's level over the roaster, (batch, rows).
        late_rows: rows by which logits follow the sound.
    """
    taught = taught[:, late_rows:].clamp(-_SURE_LOGIT, _SURE_LOGIT)
    logits = logits[:, late_rows:]
    silent = (levels_db[:, : levels_db.shape[1] - late_rows] <= _NO_RADIO_DB).float()
    target = torch.sigmoid(taught)
    weight = silent * (_LEAST_WEIGHT + torch.maximum(target, torch.sigmoid(logits).detach()))
    cross = binary_cross_entropy_with_logits(logits, target, reduction="none")
    own = binary_cross_entropy_with_logits(taught, target, reduction="none")
    return (weight * (cross - own)).sum() / (silent * target).sum().clamp(min=1)


def _graph(manifest: Path) -> Path:
    try:
        name = json.loads(manifest.read_text())["onnx"]
        return manifest.parent / str(name)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{manifest} is not the .json of an exported pop net: pass the one that "
            "`roastwatch export` wrote."
        ) from error


def _layers(manifest: Path) -> list[Layer]:
    """The layers of an exported net, from its entry to its exit."""
    path = _graph(manifest)
    try:
        graph = onnx.load(path).graph
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} can't be read: export the net again.") from error
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    constants[node.output[0]] = numpy_helper.to_array(attribute.t)
    return [
        (constants[node.input[1]], constants[node.input[2]])
        for node in graph.node
        if node.op_type == "Gemm"
    ]


def _set_entry(net: PopNet, layers: list[Layer]) -> None:
    """The entry, whose weights were written out for each band: those of a middle one are taken."""
    (whole, biases), (mix, mix_biases) = layers[:2]
    shared = net.entry.bands
    middle = POSITIONS // 2
    by_input = whole.reshape(PER_BAND, features.BANDS, shared.out_channels, POSITIONS)
    first = 2 * middle - NEIGHBOURS
    seen = by_input[:, first : first + 2 * NEIGHBOURS + 1, :, middle]
    shared.weight.copy_(torch.from_numpy(seen.transpose(2, 0, 1)[..., None].copy()))
    _adds(net.entry.bands_norm, biases.reshape(shared.out_channels, POSITIONS)[:, middle])
    net.entry.mix.weight.copy_(torch.from_numpy(mix.T.copy())[:, :, None])
    _adds(net.entry.norm, mix_biases)


def _adds(norm: nn.BatchNorm1d | nn.BatchNorm2d, biases: Float32Array) -> None:
    """Make a norm in evaluation mode add these biases and do nothing else."""
    norm.reset_running_stats()  # mean 0, variance 1
    norm.weight.fill_(float(np.sqrt(1 + norm.eps)))
    norm.bias.copy_(torch.from_numpy(biases.copy()))


def _set_exit(layer: nn.Conv1d, weights: Float32Array, biases: Float32Array) -> None:
    assert layer.bias is not None
    layer.weight.copy_(torch.from_numpy(weights.T.copy())[:, :, None])
    layer.bias.copy_(torch.from_numpy(biases.copy()))
