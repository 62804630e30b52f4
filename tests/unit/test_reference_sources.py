"""A reference microphone comes as a channel or as a source; without it the station listens on."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from roastwatch import Detector
from roastwatch.app.reference import HELD_S, StationReference
from roastwatch.audio.channel_selector import main_channel
from roastwatch.audio.microphone import Microphone, MicrophoneOptions
from roastwatch.audio.replay import FileOptions, FileSource
from roastwatch.cli import cli
from roastwatch.detection.reference.reference import Reference
from roastwatch.errors import BadInputError, SettingsError
from roastwatch.offline.analysis import analyze_file
from roastwatch.settings import model as settings
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import AudioBlock, ComponentState, Float32Array
from tests.fakes.sound_card import FakeCard, usb
from tests.support.two_microphones import RATE_HZ, pops_model, scene
from tests.support.until import until


@pytest.fixture(scope="module")
def stereo() -> Float32Array:
    """A roast beside a popping pan: channel 1 at the roaster, channel 2 away from it."""
    heard = scene(2)
    return np.clip(np.stack((heard.main, heard.reference), axis=1), -1, 1)


@pytest.fixture(scope="module")
def path(stereo: Float32Array, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stereo") / "roast.wav"
    soundfile.write(path, stereo, RATE_HZ, subtype="FLOAT")
    return path


def test_a_file_with_a_reference_channel_has_fewer_pops(
    path: Path, stereo: Float32Array, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "alone.wav", stereo[:, 0], RATE_HZ, subtype="FLOAT")
    model = pops_model()
    with_it = analyze_file(path, model, reference_channel=2)
    assert 0 < len(with_it.pops) < 0.6 * len(analyze_file(tmp_path / "alone.wav", model).pops)
    other = analyze_file(path, model, reference_channel=2, block_samples=7777)
    # the mean of a radio is rounded otherwise in blocks of another size
    np.testing.assert_allclose(np.array(other.pops), np.array(with_it.pops), atol=1e-6)


def test_the_detector_decides_as_analyze_does(path: Path, stereo: Float32Array) -> None:
    found = Detector(reference_channel=2).detect(stereo, RATE_HZ)
    events = analyze_file(path, pops_model(), reference_channel=2).events
    assert (found and found.onset_s) == (events[0].happened_at_s if events else None)


def test_analyze_names_a_missing_channel(path: Path) -> None:
    said = CliRunner().invoke(cli, ["analyze", str(path), "--reference-channel", "3"])
    assert said.exit_code == 2
    assert "has 2 channel(s), but no channel 3" in said.output


@pytest.mark.parametrize(
    ("channels", "channel", "reference", "said"),
    [
        (2, None, 3, "The card has 2 channel(s), but no channel 3."),
        (2, 2, 2, "can't be both"),
        (1, None, 1, "needs a second one"),
        (4, None, 1, "set `channel`, too"),
    ],
)
def test_a_wrong_channel_is_named(
    channels: int, channel: int | None, reference: int, said: str
) -> None:
    with pytest.raises(BadInputError) as error:
        main_channel(channels, channel, reference, "The card")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("channels", "channel", "reference", "main"),
    [(2, None, 2, 1), (2, None, 1, 2), (4, 3, 1, 3), (2, 2, None, 2), (2, None, None, None)],
)
def test_the_main_channel_is_the_other_one(
    channels: int, channel: int | None, reference: int | None, main: int | None
) -> None:
    assert main_channel(channels, channel, reference, "The card") == main


def test_two_references_of_one_station_are_refused() -> None:
    station = {"source": {"reference_channel": 2}, "reference": {"type": "file", "path": "x.wav"}}
    with pytest.raises(SettingsError, match="one reference microphone"):
        settings.parse({"stations": [station]})


def test_a_station_has_no_reference_by_default() -> None:
    assert StationReference.of_station(settings.parse({}).stations[0]) is None


async def test_a_microphone_gives_both_channels() -> None:
    card = FakeCard([usb()])
    options = MicrophoneOptions(block_s=0.01, reference_channel=1)
    async with Microphone(options, ComponentHealth("ear"), card) as microphone:
        frames = np.random.default_rng(1).standard_normal((4800, 2)).astype(np.float32) * 0.1
        card.recordings[0].play(frames)
        blocks = microphone.blocks()
        block = await anext(blocks)
    assert np.array_equal(block.samples, frames[:480, 1])
    assert block.reference is not None
    assert np.array_equal(block.reference, frames[:480, 0])


async def test_a_file_source_gives_both_channels(path: Path, stereo: Float32Array) -> None:
    options = FileOptions(path=path, speed=0, reference_channel=1)
    async with FileSource(options, ComponentHealth("file")) as source:
        block = await anext(source.blocks())
    assert np.array_equal(block.samples, stereo[: len(block.samples), 1])
    assert block.reference is not None
    assert np.array_equal(block.reference, stereo[: len(block.samples), 0])


class Live:
    """A main source as a station reads it."""

    sample_rate_hz = RATE_HZ

    def __init__(self, live: bool) -> None:
        self.live = live

    def blocks(self) -> AsyncIterator[AudioBlock]:
        raise NotImplementedError


def station_with(reference: dict[str, Any]) -> StationReference:
    tree = {"stations": [{"source": "microphone", "reference": reference}]}
    made = StationReference.of_station(settings.parse(tree).stations[0])
    assert made is not None
    return made


async def supplied(
    station: StationReference, main: Float32Array, block_s: float = 0.1
) -> Reference:
    """The main sound of a replay, block by block, as a station hears it."""
    reference = station.open(RATE_HZ)
    size = round(block_s * RATE_HZ)
    for at in range(0, len(main), size):
        block = AudioBlock(at, main[at : at + size], time.monotonic())
        await station.supply(block, Live(live=False))
        reference.hear(at, block.samples)
    return reference


async def test_two_recordings_are_read_in_step(tmp_path: Path, stereo: Float32Array) -> None:
    soundfile.write(tmp_path / "away.wav", stereo[RATE_HZ // 4 :, 1], RATE_HZ, subtype="FLOAT")
    there = {"type": "file", "path": str(tmp_path / "away.wav"), "speed": 0}
    async with station_with(there) as station:
        reference = await supplied(station, stereo[: 40 * RATE_HZ, 0])
    assert reference.offset_s == pytest.approx(0.25, abs=0.02)
    assert station.health.counters["alignments"] == 1
    assert "blocks_too_late" not in station.health.counters


async def test_a_reference_that_ends_leaves_the_station_listening(
    tmp_path: Path, stereo: Float32Array
) -> None:
    away = stereo[: 20 * RATE_HZ, 1]
    soundfile.write(tmp_path / "away.wav", away, RATE_HZ, subtype="FLOAT")
    there = {"type": "file", "path": str(tmp_path / "away.wav"), "speed": 0}
    async with station_with(there) as station:
        reference = await supplied(station, stereo[: 40 * RATE_HZ, 0])
        assert station.health.state is ComponentState.STOPPED
    assert reference.heard_until_s == pytest.approx(20.0, abs=0.1)


async def test_a_missing_reference_is_shown_and_costs_no_time(stereo: Float32Array) -> None:
    async with station_with({"type": "file", "path": "/nowhere/away.wav"}) as station:
        await until(lambda: station.health.state is ComponentState.RETRYING)
        began_s = time.monotonic()
        await supplied(station, stereo[: 10 * RATE_HZ, 0])
        assert time.monotonic() - began_s < HELD_S
        assert "does not exist" in (station.health.problem or "")


async def test_a_recording_as_reference_of_live_sound_is_refused(
    path: Path, stereo: Float32Array
) -> None:
    async with station_with({"type": "file", "path": str(path)}) as station:
        reference = station.open(RATE_HZ)
        await until(lambda: station.health.state is ComponentState.RUNNING)
        for at in range(0, 10 * 3200, 3200):
            block = AudioBlock(at, stereo[at : at + 3200, 0], time.monotonic())
            await station.supply(block, Live(live=True))
        await until(lambda: station.health.state is ComponentState.FAILED)
    assert not reference.rejected


async def test_a_live_reference_that_is_late_delays_a_block_by_a_bound() -> None:
    station = station_with({"type": "microphone"})
    station.open(RATE_HZ)
    station.health.running()  # its microphone is open, but nothing has arrived
    block = AudioBlock(0, np.zeros(3200, np.float32), time.monotonic())
    began_s = time.monotonic()
    await asyncio.wait_for(station.supply(block, Live(live=True)), 5)
    assert time.monotonic() - began_s < HELD_S + 0.5
    assert station.health.counters["blocks_too_late"] == 1
