"""Files are streamed, made mono at their own rate, and what was lost of them is said."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roastwatch.audio.file import open_file
from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Float32Array

RATE_HZ = 32_000


def sound(seconds: float = 2.0, rate_hz: int = RATE_HZ) -> Float32Array:
    count = round(seconds * rate_hz)
    noise = np.random.default_rng(1).standard_normal(count) * 0.05
    return noise.astype(np.float32)


def heard(path: Path, **cut: int) -> tuple[Float32Array, list[str]]:
    with open_file(path) as reader:
        return np.concatenate(list(reader.blocks(**cut))), reader.warnings


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_16", 1e-4),
        ("a.wav", "PCM_24", 1e-6),
        ("a.wav", "PCM_32", 1e-6),
        ("a.wav", "FLOAT", 0),
        ("a.wav", "DOUBLE", 1e-7),
        ("a.flac", "PCM_16", 1e-4),
        ("a.flac", "PCM_24", 1e-6),
    ],
)
def test_lossless_formats_return_the_same_samples(
    tmp_path: Path, name: str, subtype: str, tolerance: float
) -> None:
    soundfile.write(tmp_path / name, sound(), RATE_HZ, subtype)
    samples, warnings = heard(tmp_path / name)
    np.testing.assert_allclose(samples, sound(), atol=tolerance)
    assert warnings == []


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3"])
def test_lossy_formats_are_read_to_their_end(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / name, sound(3.0), RATE_HZ)
    samples, warnings = heard(tmp_path / name)
    assert len(samples) == pytest.approx(3 * RATE_HZ, abs=4000)
    assert warnings == []


@pytest.mark.parametrize("size", [1, 160, 1000, 48_000, 10_000_000])
def test_blocks_of_any_size_have_the_same_samples(tmp_path: Path, size: int) -> None:
    both = np.stack([sound(1.3), sound(1.3) * 0.5], axis=1)
    soundfile.write(tmp_path / "a.wav", both, RATE_HZ, "FLOAT")
    with open_file(tmp_path / "a.wav") as reader:
        blocks = list(reader.blocks(samples=size))
    assert {len(block) for block in blocks[:-1]} <= {size}
    assert np.array_equal(np.concatenate(blocks), sound(1.3))


@pytest.mark.parametrize("other", [-1.0, 0.0, 0.1])
def test_a_second_channel_does_not_lower_the_level(tmp_path: Path, other: float) -> None:
    soundfile.write(
        tmp_path / "a.wav", np.stack([other * sound(), sound()], axis=1), RATE_HZ, "FLOAT"
    )
    samples, _ = heard(tmp_path / "a.wav")
    assert np.array_equal(np.abs(samples), np.abs(sound()))


def test_a_dead_channel_is_replaced_without_a_click(tmp_path: Path) -> None:
    tone = 0.1 * np.sin(2 * np.pi * 500 * np.arange(20 * RATE_HZ) / RATE_HZ)
    first = tone * 1.1
    first[3 * RATE_HZ :] = 0
    soundfile.write(tmp_path / "a.wav", np.stack([first, tone], axis=1), RATE_HZ, "FLOAT")
    samples, _ = heard(tmp_path / "a.wav")
    np.testing.assert_allclose(samples[-5 * RATE_HZ :], tone[-5 * RATE_HZ :], atol=1e-6)
    fade = samples[4 * RATE_HZ :]
    assert np.abs(np.diff(fade, n=2)).max() < 2 * np.abs(np.diff(tone, n=2)).max()


def test_a_channel_can_be_selected_by_number(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([sound(), sound() / 2], 1), RATE_HZ, "FLOAT")
    with open_file(tmp_path / "a.wav", channel=2) as reader:
        assert np.array_equal(np.concatenate(list(reader.blocks())), sound() / 2)
    with pytest.raises(BadInputError, match=r"no channel 3"):
        open_file(tmp_path / "a.wav", channel=3)


def test_one_of_eight_channels_is_selected_with_a_warning(tmp_path: Path) -> None:
    eight = np.stack([sound() * (0.1 + 0.9 * (index == 5)) for index in range(8)], axis=1)
    soundfile.write(tmp_path / "a.wav", eight, RATE_HZ, "FLOAT")
    samples, warnings = heard(tmp_path / "a.wav")
    assert np.array_equal(samples, sound())
    assert len(warnings) == 1
    assert warnings[0].startswith("8 channels")


def test_sound_above_48_khz_is_resampled_without_delay(tmp_path: Path) -> None:
    click = np.zeros(4 * 96_000, np.float32)
    click[2 * 96_000] = 0.9
    soundfile.write(tmp_path / "a.wav", click, 96_000, "PCM_24")
    with open_file(tmp_path / "a.wav") as reader:
        samples = np.concatenate(list(reader.blocks(samples=777)))
        assert (reader.sample_rate_hz, reader.file_rate_hz) == (48_000, 96_000)
        assert reader.duration_s == 4.0
    assert len(samples) == 4 * 48_000
    assert abs(int(np.argmax(np.abs(samples))) - 2 * 48_000) <= 1


def test_invalid_samples_are_silenced_and_counted(tmp_path: Path) -> None:
    broken = sound()
    broken[100:110] = np.nan
    broken[200], broken[300], broken[400] = np.inf, -np.inf, 1e30
    soundfile.write(tmp_path / "a.wav", broken, RATE_HZ, "FLOAT")
    samples, warnings = heard(tmp_path / "a.wav")
    assert np.isfinite(samples).all()
    assert np.array_equal(samples[401:], sound()[401:])
    assert not samples[[100, 109, 200, 300, 400]].any()
    assert warnings == [
        "13 samples are not numbers (NaN or infinity) and were replaced by silence."
    ]


def test_eight_bit_sound_is_read_with_a_warning(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sound(), RATE_HZ, "PCM_U8")
    samples, warnings = heard(tmp_path / "a.wav")
    np.testing.assert_allclose(samples, sound(), atol=1 / 64)
    assert len(warnings) == 1
    assert "8-bit" in warnings[0]


def with_data_size(path: Path, size: int) -> None:
    raw = bytearray(path.read_bytes())
    at = raw.find(b"data")
    raw[at + 4 : at + 8] = struct.pack("<I", size)
    path.write_bytes(raw)


@pytest.mark.parametrize("size", [0, 1000, 2 * RATE_HZ])
def test_sound_beyond_the_length_in_the_header_is_read(tmp_path: Path, size: int) -> None:
    soundfile.write(tmp_path / "a.wav", sound(), RATE_HZ, "PCM_16")
    with_data_size(tmp_path / "a.wav", size)
    samples, warnings = heard(tmp_path / "a.wav")
    np.testing.assert_allclose(samples, sound(), atol=1e-4)
    assert len(warnings) == 1
    assert "header" in warnings[0]


def test_a_length_in_the_header_that_is_too_large_is_reported(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sound(), RATE_HZ, "PCM_16")
    with_data_size(tmp_path / "a.wav", 60 * 2 * RATE_HZ)
    samples, warnings = heard(tmp_path / "a.wav")
    assert len(samples) == 2 * RATE_HZ
    assert len(warnings) == 1
    assert "states 60.0 s" in warnings[0]


@pytest.mark.parametrize("size", [0x7FFF_F000, 0xFFFF_FFFF])
def test_an_unknown_length_in_the_header_is_not_a_loss(tmp_path: Path, size: int) -> None:
    soundfile.write(tmp_path / "a.wav", sound(), RATE_HZ, "PCM_16")
    with_data_size(tmp_path / "a.wav", size)
    samples, warnings = heard(tmp_path / "a.wav")
    assert len(samples) == 2 * RATE_HZ
    assert warnings == []


def test_chunks_after_the_sound_are_ignored(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sound(), RATE_HZ, "PCM_16")
    with (tmp_path / "a.wav").open("ab") as file:
        file.write(b"LIST" + struct.pack("<I", 12) + b"INFOISFT\0\0\0\0")
    samples, warnings = heard(tmp_path / "a.wav")
    assert len(samples) == 2 * RATE_HZ
    assert warnings == []


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_a_truncated_file_is_read_to_its_end(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / name, sound(20.0), RATE_HZ)
    raw = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(raw[: len(raw) // 2])
    samples, warnings = heard(tmp_path / name)
    assert 7 * RATE_HZ < len(samples) < 13 * RATE_HZ
    assert np.isfinite(samples).all()
    assert len(warnings) == 1
    assert "cut off" in warnings[0]


def test_a_file_without_sound_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("No sound, only words.\n" * 100)
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "stub.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    soundfile.write(tmp_path / "slow.wav", sound(1, 7999), 7999)
    soundfile.write(tmp_path / "none.wav", sound(0), RATE_HZ)
    for name, said in {
        "missing.wav": "does not exist",
        "empty.wav": "is empty",
        "text.wav": "is not a sound file",
        "folder.wav": "is a folder",
        "stub.wav": "is not a sound file",
        "slow.wav": "7999 Hz",
        "none.wav": "no sound",
    }.items():
        with pytest.raises(BadInputError, match=said) as caught:
            open_file(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
