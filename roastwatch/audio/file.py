"""Sound from a file: WAV, FLAC, OGG, MP3 and what else libsndfile knows; streamed, never whole."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import soundfile

from roastwatch.audio.mixdown import Mixdown
from roastwatch.audio.pcm import silence_what_is_no_number
from roastwatch.audio.resample import Resampler, rate_to_judge
from roastwatch.audio.wav_header import WavHeader, read_wav_header
from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Float32Array

_VALUES_PER_READ = 2**18
_UNKNOWN_FRAMES = 2**62
_PLAIN = ("WAV", "WAVEX", "RAW")
"""Formats that hold samples as they are: nothing is decoded that could be broken."""
_CONVERT = "convert it with `ffmpeg -i {name} {stem}.flac` and try again"


def open_file(path: Path | str, channel: int | None = None) -> "FileReader":
    """A reader of the sound in a file, to be used in a `with`.

    Args:
        path: any file that libsndfile reads.
        channel: which channel to hear, from 1; None chooses the one where pops are strongest.

    Raises:
        BadInputError: the file is missing, empty, no sound, or its rate is below 8 kHz.
    """
    return FileReader(Path(path), channel)


class FileReader:
    """Mono float32 sound from a file, at its own rate or 48 kHz where that is higher.

    `warnings` grows while the file is read: what was lost of it, one sentence each.
    """

    def __init__(self, path: Path, channel: int | None = None) -> None:
        self.path = path
        self.warnings: list[str] = []
        self.samples_replaced = 0
        """Samples that were no numbers (NaN, infinite), heard as silence."""
        _refuse_what_is_no_file(path)
        self._header = read_wav_header(path)
        self._opened = ExitStack()
        try:
            self._file = self._opened.enter_context(self._open())
            self.channels: int = self._file.channels
            self.file_rate_hz: int = self._file.samplerate
            """The rate in the file; `sample_rate_hz` is the rate of what is handed on."""
            self.sample_rate_hz = rate_to_judge(self.file_rate_hz, str(path))
            if channel is not None and not 1 <= channel <= self.channels:
                raise BadInputError(
                    f"{path} has {self.channels} channel(s), there is no channel {channel}."
                )
            if self._file.frames == 0:
                raise BadInputError(f"{path} holds no sound: its length is zero.")
            self._channel = channel
            self._plain_16_bits = self._file.subtype == "PCM_16" and self._file.format in _PLAIN
            self._say_what_is_known_to_be_lost()
        except BaseException:
            self._opened.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.close()

    @property
    def duration_s(self) -> float | None:
        """Length as the file says; None where it doesn't say."""
        frames = self._file.frames
        return None if frames >= _UNKNOWN_FRAMES else frames / self.file_rate_hz

    def blocks(
        self, seconds: float | None = None, samples: int | None = None
    ) -> Iterator[Float32Array]:
        """The sound, once, in blocks of shape (n,) of one length but for the last.

        Args:
            seconds: the length of a block; 1 s when neither is given.
            samples: the same in samples at `sample_rate_hz`.
        """
        size = samples or max(1, round((seconds or 1.0) * self.sample_rate_hz))
        block, filled = np.empty(size, np.float32), 0
        for piece in self._pieces():
            taken = 0
            while taken < len(piece):
                part = piece[taken : taken + size - filled]
                block[filled : filled + len(part)] = part
                taken += len(part)
                filled += len(part)
                if filled == size:
                    yield block
                    block, filled = np.empty(size, np.float32), 0
        if filled:
            yield block[:filled]

    def _pieces(self) -> Iterator[Float32Array]:
        """Mono sound as it becomes known; a piece is good until the next one is asked for."""
        mixdown = Mixdown(self.channels, self.file_rate_hz, self._channel)
        resampler = Resampler(self.file_rate_hz, self.sample_rate_hz)
        for frames in self._frames():
            yield resampler.push(mixdown.push(frames))
        yield resampler.push(mixdown.finish())
        yield resampler.finish()
        if self.samples_replaced:
            self.warnings.append(
                f"{self.samples_replaced} samples are not numbers (NaN or infinite): they were "
                "replaced by silence."
            )

    def _frames(self) -> Iterator[Float32Array]:
        """Decoded frames, shape (n, channels), in blocks large enough to be cheap.

        Each block is overwritten by the next.
        """
        per_read = max(1024, _VALUES_PER_READ // self.channels)
        promised = self._file.frames
        done = 0
        block = np.empty((per_read, self.channels), np.float32)
        while True:
            count, broken = self._decode(block)
            frames = block[:count]
            self.samples_replaced += silence_what_is_no_number(frames)
            done += count
            if count:
                yield frames
            if broken or count < per_read:
                break
        if not done:
            raise BadInputError(
                f"{self.path} holds no sound that can be decoded ({broken or 'it is empty'})."
            )
        missing = (promised - done) / self.file_rate_hz
        if broken or (missing > 0.05 and promised < _UNKNOWN_FRAMES):
            self.warnings.append(
                f"The file is damaged or cut off after {done / self.file_rate_hz:.1f} s"
                + (f" of {promised / self.file_rate_hz:.1f} s" if missing > 0.05 else "")
                + (f" ({broken})" if broken else "")
                + ": what follows is lost."
            )

    def _decode(self, block: Float32Array) -> tuple[int, str]:
        """Decode into a block; how many frames it holds then, and why there are no more, if so."""
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
            return int(untouched[0]) if len(untouched) else len(block), broken

    def _open(self) -> Any:
        header = self._header
        try:
            if header and header.says_too_little and header.subtype:
                return self._open_beyond_its_header(header)
            return soundfile.SoundFile(self.path)
        except (soundfile.LibsndfileError, TypeError) as error:
            convert = _CONVERT.format(name=self.path.name, stem=self.path.stem)
            raise BadInputError(
                f"{self.path} is not a sound file that can be read (WAV, FLAC, OGG or MP3): if it "
                f"is sound, {convert}."
            ) from error

    def _open_beyond_its_header(self, header: WavHeader) -> Any:
        promised_s = (header.promised_bytes or 0) / header.bytes_per_s
        self.warnings.append(
            f"The header is wrong: it promises {promised_s:.1f} s of sound where there are "
            f"{header.there_bytes / header.bytes_per_s:.1f} s; all of it was read."
        )
        raw = self._opened.enter_context(self.path.open("rb"))
        return soundfile.SoundFile(
            _From(raw, header.data_at),
            samplerate=header.sample_rate_hz,
            channels=header.channels,
            format="RAW",
            subtype=header.subtype,
            endian="LITTLE",
        )

    def _say_what_is_known_to_be_lost(self) -> None:
        header = self._header
        if header and header.cut_off and header.promised_bytes:
            self.warnings.append(
                f"The file is cut off: its header promises "
                f"{header.promised_bytes / header.bytes_per_s:.1f} s of sound, "
                f"{header.there_bytes / header.bytes_per_s:.1f} s are there."
            )
        if self._file.format == "OGG" and not _ends_as_ogg(self.path):
            self.warnings.append("The file is cut off: its last Ogg page is missing.")
        if self._file.subtype in ("PCM_U8", "PCM_S8"):
            self.warnings.append(
                "8-bit sound: pops quieter than about -48 dBFS are lost in its rounding; record "
                "with 16 bits or more."
            )
        if self.sample_rate_hz < 16_000:
            self.warnings.append(
                f"A sample rate of {self.sample_rate_hz} Hz keeps nothing above "
                f"{self.sample_rate_hz / 2000:g} kHz, where pops stand out most: record at 32000 "
                "Hz or more."
            )
        if self.channels > 2 and self._channel is None:
            self.warnings.append(
                f"{self.channels} channels: only the one that is strongest above 3 kHz is judged."
            )


class _From:
    """A file seen from a byte onwards, as libsndfile's virtual file."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file = file
        self._start = start
        self._file.seek(start)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._file.seek(offset + self._start if whence == os.SEEK_SET else offset, whence)
        return self.tell()

    def tell(self) -> int:
        return self._file.tell() - self._start

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def write(self, _raw: bytes) -> int:
        return 0


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise BadInputError(f"{path} is a folder: name a sound file in it.")
        if not path.exists():
            raise BadInputError(f"{path} is missing: check the name.")
        if not path.is_file():
            raise BadInputError(
                f"{path} is not a regular file: use the source `stdin` for streams."
            )
        if path.stat().st_size == 0:
            raise BadInputError(f"{path} is empty: nothing was recorded into it.")
        with path.open("rb"):
            pass
    except OSError as error:
        raise BadInputError(f"{path} can't be read ({error.strerror}).") from error


def _ends_as_ogg(path: Path) -> bool:
    """Whether the last page carries the flag that ends a stream (RFC 3533, section 6)."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 70_000))
        tail = file.read()
    at = tail.rfind(b"OggS")
    return at >= 0 and len(tail) > at + 27 and bool(tail[at + 5] & 4)
