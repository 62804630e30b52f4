"""The whole evaluation: simulated scores, synthesised sound and recordings."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.errors import BadInputError
from roastwatch.evaluation import (
    manifest as evaluate_manifest,
)
from roastwatch.evaluation import (
    noise as evaluate_noise,
)
from roastwatch.evaluation import (
    oracle as evaluate_oracle,
)
from roastwatch.evaluation import (
    recordings as evaluate_recordings,
)
from roastwatch.evaluation.manifest import of_kind
from roastwatch.evaluation.simulated import (
    CHARGE_UNKNOWN,
    CONDITIONS,
    QUIET,
    TRAINS,
    Condition,
    judge_hours,
    judge_roast,
    judge_second,
    simulated_hour,
    simulated_roast,
)
from roastwatch.evaluation.sound import SoundResult, judge_sound
from roastwatch.evaluation.statistics import Judged, Rate, summary
from roastwatch.synth.rates import RateRanges

Progress = Callable[[str], None]
Result = TypeVar("Result")


@dataclass(slots=True)
class ModelResult:
    """One model on sound and on recordings."""

    model_id: str
    sound: SoundResult | None = None
    roasts: list[Judged] = field(default_factory=list)
    rows: dict[str, Any] = field(default_factory=dict)

    def judged(self) -> list[Judged]:
        """All roasts, real ones first, for a paired comparison."""
        return self.roasts + (self.sound.judged["roastwatch"] if self.sound else [])


def simulate(
    roasts: int, hours: int, onset: OnsetOptions, progress: Progress, workers: int | None = None
) -> dict[str, Any]:
    """The decision alone on simulated pops, compared with an oracle and plain rules."""
    result: dict[str, Any] = {
        "roasts": roasts,
        "hours": hours,
        "seeds": f"0 to {max(roasts, hours) - 1}",
        "ranges": {name: getattr(RateRanges(), name) for name in RateRanges.__slots__},
    }
    if roasts:
        progress("simulated: second crack")
        seconds = spread(partial(judge_second, condition=QUIET, onset=onset), roasts, workers)
        result["second_crack"] = _second(seconds)
    requested = hours
    for condition in CONDITIONS:
        # Periodic sounds raise enough alarms within a tenth of the time.
        hours = requested // 10 if condition is TRAINS else requested
        progress(f"simulated, {condition.name}: roasts")
        judged = spread(partial(judge_roast, condition=condition, onset=onset), roasts, workers)
        progress(f"simulated, {condition.name}: hours without a crack")
        chunks = [range(first, min(first + 25, hours)) for first in range(0, hours, 25)]
        hear = partial(_hours, chunks=chunks, condition=condition, onset=onset)
        raised = spread(hear, len(chunks), workers)
        rows: dict[str, Any] = {}
        for rule in judged[0] if judged else ():
            count = sum(hour[rule] for hour in raised)
            rows[rule] = {
                **summary([roast[rule] for roast in judged]),
                "false_alarms": Rate(count, hours).as_json(),
            }
        if condition is not TRAINS and roasts and hours:
            progress(f"simulated, {condition.name}: oracle")
            best = evaluate_oracle.judge(
                [simulated_roast(seed, condition) for seed in range(roasts)],
                [simulated_hour(seed, condition) for seed in range(hours)],
                condition,
                {
                    rule: sum(hour[rule] for hour in raised)
                    for rule in ("roastwatch", CHARGE_UNKNOWN)
                },
            )
            for rule, (found, count) in best.items():
                rows[f"oracle held to {rule}"] = {
                    **summary(found),
                    "false_alarms": Rate(count, hours).as_json(),
                }
        result[condition.name] = {
            "false_pops_per_min": condition.false_pops_per_min,
            "bursts_per_h": condition.bursts_per_h,
            "trains_per_h": condition.trains_per_h,
            "recall": condition.recall,
            "rules": rows,
        }
    return result


def _second(found: Sequence[tuple[bool, float | None]]) -> dict[str, Any]:
    """Second cracks reported after they began, and those reported without one or before."""
    delays = [at_s for has, at_s in found if has and at_s is not None and at_s >= 0]
    with_one = sum(has for has, _ in found)
    reported = sum(at_s is not None for _, at_s in found)
    return {
        "with_one": with_one,
        "told": len(delays),
        "delay_median_s": round(median(delays), 1) if delays else None,
        "without": len(found) - with_one,
        "wrong": reported - len(delays),
    }


def _hours(
    index: int, chunks: Sequence[range], condition: Condition, onset: OnsetOptions
) -> dict[str, int]:
    return judge_hours(chunks[index], condition, onset)


def spread(task: Callable[[int], Result], count: int, workers: int | None = None) -> list[Result]:
    """Run `task` for 0, 1, … in worker processes; return the results in order."""
    workers = workers or os.cpu_count() or 1
    if count < 10 or workers == 1:
        return [task(index) for index in range(count)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(task, range(count), chunksize=max(1, count // 100)))


def judge_model(
    model: CrackModel,
    *,
    onset: OnsetOptions,
    sound: int,
    folder: Path | None,
    orders: int,
    parts: Sequence[str],
    progress: Progress,
    load: Callable[[], CrackModel] | None = None,
    workers: int | None = None,
) -> ModelResult:
    """Evaluate one model on synthesised roasts and on the recordings of a folder.

    `load` loads the same model in worker processes.

    Raises:
        BadInputError: the folder's manifest is wrong.
    """
    result = ModelResult(model.spec.model_id)
    if sound:
        result.sound = judge_sound(model, sound, onset, progress, load=load, workers=workers)
        result.rows["sound"] = result.sound.as_json()
    if folder is None:
        return result
    recordings = [r for r in evaluate_manifest.read(folder) if r.part in parts]
    if not recordings:
        raise BadInputError(
            f"{folder} holds no recordings for {' or '.join(parts)}: all belong to another part. "
            "Use another --part."
        )
    by_kind = {kind: of_kind(recordings, kind) for kind in ("roast", "clip", "popcorn", "negative")}
    real = []
    for recording in by_kind["roast"]:
        progress(recording.path.name)
        real.append(evaluate_recordings.evaluate_roast(model, recording, onset))
    result.roasts += [roast.judged["roastwatch"] for roast in real if roast.judged]
    if real:
        result.rows["roasts"] = [roast.row for roast in real]
        result.rows["roasts_in_sum"] = evaluate_recordings.in_sum(real)
    if by_kind["clip"]:
        progress("clips")
        result.rows["clips"] = evaluate_recordings.evaluate_clips(model, by_kind["clip"])
    if by_kind["popcorn"]:
        progress("popcorn")
        result.rows["popcorn"] = evaluate_recordings.evaluate_popcorn(model, by_kind["popcorn"])
    if by_kind["negative"]:
        progress("negatives, each alone")
        negatives = by_kind["negative"]
        result.rows["negatives"] = evaluate_recordings.evaluate_negatives(model, negatives, onset)
        if orders:
            sounds = evaluate_noise.load_sounds(negatives)
            result.rows["false_alarms"] = evaluate_noise.false_alarms(
                model, sounds, orders, onset, progress
            )
    return result


__all__ = ["ModelResult", "judge_model", "simulate", "spread"]
