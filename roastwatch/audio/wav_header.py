"""Compares the size in the header of a WAV file with that of the file.

libsndfile trusts a size that is too small, and silently corrects one that is too large. Here both
are reported: a recorder that was killed leaves a size of zero, or one that was never reached.

Format: RIFF/WAVE as in Microsoft's "Multiple Channel Audio Data and WAVE Files"; RF64 as in EBU
Tech 3306.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

_ENDLESS = 0x7FFF_0000
"""Sizes from here on come from programs that can't seek back (ffmpeg, arecord, SoX)."""
MOST_CHUNKS = 10_000
"""Limit of chunks before the sound, so that the search ends."""
WAV_SUBTYPES = {
    (1, 8): "PCM_U8",
    (1, 16): "PCM_16",
    (1, 24): "PCM_24",
    (1, 32): "PCM_32",
    (3, 32): "FLOAT",
    (3, 64): "DOUBLE",
    (6, 8): "ALAW",
    (7, 8): "ULAW",
}


class Readable(Protocol):
    """The file that a header is read from."""

    def read(self, size: int = -1, /) -> bytes:
        """As a binary file's."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As a binary file's."""
        ...

    def tell(self) -> int:
        """As a binary file's."""
        ...


@dataclass(frozen=True, slots=True)
class SoundHeader:
    """Format of the samples, and their size by the header and in the file."""

    channels: int
    sample_rate_hz: int
    frame_bytes: int
    subtype: str | None
    """Name of the encoding in libsndfile; None: not in this table."""
    data_at: int
    """Offset of the samples in bytes."""
    promised_bytes: int | None
    """Size by the header; None: it states that the size is unknown."""
    there_bytes: int
    """Size in the file, from `data_at` to its end."""
    followed: bool
    """Whether another chunk, or the end of the file, follows the promised bytes."""
    bytes_per_s: float
    """Bytes of one second of sound."""
    true_sizes: Mapping[int, bytes] = field(default_factory=dict)
    """Offsets of the sizes in the header, and the bytes that are correct for this file."""
    next_file_at: int | None = None
    """Offset of another whole file that is joined to this one."""

    @property
    def says_nothing(self) -> bool:
        """Whether its sizes were never written: everything up to the end is sound."""
        return self.promised_bytes is None and self.there_bytes > 0 and bool(self.true_sizes)

    @property
    def cut_off(self) -> bool:
        """Whether the file is shorter than the header states."""
        return (
            self.promised_bytes is not None
            and self.promised_bytes - self.there_bytes >= self.frame_bytes
        )

    @property
    def says_too_little(self) -> bool:
        """Whether sound continues after the stated end."""
        return self.promised_bytes is not None and not self.followed


def walk_wav(file: Readable, size: int) -> SoundHeader | None:
    """The header of a WAV or RF64 file; None: it is not one.

    Raises:
        struct.error: the file ends within the header.
    """
    riff, _, wave = struct.unpack("<4sI4s", file.read(12))
    if riff not in (b"RIFF", b"RF64") or wave != b"WAVE":
        return None
    form: tuple[int, int, int, int, int, int] | None = None
    long_size: int | None = None
    long_at = 0
    for _ in range(MOST_CHUNKS):
        name, length = struct.unpack("<4sI", file.read(8))
        start = file.tell()
        if name == b"ds64":
            long_size, long_at = struct.unpack("<QQ", file.read(16))[1], start
        elif name == b"fmt ":
            form = wav_format(file.read(min(length, 40)))
        elif name == b"data":
            break
        file.seek(start + length + length % 2)
    else:
        return None
    if form is None:
        return None
    code, channels, rate, bytes_per_s, frame_bytes, bits = form
    if not (channels and rate and frame_bytes):
        return None
    there = size - start
    promised: int | None = length
    if length == 0xFFFF_FFFF and long_size and long_size < 2**62:
        promised = long_size
    elif length >= _ENDLESS and length > there:
        promised = None
    true_sizes = {
        start - 4: struct.pack("<I", min(there, _ENDLESS)),
        4: struct.pack("<I", size - 8),
    }
    if riff == b"RF64" and long_at:
        sizes = struct.pack("<QQQ", size - 8, there, there // frame_bytes)
        true_sizes = {long_at: sizes, start - 4: b"\xff" * 4}
    subtype = WAV_SUBTYPES.get((code, bits))
    end = start + (promised or 0) + (promised or 0) % 2
    return SoundHeader(
        channels=channels,
        sample_rate_hz=rate,
        frame_bytes=frame_bytes,
        subtype=subtype,
        data_at=start,
        promised_bytes=promised,
        there_bytes=there,
        followed=promised is None or _is_chunk(file, end, size),
        bytes_per_s=frame_bytes * rate if subtype else bytes_per_s or frame_bytes * rate,
        true_sizes=true_sizes if size < 2**32 or riff == b"RF64" else {},
        next_file_at=end if promised and _is_wav(file, end, size) else None,
    )


def wav_format(raw: bytes) -> tuple[int, int, int, int, int, int]:
    """A `fmt ` chunk: code, channels, sample rate, bytes per second, bytes per frame, bits."""
    code, channels, rate, bytes_per_s, frame_bytes, bits = struct.unpack("<HHIIHH", raw[:16])
    if code == 0xFFFE and len(raw) >= 26:  # extensible: the code is in the sub-format
        code = struct.unpack("<H", raw[24:26])[0]
    return code, channels, rate, bytes_per_s, frame_bytes, bits


def _is_wav(file: Readable, at: int, size: int) -> bool:
    if size - at < 44:
        return False
    file.seek(at)
    raw = file.read(12)
    return raw[:4] in (b"RIFF", b"RF64") and raw[8:] == b"WAVE"


def _is_chunk(file: Readable, at: int, size: int) -> bool:
    """Whether a chunk (or padding too short for one, or the end of the file) is at this byte."""
    if size - at < 8:
        return True
    file.seek(at)
    name, length = struct.unpack("<4sI", file.read(8))
    return all(32 <= byte < 127 for byte in name) and length <= size - at - 8
