"""Many recordings: the job, and the work on one recording.

Each is analysed by `analyze_file`, as a single one is. `workers` and `dask` decide where that
runs; `results` keeps the results.
"""

import hashlib
import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from roastwatch import plugins
from roastwatch.audio.media import SUFFIXES as MEDIA_SUFFIXES
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.errors import BadInputError, RoastwatchError
from roastwatch.offline.analysis import analyze_file
from roastwatch.pipeline import BlockResult, Pipeline
from roastwatch.settings import model as settings
from roastwatch.vocabulary import AudioBlock

SOUND_SUFFIXES = MEDIA_SUFFIXES | {
    ".aif", ".aifc", ".aiff", ".flac", ".mp2", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".w64",
    ".wav",
}  # fmt: skip
Result = dict[str, Any]
"""What `analyze --json` prints for a file, or `{file, error}`."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to do with each recording; plain values, so that it can be sent to other machines."""

    model_type: str
    model_options: dict[str, Any]
    sensitivity: float | None = None
    armed_from_s: float = 0.0
    rearm_after_s: float | None = None
    block_samples: int | None = None
    charge_s: float | None = None
    with_scores: bool = False
    """Whether results carry `scores: [[end_s, probability], ...]`."""

    def fingerprint(self) -> str:
        """A hash that is equal for jobs with equal results."""
        text = json.dumps([getattr(self, name) for name in self.__slots__], default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def load(self) -> CrackModel:
        """Load the model of this job.

        Raises:
            RoastwatchError: it can't be loaded.
        """
        chosen = settings.chosen("models", self.model_type, "--model", **self.model_options)
        model: CrackModel = plugins.load("models", chosen.type)(chosen.options)
        return model


class Runner(Protocol):
    """Where the work is done. Results come in any order, as they are ready."""

    def run(self, paths: list[Path]) -> Iterator[Result]:
        """Yield one result for each path."""
        ...


@dataclass(frozen=True, slots=True)
class Survey:
    """The recordings in files and folders, each once, in a fixed order."""

    recordings: list[Path]
    skipped: list[Path]
    """Files in folders without a sound suffix; the recordings' JSON sidecars are not counted."""


def discover(given: Iterable[Path]) -> list[Path]:
    """The recordings in files and folders; see `survey`."""
    return survey(given).recordings


def survey(given: Iterable[Path]) -> Survey:
    """Find the recordings in files and folders.

    A file that is named is taken whatever its suffix; folders are searched recursively.

    Raises:
        BadInputError: a folder holds no recording.
    """
    found: dict[Path, None] = {}
    skipped: dict[Path, None] = {}
    for path in given:
        if not path.is_dir():
            found[path] = None
            continue
        files = sorted(
            file
            for file in path.rglob("*")
            if file.is_file()
            and not any(part.startswith(".") for part in file.relative_to(path).parts)
        )
        inside = [file for file in files if file.suffix.lower() in SOUND_SUFFIXES]
        if not inside:
            others = f" among its {len(files)} files" if files else ""
            raise BadInputError(
                f"The folder {path} contains no recordings{others} (WAV, FLAC, OGG, MP3, M4A, …). "
                "Name another folder."
            )
        found.update(dict.fromkeys(inside))
        known = {*inside, *(file.with_suffix(".json") for file in inside)}
        skipped.update(dict.fromkeys(file for file in files if file not in known))
    return Survey(list(found), [path for path in skipped if path not in found])


def judge(job: Job, model: CrackModel, path: Path) -> Result:
    """Analyse one recording; any failure becomes its `error`."""
    scores: list[tuple[float, float]] = []

    def keep(pipeline: Pipeline, _block: AudioBlock, heard: BlockResult) -> None:
        rate = pipeline.sample_rate_hz
        scores.extend((round(s.end_sample / rate, 4), s.probability) for s in heard.scores)

    onset = OnsetOptions() if job.sensitivity is None else OnsetOptions(sensitivity=job.sensitivity)
    try:
        found = analyze_file(
            path,
            model,
            onset=onset,
            armed_from_s=job.armed_from_s,
            rearm_after_s=job.rearm_after_s,
            charge_s=job.charge_s,
            block_samples=job.block_samples,
            watch=keep if job.with_scores else None,
        ).as_json()
    except RoastwatchError as error:
        return failure(path, str(error))
    except MemoryError:
        return failure(path, "Out of memory: use fewer --workers or a smaller --batch.")
    except Exception as error:  # noqa: BLE001 - one bad file never stops the rest
        return failure(path, f"A defect of roastwatch ({type(error).__name__}: {error}).")
    if job.with_scores:
        found["scores"] = [[end_s, round(chance, 7)] for end_s, chance in scores]
    return found


def failure(path: Path, error: str) -> Result:
    """The result of a recording that could not be analysed."""
    return {"file": str(path), "error": error}


_loaded: dict[str, CrackModel] = {}
_loading = threading.Lock()


def judge_here(job: Job, path: str) -> Result:
    """`judge` with a model that this process loads once and keeps."""
    with _loading:
        key = job.fingerprint()
        if key not in _loaded:
            _loaded.clear()
            try:
                _loaded[key] = job.load()
            except RoastwatchError as error:
                raise RoastwatchError(str(error)) from error  # of a kind that can travel
        model = _loaded[key]
    return judge(job, model, Path(path))
