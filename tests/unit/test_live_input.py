"""Live sound from standard input: lost if it stops, and its end is always an error."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from roastwatch.audio.standard_input import StandardInput, StandardInputOptions, _Pace
from roastwatch.errors import EndedError
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import AudioBlock, ComponentState
from tests.fakes.virtual_time import VirtualLoop

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 16_000
OPTIONS = StandardInputOptions(sample_rate_hz=RATE_HZ)
TENTH = bytes(2 * RATE_HZ // 10)


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.run(loop.shutdown_asyncgens())
    loop.run(asyncio.sleep(0.1))  # what is closed now lets go of its pipe in the next turn
    loop.close()


@contextmanager
def pipe_to(part: ComponentHealth) -> Iterator[tuple[StandardInput, int]]:
    """A live source, and the writing end of its pipe."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        yield StandardInput(OPTIONS, part, pipe), writing


async def heard(blocks: AsyncIterator[AudioBlock], within_s: float = 1.0) -> AudioBlock:
    async with asyncio.timeout(within_s):
        return await anext(blocks)


def test_silence_for_two_seconds_counts_as_lost_and_sound_recovers(loop: VirtualLoop) -> None:
    part = ComponentHealth("ear")

    async def listen() -> None:
        with pipe_to(part) as (source, writing):
            async with source:
                blocks = source.blocks()
                assert source.live
                assert part.state is ComponentState.STARTING  # nothing was heard yet
                for _ in range(10):
                    os.write(writing, TENTH)
                    await heard(blocks)
                    await asyncio.sleep(0.1)
                assert part.state is ComponentState.RUNNING
                following = asyncio.ensure_future(anext(blocks))
                await asyncio.sleep(1.5)
                assert part.state is ComponentState.RUNNING
                await asyncio.sleep(0.7)
                assert part.state is ComponentState.RETRYING
                assert "standard input for 2 s" in (part.problem or "")
                os.write(writing, TENTH)
                assert (await following).samples_lost_before == 1  # no longer continuous
                assert part.state is ComponentState.RUNNING
                lost = 0
                for _ in range(20):
                    await asyncio.sleep(0.1)
                    os.write(writing, TENTH)
                    lost += (await heard(blocks)).samples_lost_before
                assert lost / RATE_HZ == pytest.approx(2.2, abs=0.1)
                os.close(writing)

    loop.run(listen())
    assert part.counters["times_lost"] == 1


def test_input_without_any_sound_is_reported_lost(loop: VirtualLoop) -> None:
    part = ComponentHealth("ear")

    async def listen() -> None:
        with pipe_to(part) as (source, writing):
            async with source:
                waiting = asyncio.ensure_future(anext(source.blocks()))
                await asyncio.sleep(2.1)
                assert part.state is ComponentState.RETRYING
                waiting.cancel()
                await asyncio.wait([waiting])
            os.close(writing)

    loop.run(listen())


def test_the_end_of_live_sound_is_an_error_after_its_last_sample(loop: VirtualLoop) -> None:
    async def listen() -> None:
        with pipe_to(ComponentHealth("ear")) as (source, writing):
            os.write(writing, TENTH)
            os.close(writing)
            async with source:
                blocks = source.blocks()
                assert (await heard(blocks)).end_sample == RATE_HZ // 10
                with pytest.raises(EndedError, match="has ended"):
                    await heard(blocks)

    loop.run(listen())


def test_a_named_pipe_waits_for_its_next_writer(loop: VirtualLoop, tmp_path: Path) -> None:
    part, path = ComponentHealth("ear"), tmp_path / "fifo"
    os.mkfifo(path)

    async def listen() -> None:
        reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(reading, "rb") as pipe:
            async with StandardInput(OPTIONS, part, pipe) as source:
                blocks = source.blocks()
                first = os.open(path, os.O_WRONLY)
                os.write(first, TENTH + b"\x01")  # and half a sample
                await heard(blocks)
                os.close(first)
                following = asyncio.ensure_future(anext(blocks))
                await asyncio.sleep(5.0)
                assert part.state is ComponentState.RETRYING
                second = os.open(path, os.O_WRONLY)
                os.write(second, np.full(RATE_HZ // 10, 256, "<i2").tobytes())
                block = await following
                assert block.samples_lost_before == 1
                assert np.allclose(block.samples, 256 / 32768)
                os.close(second)

    loop.run(listen())


def played(pace: _Pace, at_s: list[float], block_s: float = 0.1) -> float:
    """Seconds counted as lost for blocks that arrive at these times."""
    end = lost = 0
    for now_s in at_s:
        count = round(block_s * RATE_HZ)
        missing = pace.missing(now_s, end + count)
        lost += missing
        end += count + missing
    return lost / RATE_HZ


def test_late_sound_that_catches_up_is_not_lost() -> None:
    steady = [0.1 * k for k in range(50)]
    burst = [10.0 + 0.001 * k for k in range(50)]
    after = [10.1 + 0.1 * k for k in range(50)]
    assert played(_Pace(RATE_HZ, 2.0), steady + burst + after) == pytest.approx(1 / RATE_HZ)


def test_sound_that_never_arrives_is_lost_once() -> None:
    steady = [0.1 * k for k in range(50)]
    after = [10.0 + 0.1 * k for k in range(100)]
    assert played(_Pace(RATE_HZ, 2.0), steady + after) == pytest.approx(5.0, abs=0.01)


def test_two_clocks_that_drift_lose_nothing() -> None:
    hours = [0.1 * k * (1 + 1e-4) for k in range(10 * 36_000)]
    assert played(_Pace(RATE_HZ, 2.0), hours) == 0
