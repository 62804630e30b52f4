"""Single stages on one core, and a whole recording on one and on all."""

import json
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

from roastwatch.audio.file import FileReader, open_file
from roastwatch.audio.level import LevelMeter
from roastwatch.audio.resample import Resampler
from roastwatch.bench.machine import cores, one_core
from roastwatch.bench.sound import blocks, noise_with_pops
from roastwatch.bench.timing import Figure, Stage
from roastwatch.detection.model import CrackModel
from roastwatch.entities import ENTITIES
from roastwatch.offline.analysis import BLOCK_S, analyze_file
from roastwatch.pipeline import Pipeline
from roastwatch.roast.roast import RoastOptions
from roastwatch.vocabulary import AudioBlock, AudioLevel, Float32Array, Phase, Snapshot

_STEP_S = 0.05
_REPEATS = 3


def stages(model: CrackModel, flac: Path) -> list[Stage]:
    """Time each stage block by block: read, resample, level, model, decision, notification."""
    read, resample, level, judge, decide, tell = (
        Stage(name) for name in ("read", "resample", "level", "model", "decision", "sinks")
    )
    with one_core(), open_file(flac) as reader:
        rate_hz = reader.sample_rate_hz
        pipeline = _pipeline(model, rate_hz)
        meter = LevelMeter(rate_hz)
        resampler = Resampler(2 * rate_hz, rate_hz)
        end = 0
        for samples in _read(reader, read):
            sound_s = len(samples) / rate_hz
            with resample.timed(sound_s / 2):
                resampler.push(samples)
            with level.timed(sound_s):
                levels = list(meter.pieces(samples))
            block = AudioBlock(end, samples, 0.0)
            end = block.end_sample
            with judge.timed(sound_s):
                scores = pipeline.hear(block)
            with decide.timed(sound_s):
                for until, measured in levels:
                    pipeline.signal(until, measured)
                pipeline.decide(scores)
        snapshot = Snapshot(
            "bench", datetime.now(UTC), Phase.ROASTING, level=AudioLevel(-10.0, -40.0, 0.0)
        )
        for _ in range(100):
            with tell.timed(1.0):
                json.dumps({entity.key: _plain(entity.value(snapshot)) for entity in ENTITIES})
    return [read, resample, level, judge, decide, tell]


def steps(model: CrackModel, sample_rate_hz: int, seconds: float) -> tuple[Stage, Stage]:
    """The live path in steps of 50 ms at full speed: model and decision together.

    Returns:
        The steps by the clock, and by the thread's processor time, which no other program disturbs.
    """
    clock, cpu = Stage("step"), Stage("step_cpu")
    pipeline = _pipeline(model, sample_rate_hz)
    sound = noise_with_pops(seconds, sample_rate_hz)
    end = 0
    with one_core():
        for samples in blocks(sound, round(_STEP_S * sample_rate_hz)):
            block = AudioBlock(end, samples, 0.0)
            end = block.end_sample
            began_s = time.thread_time()
            with clock.timed(len(samples) / sample_rate_hz):
                pipeline.decide(pipeline.hear(block))
            cpu.seconds.append(time.thread_time() - began_s)
            cpu.sound_s += len(samples) / sample_rate_hz
    return clock, cpu


def whole(
    model: CrackModel, path: Path, name: str, target: float | None, *, all_cores: bool = False
) -> list[Figure]:
    """A recording through `analyze` on one core or all, in wall-clock and processor time."""
    took_s, cpu_s, sound_s = [], [], 0.0
    with nullcontext() if all_cores else one_core():
        count = len(cores())
        where = "1 core" if count == 1 else f"{count} cores"
        for _ in range(_REPEATS):
            began_s = time.process_time()
            found = analyze_file(path, model)
            cpu_s.append(time.process_time() - began_s)
            took_s.append(found.took_s)
            sound_s = found.duration_s
    return [
        Figure(
            name,
            sound_s / min(took_s) if min(took_s) else None,
            "x real time",
            higher_is_better=True,
            target=target,
            note=f"{where}, 2 threads, wall clock, best of {_REPEATS}",
        ),
        Figure(
            f"{name}_cpu",
            sound_s / min(cpu_s) if min(cpu_s) else None,
            "x real time",
            higher_is_better=True,
            note=f"by processor time: {3600 * min(cpu_s) / sound_s:.2f} s per hour of sound, close "
            "to one idle core",
        ),
    ]


def _read(reader: FileReader, read: Stage) -> list[Float32Array]:
    """All blocks of a file, timed before the other stages, because they are read by a thread."""
    blocks_read: list[Float32Array] = []
    pieces = reader.blocks(seconds=BLOCK_S)
    while True:
        with read.timed():
            samples = next(pieces, None)
        if samples is None:
            read.seconds.pop()
            return blocks_read
        read.sound_s += len(samples) / reader.sample_rate_hz
        blocks_read.append(samples)


def _pipeline(model: CrackModel, rate_hz: int) -> Pipeline:
    return Pipeline(
        "bench",
        model,
        rate_hz,
        started_at=datetime(1970, 1, 1, tzinfo=UTC),
        roast=RoastOptions(begins="sound"),
    )


def _plain(value: object) -> object:
    return value if isinstance(value, int | float | str | bool | None) else str(value)
