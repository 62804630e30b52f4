"""Raw samples: decodes bytes to frames, and replaces invalid numbers."""

from typing import Literal, TypeAlias

import numpy as np

from roastwatch.vocabulary import Float32Array

PcmFormat: TypeAlias = Literal["s16le", "s32le", "f32le"]
NetworkFormat: TypeAlias = Literal[
    "s16le", "s24le", "s32le", "f32le", "s16be", "s24be", "s32be", "f32be"
]

LARGEST = 1e6
"""Larger numbers are not sound (and their squares overflow float32): replaced like NaN."""
_KINDS = {"s16": ("i2", 2.0**-15), "s32": ("i4", 2.0**-31), "f32": ("f4", 1.0)}
_HEADERS = {b"RIFF": "WAV", b"fLaC": "FLAC", b"OggS": "OGG", b"ID3\x03": "MP3", b"ID3\x04": "MP3"}


def header_kind(first: bytes) -> str | None:
    """The kind of file whose header these four bytes are; None: they may be samples."""
    return _HEADERS.get(first)


def frame_bytes(pcm_format: NetworkFormat, channels: int) -> int:
    """Bytes of one sample of all channels."""
    return int(pcm_format[1:3]) // 8 * channels


def decode(raw: bytes, pcm_format: NetworkFormat, channels: int) -> Float32Array:
    """Interleaved samples (whole frames) → float32 in ±1, shape (n, channels)."""
    order = "<" if pcm_format.endswith("le") else ">"
    if pcm_format.startswith("s24"):
        wide = np.zeros((len(raw) // 3, 4), np.uint8)  # the upper three bytes of 32 bits
        upper = wide[:, 1:] if order == "<" else wide[:, :3]
        upper[:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        raw, pcm_format = wide.tobytes(), "s32le" if order == "<" else "s32be"
    kind, scale = _KINDS[pcm_format[:3]]
    values = np.frombuffer(raw, order + kind).astype(np.float32)
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
