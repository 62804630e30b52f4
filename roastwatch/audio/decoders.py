"""Decodes a recording block by block with libsndfile; `media` does the same with FFmpeg."""

from typing import Any, Protocol

import numpy as np
import soundfile

from roastwatch.vocabulary import Float32Array

_UNKNOWN_FRAMES = 2**62
_PLAIN = ("WAV", "WAVEX", "RAW")
"""Formats of plain samples: no decoding that could fail."""


class Decoder(Protocol):
    """An open recording that is being decoded."""

    channels: int
    rate_hz: int
    frames: int | None
    """Length by the header; None if it is not stated."""
    kind: str
    """Name of the format in libsndfile or FFmpeg."""
    eight_bits: bool

    def read(self, block: Float32Array) -> tuple[int, str]:
        """Decode into a block of shape (n, channels).

        Returns:
            The number of frames (fewer than the block only at the end), and why decoding stopped
            if the file is damaged, else an empty text.
        """
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class SndfileDecoder:
    """Decodes with libsndfile."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.channels = int(file.channels)
        self.rate_hz = int(file.samplerate)
        self.frames = None if file.frames >= _UNKNOWN_FRAMES else int(file.frames)
        self.kind = str(file.format)
        self.eight_bits = file.subtype in ("PCM_U8", "PCM_S8")
        self._plain_16_bits = file.subtype == "PCM_16" and file.format in _PLAIN

    def read(self, block: Float32Array) -> tuple[int, str]:
        """See `Decoder`."""
        try:
            if self._plain_16_bits:  # converting in libsndfile takes four times as long
                values = self._file.read(len(block), dtype="int16", always_2d=True)
                np.multiply(values, np.float32(2.0**-15), out=block[: len(values)])
                return len(values), ""
            block.fill(np.nan)
            return len(self._file.read(dtype="float32", always_2d=True, out=block)), ""
        except soundfile.LibsndfileError as error:
            broken = str(error.error_string).removeprefix("Error : ").strip(" .")
            if self._plain_16_bits:
                return 0, broken
            # The first untouched frame shows how far the decoder came.
            untouched = np.flatnonzero(np.isnan(block[:, 0]))
            count = int(untouched[0]) if len(untouched) else len(block)
            if self.frames is None and "seek" in broken:
                broken = ""  # it only failed to seek to an unknown end
            return count, broken

    def close(self) -> None:
        """See `Decoder`."""
        self._file.close()
