"""Recordings of phones are read by PyAV or ffmpeg; else the error has a command to paste."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roastwatch.audio.file import open_file
from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Float32Array

RATE_HZ = 32_000
MP4 = b"\0\0\0\x20ftypM4A \0\0\2\0isomiso2" + bytes(200)
"""The start of a file that libsndfile does not support."""


def sound(seconds: float = 3.0, channels: int = 1) -> Float32Array:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tone = 0.3 * np.sin(2 * np.pi * 1000 * time_s)
    return np.repeat(tone[:, None], channels, axis=1).astype(np.float32)


def heard(path: Path, **how: int) -> tuple[Float32Array, list[str]]:
    with open_file(path, **how) as reader:
        assert reader.file_rate_hz == RATE_HZ
        return np.concatenate(list(reader.blocks())), reader.warnings


def frequency_hz(samples: Float32Array) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * RATE_HZ / len(samples)


@pytest.fixture
def encode() -> Callable[..., Path]:
    """Write sound (optionally with video) through the libraries of FFmpeg."""
    av = pytest.importorskip("av")

    def write(path: Path, codec: str, channels: int = 1, *, picture: bool = False) -> Path:
        with av.open(str(path), "w") as out:
            if picture:
                video = out.add_stream("mpeg4", rate=10)
                video.width = video.height = 32
                video.pix_fmt = "yuv420p"
            layout = "mono" if channels == 1 else "stereo"
            stream = out.add_stream(codec, rate=RATE_HZ, layout=layout)
            stream.bit_rate = 96_000
            samples = (sound(channels=channels) * 32767).astype(np.int16)
            for at in range(0, len(samples), 1024):
                piece = samples[at : at + 1024].reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=layout)
                frame.sample_rate = RATE_HZ
                out.mux(stream.encode(frame))
                if picture:
                    still = av.VideoFrame(32, 32, "yuv420p")
                    out.mux(video.encode(still))
            if picture:
                out.mux(video.encode(None))
            out.mux(stream.encode(None))
        return path

    return write


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.m4a", "alac"),
        ("a.m4a", "aac"),
        ("a.aac", "aac"),
        ("a.mov", "aac"),
        ("a.mka", "pcm_s16le"),
        ("a.caf", "alac"),
        ("a.wma", "wmav2"),
    ],
)
def test_a_phone_recording_is_read_completely(
    encode: Callable[..., Path], tmp_path: Path, name: str, codec: str
) -> None:
    samples, warnings = heard(encode(tmp_path / name, codec))
    assert len(samples) == pytest.approx(3 * RATE_HZ, abs=4096)
    assert frequency_hz(samples) == pytest.approx(1000, abs=2)
    assert np.abs(samples[RATE_HZ:-RATE_HZ]).max() == pytest.approx(0.3, abs=0.02)
    assert warnings == []


def test_a_lossless_recording_returns_the_same_samples(
    encode: Callable[..., Path], tmp_path: Path
) -> None:
    samples, _ = heard(encode(tmp_path / "a.m4a", "alac"))
    np.testing.assert_allclose(samples, sound()[:, 0], atol=1e-4)


def test_the_sound_of_a_video_is_read(encode: Callable[..., Path], tmp_path: Path) -> None:
    samples, warnings = heard(encode(tmp_path / "a.mp4", "aac", 2, picture=True))
    assert frequency_hz(samples) == pytest.approx(1000, abs=2)
    assert warnings == []


def test_a_truncated_recording_is_read_to_its_end(
    encode: Callable[..., Path], tmp_path: Path
) -> None:
    path = encode(tmp_path / "a.mka", "pcm_s16le")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    samples, warnings = heard(path)
    assert RATE_HZ < len(samples) < 2 * RATE_HZ
    assert len(warnings) == 1
    assert "cut off after" in warnings[0]


@pytest.mark.parametrize("content", [MP4, b"No sound, only words.\n" * 100])
def test_a_file_without_sound_gives_one_sentence(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("av")
    (tmp_path / "a.m4a").write_bytes(content)
    with pytest.raises(BadInputError, match="is not a sound file that can be read") as caught:
        open_file(tmp_path / "a.m4a")
    assert "\n" not in str(caught.value)


def test_a_playlist_opens_no_other_file(encode: Callable[..., Path], tmp_path: Path) -> None:
    secret = encode(tmp_path / "secret.m4a", "aac")
    for text in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:3,\n{secret}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{secret}'\n",
    ):
        (tmp_path / "a.m4a").write_text(text)
        with pytest.raises(BadInputError, match="is not a sound file"):
            open_file(tmp_path / "a.m4a")


@pytest.fixture
def no_av(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)


PROGRAM = f"""#!{sys.executable}
import struct, sys
words = sys.argv[1:]
open(sys.argv[0] + ".words", "w").write("\\n".join(words))
name = words[words.index("-i") + 1]
if not open(name.removeprefix("file:"), "rb").read().startswith(b"\\0\\0\\0\\x20ftyp"):
    sys.exit(f"{{name}}: Invalid data found when processing input")
sys.stdout.buffer.write(struct.pack(">4s5I", b".snd", 32, 0xFFFFFFFF, 6, {RATE_HZ}, 2) + bytes(8))
sys.stdout.buffer.write(struct.pack(">2f", 0.25, 0.0) * {3 * RATE_HZ})
"""


@pytest.fixture
def ffmpeg(tmp_path: Path, no_av: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program named ffmpeg that writes what the real one would; its arguments are kept."""
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


@pytest.mark.parametrize(
    "name", ["a.m4a", "-i.m4a", "concat:a|b.m4a", "http:x.m4a", "'$(x) \".mp4"]
)
def test_without_pyav_ffmpeg_reads_by_the_absolute_path(
    ffmpeg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(MP4)
    samples, warnings = heard(Path(name), channel=1)
    assert np.array_equal(samples, np.full(3 * RATE_HZ, 0.25, np.float32))
    assert warnings == []
    words = ffmpeg.with_name("ffmpeg.words").read_text().splitlines()
    assert words[words.index("-i") + 1] == f"file:{tmp_path / name}"
    assert words[words.index("-protocol_whitelist") + 1] == "file,pipe"


def test_an_error_of_ffmpeg_gives_one_sentence(ffmpeg: Path, tmp_path: Path) -> None:
    (tmp_path / "a.m4a").write_bytes(b"words")
    with pytest.raises(BadInputError, match=r"a\.m4a is not a sound file .*\(Invalid data"):
        open_file(tmp_path / "a.m4a")


def test_closing_a_reader_early_ends_ffmpeg(ffmpeg: Path, tmp_path: Path) -> None:
    (tmp_path / "a.m4a").write_bytes(MP4)
    with open_file(tmp_path / "a.m4a", channel=1) as reader:
        process = reader._decoder._process  # type: ignore[attr-defined]
        next(reader.blocks(seconds=0.1))
    assert process.poll() is not None


@pytest.mark.parametrize(
    "name", [b"a b'c.m4a", b"[red]-x.mov", b"caf\xe9 1.m4a"], ids=["quotes", "markup", "no UTF-8"]
)
def test_without_ffmpeg_the_error_has_a_command_to_paste(
    no_av: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    folder = tmp_path / "my recordings"
    folder.mkdir()
    path = folder / os.fsdecode(name)
    path.write_bytes(MP4)
    with pytest.raises(BadInputError, match="roastwatch\\[media\\]") as caught:
        open_file(path)
    command = str(caught.value).split("convert the file with `")[1].removesuffix("`.")
    monkeypatch.undo()
    printed = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {command}"], capture_output=True, check=True
    ).stdout.splitlines()
    made = os.fsencode(path.with_suffix(".flac"))
    assert printed == [b"ffmpeg", b"-i", os.fsencode(path), b"-vn", made]


def test_a_flac_whose_name_is_not_utf_8_is_read(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.flac")
    with path.open("wb") as file:
        soundfile.write(file, sound(), RATE_HZ, format="FLAC")
    samples, _ = heard(path)
    np.testing.assert_allclose(samples, sound()[:, 0], atol=1e-4)
