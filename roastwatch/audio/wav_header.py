"""What a WAV file's header promises, against what the file holds.

libsndfile trusts a size that is too small and quietly mends one that is too large. Here both are
told: a recorder that was killed leaves a size of zero, or one that the file never reached.

Format: RIFF/WAVE as in Microsoft's "Multiple Channel Audio Data and WAVE Files"; RF64 as in EBU
Tech 3306.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_ENDLESS = 0x7FFF_0000
"""Sizes from here on are what a program writes that can't seek back (ffmpeg, arecord, SoX)."""
_SUBTYPES = {
    (1, 8): "PCM_U8",
    (1, 16): "PCM_16",
    (1, 24): "PCM_24",
    (1, 32): "PCM_32",
    (3, 32): "FLOAT",
    (3, 64): "DOUBLE",
}


@dataclass(frozen=True, slots=True)
class WavHeader:
    """The format and the data chunk."""

    channels: int
    sample_rate_hz: int
    frame_bytes: int
    subtype: str | None
    """libsndfile's name of the encoding; None: one that this table does not know."""
    data_at: int
    """Byte where the samples begin."""
    promised_bytes: int | None
    """What the header says; None: it says that it doesn't know."""
    there_bytes: int
    """What the file holds from `data_at` to its end."""
    followed: bool
    """Whether after the promised bytes comes another chunk, or the end."""

    @property
    def bytes_per_s(self) -> int:
        """Bytes of one second of sound."""
        return self.frame_bytes * self.sample_rate_hz

    @property
    def cut_off(self) -> bool:
        """Whether more was promised than there is."""
        return (
            self.promised_bytes is not None
            and self.promised_bytes - self.there_bytes >= self.frame_bytes
        )

    @property
    def says_too_little(self) -> bool:
        """Whether sound goes on after the promised end."""
        return self.promised_bytes is not None and not self.followed


def read_wav_header(path: Path) -> WavHeader | None:
    """The header of a WAV file, None where there is none that can be understood."""
    try:
        with path.open("rb") as file:
            return _walk(file, path.stat().st_size)
    except (OSError, struct.error):
        return None


def _walk(file: BinaryIO, size: int) -> WavHeader | None:
    riff, _, wave = struct.unpack("<4sI4s", file.read(12))
    if riff not in (b"RIFF", b"RF64") or wave != b"WAVE":
        return None
    form: tuple[int, int, int, int, int] | None = None
    long_size: int | None = None
    while True:
        name, length = struct.unpack("<4sI", file.read(8))
        start = file.tell()
        if name == b"ds64":
            long_size = struct.unpack("<QQ", file.read(16))[1]
        elif name == b"fmt ":
            form = _format(file.read(min(length, 40)))
        elif name == b"data":
            break
        file.seek(start + length + length % 2)
    if form is None:
        return None
    code, channels, rate, frame_bytes, bits = form
    if not (channels and rate and frame_bytes):
        return None
    promised: int | None = length
    if length == 0xFFFF_FFFF and long_size:
        promised = long_size
    elif length >= _ENDLESS and length > size - start:
        promised = None
    there = size - start
    return WavHeader(
        channels=channels,
        sample_rate_hz=rate,
        frame_bytes=frame_bytes,
        subtype=_SUBTYPES.get((code, bits)),
        data_at=start,
        promised_bytes=promised,
        there_bytes=there,
        followed=promised is None or _is_chunk(file, start + promised + promised % 2, size),
    )


def _format(raw: bytes) -> tuple[int, int, int, int, int]:
    code, channels, rate, _, frame_bytes, bits = struct.unpack("<HHIIHH", raw[:16])
    if code == 0xFFFE and len(raw) >= 26:  # extensible: the code stands in the sub-format
        code = struct.unpack("<H", raw[24:26])[0]
    return code, channels, rate, frame_bytes, bits


def _is_chunk(file: BinaryIO, at: int, size: int) -> bool:
    """Whether a chunk (or padding too short for one, or the end of the file) is at this byte."""
    if size - at < 8:
        return True
    file.seek(at)
    name, length = struct.unpack("<4sI", file.read(8))
    return all(32 <= byte < 127 for byte in name) and length <= size - at - 8
