"""A microphone is found, lost and reopened; missing sound is counted and reported as a gap."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from roastwatch.audio.microphone import Microphone, MicrophoneOptions
from roastwatch.audio.sound_card import best_form, find_device, rates_of
from roastwatch.errors import BadInputError, LostError
from roastwatch.supervise import Backoff, ComponentHealth
from roastwatch.vocabulary import AudioBlock, ComponentState, Float32Array
from tests.fakes.sound_card import FakeCard, usb
from tests.support.until import until

RATE_HZ = 48_000
QUICK = Backoff(first_s=0.001, longest_s=0.002)


def sound(seconds: float, seed: int = 1) -> Float32Array:
    random = np.random.default_rng(seed)
    return (random.standard_normal(round(seconds * RATE_HZ)) * 0.1).astype(np.float32)


@asynccontextmanager
async def hearing(
    card: FakeCard, part: ComponentHealth | None = None, **options: Any
) -> AsyncIterator[Microphone]:
    wanted = MicrophoneOptions(**{"block_s": 0.01, **options})
    async with Microphone(wanted, part or ComponentHealth("ear"), card, QUICK) as microphone:
        yield microphone


async def take(blocks: AsyncIterator[AudioBlock], count: int) -> list[AudioBlock]:
    return [await anext(blocks) for _ in range(count)]


async def test_sound_arrives_completely_and_in_order() -> None:
    card, part = FakeCard([usb()]), ComponentHealth("ear")
    async with hearing(card, part) as microphone:
        card.recordings[0].play(sound(1.0), block=333)
        blocks = await take(microphone.blocks(), 100)
        assert np.array_equal(np.concatenate([b.samples for b in blocks]), sound(1.0))
        assert [b.first_sample for b in blocks] == [index * 480 for index in range(100)]
        assert not any(b.samples_lost_before for b in blocks)
        assert all(a.captured_at_s <= b.captured_at_s for a, b in pairwise(blocks))
        assert (microphone.live, microphone.sample_rate_hz) == (True, RATE_HZ)
        assert part.state is ComponentState.RUNNING
    assert card.recordings[0].closed


async def test_a_ring_overrun_is_a_counted_gap() -> None:
    card, part = FakeCard([usb()]), ComponentHealth("ear")
    async with hearing(card, part, ring_s=1, skip_after_s=60) as microphone:
        card.recordings[0].play(sound(3.0))
        blocks = await take(microphone.blocks(), 100)
    assert blocks[0].first_sample == blocks[0].samples_lost_before == 2 * RATE_HZ
    assert np.array_equal(np.concatenate([b.samples for b in blocks]), sound(3.0)[2 * RATE_HZ :])
    assert part.counters["samples_overrun"] == 2 * RATE_HZ
    assert part.counters["ring_overruns"] == 1


async def test_a_late_model_skips_to_the_newest_sound() -> None:
    card, part = FakeCard([usb()]), ComponentHealth("ear")
    async with hearing(card, part, ring_s=8, skip_after_s=1) as microphone:
        card.recordings[0].play(sound(2.0))
        (block,) = await take(microphone.blocks(), 1)
    assert block.end_sample == 2 * RATE_HZ
    assert block.samples_lost_before == part.counters["samples_skipped"] == 2 * RATE_HZ - 480


async def test_frames_lost_by_the_card_are_a_gap_of_that_length() -> None:
    card, part = FakeCard([usb()]), ComponentHealth("ear")
    async with hearing(card, part) as microphone:
        blocks = microphone.blocks()
        card.recordings[0].play(sound(0.1))
        await take(blocks, 10)
        card.recordings[0].play(sound(0.01), lost_before=RATE_HZ // 2)
        (block,) = await take(blocks, 1)
    assert block.samples_lost_before == pytest.approx(RATE_HZ // 2, abs=1)
    assert block.first_sample == 4_800 + block.samples_lost_before
    assert part.counters["card_overflows"] == 1


async def test_an_unplugged_microphone_is_reported_and_reopened() -> None:
    card, part = FakeCard([usb()]), ComponentHealth("ear")
    async with hearing(card, part) as microphone:
        blocks = microphone.blocks()
        card.recordings[0].play(sound(0.1))
        before = (await take(blocks, 10))[-1]
        card.plugged = []
        card.recordings[0].unplug()
        waiting = asyncio.ensure_future(anext(blocks))
        await until(lambda: card.looked_again >= 3)
        assert part.state is ComponentState.RETRYING
        assert "no microphone" in (part.problem or "")
        assert card.recordings[0].closed

        card.plugged = [usb(index=4)]
        await until(lambda: len(card.recordings) == 2)
        card.recordings[1].play(sound(0.02, seed=2))
        async with asyncio.timeout(30):
            after = await waiting
    assert part.state is ComponentState.RUNNING
    assert part.problem is None
    assert part.counters["times_lost"] >= 1
    assert after.samples_lost_before > 0
    assert after.first_sample == before.end_sample + after.samples_lost_before
    assert np.array_equal(after.samples, sound(0.02, seed=2)[:480])


async def test_a_device_that_stops_sending_is_lost() -> None:
    card, part = FakeCard([usb()]), ComponentHealth("ear")
    async with hearing(card, part, lost_after_s=0.2) as microphone:
        waiting = asyncio.ensure_future(anext(microphone.blocks()))
        await until(lambda: len(card.recordings) == 2)
        assert part.counters["times_lost"] == 1
        card.recordings[1].play(sound(0.02))
        async with asyncio.timeout(30):
            assert len((await waiting).samples) == 480


async def test_a_new_rate_after_replugging_is_resampled_to_the_first() -> None:
    card = FakeCard([usb()])
    async with hearing(card) as microphone:
        blocks = microphone.blocks()
        card.recordings[0].play(sound(0.01))
        await take(blocks, 1)
        card.rates_hz = (16_000,)
        card.recordings[0].unplug()
        waiting = asyncio.ensure_future(anext(blocks))
        await until(lambda: len(card.recordings) == 2)
        tone = np.sin(np.arange(16_000) * 2 * np.pi * 1000 / 16_000).astype(np.float32)
        card.recordings[1].play(tone)
        async with asyncio.timeout(30):
            heard = [await waiting]
            while sum(len(block.samples) for block in heard) < 24_000:
                heard.append(await anext(blocks))
    assert microphone.sample_rate_hz == RATE_HZ
    samples = np.concatenate([block.samples for block in heard])[4_800:]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * RATE_HZ / len(samples) == pytest.approx(1000, abs=10)


async def test_sound_above_48_khz_is_resampled_and_made_mono() -> None:
    card = FakeCard([usb(default_rate_hz=96_000)], rates_hz=(96_000,), channels=(2,))
    async with hearing(card) as microphone:
        assert microphone.sample_rate_hz == RATE_HZ
        card.recordings[0].play(np.repeat(sound(1.0), 2))
        blocks = await take(microphone.blocks(), 5)
        assert blocks[0].samples.ndim == 1
        assert (card.recordings[0].rate_hz, card.recordings[0].channels) == (96_000, 2)


async def test_invalid_samples_are_silenced_and_counted() -> None:
    card, part = FakeCard([usb()]), ComponentHealth("ear")
    broken = sound(0.01)
    broken[[3, 7]] = np.nan, np.inf
    async with hearing(card, part) as microphone:
        card.recordings[0].play(broken)
        (block,) = await take(microphone.blocks(), 1)
    assert np.isfinite(block.samples).all()
    assert part.counters["samples_replaced"] == 2


async def test_a_device_missing_at_startup_is_waited_for_or_refused() -> None:
    card, part = FakeCard(), ComponentHealth("ear")
    with pytest.raises(BadInputError, match="no microphone"):
        async with hearing(card, wait=False):
            pass
    opening = asyncio.ensure_future(Microphone(MicrophoneOptions(), part, card, QUICK).__aenter__())
    await until(lambda: card.looked_again >= 2)
    assert part.state is ComponentState.RETRYING
    card.plugged = [usb()]
    async with asyncio.timeout(30):
        microphone = await opening
    assert part.state is ComponentState.RUNNING
    await microphone.__aexit__(None, None, None)


async def test_a_busy_device_is_reported_at_startup() -> None:
    with pytest.raises(BadInputError, match="can't be opened"):
        async with hearing(FakeCard([usb()], busy=True), wait=False):
            pass


async def test_cancelling_closes_the_device() -> None:
    card = FakeCard([usb()])

    async def listen() -> None:
        async with hearing(card) as microphone:
            async for _ in microphone.blocks():
                pass

    task = asyncio.ensure_future(listen())
    await until(lambda: bool(card.recordings))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert card.recordings[0].closed


def test_a_device_is_found_by_name_or_index() -> None:
    built_in = usb(0, "HDA Intel: ALC257 Analog (hw:0,0)", is_default=False)
    devices = [built_in, usb(1), usb(2, "USB Microphone: Audio (hw:2,0)", is_default=False)]
    assert find_device(devices, None).index == 1
    assert find_device(devices, "hda intel") is built_in
    assert find_device(devices, 2).index == find_device(devices, "2").index == 2
    assert find_device(devices, "usb microphone: audio (hw:2,0)").index == 2
    with pytest.raises(BadInputError, match=r"Several .* 1 'USB Mic.* 2 'USB Mic"):
        find_device(devices, "usb")
    with pytest.raises(BadInputError, match=r"no microphone named 'Blue': choose from 0 'HDA"):
        find_device(devices, "Blue")
    with pytest.raises(BadInputError, match="index 9"):
        find_device(devices, 9)
    with pytest.raises(BadInputError, match="no microphone: plug one in"):
        find_device([], None)


def test_a_supported_format_is_selected() -> None:
    assert best_form(FakeCard(), usb(), None) == (48_000, 1)
    assert best_form(FakeCard(), usb(default_rate_hz=44_100), None) == (44_100, 1)
    assert best_form(FakeCard(rates_hz=(16_000,)), usb(), None) == (16_000, 1)
    assert best_form(FakeCard(channels=(2,)), usb(), 32_000) == (32_000, 2)
    with pytest.raises(LostError, match="11025"):
        best_form(FakeCard(), usb(), 11_025)
    assert rates_of(FakeCard(), usb(default_rate_hz=44_100)) == [44_100, 48_000, 32_000]


@pytest.mark.parametrize("rate_hz", [88_200, 176_400, 192_000, 250_000, 352_800, 384_000])
async def test_a_device_whose_only_rate_is_high_is_resampled_to_48_khz(rate_hz: int) -> None:
    device = usb(default_rate_hz=rate_hz)
    card = FakeCard([device], rates_hz=(rate_hz,), channels=(1,))
    async with hearing(card, block_s=0.1) as microphone:
        assert (microphone.sample_rate_hz, card.recordings[0].rate_hz) == (48_000, rate_hz)
        tone = 0.5 * np.sin(np.arange(rate_hz) * 2 * np.pi * 5000 / rate_hz)
        card.recordings[0].play(tone.astype(np.float32))
        blocks = await take(microphone.blocks(), 9)
    samples = np.concatenate([block.samples for block in blocks])
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * 48_000 / len(samples) == pytest.approx(5000, abs=10)
    assert rates_of(card, device) == [rate_hz]


def test_a_rate_of_32_khz_or_more_is_preferred_to_the_default() -> None:
    card = FakeCard(rates_hz=(16_000, 192_000))
    assert best_form(card, usb(default_rate_hz=16_000), None) == (192_000, 1)
    card = FakeCard(rates_hz=(16_000, 250_000))
    assert best_form(card, usb(default_rate_hz=250_000), None) == (250_000, 1)
