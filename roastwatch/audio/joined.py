"""Files that contain several recordings in a row: chained Ogg, joined MP3, FLAC and WAV.

libsndfile reads only the first, without a warning.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from roastwatch.audio.byte_scanner import ByteScanner
from roastwatch.audio.headers import read_header


class JoinedRecording(NamedTuple):
    """Position of a recording in a file."""

    start: int
    end: int
    """One past the last byte."""
    seconds: float | None = None
    """Length by the number of its frames (MP3)."""
    counts: bytes = b""
    """A frame with that number, to put before it if it has none (MP3)."""


_FLAC = (b"\x00\x00\x00\x22", b"\x80\x00\x00\x22")
"""After `fLaC`: the header of the STREAMINFO block, which may be the last block."""
_LEAST_FRAMES = 40
"""A difference of fewer MP3 frames (1 s) does not indicate a second recording."""
_MP3_KBITS = {
    (3, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_HZ = (44_100, 48_000, 32_000)


def parts(path: Path, kind: str) -> list[JoinedRecording]:
    """Positions of the recordings in a file; `kind` is the name of its format in libsndfile."""
    size = path.stat().st_size
    if kind in ("WAV", "WAVEX", "RF64"):
        return list(_wav_parts(path, size))
    if kind not in ("OGG", "MP3", "FLAC"):
        return [JoinedRecording(0, size)]
    with path.open("rb") as file:
        raw = ByteScanner(file)
        if kind == "MP3":
            return _mp3_parts(raw)
        starts = [start for start in (_ogg_starts if kind == "OGG" else _flac_starts)(raw) if start]
    ends = [*starts, size]
    return [JoinedRecording(start, end) for start, end in zip([0, *starts], ends, strict=True)]


def _wav_parts(path: Path, size: int) -> Iterator[JoinedRecording]:
    start = 0
    while True:
        header = read_header(path, start)
        following = header.next_file_at if header else None
        if following is None:
            yield JoinedRecording(start, size)
            return
        yield JoinedRecording(start, start + following)
        start += following


def _ogg_starts(raw: ByteScanner) -> list[int]:
    """Where a link of a chain starts: pages that begin a stream, after a page that ended one.

    By RFC 3533, several such pages in a row begin one group of multiplexed streams.
    """
    found: list[int] = []
    at, data_seen = 0, False
    while 0 <= at <= len(raw) - 27:
        head = raw.read(at, 27)
        if len(head) < 27 or head[:4] != b"OggS":
            at = raw.find(b"OggS", at + 1)
            continue
        begins = bool(head[5] & 2)
        if begins and (data_seen or not found):
            found.append(at)
            data_seen = False
        data_seen = data_seen or not begins
        lacing = raw.read(at + 27, head[26])
        at += 27 + len(lacing) + sum(lacing)
    return found


def _flac_starts(raw: ByteScanner) -> list[int]:
    found: list[int] = []
    at = raw.find(b"fLaC", 4)
    while at >= 0:
        if raw.read(at + 4, 4) in _FLAC:
            found.append(at)
        at = raw.find(b"fLaC", at + 1)
    return found


def _mp3_parts(raw: ByteScanner) -> list[JoinedRecording]:
    """Another MP3 starts at its tag, at its header frame, or where the counted frames end."""
    found: list[JoinedRecording] = []
    at = start = frames = 0
    counted: int | None = None
    seconds = 0.0
    began = miscounted = False
    first = b""

    def end(at: int) -> None:
        nonlocal start, frames, seconds, counted, first
        found.append(JoinedRecording(start, at, seconds, _counts(first, frames)))
        start, frames, seconds, counted, first = at, 0, 0.0, None, b""

    while at < len(raw) - 10:
        head = raw.read(at, 10)
        if head[:3] == b"ID3":
            if began:
                end(at)
                began = miscounted = False
            at += 10 + sum((byte & 127) << 7 * k for k, byte in enumerate(reversed(head[6:])))
            continue
        if head[:3] == b"TAG":
            at += 128
            continue
        frame = _mp3_frame(head)
        if frame is None:
            at = _next_mp3_frame(raw, at + 1)
            continue
        length, side, length_s = frame
        marks = raw.read(at + 4 + side, 12)
        counts = len(marks) == 12 and marks[:4] in (b"Xing", b"Info")
        if began and (counts or (counted is not None and frames >= counted)):
            end(at)
            miscounted = not counts
        if counts:
            counted = int.from_bytes(marks[8:12], "big") if marks[7] & 1 else None
        else:
            frames += 1
            seconds += length_s
            first = first or head
        began = True
        at += length
    if found and miscounted and frames < _LEAST_FRAMES:
        start, seconds = found[-1].start, (found[-1].seconds or 0.0) + seconds
        del found[-1]
    return [*found, JoinedRecording(start, len(raw), seconds, _counts(first, frames))]


def _counts(first: bytes, frames: int) -> bytes:
    """A silent MP3 frame in the format of the first one, with the number of frames."""
    frame = _mp3_frame(first)
    if frame is None:
        return b""
    length, side, _ = frame
    side -= 0 if first[1] & 1 else 2  # without a checksum
    tag = bytes([*first[:1], first[1] | 1, *first[2:4]]) + bytes(side) + b"Xing\0\0\0\x01"
    tag += frames.to_bytes(4, "big")
    return tag.ljust(length, b"\0") if len(tag) <= length else b""


def _next_mp3_frame(raw: ByteScanner, at: int) -> int:
    while 0 <= at < len(raw) - 10:
        head = raw.read(at, 10)
        if _mp3_frame(head) or head[:3] == b"ID3":
            return at
        following = [raw.find(mark, at + 1) for mark in (b"\xff", b"ID3")]
        at = min((place for place in following if place >= 0), default=-1)
    return len(raw)


def _mp3_frame(head: bytes) -> tuple[int, int, float] | None:
    """Bytes of the frame that starts with `head`, bytes of its side information, and seconds."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    kbits, hz = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 0 or kbits in (0, 15) or hz == 3:
        return None
    rate = _MP3_HZ[hz] >> (3 - version if version else 2)
    bits = _MP3_KBITS[3 if version == 3 else 2, layer][kbits - 1] * 1000
    padding = head[2] >> 1 & 1
    if layer == 3:
        return (12 * bits // rate + padding) * 4, 0, 384 / rate
    samples = 72 if layer == 1 and version != 3 else 144
    mono = head[3] >> 6 == 3
    side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    side += 0 if head[1] & 1 else 2
    return samples * bits // rate + padding, side, 8 * samples / rate
