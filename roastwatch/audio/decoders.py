"""One recording decoded piece by piece, by libsndfile; `media` does the same by FFmpeg."""

from typing import Any, Protocol

import numpy as np
import soundfile

from roastwatch.vocabulary import Float32Array

_UNKNOWN_FRAMES = 2**62
_PLAIN = ("WAV", "WAVEX", "RAW")
"""Formats that hold samples as they are: nothing is decoded that could be broken."""


class Decoder(Protocol):
    """Sound that is being decoded."""

    channels: int
    rate_hz: int
    frames: int | None
    """Its length as the file says; None where it doesn't say."""
    kind: str
    """libsndfile's name of the format, or FFmpeg's."""
    eight_bits: bool

    def read(self, block: Float32Array) -> tuple[int, str]:
        """Decode into a block of shape (n, channels).

        Returns:
            How many frames it holds then (fewer only at the end), and why there are no more, if
            something is broken.
        """
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class SndfileDecoder:
    """What libsndfile opens."""

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
            if self._plain_16_bits:  # libsndfile makes floats of them at four times this cost
                values = self._file.read(len(block), dtype="int16", always_2d=True)
                np.multiply(values, np.float32(2.0**-15), out=block[: len(values)])
                return len(values), ""
            block.fill(np.nan)
            return len(self._file.read(dtype="float32", always_2d=True, out=block)), ""
        except soundfile.LibsndfileError as error:
            broken = str(error.error_string).removeprefix("Error : ").strip(" .")
            if self._plain_16_bits:
                return 0, broken
            # How far the decoder came is told by the first frame that it left untouched.
            untouched = np.flatnonzero(np.isnan(block[:, 0]))
            count = int(untouched[0]) if len(untouched) else len(block)
            if self.frames is None and "seek" in broken:
                broken = ""  # it only can't go to an end that it doesn't know
            return count, broken

    def close(self) -> None:
        """See `Decoder`."""
        self._file.close()
