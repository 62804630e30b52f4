"""The recordings of a folder to evaluate on, and their labels.

Two manifests are supported: `manifest.json` from `roastwatch data manifest`, and a
`manifest.csv` with the columns path, kind (roast, clip, popcorn, negative, music, talk, kitchen,
timeline), label and, where known, part, charge_s, first_crack_s and first_pop_s. Next to a roast
lies a CSV of the same name with start_s, end_s and label (crack, faint crack, missing).
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roastwatch.corpus import corpus
from roastwatch.errors import BadInputError
from roastwatch.files.untrusted import MOST_TABLE_BYTES, read_text

BACKGROUND = "background"
"""Label of a clip without a crack."""
_PARTS = {"train": "training", "validation": "development", "test": "evaluation"}
_FOLDS = {"4": "development", "5": "evaluation"}


@dataclass(frozen=True, slots=True)
class ManifestRecording:
    """One recording. Times are seconds from its first sample."""

    path: Path
    kind: str
    label: str
    part: str
    """evaluation, development or training."""
    charge_s: float | None = None
    """Time of the charge; None: unknown."""
    first_crack_s: float | None = None
    """Beginning of first crack; None: not labelled."""
    first_pop_s: float | None = None
    """First audible pop of first crack; None: not labelled."""
    pops_s: tuple[float, ...] | None = None
    """All pops; None: not labelled individually."""
    seconds: tuple[tuple[float, float, str], ...] = ()
    """Start, end and label of seconds with a crack, or missing ones."""

    @property
    def truth_s(self) -> float | None:
        """The first audible pop of first crack, or its labelled beginning."""
        return self.first_crack_s if self.first_pop_s is None else self.first_pop_s

    @property
    def is_background(self) -> bool | None:
        """Whether a clip contains no crack; None: unlabelled."""
        if self.label in (BACKGROUND, "no_first_crack") or self.pops_s == ():
            return True
        return None if not self.label and self.pops_s is None else False


def read(folder: Path) -> list[ManifestRecording]:
    """Read the recordings of a folder, or of a manifest in it.

    Raises:
        BadInputError: no manifest, or a wrong one; the message names the line.
    """
    if folder.suffix == ".json":
        return _of_corpus(folder)
    if folder.suffix != ".csv":
        written = folder / "manifest.csv"
        if not written.is_file() and (folder / "manifest.json").is_file():
            return _of_corpus(folder / "manifest.json")
        folder = written
    return _of_csv(folder)


def _of_corpus(path: Path) -> list[ManifestRecording]:
    found = []
    for row in corpus.read_manifest(path):
        sound = path.parent / row.path
        if not sound.is_file():
            raise BadInputError(f"{path}: {row.path} is missing.")
        began_s = row.first_crack_s[0] if row.first_crack_s else None
        part = _part(row.path, row.split)
        found.append(
            ManifestRecording(
                sound, row.kind, row.label, part, row.charge_s, began_s, pops_s=row.pops_s
            )
        )
    return found


def _of_csv(path: Path) -> list[ManifestRecording]:
    try:
        rows = list(csv.DictReader(read_text(path, MOST_TABLE_BYTES).splitlines()))
    except (OSError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise BadInputError(
            f"{path} can't be read ({why}): write {path.parent / 'manifest.json'} with "
            f"`roastwatch data manifest {path.parent}`, or a manifest.csv of path, kind and label."
        ) from error
    return [_of_row(row, f"{path}, line {line}", path.parent) for line, row in enumerate(rows, 2)]


def _of_row(row: dict[str, str], place: str, folder: Path) -> ManifestRecording:
    if not row.get("path") or not row.get("kind"):
        raise BadInputError(f"{place}: path or kind is missing.")
    sound = folder / row["path"]
    if not sound.is_file():
        raise BadInputError(f"{place}: {row['path']} is missing.")
    seconds = _seconds(sound.with_suffix(".csv")) if row["kind"] == "roast" else ()
    charge_s, began_s, first_pop_s = (
        _number(row, column, place) for column in ("charge_s", "first_crack_s", "first_pop_s")
    )
    if began_s is None:
        began_s = min((start for start, _, label in seconds if "crack" in label), default=None)
    part = _part(row["path"], row.get("part") or row.get("split") or "")
    label = row.get("label") or ""
    return ManifestRecording(
        sound, row["kind"], label, part, charge_s, began_s, first_pop_s, seconds=seconds
    )


def _number(row: dict[str, str], column: str, place: str) -> float | None:
    try:
        return float(row[column]) if row.get(column) else None
    except ValueError as error:
        raise BadInputError(f"{place}: {column} is {row[column]!r}; give seconds.") from error


def _part(path: str, named: str) -> str:
    """The named part; for ESC-10 by fold, the first digit of the file name."""
    if named:
        return _PARTS.get(named, named)
    return _FOLDS.get(Path(path).name[0], "training") if "esc10/" in path else "evaluation"


def _seconds(table: Path) -> tuple[tuple[float, float, str], ...]:
    if not table.is_file():
        return ()
    try:
        rows = csv.DictReader(read_text(table, MOST_TABLE_BYTES).splitlines())
        return tuple((float(r["start_s"]), float(r["end_s"]), r["label"] or "") for r in rows)
    except (OSError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"{table} has no labels: its columns must be start_s,end_s,label, in seconds."
        ) from error


def of_kind(recordings: Sequence[ManifestRecording], kind: str) -> list[ManifestRecording]:
    """The recordings of one kind, in order."""
    return [recording for recording in recordings if recording.kind == kind]
