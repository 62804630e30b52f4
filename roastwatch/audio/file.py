"""Reads sound files with libsndfile, and recordings of phones with FFmpeg. Always streamed."""

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import soundfile

from roastwatch.audio import joined
from roastwatch.audio.channel_selector import ChannelSelector, main_channel
from roastwatch.audio.decoders import Decoder, SndfileDecoder
from roastwatch.audio.headers import read_header
from roastwatch.audio.media import conversion, open_media
from roastwatch.audio.pcm import silence_what_is_no_number
from roastwatch.audio.read_ahead import read_ahead
from roastwatch.audio.resample import Resampler, rate_to_judge
from roastwatch.audio.virtual_file import VirtualFile
from roastwatch.audio.wav_header import SoundHeader
from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Float32Array

_VALUES_PER_READ = 2**18


def open_file(path: Path | str, channel: int | None = None) -> "FileReader":
    """Open a sound file; use the reader in a `with` statement.

    Args:
        path: any file that libsndfile or FFmpeg can read.
        channel: number of the channel, from 1; None: the one with the strongest pops.

    Raises:
        BadInputError: the file is missing, empty, not a sound file, or its rate is below 8 kHz.
    """
    return FileReader(Path(path), channel)


def open_channels(
    path: Path | str, channel: int | None, reference: int | None
) -> tuple["FileReader", "FileReader | None"]:
    """Open a file, and once more for its reference channel, if there is one.

    Both yield blocks of the same lengths.

    Raises:
        BadInputError: as `open_file`, or a channel is missing or ambiguous.
    """
    if reference is None:
        return open_file(path, channel), None
    with open_file(path) as reader:
        channels = reader.channels
    return open_file(path, main_channel(channels, channel, reference, str(path))), open_file(
        path, reference
    )


class FileReader:
    """Mono float32 sound from a file, at its own rate but at most 48 kHz.

    It is decoded in a thread, some seconds ahead. `warnings` grows while the file is read: one
    sentence for each loss.
    """

    def __init__(self, path: Path, channel: int | None = None) -> None:
        self.path = path
        self.warnings: list[str] = []
        self.samples_replaced = 0
        """Samples that were not numbers (NaN, infinity), replaced by silence."""
        _refuse_what_is_no_file(path)
        self._header = read_header(path)
        self._opened = ExitStack()
        try:
            self._decoder = self._opened.enter_context(closing(self._open()))
            self._others = self._joined()
            self.channels: int = self._decoder.channels
            self.file_rate_hz: int = self._decoder.rate_hz
            """Rate of the file; `sample_rate_hz` is the rate of the output."""
            self.sample_rate_hz = rate_to_judge(self.file_rate_hz, str(path))
            if channel is not None and not 1 <= channel <= self.channels:
                raise BadInputError(
                    f"{path} has {self.channels} channel(s), but no channel {channel}."
                )
            if self._decoder.frames == 0:
                raise BadInputError(f"{path} contains no sound: its length is zero.")
            self._channel = channel
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
        """Length by the header; None if it is not stated."""
        frames = self._decoder.frames
        return None if frames is None or self._others else frames / self.file_rate_hz

    def blocks(
        self, seconds: float | None = None, samples: int | None = None
    ) -> Iterator[Float32Array]:
        """Yield the sound once, in blocks of shape (n,) of equal length except the last.

        Args:
            seconds: length of a block; 1 s if neither is given.
            samples: the same in samples at `sample_rate_hz`.
        """
        size = samples or max(1, round((seconds or 1.0) * self.sample_rate_hz))
        block, filled = np.empty(size, np.float32), 0
        with closing(read_ahead(self._pieces())) as pieces:
            self._opened.callback(pieces.close)  # its thread ends before the decoder is closed
            for piece in pieces:
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

    def _pieces(self) -> Generator[Float32Array]:
        """Mono sound in pieces."""
        yield from self._decoded(self._decoder, self._first)
        for number, part in enumerate(self._others, 2):
            try:
                with ExitStack() as opened:
                    yield from self._decoded(self._open_part(part, opened), part)
            except (soundfile.LibsndfileError, BadInputError) as error:
                self.warnings.append(
                    f"The file contains {len(self._others) + 1} recordings in a row; "
                    f"number {number} can't be decoded and is skipped ({error})."
                )
        if self.samples_replaced:
            self.warnings.append(
                f"{self.samples_replaced} samples are not numbers (NaN or infinity) and were "
                "replaced by silence."
            )

    def _decoded(self, decoder: Decoder, part: joined.JoinedRecording) -> Iterator[Float32Array]:
        """One recording, mono and at the output rate."""
        channel = self._channel if (self._channel or 0) <= decoder.channels else None
        mixdown = ChannelSelector(decoder.channels, decoder.rate_hz, channel)
        resampler = Resampler(decoder.rate_hz, self.sample_rate_hz)
        for frames in self._frames(decoder, part.seconds):
            yield resampler.push(mixdown.push(frames))
        yield resampler.push(mixdown.finish())
        yield resampler.finish()

    def _frames(self, decoder: Decoder, counted_s: float | None) -> Iterator[Float32Array]:
        """Decoded frames, shape (n, channels), in large blocks."""
        per_read = max(1024, _VALUES_PER_READ // decoder.channels)
        done = 0
        while True:
            block = np.empty((per_read, decoder.channels), np.float32)
            count, broken = decoder.read(block)
            frames = block[:count]
            self.samples_replaced += silence_what_is_no_number(frames)
            done += count
            if count:
                yield frames
            if broken or count < per_read:
                break
        if not done:
            raise BadInputError(
                f"{self.path} contains no sound that can be decoded ({broken or 'it is empty'})."
            )
        done_s = done / decoder.rate_hz
        if counted_s and not broken and counted_s - done_s > _miscount_s(counted_s):
            self.warnings.append(
                f"Only {done_s:.1f} s of {counted_s:.1f} s were read, because the file does not "
                f"state its length: convert it with `{conversion(self.path)}` and use the result."
            )
            return
        missing = 0.0 if decoder.frames is None else (decoder.frames - done) / decoder.rate_hz
        if broken or missing > 0.05:
            self.warnings.append(
                f"The file is damaged or cut off after {done / decoder.rate_hz:.1f} s"
                + (f" of {(done / decoder.rate_hz + missing):.1f} s" if missing > 0.05 else "")
                + (f" ({broken})" if broken else "")
                + ": the rest is lost."
            )

    def _open(self) -> Decoder:
        header = self._header
        try:
            if header and header.says_too_little:
                return self._open_beyond_its_header(header)
            if header and header.next_file_at:
                return self._open_part(joined.JoinedRecording(0, header.next_file_at), self._opened)
            decoder = SndfileDecoder(soundfile.SoundFile(os.fsencode(self.path)))
            if decoder.frames != 0 or not (header and header.says_nothing):
                return decoder
            decoder.close()
        except (soundfile.LibsndfileError, TypeError):
            pass
        if header and (header.says_nothing or header.cut_off):
            try:
                return SndfileDecoder(self._with_true_sizes(header))
            except soundfile.LibsndfileError:
                pass
        return open_media(self.path)

    def _open_beyond_its_header(self, header: SoundHeader) -> Decoder:
        if header.subtype:
            raw = self._opened.enter_context(self.path.open("rb"))
            file = soundfile.SoundFile(
                VirtualFile(raw, header.data_at),
                samplerate=header.sample_rate_hz,
                channels=header.channels,
                format="RAW",
                subtype=header.subtype,
                endian="LITTLE",
            )
        else:
            file = self._with_true_sizes(header)
        promised_s = (header.promised_bytes or 0) / header.bytes_per_s
        self.warnings.append(
            f"The header is wrong: it states {promised_s:.1f} s of sound, but the file contains "
            f"{header.there_bytes / header.bytes_per_s:.1f} s; all of it was read."
        )
        return SndfileDecoder(file)

    def _with_true_sizes(self, header: SoundHeader) -> Any:
        """The file with corrected sizes in its header."""
        raw = self._opened.enter_context(self.path.open("rb"))
        return soundfile.SoundFile(VirtualFile(raw, patches=header.true_sizes))

    def _joined(self) -> list[joined.JoinedRecording]:
        """Where further recordings are, if the file contains several."""
        self._first, *others = joined.parts(self.path, self._decoder.kind)
        if others or _too_short(self._decoder, self._first):
            self._decoder.close()
            self._decoder = self._open_part(self._first, self._opened)
        return others

    def _open_part(self, part: joined.JoinedRecording, opened: ExitStack) -> Decoder:
        raw = opened.enter_context(self.path.open("rb"))
        decoder = SndfileDecoder(soundfile.SoundFile(VirtualFile(raw, part.start, part.end)))
        if _too_short(decoder, part) and part.counts:
            decoder.close()
            counted = VirtualFile(raw, part.start, part.end, before=part.counts)
            decoder = SndfileDecoder(soundfile.SoundFile(counted))
        return opened.enter_context(closing(decoder))

    def _say_what_is_known_to_be_lost(self) -> None:
        header = self._header
        if header and header.cut_off and header.promised_bytes:
            promised, there = header.promised_bytes, header.there_bytes
            if header.bytes_per_s:
                loss = (
                    f"its header states {promised / header.bytes_per_s:.1f} s of sound, but it "
                    f"contains {there / header.bytes_per_s:.1f} s"
                )
            else:
                loss = f"{100 * (promised - there) / promised:.0f} % of its sound is missing"
            self.warnings.append(f"The file is cut off: {loss}.")
        if self._decoder.kind == "OGG" and not _ends_as_ogg(self.path):
            self.warnings.append("The file is cut off: its last Ogg page is missing.")
        if self._decoder.eight_bits:
            self.warnings.append(
                "8-bit sound: pops quieter than about -48 dBFS are lost in quantisation noise; "
                "record with 16 bits or more."
            )
        if self.sample_rate_hz < 16_000:
            self.warnings.append(
                f"A sample rate of {self.sample_rate_hz} Hz loses everything above "
                f"{self.sample_rate_hz / 2000:g} kHz, where pops stand out most: record at 32000 "
                "Hz or more."
            )
        if self.channels > 2 and self._channel is None:
            self.warnings.append(
                f"{self.channels} channels: only the one that is strongest above 3 kHz is analysed."
            )


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise BadInputError(f"{path} is a folder: name a sound file in it.")
        if not path.exists():
            raise BadInputError(f"{path} does not exist: check the name.")
        if not path.is_file():
            raise BadInputError(
                f"{path} is not a regular file: use the source `stdin` for streams."
            )
        if path.stat().st_size == 0:
            raise BadInputError(f"{path} is empty: nothing was recorded.")
        with path.open("rb"):
            pass
    except OSError as error:
        raise BadInputError(f"{path} can't be read ({error.strerror}).") from error


def _ends_as_ogg(path: Path) -> bool:
    """Whether the last page has the end-of-stream flag (RFC 3533, section 6)."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 70_000))
        tail = file.read()
    at = tail.rfind(b"OggS")
    return at >= 0 and len(tail) > at + 27 and bool(tail[at + 5] & 4)


def _too_short(decoder: Decoder, part: joined.JoinedRecording) -> bool:
    """Whether libsndfile only guessed the length, from the first frame's bit rate."""
    if part.seconds is None or decoder.frames is None:
        return False
    return part.seconds - decoder.frames / decoder.rate_hz > _miscount_s(part.seconds)


def _miscount_s(seconds: float) -> float:
    """Tolerance for the length of an MP3: padding of the encoder, and a margin."""
    return max(0.5, 0.01 * seconds)
