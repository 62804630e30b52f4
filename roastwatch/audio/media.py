"""Reads with FFmpeg what libsndfile can't read, such as recordings and videos of phones.

PyAV (the extra `media`) has the libraries of FFmpeg; without it, an `ffmpeg` on the PATH is used.
Neither the name nor a playlist in a file can open another file or a connection.
"""

import contextlib
import os
import shlex
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from roastwatch.audio.decoders import Decoder
from roastwatch.audio.ffmpeg_libraries import libraries
from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Float32Array

SUFFIXES = frozenset({
    ".3g2", ".3gp", ".aac", ".ac3", ".amr", ".ape", ".asf", ".au", ".avi", ".awb", ".caf", ".m4a",
    ".m4b", ".m4v", ".mka", ".mkv", ".mov", ".mp4", ".mpg", ".mts", ".snd", ".webm", ".wma", ".wmv",
    ".wv",
})  # fmt: skip
"""Suffixes that are read here, and rare ones that libsndfile reads."""
_FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,asf_o,au,avi,caf,dsf,eac3,flac,flv,matroska,webm,mov,mp4,"
    "m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,ogg,tta,voc,w64,wav,wv"
)
"""No playlists or scripts (hls, concat, sdp, …), because those name other files and hosts."""
_RESTRICTED = {"protocol_whitelist": "file,pipe", "format_whitelist": _FORMATS}
_LATE_S = 0.5
"""The length of a container may exceed that of its sound by this much."""


def open_media(path: Path) -> Decoder:
    """Open the first sound track of any file that FFmpeg can read.

    Raises:
        BadInputError: it has no sound, or FFmpeg is not installed; the text names a command.
    """
    try:
        return PyAvDecoder(path)
    except ImportError:
        program = shutil.which("ffmpeg")
    if program is None:
        raise BadInputError(
            f"{path} can't be read without FFmpeg: install it with "
            "`sudo apt-get install ffmpeg` or `pip install 'roastwatch[media]'`, or convert the "
            f"file with `{conversion(path)}`."
        )
    return FfmpegDecoder(path, program)


def conversion(path: Path) -> str:
    """A shell command that converts a file to FLAC; it works in any folder."""
    full = path.absolute()  # so that no dash or colon in a name has a meaning
    return f"ffmpeg -i {_quoted(full)} -vn {_quoted(full.with_suffix('.flac'))}"


def _quoted(path: Path) -> str:
    """A path quoted for a shell, even if it is not UTF-8."""
    raw = os.fsencode(path)
    try:
        return shlex.quote(raw.decode())
    except UnicodeDecodeError:
        plain = (chr(b) if 32 <= b < 127 and b not in b"\\'" else f"\\x{b:02x}" for b in raw)
        return f"$'{''.join(plain)}'"


def _no_sound(path: Path, reason: object) -> BadInputError:
    text = " ".join(str(reason).split()).replace(str(path.absolute()), "it")
    return BadInputError(
        f"{path} is not a sound file that can be read ({text[:160].strip(' .')}): check that it is "
        "a recording, and that it was copied completely."
    )


class PyAvDecoder:
    """Decodes with the libraries of FFmpeg in this process."""

    eight_bits = False

    def __init__(self, path: Path) -> None:
        """Open the file and decode the first frame, which determines rate and channels.

        Raises:
            ImportError: PyAV is not installed.
            BadInputError: it has no sound.
        """
        av = libraries()
        self._av: Any = av
        self._opened = contextlib.ExitStack()
        self._broken = ""
        self._rest = np.zeros((0, 1), np.float32)
        try:
            # A file object, not a name, because FFmpeg parses protocols and options in names.
            file = self._opened.enter_context(path.open("rb"))
            # Before PyAV 19, tags that are not UTF-8 were an error unless ignored.
            older = int(av.__version__.partition(".")[0]) < 19
            ignored: dict[str, Any] = {"metadata_errors": "ignore"} if older else {}
            self._container: Any = self._opened.enter_context(
                av.open(file, options=dict(_RESTRICTED), **ignored)
            )
            if not self._container.streams.audio:
                raise BadInputError(
                    f"{path} contains no sound: it is a video without a sound track."
                )
            self._stream: Any = self._container.streams.audio[0]
            self._rate_hz = 0
            self._decoded = self._decode()
            self._rest = next(self._decoded, self._rest)
            if not len(self._rest):
                raise _no_sound(path, self._broken or "nothing in it can be decoded")
        except BadInputError:
            self._opened.close()
            raise
        except (av.error.FFmpegError, ValueError, OSError, IndexError) as error:
            self._opened.close()
            raise _no_sound(path, getattr(error, "strerror", None) or error) from error
        self.channels = self._rest.shape[1]
        self.rate_hz = self._rate_hz
        self.kind = str(self._container.format.name)
        length_s = self._length_s()
        self.frames = None if length_s is None else round(length_s * self.rate_hz)

    def read(self, block: Float32Array) -> tuple[int, str]:
        """See `Decoder`."""
        count = 0
        while count < len(block):
            if not len(self._rest):
                self._rest = next(self._decoded, self._rest)
                if not len(self._rest):
                    return count, self._broken
            part = self._rest[: len(block) - count]
            block[count : count + len(part)] = part
            count += len(part)
            self._rest = self._rest[len(part) :]
        return count, ""

    def close(self) -> None:
        """See `Decoder`."""
        self._decoded.close()
        self._opened.close()

    def _decode(self) -> Generator[Float32Array]:
        """Frames of shape (n, channels) in the first rate and layout; ends at a fatal error."""
        errors = self._av.error
        resampler: Any = None
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (errors.FFmpegError, OSError) as error:
                self._broken = str(getattr(error, "strerror", None) or error)
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except errors.FFmpegError as error:
                # A packet may be damaged and the next one intact.
                self._broken = str(getattr(error, "strerror", None) or error)
                continue
            for frame in frames:
                if resampler is None:
                    self._rate_hz = int(frame.rate)
                    resampler = self._av.AudioResampler("flt", frame.layout, frame.rate)
                frame.pts = None
                for made in resampler.resample(frame):
                    channels = len(made.layout.channels)
                    yield made.to_ndarray().reshape(-1, channels).astype(np.float32, copy=False)

    def _length_s(self) -> float | None:
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base) - _LATE_S
        if self._container.duration:
            return float(self._container.duration) / 1e6 - _LATE_S
        return None


class FfmpegDecoder:
    """Decodes with the program `ffmpeg` through a pipe."""

    eight_bits = False
    frames: int | None = None
    kind = "ffmpeg"

    def __init__(self, path: Path, program: str) -> None:
        """Start it and read the header of its output.

        Raises:
            BadInputError: there is no sound in it.
        """
        self._path = path
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe could fill and stop it
        restricted = [word for name, value in _RESTRICTED.items() for word in (f"-{name}", value)]
        try:
            self._process = subprocess.Popen(
                [program, "-nostdin", "-hide_banner", "-loglevel", "error", *restricted,
                 "-i", b"file:" + os.fsencode(path.absolute()),
                 "-map", "0:a:0", "-f", "au", "-c:a", "pcm_f32be", "pipe:1"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._said,
            )  # fmt: skip
        except OSError as error:
            self._said.close()
            raise BadInputError(f"{program} can't be started ({error.strerror}).") from error
        assert self._process.stdout is not None
        self._out = self._process.stdout
        header = self._out.read(24)
        if len(header) < 24:
            self._process.wait()
            reason = self._reason() or "it contains no sound"
            self.close()
            raise _no_sound(path, reason)
        _, start, _, _, self.rate_hz, self.channels = struct.unpack(">4s5I", header)
        self._out.read(start - 24)

    def read(self, block: Float32Array) -> tuple[int, str]:
        """See `Decoder`."""
        size = 4 * self.channels
        raw = self._out.read(len(block) * size)
        count = len(raw) // size
        block[:count] = np.frombuffer(raw[: count * size], ">f4").reshape(-1, self.channels)
        if count == len(block):
            return count, ""
        self._process.wait()
        return count, self._reason()

    def close(self) -> None:
        """See `Decoder`."""
        if self._process.poll() is None:
            self._process.kill()
        self._out.close()
        self._process.wait()
        self._said.close()

    def _reason(self) -> str:
        """The last message of the program, without its prefixes."""
        self._said.seek(0)
        text = self._said.read(4000).decode(errors="replace").strip()
        last = text.splitlines()[-1] if text else ""
        return last.rsplit(": ", 1)[-1].strip(" .")
