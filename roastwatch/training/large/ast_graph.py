"""An Audio Spectrogram Transformer written for export: the same outputs, less work.

Exporters trace single operations. They split attention, one operation in torch, into a dozen; each
passes over the whole attention matrix, and together they cost more than the matrix products. Here
a layer has its attention as one operator, and the last layer computes only the tokens that the
head reads.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

_HEAD_READS = 2
"""Tokens: the class token and the distillation token (Gong et al., AST, 2021, after DeiT)."""

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, int, float], torch.Tensor]
"""Queries, keys, values of shape (windows, tokens, width); heads; scale → shape of queries."""


class Classifier(torch.nn.Module):
    """Inputs, shape (windows, frames, bands) → logits, shape (windows, labels)."""

    def __init__(self, network: Any, attend: Attend) -> None:
        """Wrap transformers' `ASTForAudioClassification` in float32."""
        super().__init__()
        self.network = network.eval()
        self._attend = attend

    def forward(self, inputs: torch.Tensor) -> Any:
        """Apply all layers in order."""
        body = self.network.audio_spectrogram_transformer
        tokens = body.embeddings(inputs)
        *layers, last = body.layers
        for layer in layers:
            tokens = self._layer(layer, tokens, tokens)
        tokens = self._layer(last, tokens, tokens[:, :_HEAD_READS])
        return self.network.classifier(body.layernorm(tokens).mean(dim=1))

    def _layer(self, layer: Any, tokens: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        """The output of one layer for the tokens that are kept."""
        own, known = layer.attention, layer.layernorm_before(tokens)
        asking = known if kept is tokens else layer.layernorm_before(kept)
        heard = self._attend(
            own.q_proj(asking),
            own.k_proj(known),
            own.v_proj(known),
            own.num_attention_heads,
            own.scaling,
        )
        kept = kept + own.o_proj(heard)
        made: torch.Tensor = kept + layer.mlp(layer.layernorm_after(kept))
        return made


def onnxruntime_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int, scale: float
) -> torch.Tensor:
    """ONNX Runtime's own operator, which never stores the attention matrix. For export only.

    Source: onnxruntime, docs/ContribOperators.md, com.microsoft.MultiHeadAttention.
    """
    heard: torch.Tensor = torch.onnx.ops.symbolic(
        "com.microsoft::MultiHeadAttention",
        (query, key, value),
        {"num_heads": heads, "scale": scale},
        dtype=query.dtype,
        shape=query.shape,
        version=1,
    )
    return heard


def torch_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int, scale: float
) -> torch.Tensor:
    """Torch's operator, which TorchScript and OpenVINO keep as one operation."""
    query, key, value = (
        put.view(*put.shape[:2], heads, -1).transpose(1, 2) for put in (query, key, value)
    )
    heard = scaled_dot_product_attention(query, key, value, scale=scale)
    return heard.transpose(1, 2).flatten(2)
