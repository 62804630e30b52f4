"""Analyse one recording with the pipeline, for `analyze` and `evaluate`."""

import math
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from roastwatch.audio.file import open_channels
from roastwatch.audio.level import LevelMeter
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.detection.reference.reference import Reference
from roastwatch.errors import BadInputError
from roastwatch.pipeline import BlockResult, Pipeline
from roastwatch.roast.roast import RoastOptions
from roastwatch.vocabulary import (
    AudioBlock,
    EventKind,
    Float32Array,
    Hearing,
    HearingState,
    Level,
    RoastEvent,
)

BLOCK_S = 20.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Decided:
    """One event of a recording; seconds from its start."""

    kind: EventKind
    level: Level | None
    happened_at_s: float
    decided_at_s: float
    confidence: float | None


@dataclass(frozen=True, slots=True)
class HardToHear:
    """A time in which first crack could not be heard well; seconds from the start."""

    from_s: float
    to_s: float
    hearing: Hearing
    reason: str


@dataclass(slots=True)
class Analysis:
    """The result for one recording."""

    file: str
    model_id: str
    sample_rate_hz: int
    """The rate at which it was analysed: the file's, at most 48 kHz."""
    file_rate_hz: int | None = None
    duration_s: float = 0.0
    took_s: float = 0.0
    pops: list[tuple[float, float]] = field(default_factory=list)
    """Seconds from the start, probability."""
    events: list[Decided] = field(default_factory=list)
    hard_to_hear: list[HardToHear] = field(default_factory=list)
    """In order of time, without overlap."""
    peak_dbfs: float | None = None
    rms_dbfs: float | None = None
    clipped_percent: float = 0.0
    warnings: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The object that `analyze --json` prints: finite numbers or null."""
        return {
            "file": self.file,
            "duration_s": _finite(self.duration_s, 3),
            "sample_rate_hz": self.file_rate_hz or self.sample_rate_hz,
            "model_id": self.model_id,
            "real_time_factor": _finite(self.duration_s / self.took_s if self.took_s else None, 1),
            "pops": [
                {"at_s": _finite(at_s, 3), "probability": _finite(probability, 4)}
                for at_s, probability in self.pops
            ],
            "events": [
                {
                    "kind": event.kind.value,
                    "level": event.level.value if event.level else None,
                    "happened_at_s": _finite(event.happened_at_s, 3),
                    "decided_at_s": _finite(event.decided_at_s, 3),
                    "confidence": _finite(event.confidence, 4),
                }
                for event in self.events
            ],
            "hearing": [
                {
                    "from_s": _finite(one.from_s, 3),
                    "to_s": _finite(one.to_s, 3),
                    "hearing": one.hearing.value,
                    "reason": one.reason,
                }
                for one in self.hard_to_hear
            ],
            "level": {
                "peak_dbfs": _finite(self.peak_dbfs, 2),
                "rms_dbfs": _finite(self.rms_dbfs, 2),
                "clipped_percent": _finite(self.clipped_percent, 4),
            },
            "warnings": self.warnings,
        }


def analyze_file(
    path: Path,
    model: CrackModel,
    *,
    onset: OnsetOptions | None = None,
    armed_from_s: float = 0.0,
    charge_s: float | None = None,
    rearm_after_s: float | None = None,
    block_samples: int | None = None,
    watch: Callable[[Pipeline, AudioBlock, BlockResult], None] | None = None,
    reference_channel: int | None = None,
) -> Analysis:
    """Run a recording through the pipeline as fast as possible, in bounded memory.

    Args:
        path: any file that `open_file` reads.
        model: loaded once, opened for this recording.
        onset: how pops become a decision.
        armed_from_s: first crack is not decided before this, unless the charge is known.
        charge_s: when the beans go in, if known, which makes the decision more certain.
        rearm_after_s: seconds after a decision until the next is possible; None: one first crack.
        block_samples: samples to read at a time; None: 20 s. The result is the same.
        watch: called with each block and what was detected in it (for plots).
        reference_channel: number of the channel of a microphone away from the roaster, from 1.

    Raises:
        BadInputError: the file can't be read, or its sample rate is too low for the model.
    """
    began_s = time.perf_counter()
    block_s = BLOCK_S if watch is None else 1.0
    reader, beside = open_channels(path, None, reference_channel)
    with reader, beside or nullcontext():
        rate_hz = reader.sample_rate_hz
        if rate_hz < model.spec.lowest_rate_hz:
            raise BadInputError(
                f"{path} has a sample rate of {rate_hz} Hz; {model.spec.model_id} needs at least "
                f"{model.spec.lowest_rate_hz} Hz. Record at 32000 Hz or more, or use "
                "`--model transients`, which accepts 8000 Hz but is less certain."
            )
        pipeline = Pipeline(
            "recording",
            model,
            rate_hz,
            started_at=_EPOCH,
            onset=onset,
            roast=RoastOptions(begins="sound" if charge_s is None else "charge"),
            armed_from_s=armed_from_s if charge_s is None else charge_s,
            rearm_after_s=rearm_after_s,
            reference=Reference(rate_hz) if beside else None,
        )
        found = Analysis(str(path), model.spec.model_id, rate_hz, reader.file_rate_hz)
        meter = LevelMeter(rate_hz)
        reported: list[RoastEvent] = []
        changes: list[tuple[int, HearingState]] = []
        end = 0
        size = block_samples or round(block_s * rate_hz)
        others: Iterable[Float32Array | None]
        others = beside.blocks(samples=size) if beside else repeat(None)
        for samples, other in zip(reader.blocks(samples=size), others, strict=False):
            block = AudioBlock(end, samples, 0.0, reference=other)
            end = block.end_sample
            for until, level in meter.pieces(samples):
                pipeline.signal(until, level)
            heard = pipeline.push(block)
            changes += heard.hearing
            reported += _note(found, pipeline, block, heard, watch)
        rest = AudioBlock(end, np.zeros(0, np.float32), 0.0)
        heard = pipeline.finish()
        changes += heard.hearing
        reported += _note(found, pipeline, rest, heard, watch)
        found.duration_s = end / rate_hz
        meter.finish()
        found.warnings = [*reader.warnings, *meter.warnings]
    total = meter.overall
    found.peak_dbfs, found.rms_dbfs = total.peak_dbfs, total.rms_dbfs
    found.clipped_percent = total.clipped_percent
    found.events = decided(reported, rate_hz)
    found.hard_to_hear = _hard_to_hear(changes, end, rate_hz)
    found.took_s = time.perf_counter() - began_s
    return found


def decided(events: list[RoastEvent], rate_hz: int) -> list[Decided]:
    """The reported events, each once with its final level, in the order of decision."""
    rows: dict[str, Decided] = {}
    for event in events:
        if event.kind not in (EventKind.FIRST_CRACK, EventKind.FIRST_CRACK_END):
            continue
        if event.level is Level.POSSIBLE or event.decided_sample is None:
            continue
        earlier = rows.get(event.event_id)
        happened = event.happened_sample if event.happened_sample is not None else 0
        rows[event.event_id] = Decided(
            event.kind,
            event.level,
            happened / rate_hz,
            earlier.decided_at_s if earlier else event.decided_sample / rate_hz,
            event.confidence,
        )
    return list(rows.values())


def _hard_to_hear(
    changes: list[tuple[int, HearingState]], end: int, rate_hz: int
) -> list[HardToHear]:
    """The times between the changes in which hearing was not good."""
    ends = [*(sample for sample, _ in changes), end][1:]
    return [
        HardToHear(sample / rate_hz, until / rate_hz, state.hearing, state.reason)
        for (sample, state), until in zip(changes, ends, strict=False)
        if state.hearing is not Hearing.GOOD
    ]


def _note(
    found: Analysis,
    pipeline: Pipeline,
    block: AudioBlock,
    heard: BlockResult,
    watch: Callable[[Pipeline, AudioBlock, BlockResult], None] | None,
) -> list[RoastEvent]:
    found.pops += [(pop.sample / found.sample_rate_hz, pop.probability) for pop in heard.pops]
    if watch is not None:
        watch(pipeline, block, heard)
    return heard.events


def _finite(value: float | None, digits: int) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return round(value, digits)
