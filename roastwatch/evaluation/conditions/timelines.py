"""Timelines of real roasts, re-enacted: a crack at each labelled first crack, impacts elsewhere.

A timeline is a CSV with the columns trial, t_s and class (0 other, 1 first crack, 2 second crack),
in seconds from the charge, as in the Coffee Roasting Acoustic Crack Detection Dataset (Shi, Li, He
2025). Events of class 0 are impacts until first crack; between first and second crack they are
unknown and left out. A re-enacted roast ends where second crack begins.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.errors import BadInputError
from roastwatch.evaluation.conditions import sounds
from roastwatch.evaluation.conditions.results import Row
from roastwatch.evaluation.conditions.sources import Sources, part_of
from roastwatch.evaluation.manifest import ManifestRecording
from roastwatch.evaluation.noise import BEDS, synthesised_bed
from roastwatch.evaluation.recordings import load, play
from roastwatch.evaluation.statistics import Judged, begins
from roastwatch.files.untrusted import MOST_TABLE_BYTES, read_text
from roastwatch.synth import impacts, pops
from roastwatch.synth.shapes import add_at, high_band, loudest_rms, rms
from roastwatch.vocabulary import Float32Array

WHOLE, CRACKS_ALONE = "timeline", "cracks alone"
RATES_HZ = (32_000, 16_000)
AFTER_S = 30.0
"""Sound after the last event."""
CRACK_DB, CRACK_SPREAD_DB = 17.0, 5.0
"""Cracks above 3.5 kHz over the roaster's noise there; two real roasts had a median of 17.7 dB."""
IMPACT_DB, IMPACT_SPREAD_DB = 14.0, 6.0
"""Impacts in the same band: as loud as this they differ from cracks only by how they sound."""
FAINTEST_DB = 6.0
"""What raters marked was audible."""
LOW_HZ, TOP_HZ = 1500.0, 3500.0
_BEFORE_S, _CUT_S = 0.005, 0.065


@dataclass(frozen=True, slots=True)
class Timeline:
    """When something was heard in one roast, in seconds from its charge. All tuples are sorted."""

    name: str
    cracks_s: tuple[float, ...]
    impacts_s: tuple[float, ...]
    """Before first crack."""
    truth_s: float
    """The first of five cracks within 20 s."""
    fifth_s: float
    """The fifth of them."""
    end_s: float


def read_timelines(path: Path) -> list[Timeline]:
    """The roasts of a file that have a first crack.

    Raises:
        BadInputError: a column is missing or a value is wrong; the sentence names the line.
    """
    trials: dict[str, list[tuple[float, int]]] = {}
    for line, row in enumerate(csv.DictReader(read_text(path, MOST_TABLE_BYTES).splitlines()), 2):
        try:
            event = float(row["t_s"]), int(row["class"])
            trials.setdefault(row["trial"], []).append(event)
        except (KeyError, TypeError, ValueError) as error:
            raise BadInputError(
                f"{path}, line {line}: trial, t_s (seconds) and class (0, 1 or 2) are needed."
            ) from error
    found = (_timeline(f"{path.stem} {trial}", events) for trial, events in trials.items())
    return [timeline for timeline in found if timeline is not None]


def _timeline(name: str, events: Sequence[tuple[float, int]]) -> Timeline | None:
    cracks, second, others = (
        sorted(at for at, kind in events if kind == wanted) for wanted in (1, 2, 0)
    )
    if (begun := begins(cracks)) is None:
        return None
    first, fifth = begun
    end_s = second[0] if second else cracks[-1] + AFTER_S
    return Timeline(
        name,
        tuple(at for at in cracks if at < end_s),
        tuple(at for at in others if at < first),
        first,
        fifth,
        max(end_s, fifth + AFTER_S),
    )


@dataclass(frozen=True, slots=True)
class Bed:
    """A roaster's noise that can be repeated, and recorded cracks for it, of unit loudness."""

    name: str
    samples: Float32Array
    cracks: tuple[Float32Array, ...]
    """Empty: cracks are synthesised."""
    ingredients: tuple[ManifestRecording, ...] = ()


def evaluate_timelines(
    model: CrackModel,
    sources: Sources,
    *,
    draws: int,
    synthesised: int,
    onset: OnsetOptions,
    progress: Callable[[str], None],
) -> list[Row]:
    """Every timeline over every roaster's noise at 32 and 16 kHz, in `draws` seeded versions.

    Each is played whole, and again with its cracks alone, which shows what impacts cost.

    Raises:
        BadInputError: no timelines that this choice allows, or one of them is wrong.
    """
    files = sources.of("timeline")
    timelines = [timeline for file in files for timeline in read_timelines(file.path)]
    rows = []
    for rate_hz in RATES_HZ if timelines else ():
        for bed in _beds(sources, rate_hz, synthesised):
            name = f"{bed.name}, {rate_hz // 1000} kHz"
            for sound in (WHOLE, CRACKS_ALONE):
                part = part_of([*files, *bed.ingredients])
                row, after = Row("timelines", sound, name, part), []
                for index, seed in product(range(len(timelines)), range(draws)):
                    timeline = timelines[index]
                    progress(f"{timeline.name}, {sound}, {name}, version {seed + 1}")
                    rng = np.random.default_rng([seed, 30, index])
                    if sound == CRACKS_ALONE:
                        timeline = replace(timeline, impacts_s=())
                    stream = sounds.blocks(re_enacted(timeline, bed, rate_hz, rng), rate_hz)
                    played = play(model, rate_hz, stream, onset=onset, charge_s=0.0)
                    found = played.reported[0] if played.reported else (None, None)
                    version = f"{timeline.name}, version {seed + 1}"
                    judged = Judged(version, timeline.truth_s, *found)
                    row.judged.append(judged)
                    if judged.decided_s is not None and not judged.early:
                        after.append(judged.decided_s - timeline.fifth_s)
                row.more = {"latest_after_fifth_s": round(max(after), 2) if after else None}
                rows.append(row)
    return rows


def re_enacted(
    timeline: Timeline, bed: Bed, rate_hz: int, rng: np.random.Generator
) -> Float32Array:
    """One timeline as sound, shape (n,), ±1."""
    first = int(rng.integers(len(bed.samples)))
    whole = sounds.repeated(bed.samples, round(timeline.end_s * rate_hz), first)
    above = rms(high_band(bed.samples, rate_hz, TOP_HZ))
    family = pops.draw_family(rng)
    bodies = [_body(rng, rate_hz) for _ in range(4)]

    def add(at_s: float, sound: Float32Array, middle_db: float, spread_db: float) -> None:
        level_db = max(rng.normal(middle_db, spread_db), FAINTEST_DB)
        loud = loudest_rms(high_band(sound, rate_hz, TOP_HZ), rate_hz)
        gain = above * 10 ** (level_db / 20) / (loud + 1e-9)
        add_at(whole, round(at_s * rate_hz), sound * np.float32(gain))

    for at_s in timeline.cracks_s:
        if bed.cracks:
            crack = bed.cracks[int(rng.integers(len(bed.cracks)))]
        else:
            crack = pops.pop(rng, family, rate_hz)
        add(at_s, crack, CRACK_DB, CRACK_SPREAD_DB)
    for at_s in timeline.impacts_s:
        add(at_s, bodies[int(rng.integers(len(bodies)))](), IMPACT_DB, IMPACT_SPREAD_DB)
    return whole / np.float32(max(1.0, float(np.abs(whole).max())))


def _body(rng: np.random.Generator, rate_hz: int) -> Callable[[], Float32Array]:
    """Something that is struck again and again: the drum or a lever dully, a tray brightly."""
    low = impacts.between(rng, 80, 500) if rng.random() < 0.5 else impacts.between(rng, 500, 2500)
    ring = (impacts.between(rng, 0.004, 0.02), impacts.between(rng, 0.02, 0.12))
    click = float(rng.uniform(0.0, 0.8))
    return lambda: impacts.struck(rng, rate_hz, low, min(low * 8, 13_000), ring, click)


def _beds(sources: Sources, rate_hz: int, synthesised: int) -> Iterator[Bed]:
    """Synthesised roasters, and every recorded one of this rate."""
    for index in range(min(synthesised, len(BEDS))):
        yield Bed(f"synthesised {BEDS[index]}", synthesised_bed(index, rate_hz), ())
    clips = sources.of_any("clip")
    cracks, used = _cracks_of_clips(clips, rate_hz)
    for roast in sounds.real_roasts(sources.of_any("roast")):
        if roast.rate_hz == rate_hz:
            (recording,) = roast.ingredients
            own = tuple(_cracks_of_roast(recording, roast.samples, rate_hz)) or cracks
            noise = sounds.recorded_bed(roast.noise, rate_hz)
            yield Bed(f"recorded {roast.name}", noise, own, (recording, *used))
    quiet = [clip for clip in clips if clip.is_background and _rate(clip) == rate_hz]
    if quiet:
        noise = np.concatenate([load(clip.path, rate_hz) for clip in quiet[:1]])
        bed = sounds.recorded_bed(noise, rate_hz)
        yield Bed(f"recorded {quiet[0].path.stem}", bed, cracks, (*quiet[:1], *used))


def _cracks_of_clips(
    clips: Sequence[ManifestRecording], rate_hz: int
) -> tuple[tuple[Float32Array, ...], tuple[ManifestRecording, ...]]:
    """The loudest click of each clip with a crack, recorded at this rate."""
    used = [clip for clip in clips if clip.is_background is False and _rate(clip) == rate_hz]
    return tuple(_cut(load(clip.path, rate_hz), rate_hz) for clip in used), tuple(used)


def _cracks_of_roast(
    recording: ManifestRecording, samples: Float32Array, rate_hz: int
) -> Iterator[Float32Array]:
    """The loudest click of each second that is labelled as a crack."""
    for start_s, end_s, label in recording.seconds:
        if label == "crack":
            yield _cut(samples[round(start_s * rate_hz) : round(end_s * rate_hz)], rate_hz)


def _cut(samples: Float32Array, rate_hz: int) -> Float32Array:
    """70 ms around the loudest click, without what lies below 1.5 kHz: cracks hold little there."""
    sound = high_band(samples, rate_hz, LOW_HZ)
    at = int(np.argmax(np.abs(high_band(samples, rate_hz, TOP_HZ))))
    first = max(at - round(_BEFORE_S * rate_hz), 0)
    crack = sound[first : at + round(_CUT_S * rate_hz)].copy()
    rise, fall = round(0.002 * rate_hz), round(0.03 * rate_hz)
    crack[:rise] *= np.linspace(0, 1, len(crack[:rise]), dtype=np.float32)
    crack[len(crack) - fall :] *= np.linspace(
        1, 0, len(crack[len(crack) - fall :]), dtype=np.float32
    )
    return crack


def _rate(recording: ManifestRecording) -> int:
    import soundfile

    rate: int = soundfile.info(str(recording.path)).samplerate
    return rate
