"""A bank of training clips as rows of the front end, made once in parallel and then mapped.

The files of a bank: `rows.f16` (clips, rows, WIDTH), `labels.u1` (clips, rows; see below),
`radio.i1` (clips, rows / ROWS_PER_STEP; the radio's level in dB over the roaster) and `bank.json`,
written last, which holds the plan. A bank with another plan is made again.
"""

import json
import math
import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from roastwatch.detection.pops import features
from roastwatch.files.atomic import write_whole
from roastwatch.synth.clips import Kitchen, Recipe, SynthClip
from roastwatch.synth.fire_crackles import Fire, cut
from roastwatch.vocabulary import Float32Array

NO_RADIO_DB = -100
NOTHING, CRACK, UNSURE = 0, 1, 2
"""Labels of a row. Unsure rows (next to a crack, or of an inaudible one) are not trained on."""

RATES_HZ = (16000, 32000, 44100, 48000)
_RATE_SHARES = (0.3, 0.6, 0.05, 0.05)  # above 32 kHz only the highest band gains
_CHUNK = 24  # clips that share beds, rooms and a rate
_FAINT_BELS = 0.3
_TOP_BAND = 5  # the first band above 3.2 kHz


RADIO = ("music", "talk")
"""Kinds of recordings for the radio; they are not everyday sounds."""


@dataclass(frozen=True, slots=True)
class BankPlan:
    """The plan of a bank: the same plan gives the same bank."""

    clips: int
    length_s: float
    seed: int
    recipe: Recipe
    recordings: tuple[tuple[str, str], ...] = ()
    """Real negatives: kind and path."""

    @property
    def rows(self) -> int:
        """Rows of a clip."""
        return round(self.length_s / features.STEP_S) * features.ROWS_PER_STEP


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """A finished bank."""

    rows: npt.NDArray[np.float16]
    labels: npt.NDArray[np.uint8]
    radio_db: npt.NDArray[np.int8]
    """The radio's level over the roaster above 3.5 kHz in each step; `NO_RADIO_DB`: none."""
    kinds: list[list[str]]
    """Distractors of each clip."""

    def __len__(self) -> int:
        return len(self.labels)


def is_fire(kind: str) -> bool:
    """Whether a kind of sound is fire, whose crackles are almost cracks."""
    return "fire" in kind.lower()


def labels_of(clip: SynthClip, rows: Float32Array) -> npt.NDArray[np.uint8]:
    """The label of each row, shape (rows,)."""
    excess = rows[:, : -features.BANDS].reshape(len(rows), -1, features.BANDS)[:, :, _TOP_BAND:]
    present = np.maximum((excess != 0).any(axis=(0, 1)).sum(), 1)
    loud = (excess.sum(axis=2) / present).max(axis=1)
    labels = np.zeros(len(rows), np.uint8)
    cracks = []
    for at_s in clip.pops_s:
        row = int(at_s / features.ROW_S)
        if row + 1 >= len(rows):
            continue
        row += int(loud[row + 1] > loud[row])
        labels[max(row - 2, 0) : row + 4] = UNSURE
        if loud[row] >= _FAINT_BELS and at_s not in clip.masked_s:
            cracks.append(row)
    labels[cracks] = CRACK
    return labels


def build(
    folder: Path, plan: BankPlan, workers: int, progress: Callable[[int], None] | None = None
) -> Bank:
    """Make a bank, or open one already made from the same plan.

    `progress` is called with the number of new clips.
    """
    wanted = json.loads(json.dumps({"front_end": features.VERSION, **asdict(plan)}))
    description = folder / "bank.json"
    if description.exists() and json.loads(description.read_text())["plan"] == wanted:
        return open_bank(folder, plan)
    folder.mkdir(parents=True, exist_ok=True)
    description.unlink(missing_ok=True)
    shape = (plan.clips, plan.rows)
    np.memmap(folder / "rows.f16", np.float16, "w+", shape=(*shape, features.WIDTH))
    np.memmap(folder / "labels.u1", np.uint8, "w+", shape=shape)
    np.memmap(folder / "radio.i1", np.int8, "w+", shape=_steps(plan))
    kinds: list[list[str]] = [[] for _ in range(plan.clips)]
    jobs = [(folder, plan, first) for first in range(0, plan.clips, _CHUNK)]
    for first, made in _mapped(jobs, workers):
        kinds[first : first + len(made)] = made
        if progress:
            progress(len(made))
    write_whole(description, json.dumps({"plan": wanted, "kinds": kinds}))
    return open_bank(folder, plan)


def open_bank(folder: Path, plan: BankPlan) -> Bank:
    """Map a bank's files."""
    shape = (plan.clips, plan.rows)
    return Bank(
        rows=np.memmap(folder / "rows.f16", np.float16, "r", shape=(*shape, features.WIDTH)),
        labels=np.memmap(folder / "labels.u1", np.uint8, "r", shape=shape),
        radio_db=np.memmap(folder / "radio.i1", np.int8, "r", shape=_steps(plan)),
        kinds=json.loads((folder / "bank.json").read_text())["kinds"],
    )


def _steps(plan: BankPlan) -> tuple[int, int]:
    return plan.clips, plan.rows // features.ROWS_PER_STEP


Job = tuple[Path, BankPlan, int]


def _mapped(jobs: list[Job], workers: int) -> Iterator[tuple[int, list[list[str]]]]:
    if workers <= 1:
        yield from map(_chunk, jobs)
        return
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # a thread for each worker, not for each core of each
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(_chunk, jobs)


def _chunk(job: Job) -> tuple[int, list[list[str]]]:
    """Make the clips from `first` on and write them to their place."""
    folder, plan, first = job
    rng = np.random.default_rng([plan.seed, first])
    rate = int(rng.choice(RATES_HZ, p=_RATE_SHARES))
    shape = (plan.clips, plan.rows)
    rows = np.memmap(folder / "rows.f16", np.float16, "r+", shape=(*shape, features.WIDTH))
    labels = np.memmap(folder / "labels.u1", np.uint8, "r+", shape=shape)
    radio_db = np.memmap(folder / "radio.i1", np.int8, "r+", shape=_steps(plan))
    front_end = features.PopsFrontEnd(rate)
    radio = [(kind, partial(_piece, path, rate)) for kind, path in plan.recordings if kind in RADIO]
    everyday = tuple(row for row in plan.recordings if row[0] not in RADIO)
    recordings = [
        row
        for row in _recordings(everyday, rate)
        if "fire" in plan.recipe.kinds or not is_fire(row[0])
    ]
    kitchen = Kitchen(
        rng,
        rate,
        plan.length_s,
        plan.recipe,
        recordings,
        radio,
        fires_in(plan.recordings),
        stock=8,
    )
    kinds = []
    for index in range(first, min(first + _CHUNK, plan.clips)):
        clip = kitchen.clip()
        front_end.forget()
        made = front_end.push(clip.samples)[: plan.rows]
        rows[index] = made
        labels[index] = labels_of(clip, made)
        radio_db[index] = NO_RADIO_DB
        if clip.radio_db is not None:
            found = np.clip(clip.radio_db[: radio_db.shape[1]], NO_RADIO_DB, 100)
            radio_db[index, : len(found)] = np.round(found)
        kinds.append(list(clip.kinds))
    return first, kinds


def _piece(path: str, rate: int, rng: np.random.Generator, n: int) -> Float32Array:
    """A piece of a recording, shape (n,); a short one is repeated."""
    import soundfile
    import soxr

    with soundfile.SoundFile(path) as file:
        wanted = math.ceil(n * file.samplerate / rate) + 1
        file.seek(int(rng.integers(max(file.frames - wanted, 1))))
        samples = file.read(wanted, dtype="float32", always_2d=True).mean(axis=1)
        mono = soxr.resample(samples, file.samplerate, rate).astype(np.float32)
    return np.resize(mono, n)


@cache
def fires_in(paths: tuple[tuple[str, str], ...]) -> tuple[Fire, ...]:
    """The cracks in the recordings (kind and path) of fire."""
    import soundfile

    fires = []
    for kind, path in paths:
        if is_fire(kind):
            samples, own = soundfile.read(path, dtype="float32", always_2d=True)
            fires.append(Fire(own, tuple(cut(samples.mean(axis=1), own))))
    return tuple(fire for fire in fires if fire.cracks)


_loaded: dict[int, list[tuple[str, Float32Array]]] = {}


def _recordings(paths: tuple[tuple[str, str], ...], rate: int) -> list[tuple[str, Float32Array]]:
    if not paths:
        return []
    import soundfile
    import soxr

    if rate not in _loaded:
        _loaded[rate] = []
        for kind, path in paths:
            samples, own = soundfile.read(path, dtype="float32", always_2d=True)
            mono = soxr.resample(samples.mean(axis=1), own, rate)
            _loaded[rate].append((kind, np.ascontiguousarray(mono, np.float32)))
    return _loaded[rate]
