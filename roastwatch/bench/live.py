"""Streams in real time: latency, and the number of microphones that one machine handles."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np

from roastwatch.audio.level import LevelMeter
from roastwatch.bench.machine import resident_mb
from roastwatch.bench.sound import noise_with_pops
from roastwatch.detection.inference_pool import InferencePool
from roastwatch.detection.model import CrackModel
from roastwatch.pipeline import Pipeline
from roastwatch.roast.roast import RoastOptions
from roastwatch.vocabulary import AudioBlock, Float32Array

BLOCK_S = 0.1
LATE_S = 0.1
"""Highest p99 of the added latency at which a machine handles the streams."""
_SKIP_AFTER_S = 5.0


@dataclass(slots=True)
class Streams:
    """Result of streams that ran in parallel."""

    count: int
    seconds: float
    at_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    """Seconds from each block's last sample to its decision."""
    deepest_queue: int = 0
    """Most blocks that waited in one stream."""
    blocks_skipped: int = 0
    cpu_percent: float = 0.0
    memory_mb_before: float | None = None
    memory_mb_after: float | None = None

    @property
    def p99_ms(self) -> float:
        """Of the added latency."""
        return float(np.percentile(self.late_s, 99)) * 1e3 if self.late_s else 0.0

    @property
    def carried(self) -> bool:
        """Whether nothing was skipped and p99 stayed within the bound."""
        return not self.blocks_skipped and self.p99_ms <= LATE_S * 1e3

    def as_json(self) -> dict[str, Any]:
        """Plain values, latency in ms."""
        late = np.array(self.late_s or [0.0]) * 1e3
        return {
            "streams": self.count,
            "seconds": self.seconds,
            "latency_mean_ms": round(float(late.mean()), 3),
            "latency_p50_ms": round(float(np.percentile(late, 50)), 3),
            "latency_p95_ms": round(float(np.percentile(late, 95)), 3),
            "latency_p99_ms": round(self.p99_ms, 3),
            "latency_max_ms": round(float(late.max()), 3),
            "deepest_queue": self.deepest_queue,
            "blocks_skipped": self.blocks_skipped,
            "cpu_percent_of_one_core": round(self.cpu_percent, 1),
            "memory_mb_before": self.memory_mb_before,
            "memory_mb_after": self.memory_mb_after,
            "carried": self.carried,
        }


def run(model: CrackModel, rate_hz: int, count: int, seconds: float) -> Streams:
    """Run `count` streams of one model in parallel, through the service's executor."""
    return asyncio.run(_run(model, rate_hz, count, seconds))


def most(attempt: Callable[[int], Streams]) -> list[Streams]:
    """Find the most streams: double until it fails, then bisect."""
    tried: list[Streams] = []
    good, bad, count = 0, None, 1
    while bad is None or bad - good > max(1, good // 16):
        streams = attempt(count)
        tried.append(streams)
        if streams.carried:
            good = count
        else:
            bad = count
        count = good * 2 if bad is None else (good + bad) // 2
        if count == 0 or count > 1024:
            break
    return tried


async def _run(model: CrackModel, rate_hz: int, count: int, seconds: float) -> Streams:
    result = Streams(count, seconds, memory_mb_before=resident_mb())
    sound = noise_with_pops(10.0, rate_hz)
    pipelines = [
        Pipeline(
            f"stream-{index}",
            model,
            rate_hz,
            started_at=datetime.now(UTC),
            roast=RoastOptions(begins="sound"),
        )
        for index in range(count)
    ]
    with InferencePool() as scoring:
        cpu_s, began_s = time.process_time(), time.monotonic()
        async with asyncio.TaskGroup() as group:
            for index, pipeline in enumerate(pipelines):
                # Microphones are not synchronised: spread over one block.
                offset_s = BLOCK_S * index / count
                group.create_task(
                    _stream(pipeline, scoring, sound, began_s + offset_s, result),
                    name=pipeline.roast.station,
                )
        result.cpu_percent = (
            100 * (time.process_time() - cpu_s) / max(1e-9, time.monotonic() - began_s)
        )
    result.memory_mb_after = resident_mb()
    return result


async def _stream(
    pipeline: Pipeline, scoring: InferencePool, sound: Float32Array, began_s: float, result: Streams
) -> None:
    meter = LevelMeter(pipeline.sample_rate_hz)
    size = round(BLOCK_S * pipeline.sample_rate_hz)
    total = round(result.seconds / BLOCK_S)
    number = 0
    while number < total:
        due_s = began_s + (number + 1) * BLOCK_S
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        waiting = int((time.monotonic() - due_s) / BLOCK_S) + 1
        result.deepest_queue = max(result.deepest_queue, waiting)
        if waiting * BLOCK_S > _SKIP_AFTER_S:
            skipped = min(waiting - 1, total - number)
            result.blocks_skipped += skipped
            number += skipped
            continue
        at = number * size % (len(sound) - size)
        block = AudioBlock(number * size, sound[at : at + size], due_s)
        meter.push(block.samples)  # on the loop, as the service does
        pipeline.decide(await scoring.run(partial(pipeline.hear, block)))
        result.late_s.append(time.monotonic() - due_s)
        result.at_s.append(due_s - began_s)
        number += 1
