"""Static int8 quantisation of an Audio Spectrogram Transformer's matrix products.

Weights have a step size per output. The input of a product has one step size for the whole tensor,
from its range on calibration sound (Jacob et al., "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference", CVPR 2018). In a transformer, the range of some
channels is many times that of the others, which would lose their detail in such a step. Those
channels are first scaled down where they are computed, and up in the weights that read them, which
changes no output (Xiao et al., "SmoothQuant", ICML 2023).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from roastwatch.training.large import ast_graph

_MIGRATION = 0.5
"""Share of a channel's range that moves to the weights, 0 to 1: SmoothQuant's alpha."""
_LEAST = 1e-5
"""Keeps the step size of a silent channel above zero."""


@dataclass(slots=True)
class Range:
    """Lowest (0 or less) and highest (0 or more) input of a product, by channel."""

    least: torch.Tensor
    most: torch.Tensor

    def widen(self, read: torch.Tensor) -> None:
        """Extend the range by values of shape (..., channels)."""
        values = read.flatten(0, -2)
        self.least = torch.minimum(self.least, values.amin(0))
        self.most = torch.maximum(self.most, values.amax(0))

    def divide(self, by: torch.Tensor) -> None:
        """Follow channels that were scaled down."""
        self.least, self.most = self.least / by, self.most / by


class _Int8Linear(torch.nn.Module):
    """A linear layer with ONNX's QuantizeLinear and DequantizeLinear around its product.

    ONNX Runtime and OpenVINO recognise the pattern and multiply integers. For export only: in torch
    it returns zeros.
    """

    def __init__(self, linear: torch.nn.Linear, least: float, most: float) -> None:
        """Quantise a layer whose inputs are from `least` to `most`."""
        super().__init__()
        weight = linear.weight.detach()
        steps = weight.abs().amax(1).clamp_min(_LEAST) / 127
        step = max(most - least, _LEAST) / 255
        self.bias: torch.Tensor | None = linear.bias
        self.weight: torch.Tensor
        self.register_buffer("weight", (weight / steps[:, None]).round().to(torch.int8).T.clone())
        self.steps: torch.Tensor
        self.register_buffer("steps", steps)
        self.zeros: torch.Tensor
        self.register_buffer("zeros", torch.zeros(len(steps), dtype=torch.int8))
        self.step: torch.Tensor
        self.register_buffer("step", torch.tensor(step))
        # Unsigned with a zero point: signed integers take ONNX Runtime twice as long.
        self.zero: torch.Tensor
        self.register_buffer("zero", torch.tensor(round(-least / step), dtype=torch.uint8))

    def forward(self, read: torch.Tensor) -> torch.Tensor:
        """Shape (..., channels) → (..., outputs)."""
        operator: Any = torch.onnx.ops.symbolic
        rounded = operator(
            "QuantizeLinear", (read, self.step, self.zero), dtype=torch.uint8, shape=read.shape
        )
        whole = operator(
            "DequantizeLinear", (rounded, self.step, self.zero), dtype=read.dtype, shape=read.shape
        )
        weight = operator(
            "DequantizeLinear",
            (self.weight, self.steps, self.zeros),
            {"axis": 1},
            dtype=read.dtype,
            shape=self.weight.shape,
        )
        product: torch.Tensor = whole @ weight
        return product if self.bias is None else product + self.bias


def round_products(network: Any, calibration: torch.Tensor) -> None:
    """Quantise every product of the layers in place, but not the head.

    Args:
        network: transformers' `ASTForAudioClassification` in float32. Afterwards it can only be
            exported to ONNX.
        calibration: inputs of shape (windows, frames, bands), as varied as the sound that the
            network will classify.
    """
    layers = network.audio_spectrogram_transformer.layers
    found = ranges(network, calibration)
    for layer in layers:
        smooth(layer, found)
    for layer in layers:
        for module in (layer.attention, layer.mlp):
            for name, child in list(module.named_children()):
                if child in found:
                    least, most = float(found[child].least.min()), float(found[child].most.max())
                    setattr(module, name, _Int8Linear(child, least, most))


def ranges(network: Any, calibration: torch.Tensor) -> dict[torch.nn.Module, Range]:
    """The range of each linear layer's inputs on the calibration sound."""
    found: dict[torch.nn.Module, Range] = {}

    def watch(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        found[module].widen(inputs[0])

    handles = []
    for layer in network.audio_spectrogram_transformer.layers:
        for module in layer.modules():
            if isinstance(module, torch.nn.Linear):
                silent = torch.zeros(module.in_features)
                found[module] = Range(silent, silent)
                handles.append(module.register_forward_pre_hook(watch))
    classifier = ast_graph.Classifier(network, ast_graph.torch_attention)
    with torch.no_grad():
        for index in range(len(calibration)):
            classifier(calibration[index : index + 1])
    for handle in handles:
        handle.remove()
    return found


def smooth(layer: Any, ranges: dict[torch.nn.Module, Range]) -> None:
    """Equalise the ranges of the channels that a layer's products read, in place."""
    own, mlp = layer.attention, layer.mlp
    with torch.no_grad():
        _migrate(layer.layernorm_before, (own.q_proj, own.k_proj, own.v_proj), ranges)
        _migrate(layer.layernorm_after, (mlp.fc1,), ranges)
        # Attention sums values channel by channel, so a scale passes through it.
        _migrate(own.v_proj, (own.o_proj,), ranges)


def _migrate(
    maker: torch.nn.Module,
    readers: Iterable[torch.nn.Linear],
    ranges: dict[torch.nn.Module, Range],
) -> None:
    """Scale the outputs of `maker` by channel, and the weights that read them inversely."""
    readers = list(readers)
    weights = torch.stack([reader.weight.abs().amax(0) for reader in readers]).amax(0)
    # In the last layer, queries come from two tokens only, keys and values from all.
    reach = torch.stack(
        [torch.maximum(-ranges[reader].least, ranges[reader].most) for reader in readers]
    ).amax(0)
    by = reach.clamp_min(_LEAST) ** _MIGRATION / weights.clamp_min(_LEAST) ** (1 - _MIGRATION)
    weight, bias = maker.weight, maker.bias
    assert isinstance(weight, torch.Tensor)
    weight /= by if weight.dim() == 1 else by[:, None]  # a norm, or a linear layer
    if isinstance(bias, torch.Tensor):
        bias /= by
    for reader in readers:
        reader.weight *= by
        ranges[reader].divide(by)
