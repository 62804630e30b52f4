"""An Audio Spectrogram Transformer's matrix products in eight bits, in ranges set beforehand.

Weights are rounded in steps of their own for each output; what a product reads is rounded in one
step for the whole tensor, from the range that it had on calibration sound (Jacob et al.,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR 2018). Some channels of a transformer reach many times further than the rest, which such a
step would cost their detail. They are first scaled down where they are made, and up again in the
weights that read them, which changes no output (Xiao et al., "SmoothQuant", ICML 2023).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from roastwatch.training.large import ast_graph

_MIGRATION = 0.5
"""How much of a channel's reach the weights take over, 0 to 1: SmoothQuant's alpha."""
_LEAST = 1e-5
"""Keeps steps off zero where a channel is silent."""


@dataclass(slots=True)
class Range:
    """Least (at most 0) and largest (at least 0) value of what a product reads, by channel."""

    least: torch.Tensor
    most: torch.Tensor

    def widen(self, read: torch.Tensor) -> None:
        """Take in values, shape (..., channels)."""
        values = read.flatten(0, -2)
        self.least = torch.minimum(self.least, values.amin(0))
        self.most = torch.maximum(self.most, values.amax(0))

    def divide(self, by: torch.Tensor) -> None:
        """The channels have been scaled down."""
        self.least, self.most = self.least / by, self.most / by


class _Int8Linear(torch.nn.Module):
    """A linear layer as ONNX's QuantizeLinear and DequantizeLinear around its product.

    ONNX Runtime and OpenVINO know the pattern and multiply the integers. For exports only: run by
    torch it yields zeros.
    """

    def __init__(self, linear: torch.nn.Linear, least: float, most: float) -> None:
        """Round a layer that reads values from `least` to `most`."""
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
        # Unsigned with a zero of its own: ONNX Runtime takes twice as long with signed ones.
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
    """Round every product of the layers, in place; the head stays as it is.

    Args:
        network: transformers' `ASTForAudioClassification`, in float32. Only an export to ONNX
            has a use for it afterwards.
        calibration: inputs whose sound is as varied as what the network will hear, shape
            (windows, frames, bands).
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
    """What each linear layer reads while the network hears the calibration sound."""
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
    """Even out the reach of the channels that a layer's products read, in place."""
    own, mlp = layer.attention, layer.mlp
    with torch.no_grad():
        _migrate(layer.layernorm_before, (own.q_proj, own.k_proj, own.v_proj), ranges)
        _migrate(layer.layernorm_after, (mlp.fc1,), ranges)
        # Attention adds up values channel by channel, so it passes a scale on.
        _migrate(own.v_proj, (own.o_proj,), ranges)


def _migrate(
    maker: torch.nn.Module,
    readers: Iterable[torch.nn.Linear],
    ranges: dict[torch.nn.Module, Range],
) -> None:
    """Scale what `maker` makes, channel by channel, and the weights that read it the other way."""
    readers = list(readers)
    weights = torch.stack([reader.weight.abs().amax(0) for reader in readers]).amax(0)
    # Of the last layer, queries are made of two tokens only, keys and values of all.
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
