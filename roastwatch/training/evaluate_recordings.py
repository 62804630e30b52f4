"""Recordings through the very pipeline that runs live, and what came of it.

The folder is laid out like this: `manifest.csv` with the columns path, kind (roast, clip,
popcorn, negative) and label; beside a roast a CSV of the same name with start_s, end_s and label
(crack, faint crack, missing). Recordings that may be trained or tuned on are left out.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from roastwatch.audio.file import open_file
from roastwatch.audio.resample import Resampler
from roastwatch.detection.model import CrackModel
from roastwatch.detection.onset import OnsetOptions
from roastwatch.errors import BadInputError
from roastwatch.pipeline import Heard, Pipeline
from roastwatch.roast.roast import RoastOptions
from roastwatch.training.evaluate_statistics import Judged
from roastwatch.vocabulary import (
    AudioBlock,
    EventKind,
    Float32Array,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    RoastEvent,
)

BLOCK_S = 5.0
WARM_UP_S = 3.0
"""Pops this soon are the microphone's beginning, not the roast's."""
FIRE = ("fire-crackling", "campfire")
"""Nearly the same sound as first crack: reported apart."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Played:
    """What the pipeline made of some sound."""

    duration_s: float = 0.0
    pops: list[tuple[float, float]] = field(default_factory=list)
    """Seconds and probability of all candidates, also below the threshold."""
    told: list[tuple[float, float]] = field(default_factory=list)
    """(decided, happened) of each first crack, in seconds."""
    possible: int = 0


@dataclass(frozen=True, slots=True)
class Recording:
    """One row of the manifest."""

    path: Path
    kind: str
    label: str
    part: str
    """evaluation, development or training."""


def manifest(folder: Path) -> list[Recording]:
    """The recordings of a folder.

    Raises:
        BadInputError: no manifest, a column is missing, or a file that it names is.
    """
    path = folder / "manifest.csv"
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    except OSError as error:
        raise BadInputError(
            f"{path} can't be read ({error.strerror}): name a folder with a manifest.csv of path, "
            "kind and label."
        ) from error
    found = []
    for line, row in enumerate(rows, 2):
        if not row.get("path") or not row.get("kind"):
            raise BadInputError(f"{path}, line {line}: path or kind is missing.")
        if not (folder / row["path"]).is_file():
            raise BadInputError(f"{path}, line {line}: {row['path']} is not there.")
        found.append(
            Recording(folder / row["path"], row["kind"], row.get("label") or "", _part(row))
        )
    return found


def _part(row: dict[str, str]) -> str:
    """By the column `part` or `split`; ESC-10 by its fold, the first digit of a file's name."""
    if named := row.get("part") or row.get("split"):
        return named
    if "esc10/" not in row["path"]:
        return "evaluation"
    fold = Path(row["path"]).name[0]
    return {"4": "development", "5": "evaluation"}.get(fold, "training")


def play(
    model: CrackModel,
    rate_hz: int,
    blocks: Iterable[Float32Array],
    *,
    onset: OnsetOptions | None = None,
    rearm_after_s: float | None = None,
    charged: bool = False,
) -> Played:
    """Sound through the pipeline, armed from its start; `charged`: it begins with a charge."""
    pipeline = Pipeline(
        "evaluation",
        model,
        rate_hz,
        started_at=_EPOCH,
        onset=onset,
        roast=RoastOptions(begins="person" if charged else "sound"),
        rearm_after_s=rearm_after_s,
    )
    if charged:
        kind = InstructionKind.CHARGE
        pipeline.instruct(Instruction("evaluation", kind, Origin.PERSON, _EPOCH))
    played, end = Played(), 0
    for samples in blocks:
        block = AudioBlock(end, samples, 0.0)
        end = block.end_sample
        _note(played, pipeline.push(block), rate_hz)
    _note(played, pipeline.finish(), rate_hz)
    played.duration_s = end / rate_hz
    return played


def _note(played: Played, heard: Heard, rate_hz: int) -> None:
    for score in heard.scores:
        played.pops += [(pop.sample / rate_hz, pop.probability) for pop in score.pops]
    for event in heard.events:
        if event.kind is not EventKind.FIRST_CRACK:
            continue
        if event.level is Level.FIRST_CRACK:
            played.told.append(_seconds(event, rate_hz))
        elif event.level is Level.POSSIBLE:
            played.possible += 1


def _seconds(event: RoastEvent, rate_hz: int) -> tuple[float, float]:
    return (event.decided_sample or 0) / rate_hz, (event.happened_sample or 0) / rate_hz


def play_file(model: CrackModel, path: Path, **options: Any) -> Played:
    """A recording through the pipeline at its own rate."""
    with open_file(path) as reader:
        rate_hz = reader.sample_rate_hz
        blocks = reader.blocks(samples=round(BLOCK_S * rate_hz))
        return play(model, rate_hz, blocks, **options)


def load(path: Path, rate_hz: int) -> Float32Array:
    """A whole short recording at a rate, faded at both ends so that joints make no click."""
    with open_file(path) as reader:
        samples = np.concatenate([*reader.blocks(), np.zeros(0, np.float32)])
        if reader.sample_rate_hz != rate_hz:
            resampler = Resampler(reader.sample_rate_hz, rate_hz)
            samples = np.concatenate([resampler.push(samples), resampler.finish()])
    fade = min(round(0.02 * rate_hz), len(samples) // 2)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    samples = samples.copy()
    samples[:fade] *= ramp
    samples[len(samples) - fade :] *= ramp[::-1]
    return samples


def roast_labels(path: Path) -> list[tuple[float, float, str]]:
    """Start, end and label beside a roast; none when there is no such file."""
    table = path.with_suffix(".csv")
    if not table.is_file():
        return []
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    return [(float(r["start_s"]), float(r["end_s"]), r["label"]) for r in rows]


def evaluate_roast(
    model: CrackModel, recording: Recording, onset: OnsetOptions | None
) -> tuple[Judged, dict[str, Any]]:
    """One real roast against its labels."""
    played = play_file(model, recording.path, onset=onset)
    labels = roast_labels(recording.path)
    cracks = [(start, end) for start, end, label in labels if "crack" in label]
    if not cracks:
        raise BadInputError(f"{recording.path} has no CSV with labelled cracks beside it.")
    truth_s = min(start for start, _ in cracks)
    sure = [at for at, p in played.pops if p >= model.spec.pop_threshold]
    clear = [(start, end) for start, end, label in labels if label == "crack"]
    decided = played.told[0] if played.told else (None, None)
    judged = Judged(recording.path.name, truth_s, *decided)

    def found(seconds: Sequence[tuple[float, float]]) -> int:
        return sum(any(start <= at < end for at in sure) for start, end in seconds)

    return judged, {
        "file": recording.path.name,
        "first_label_s": truth_s,
        "happened_s": _round(decided[1]),
        "decided_s": _round(decided[0]),
        "onset_error_s": _round(judged.error_s),
        "delay_s": _round(judged.delay_s),
        "labelled_seconds": len(clear),
        "labelled_seconds_found": found(clear),
        "faint_seconds": len(cracks) - len(clear),
        "faint_seconds_found": found(cracks) - found(clear),
        "pops_long_before": sum(WARM_UP_S <= at < truth_s - 58.0 for at in sure),
        "pops_before": sum(WARM_UP_S <= at < truth_s for at in sure),
        "first_cracks": len(played.told),
    }


def evaluate_clips(model: CrackModel, recordings: Sequence[Recording]) -> dict[str, Any]:
    """Short clips: how many cracks are heard, and what is heard in background."""
    cracks, missed, background, background_s = 0, [], 0, 0.0
    for recording in recordings:
        played = play_file(model, recording.path)
        sure = sum(p >= model.spec.pop_threshold for _, p in played.pops)
        if recording.label == "background":
            background += sure
            background_s += played.duration_s
        else:
            cracks += 1
            if not sure:
                missed.append(recording.path.stem)
    return {
        "crack_clips": cracks,
        "heard": cracks - len(missed),
        "not_heard": missed,
        "background_s": round(background_s, 1),
        "background_pops": background,
    }


def evaluate_popcorn(model: CrackModel, recordings: Sequence[Recording]) -> list[dict[str, Any]]:
    """Popping corn: pops in each 5 s, which should swell and die away."""
    rows = []
    for recording in recordings:
        played = play_file(model, recording.path)
        sure = [at for at, p in played.pops if p >= model.spec.pop_threshold]
        edges = np.arange(0, played.duration_s + 5, 5)
        counts = np.histogram(sure, edges)[0].tolist()
        told = [_round(decided) for decided, _ in played.told]
        rows.append({"file": recording.path.name, "pops_each_5_s": counts, "told_s": told})
    return rows


def evaluate_negatives(
    model: CrackModel, recordings: Sequence[Recording], onset: OnsetOptions | None
) -> list[dict[str, Any]]:
    """Each file alone, armed from 0: pops and what was decided."""
    rows = []
    for recording in recordings:
        played = play_file(model, recording.path, onset=onset, rearm_after_s=60.0)
        sure = sum(p >= model.spec.pop_threshold for _, p in played.pops)
        rows.append(
            {
                "file": f"{recording.path.parent.name}/{recording.path.name}",
                "kind": recording.label,
                "part": recording.part,
                "duration_s": round(played.duration_s, 1),
                "pops": sure,
                "first_cracks": len(played.told),
            }
        )
    return rows


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
