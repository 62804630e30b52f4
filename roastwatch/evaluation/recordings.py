"""Recordings through the pipeline that also runs live, and their results."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from roastwatch.audio.file import open_file
from roastwatch.audio.resample import Resampler
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.errors import BadInputError
from roastwatch.evaluation.manifest import ManifestRecording
from roastwatch.evaluation.statistics import RULES, Judged, early_rate, match, summary
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

BLOCK_S = 5.0
WARM_UP_S = 3.0
"""Pops this soon come from the start of the microphone."""
FIRE = ("fire-crackling", "campfire")
"""Almost the same sound as first crack: reported separately."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RealRoast:
    """The result of one recorded roast."""

    judged: dict[str, Judged]
    """By rule; empty if first crack is not labelled."""
    row: dict[str, Any]


@dataclass(slots=True)
class Played:
    """The pipeline's output for some sound."""

    duration_s: float = 0.0
    pops: list[tuple[float, float]] = field(default_factory=list)
    """Seconds and probability of all candidates, including those below the threshold."""
    reported: list[tuple[float, float]] = field(default_factory=list)
    """(decided, happened) of each reported first crack, in seconds."""
    possible: int = 0
    hearing: list[tuple[float, HearingState]] = field(default_factory=list)
    """From which second on first crack could be heard how well; only changes."""

    def warned_at(self, at_s: float) -> bool:
        """Whether hearing was said to be limited or blocked at a time."""
        said = [state for since_s, state in self.hearing if since_s <= at_s]
        return bool(said) and said[-1].hearing is not Hearing.GOOD


def play(
    model: CrackModel,
    rate_hz: int,
    blocks: Iterable[Float32Array],
    *,
    onset: OnsetOptions | None = None,
    rearm_after_s: float | None = None,
    charge_s: float | None = None,
) -> Played:
    """Run sound through the pipeline, armed from its start or from a known charge."""
    pipeline = Pipeline(
        "evaluation",
        model,
        rate_hz,
        started_at=_EPOCH,
        onset=onset,
        roast=RoastOptions(begins="sound" if charge_s is None else "charge"),
        armed_from_s=charge_s or 0.0,
        rearm_after_s=rearm_after_s,
    )
    played, end = Played(), 0
    for samples in blocks:
        block = AudioBlock(end, samples, 0.0)
        end = block.end_sample
        _note(played, pipeline.push(block), rate_hz)
    _note(played, pipeline.finish(), rate_hz)
    played.duration_s = end / rate_hz
    return played


def _note(played: Played, heard: BlockResult, rate_hz: int) -> None:
    played.hearing += [(sample / rate_hz, state) for sample, state in heard.hearing]
    for score in heard.scores:
        played.pops += [(pop.sample / rate_hz, pop.probability) for pop in score.pops]
    for event in heard.events:
        if event.kind is not EventKind.FIRST_CRACK:
            continue
        if event.level is Level.FIRST_CRACK:
            played.reported.append(_seconds(event, rate_hz))
        elif event.level is Level.POSSIBLE:
            played.possible += 1


def _seconds(event: RoastEvent, rate_hz: int) -> tuple[float, float]:
    return (event.decided_sample or 0) / rate_hz, (event.happened_sample or 0) / rate_hz


def play_file(model: CrackModel, path: Path, **options: Any) -> Played:
    """Run a recording through the pipeline at its own rate."""
    with open_file(path) as reader:
        rate_hz = reader.sample_rate_hz
        blocks = reader.blocks(samples=round(BLOCK_S * rate_hz))
        try:
            return play(model, rate_hz, blocks, **options)
        except BadInputError as error:
            raise BadInputError(f"{path}: {error}") from error


def load(path: Path, rate_hz: int) -> Float32Array:
    """Load a short recording at a rate, faded at both ends so that joints do not click."""
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


def evaluate_roast(
    model: CrackModel, recording: ManifestRecording, onset: OnsetOptions | None
) -> RealRoast:
    """Compare the decision on one real roast with its labels."""
    played = play_file(model, recording.path, onset=onset, charge_s=recording.charge_s)
    sure = [at for at, p in played.pops if p >= model.spec.pop_threshold]
    decided = played.reported[0] if played.reported else (None, None)
    row: dict[str, Any] = {
        "file": recording.path.name,
        "charge_s": recording.charge_s,
        "first_label_s": recording.first_crack_s,
        "happened_s": _round(decided[1]),
        "decided_s": _round(decided[0]),
        "first_cracks": len(played.reported),
    }
    judged = {}
    if (truth_s := recording.first_crack_s) is not None:
        found = {"roastwatch": decided}
        if model.spec.localises:
            found |= {rule: decide(sure) or (None, None) for rule, decide in RULES.items()}
        judged = {
            rule: Judged(recording.path.name, truth_s, *times) for rule, times in found.items()
        }
        row |= {  # signed, also if early
            "onset_error_s": None if decided[1] is None else _round(decided[1] - truth_s),
            "delay_s": None if decided[0] is None else _round(decided[0] - truth_s),
            "pops_long_before": sum(WARM_UP_S <= at < truth_s - 58.0 for at in sure),
            "pops_before": sum(WARM_UP_S <= at < truth_s for at in sure),
        }
    if recording.seconds:
        row |= _seconds_found(recording, sure)
    if recording.pops_s is not None:
        row |= _pops_found(recording.pops_s, sure)
    return RealRoast(judged, row)


def _seconds_found(recording: ManifestRecording, sure: Sequence[float]) -> dict[str, int]:
    """Count labelled seconds with a detected pop, clear and faint ones separately."""

    def found(label: str) -> tuple[int, int]:
        spans = [(start, end) for start, end, name in recording.seconds if name == label]
        return len(spans), sum(any(start <= at < end for at in sure) for start, end in spans)

    clear, clear_found = found("crack")
    faint, faint_found = found("faint crack")
    return {
        "labelled_seconds": clear,
        "labelled_seconds_found": clear_found,
        "faint_seconds": faint,
        "faint_seconds_found": faint_found,
    }


def _pops_found(pops_s: Sequence[float], sure: Sequence[float]) -> dict[str, int]:
    hit, false = match(pops_s, sure)
    return {"pops": len(pops_s), "pops_found": len(hit), "pops_wrong": len(false)}


def in_sum(roasts: Sequence[RealRoast]) -> dict[str, Any]:
    """Summarise real roasts: decisions, labelled pops, false alarms before first crack."""
    judged = [roast.judged for roast in roasts if roast.judged]
    rules = {rule: [row[rule] for row in judged] for rule in (judged[0] if judged else ())}
    return {
        "decision": {rule: summary(rows) for rule, rows in rules.items()},
        "pops": pops_in_sum([roast.row for roast in roasts]),
        "before_crack": early_rate(rules.get("roastwatch", [])).as_json(),
    }


def pops_in_sum(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Recall and precision over recordings with labelled pops; None without any."""
    labelled = [row for row in rows if "pops" in row]
    if not labelled:
        return None
    true, hits, false = (sum(r[k] for r in labelled) for k in ("pops", "pops_found", "pops_wrong"))
    return {
        "true": true,
        "recall": round(hits / true, 4) if true else None,
        "precision": round(hits / (hits + false), 4) if hits + false else None,
    }


def evaluate_clips(model: CrackModel, recordings: Sequence[ManifestRecording]) -> dict[str, Any]:
    """Short clips: detected cracks, and pops in background."""
    cracks, missed, background, background_s, unsaid = 0, [], 0, 0.0, 0
    rows: list[dict[str, Any]] = []
    for recording in recordings:
        if recording.is_background is None:
            unsaid += 1
            continue
        played = play_file(model, recording.path)
        sure = [at for at, p in played.pops if p >= model.spec.pop_threshold]
        if recording.pops_s is not None:
            rows.append(_pops_found(recording.pops_s, sure))
        if recording.is_background:
            background += len(sure)
            background_s += played.duration_s
            continue
        cracks += 1
        if not sure:
            missed.append(recording.path.stem)
    return {
        "crack_clips": cracks,
        "heard": cracks - len(missed),
        "not_heard": missed,
        "background_s": round(background_s, 1),
        "background_pops": background,
        "pops": pops_in_sum(rows),
        "without_labels": unsaid,
    }


def evaluate_popcorn(
    model: CrackModel, recordings: Sequence[ManifestRecording]
) -> list[dict[str, Any]]:
    """Popping corn: pops in each 5 s, which should rise and fall."""
    rows = []
    for recording in recordings:
        played = play_file(model, recording.path)
        sure = [at for at, p in played.pops if p >= model.spec.pop_threshold]
        edges = np.arange(0, played.duration_s + 5, 5)
        counts = np.histogram(sure, edges)[0].tolist()
        reported = [_round(decided) for decided, _ in played.reported]
        rows.append({"file": recording.path.name, "pops_each_5_s": counts, "told_s": reported})
    return rows


def evaluate_negatives(
    model: CrackModel, recordings: Sequence[ManifestRecording], onset: OnsetOptions | None
) -> list[dict[str, Any]]:
    """Each file alone, armed from its start: pops and reported first cracks."""
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
                "first_cracks": len(played.reported),
            }
        )
    return rows


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
