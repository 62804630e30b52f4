"""Raw samples: decodes bytes to frames, and replaces invalid numbers."""

from typing import Literal, TypeAlias

import numpy as np

from roastwatch.vocabulary import Float32Array

PcmFormat: TypeAlias = Literal["s16le", "s32le", "f32le"]

LARGEST = 1e6
"""Larger numbers are not sound (and their squares overflow float32): replaced like NaN."""
_TYPES = {"s16le": ("<i2", 2.0**-15), "s32le": ("<i4", 2.0**-31), "f32le": ("<f4", 1.0)}


def frame_bytes(pcm_format: PcmFormat, channels: int) -> int:
    """Bytes of one sample of all channels."""
    return np.dtype(_TYPES[pcm_format][0]).itemsize * channels


def decode(raw: bytes, pcm_format: PcmFormat, channels: int) -> Float32Array:
    """Interleaved little-endian samples (whole frames) → float32 in ±1, shape (n, channels)."""
    kind, scale = _TYPES[pcm_format]
    values = np.frombuffer(raw, kind).astype(np.float32)
    if scale != 1.0:
        values *= np.float32(scale)
    return values.reshape(-1, channels)


def silence_what_is_no_number(frames: Float32Array) -> int:
    """Replace NaN, infinity and numbers beyond `LARGEST` by 0 in place; return how many frames."""
    peak = max(frames.max(initial=0.0), -frames.min(initial=0.0))
    if peak <= LARGEST:  # false if it is NaN
        return 0
    bad = ~(np.abs(frames) <= LARGEST)
    frames[bad] = 0.0
    return int(np.count_nonzero(bad.any(axis=1)))
