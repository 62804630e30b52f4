"""Unknown and wrong sizes in headers, truncated files, and joined files."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roastwatch.audio.file import open_file
from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Float32Array

RATE_HZ = 32_000


def sound(seconds: float = 3.0, seed: int = 1) -> Float32Array:
    noise = np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ)) * 0.05
    return noise.astype(np.float32)


def heard(path: Path) -> tuple[Float32Array, list[str]]:
    with open_file(path) as reader:
        return np.concatenate(list(reader.blocks())), reader.warnings


def put(path: Path, after: bytes, offset: int, value: bytes) -> None:
    """Overwrite bytes at an offset from the end of a marker."""
    raw = bytearray(path.read_bytes())
    at = raw.index(after) + len(after) + offset
    raw[at : at + len(value)] = value
    path.write_bytes(raw)


def test_flac_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, sound(20.0), RATE_HZ)
    raw = bytearray(path.read_bytes())
    raw[21] &= 0xF0  # the total of samples: 36 bits
    raw[22:26] = bytes(4)
    path.write_bytes(raw)
    samples, warnings = heard(path)
    np.testing.assert_allclose(samples, sound(20.0), atol=1e-4)
    assert warnings == []
    with open_file(path) as reader:
        assert reader.duration_s is None
    path.write_bytes(raw[: len(raw) // 2])
    samples, warnings = heard(path)
    assert 8 * RATE_HZ < len(samples) < 12 * RATE_HZ
    assert all("28823" not in warning for warning in warnings)


@pytest.mark.parametrize("size", [b"\0" * 8, b"\xff" * 8])
def test_rf64_of_unknown_size_is_read_whole(tmp_path: Path, size: bytes) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(), RATE_HZ, "PCM_16", format="RF64")
    put(path, b"ds64", 4, b"\0" * 8 + size + b"\0" * 8)
    put(path, b"data", 0, b"\xff" * 4)
    put(path, b"RF64", 0, b"\xff" * 4)
    samples, warnings = heard(path)
    np.testing.assert_allclose(samples, sound(), atol=1e-4)
    assert warnings == []


def test_caf_of_unknown_size_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.caf"
    soundfile.write(path, sound(), RATE_HZ, "PCM_16")
    put(path, b"data", 0, b"\xff" * 8)
    samples, warnings = heard(path)
    np.testing.assert_allclose(samples, sound(), atol=1e-4)
    assert warnings == []


@pytest.mark.parametrize("subtype", ["ALAW", "ULAW", "IMA_ADPCM", "MS_ADPCM", "PCM_24"])
def test_a_wav_of_size_0_is_read_in_any_encoding(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(), RATE_HZ, subtype)
    right, _ = heard(path)
    put(path, b"data", 0, b"\0" * 4)
    put(path, b"RIFF", 0, b"\0" * 4)
    samples, warnings = heard(path)
    assert np.array_equal(samples[: len(right)], right)
    assert len(samples) - len(right) < 2048
    assert len(warnings) == 1
    promised_s, there_s = (float(word) for word in _numbers(warnings[0]))
    assert (promised_s, there_s) == (0.0, pytest.approx(3.0, abs=0.15))


@pytest.mark.parametrize(
    ("name", "mark", "offset"),
    [("a.aiff", b"SSND", 0), ("a.au", b".snd", 4), ("a.w64", b"data\xf3\xac\xd3\x11", 8)],
)
def test_a_size_that_was_never_written_is_not_a_loss(
    tmp_path: Path, name: str, mark: bytes, offset: int
) -> None:
    path = tmp_path / name
    soundfile.write(path, sound(), RATE_HZ, "PCM_16")
    put(path, mark, offset, b"\0" * (8 if name == "a.w64" else 4))
    samples, warnings = heard(path)
    np.testing.assert_allclose(samples[: 3 * RATE_HZ], sound(), atol=1e-4)
    assert warnings == []


@pytest.mark.parametrize("name", ["a.aiff", "a.w64", "a.caf", "a.au"])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_truncated_file_is_reported_in_seconds(tmp_path: Path, name: str, subtype: str) -> None:
    path = tmp_path / name
    soundfile.write(path, sound(20.0), RATE_HZ, subtype)
    assert heard(path)[1] == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    samples, warnings = heard(path)
    assert len(samples) == pytest.approx(10 * RATE_HZ, abs=5000)
    assert len(warnings) == 1
    assert "states 20.0 s of sound" in warnings[0]


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM", "ALAW", "PCM_16"])
def test_a_truncated_wav_is_reported_in_seconds_of_its_encoding(
    tmp_path: Path, subtype: str
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(20.0), RATE_HZ, subtype)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (warning,) = heard(path)[1]
    promised_s, there_s = (float(word) for word in _numbers(warning))
    assert promised_s == pytest.approx(20.0, abs=0.3)
    assert there_s == pytest.approx(10.0, abs=0.3)


def _numbers(text: str) -> list[str]:
    return [word for word in text.split() if word.replace(".", "").isdigit()]


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3", "a.flac", "a.wav"])
def test_joined_files_are_read_to_the_last(tmp_path: Path, name: str) -> None:
    for seed in (1, 2, 3):
        soundfile.write(tmp_path / f"{seed}-{name}", sound(seed=seed), RATE_HZ)
    alone = [heard(tmp_path / f"{seed}-{name}")[0] for seed in (1, 2, 3)]
    joined = b"".join((tmp_path / f"{seed}-{name}").read_bytes() for seed in (1, 2, 3))
    (tmp_path / name).write_bytes(joined)
    samples, warnings = heard(tmp_path / name)
    assert len(samples) == pytest.approx(9 * RATE_HZ, abs=8000)
    assert np.array_equal(samples, np.concatenate(alone))
    assert warnings == []


def without_counts(mp3: bytes) -> bytes:
    """An MP3 without its first frame, which states how many follow."""
    mark = next(at for word in (b"Xing", b"Info") if (at := mp3.find(word)) >= 0)
    at = mp3.index(b"\xff", mark)
    while mp3[at + 1] & 0xE0 != 0xE0:
        at = mp3.index(b"\xff", at + 1)
    return mp3[at:]


def test_mp3_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    """libsndfile computes the length from the bit rate of the first frame, which varies here."""
    quiet = np.concatenate([sound(5.0), np.zeros(15 * RATE_HZ, np.float32)])
    soundfile.write(tmp_path / "a.mp3", quiet, RATE_HZ)
    whole, _ = heard(tmp_path / "a.mp3")
    (tmp_path / "b.mp3").write_bytes(without_counts((tmp_path / "a.mp3").read_bytes()))
    samples, warnings = heard(tmp_path / "b.mp3")
    assert warnings == []
    assert len(samples) == pytest.approx(len(whole), abs=4000)
    shift = len(samples) - len(whole)  # the encoder's delay is known only with the counts
    assert (
        min(
            np.abs(samples[at : at + RATE_HZ] - whole[:RATE_HZ]).max()
            for at in range(max(shift, 0) + 1)
        )
        < 1e-3
    )


def test_joined_mp3_is_found_by_tags_and_frame_counts(tmp_path: Path) -> None:
    tag = b"ID3\x04\0\0\0\0\x01\x00" + bytes(128)
    for n in (1, 2):
        soundfile.write(tmp_path / f"{n}.mp3", sound(seed=n), RATE_HZ, bitrate_mode="CONSTANT")
    first, second = ((tmp_path / f"{n}.mp3").read_bytes() for n in (1, 2))
    bare = without_counts(second)
    for joined in (first + tag + second, tag + first + b"TAG" + bytes(125) + second, first + bare):
        (tmp_path / "a.mp3").write_bytes(joined)
        samples, _ = heard(tmp_path / "a.mp3")
        assert len(samples) == pytest.approx(6 * RATE_HZ, abs=6000)


def test_mp3_that_ends_in_a_frame_header_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "1.mp3", sound(), RATE_HZ, bitrate_mode="CONSTANT")
    raw = (tmp_path / "1.mp3").read_bytes()
    mark = next(at for word in (b"Xing", b"Info") if (at := raw.find(word)) >= 0)
    start = raw.rindex(b"\xff", 0, mark)
    for end in range(mark + 4, mark + 12):
        (tmp_path / "a.mp3").write_bytes(raw + raw[start:end])
        samples, _ = heard(tmp_path / "a.mp3")
        assert len(samples) == pytest.approx(3 * RATE_HZ, abs=3000)


def test_joined_parts_are_resampled_to_the_first(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "1.ogg", sound(), RATE_HZ)
    soundfile.write(tmp_path / "2.ogg", np.stack([sound()[: 2 * 16_000]] * 2, 1), 16_000)
    both = (tmp_path / "1.ogg").read_bytes() + (tmp_path / "2.ogg").read_bytes()
    (tmp_path / "a.ogg").write_bytes(both)
    samples, warnings = heard(tmp_path / "a.ogg")
    assert len(samples) == pytest.approx(5 * RATE_HZ, abs=2000)
    assert warnings == []


def test_a_damaged_joined_part_is_reported(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "1.flac", sound(), RATE_HZ)
    raw = (tmp_path / "1.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(raw + raw[:42] + bytes(5000))
    samples, warnings = heard(tmp_path / "a.flac")
    assert len(samples) == 3 * RATE_HZ
    assert any("number 2 can't be decoded" in warning for warning in warnings)


def test_a_hostile_header_ends_in_an_answer(tmp_path: Path) -> None:
    """Nonsense in any field gives sound or one sentence, never a traceback."""
    refused: list[str] = []
    for name, subtype in (
        ("a.aiff", "PCM_16"),
        ("a.caf", "PCM_16"),
        ("a.w64", "PCM_16"),
        ("a.au", "PCM_16"),
        ("a.wav", "IMA_ADPCM"),
    ):
        soundfile.write(tmp_path / name, sound(0.2), RATE_HZ, subtype)
        raw = (tmp_path / name).read_bytes()
        for at in range(0, 120, 3):
            for value in (bytes(4), b"\xff" * 4, struct.pack(">I", 2**31)):
                (tmp_path / name).write_bytes(raw[:at] + value + raw[at + 4 :])
                try:
                    heard(tmp_path / name)
                except BadInputError as error:
                    refused.append(str(error))
    assert 10 < len(refused) < 590
    assert not any("\n" in text for text in refused)
