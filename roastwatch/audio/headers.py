"""Compares the size in the headers of AIFF, CAF, Sony Wave64, AU and WAV with that of the file.

libsndfile reads a truncated file without a warning, and refuses some whose size was never written.
Formats: Apple's "Audio Interchange File Format" and "Core Audio Format Specification",
Sony's "Wave64", Sun's .au as in the Internet draft of its MIME type.
"""

import struct
from pathlib import Path

from roastwatch.audio.virtual_file import VirtualFile
from roastwatch.audio.wav_header import (
    MOST_CHUNKS,
    Readable,
    SoundHeader,
    walk_wav,
    wav_format,
)

_AU_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
"""Encoding → bytes per sample."""
_IMA4 = 34 / 64
"""Bytes per sample of ima4 in AIFF."""
_NEVER_WRITTEN = (0, 0xFFFF_FFFF, 2**64 - 1)


def read_header(path: Path, start: int = 0, end: int | None = None) -> SoundHeader | None:
    """The header of a sound file (or of a part of it); None if it can't be parsed."""
    try:
        with path.open("rb") as raw:
            file = VirtualFile(raw, start, end)
            size = file.seek(0, 2)
            file.seek(0)
            first = file.read(4)
            file.seek(0)
            walk = {
                b"RIFF": walk_wav, b"RF64": walk_wav, b"FORM": _aiff, b"caff": _caf,
                b"riff": _wave64, b".snd": _au,
            }.get(first)  # fmt: skip
            return walk(file, size) if walk else None
    except (OSError, struct.error, OverflowError, ValueError, ZeroDivisionError):
        return None


def _aiff(file: Readable, size: int) -> SoundHeader | None:
    _, _, kind = struct.unpack(">4sI4s", file.read(12))
    if kind not in (b"AIFF", b"AIFC"):
        return None
    channels = bits = frames_at = 0
    rate, packing = 0.0, b"NONE"
    for _ in range(MOST_CHUNKS):
        name, length = struct.unpack(">4sI", file.read(8))
        start = file.tell()
        if name == b"COMM":
            frames_at = start + 2
            channels, _, bits, exponent, mantissa = struct.unpack(">HIHHQ", file.read(18))
            rate = mantissa * 2.0 ** ((exponent & 0x7FFF) - 16383 - 63)
            packing = file.read(4) if kind == b"AIFC" else packing
        elif name == b"SSND":
            break
        file.seek(start + length + length % 2)
    else:
        return None
    offset = struct.unpack(">I", file.read(4))[0]
    data_at = start + 8 + offset
    frame_bytes = channels * ((bits + 7) // 8)
    per_s = rate * (channels * _IMA4 if packing.lower() == b"ima4" else frame_bytes)
    there = size - data_at
    promised = None if length in _NEVER_WRITTEN else length - 8 - offset
    return SoundHeader(
        channels,
        round(rate),
        frame_bytes,
        None,
        data_at,
        promised,
        there,
        followed=True,
        bytes_per_s=per_s,
        true_sizes={
            4: struct.pack(">I", size - 8),
            frames_at: struct.pack(">I", there // frame_bytes),
            start - 4: struct.pack(">I", size - start),
        },
    )


def _caf(file: Readable, size: int) -> SoundHeader | None:
    file.seek(8)
    rate, packet, in_packet, channels = 0.0, 0, 0, 0
    for _ in range(MOST_CHUNKS):
        name, length = struct.unpack(">4sq", file.read(12))
        start = file.tell()
        if name == b"desc":
            rate, _, _, packet, in_packet, channels, _ = struct.unpack(">d4s5I", file.read(32))
        elif name == b"data":
            break
        if length < 0:
            return None
        file.seek(start + length)
    else:
        return None
    data_at = start + 4  # after the count of edits
    return SoundHeader(
        channels,
        round(rate),
        packet or 1,
        None,
        data_at,
        promised_bytes=None if length <= 0 else length - 4,
        there_bytes=size - data_at,
        followed=True,
        bytes_per_s=rate * packet / in_packet if packet and in_packet else 0.0,
        true_sizes={start - 8: struct.pack(">q", size - start)},
    )


def _wave64(file: Readable, size: int) -> SoundHeader | None:
    file.seek(40)  # two names of 16 bytes and the whole size between them
    form = (0, 0, 0, 0, 0, 0)
    for _ in range(MOST_CHUNKS):
        name, length = struct.unpack("<16sQ", file.read(24))
        start = file.tell()
        if name[:4] == b"fmt ":
            form = wav_format(file.read(min(length - 24, 40)))
        elif name[:4] == b"data":
            break
        file.seek(start - 24 + (length + 7) // 8 * 8)
    else:
        return None
    _, channels, rate, per_s, frame_bytes, _ = form
    if not (channels and rate and frame_bytes):
        return None
    there = size - start
    return SoundHeader(
        channels,
        rate,
        frame_bytes,
        None,
        start,
        promised_bytes=None if length in (*_NEVER_WRITTEN, 24) else length - 24,
        there_bytes=there,
        followed=True,
        bytes_per_s=per_s or frame_bytes * rate,
        true_sizes={16: struct.pack("<Q", size), start - 8: struct.pack("<Q", there + 24)},
    )


def _au(file: Readable, size: int) -> SoundHeader | None:
    _, data_at, length, encoding, rate, channels = struct.unpack(">4s5I", file.read(24))
    frame_bytes = channels * _AU_BYTES.get(encoding, 0)
    if not (frame_bytes and rate):
        return None
    return SoundHeader(
        channels,
        rate,
        frame_bytes,
        None,
        data_at,
        promised_bytes=None if length in _NEVER_WRITTEN else length,
        there_bytes=size - data_at,
        followed=True,
        bytes_per_s=frame_bytes * rate,
        true_sizes={8: struct.pack(">I", min(size - data_at, 0xFFFF_FFFE))},
    )
