"""The sources `file` and `stdin`: complete, in order, at the set speed."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from roastwatch.audio.pcm import PcmFormat
from roastwatch.audio.replay import FileOptions, FileSource
from roastwatch.audio.standard_input import StandardInput, StandardInputOptions
from roastwatch.errors import BadInputError
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import AudioBlock, Float32Array

RATE_HZ = 16_000


def sound(seconds: float = 1.0) -> Float32Array:
    random = np.random.default_rng(3)
    return (random.standard_normal(round(seconds * RATE_HZ)) * 0.1).astype(np.float32)


def joined(blocks: list[AudioBlock]) -> Float32Array:
    ends = [block.end_sample for block in blocks]
    assert [block.first_sample for block in blocks] == [0, *ends[:-1]]
    return np.concatenate([block.samples for block in blocks])


@pytest.mark.parametrize("speed", [0.0, 7.0, 1000.0])
async def test_a_file_is_replayed_completely(tmp_path: Path, speed: float) -> None:
    soundfile.write(tmp_path / "a.wav", sound(5.0), RATE_HZ, "FLOAT")
    async with FileSource(
        FileOptions(path=tmp_path / "a.wav", speed=speed), ComponentHealth("ear")
    ) as source:
        began_s = time.monotonic()
        blocks = [block async for block in source.blocks()]
        took_s = time.monotonic() - began_s
        assert (source.live, source.sample_rate_hz) == (False, RATE_HZ)
    assert np.array_equal(joined(blocks), sound(5.0))
    assert speed == 0 or took_s >= 0.99 * 5.0 / speed


async def test_a_missing_file_is_reported_at_startup(tmp_path: Path) -> None:
    source = FileSource(FileOptions(path=tmp_path / "none.wav"), ComponentHealth("ear"))
    with pytest.raises(BadInputError, match="does not exist"):
        async with source:
            pass


async def test_a_replay_can_be_cancelled(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", sound(60.0), RATE_HZ)
    begun = asyncio.Event()

    async def listen() -> None:
        async with FileSource(
            FileOptions(path=tmp_path / "a.flac", speed=1), ComponentHealth("e")
        ) as source:
            async for _ in source.blocks():
                begun.set()

    task = asyncio.ensure_future(listen())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def raw_of(samples: Float32Array, pcm_format: str) -> bytes:
    scale, kind = {"s16le": (2**15, "<i2"), "s32le": (2**31, "<i4"), "f32le": (1, "<f4")}[
        pcm_format
    ]
    return np.asarray(samples.astype(np.float64) * scale).astype(kind).tobytes()


async def piped(
    raw: bytes, part: ComponentHealth | None = None, **options: Any
) -> list[AudioBlock]:
    """The blocks from bytes that another program writes in pieces of odd sizes."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for at in range(0, len(raw), 3_331):
                pipe.write(raw[at : at + 3_331])

    with os.fdopen(reading, "rb") as pipe:
        given = {"sample_rate_hz": RATE_HZ, "live": False, **options}
        wanted = StandardInputOptions(**given)
        writer = asyncio.ensure_future(asyncio.to_thread(write))
        try:
            async with StandardInput(wanted, part or ComponentHealth("ear"), pipe) as source:
                return [block async for block in source.blocks()]
        finally:
            await writer


@pytest.mark.parametrize("pcm_format", ["s16le", "s32le", "f32le"])
async def test_standard_input_is_read_completely(pcm_format: PcmFormat) -> None:
    blocks = await piped(raw_of(sound(), pcm_format), format=pcm_format)
    np.testing.assert_allclose(joined(blocks), sound(), atol=1e-4)


async def test_one_of_two_channels_of_standard_input_is_selected() -> None:
    both = np.stack([sound() * 0.1, sound()], axis=1)
    blocks = await piped(raw_of(both, "f32le"), format="f32le", channels=2)
    assert np.array_equal(joined(blocks), sound())


async def test_standard_input_above_48_khz_is_resampled() -> None:
    blocks = await piped(raw_of(sound(6.0), "s16le"), sample_rate_hz=96_000)
    assert len(joined(blocks)) == 48_000


async def test_half_a_sample_at_the_end_is_counted() -> None:
    part = ComponentHealth("ear")
    blocks = await piped(raw_of(sound(), "s16le") + b"\x01", part)
    assert len(joined(blocks)) == RATE_HZ
    assert part.counters == {"bytes_left_over": 1}


async def test_invalid_samples_in_standard_input_are_silenced() -> None:
    part, broken = ComponentHealth("ear"), sound()
    broken[5] = np.nan
    blocks = await piped(raw_of(broken, "f32le"), part, format="f32le")
    assert np.isfinite(joined(blocks)).all()
    assert part.counters == {"samples_replaced": 1}


@pytest.mark.parametrize(
    ("raw", "said"),
    [(b"", "No sound came"), (b"RIFF\x24\x00\x00\x00WAVE", "WAV"), (b"fLaC" * 9, "FLAC")],
)
async def test_a_stream_that_is_not_pcm_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        await piped(raw)


async def test_a_rate_below_8_khz_is_refused() -> None:
    with pytest.raises(BadInputError, match="4000 Hz"):
        await piped(b"\0" * 100, sample_rate_hz=4_000)


async def test_standard_input_from_a_regular_file(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(raw_of(sound(), "s16le"))
    with (tmp_path / "raw").open("rb") as pipe:
        options = StandardInputOptions(sample_rate_hz=RATE_HZ)
        async with StandardInput(options, ComponentHealth("ear"), pipe) as source:
            blocks = [block async for block in source.blocks()]
    np.testing.assert_allclose(joined(blocks), sound(), atol=1e-4)


async def test_a_terminal_is_refused() -> None:
    main, terminal = os.openpty()
    with os.fdopen(main, "rb"), os.fdopen(terminal, "rb") as pipe:
        source = StandardInput(StandardInputOptions(), ComponentHealth("ear"), pipe)
        with pytest.raises(BadInputError, match="is a terminal"):
            await source.__aenter__()
