"""The corpus: a manifest of recordings with their labels, licence and split.

Recordings are split, never clips: clips of one recording share its `group`, and a group is in one
split only. A manifest is one JSON file; paths are relative to it.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from roastwatch.errors import BadInputError
from roastwatch.files.atomic import write_whole
from roastwatch.files.untrusted import MOST_TABLE_BYTES, read_text

SPLITS = ("train", "validation", "test")
KINDS = ("roast", "clip", "negative")
SOUND_ENDINGS = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".m4a")


@dataclass(frozen=True, slots=True)
class CorpusRecording:
    """One file of sound and what is known of it. Times are seconds from its first sample."""

    path: str
    kind: str
    duration_s: float
    sample_rate_hz: int
    sha256: str
    group: str
    """The recording (or session) that it was cut from: all of a group go into one split."""
    pops_s: tuple[float, ...] | None = None
    """None: not labelled."""
    first_crack_s: tuple[float, float] | None = None
    """Start and end of first crack; None: none, or not known."""
    charge_s: float | None = None
    """When the beans went in; None: not known."""
    label: str = ""
    roaster: str = ""
    microphone: str = ""
    licence: str = ""
    split: str = ""
    """train, validation, test, or empty: not yet split."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What an importer read: seconds from the first sample."""

    pops_s: tuple[float, ...] | None = None
    first_crack_s: tuple[float, float] | None = None
    label: str = ""
    charge_s: float | None = None


def described(
    path: Path, root: Path, kind: str, marks: Marks | None = None, **more: str
) -> CorpusRecording:
    """A recording with its length, rate and hash read from the file.

    Raises:
        BadInputError: the file is not sound that can be read.
    """
    try:
        about = soundfile.info(str(path))
        digest = sha256(path)
    except (OSError, RuntimeError) as error:
        raise BadInputError(f"{path} is not a sound file that can be read.") from error
    marks = marks or Marks()
    return CorpusRecording(
        path=path.resolve().relative_to(root.resolve()).as_posix(),
        kind=kind,
        duration_s=round(about.frames / about.samplerate, 4),
        sample_rate_hz=about.samplerate,
        sha256=digest,
        group=more.pop("group", path.stem),
        pops_s=marks.pops_s,
        first_crack_s=marks.first_crack_s,
        charge_s=marks.charge_s,
        label=marks.label,
        **more,
    )


def sha256(path: Path) -> str:
    """A file's hash, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(path: Path, recordings: Iterable[CorpusRecording]) -> None:
    """Write a manifest whole or not at all."""
    rows = [asdict(recording) for recording in recordings]
    write_whole(path, json.dumps({"version": 1, "recordings": rows}, indent=1) + "\n")


def read_manifest(path: Path) -> list[CorpusRecording]:
    """The recordings of a manifest.

    Raises:
        BadInputError: it can't be read or a row is wrong; the sentence names the row.
    """
    try:
        raw = json.loads(read_text(path, MOST_TABLE_BYTES))
        rows = raw["recordings"]
    except OSError as error:
        raise BadInputError(f"The manifest {path} can't be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInputError(
            f"{path} is not a manifest: write one with `roastwatch data manifest`."
        ) from error
    return [_recording(row, index, path) for index, row in enumerate(rows)]


def _recording(row: Any, index: int, path: Path) -> CorpusRecording:
    known = {field.name for field in fields(CorpusRecording)}
    try:
        unknown = sorted(set(row) - known)
        if unknown:
            raise ValueError(f"'{unknown[0]}' is no key of a recording")
        row = dict(row)
        for key in ("pops_s", "first_crack_s"):
            if row.get(key) is not None:
                row[key] = tuple(float(value) for value in row[key])
        return CorpusRecording(**row)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{path}: recording {index + 1} is wrong: {error}.") from error


def faults(
    recordings: Sequence[CorpusRecording],
    root: Path,
    *,
    hashes: bool = True,
    progress: Callable[[], None] | None = None,
) -> list[str]:
    """All faults of a corpus, one sentence each; empty without faults.

    Missing or changed files, labels outside a recording, and leakage: a recording, or two files of
    the same content, in more than one split.
    """
    wrong = []
    by_group: dict[str, set[str]] = defaultdict(set)
    by_hash: dict[str, list[CorpusRecording]] = defaultdict(list)
    for item in recordings:
        by_group[item.group].add(item.split)
        by_hash[item.sha256].append(item)
        path = root / item.path
        if not path.is_file():
            wrong.append(f"{item.path} is missing: restore it, or remove it from the manifest.")
        elif hashes and sha256(path) != item.sha256:
            wrong.append(
                f"{item.path} has changed since the manifest was written (the hash differs)."
            )
        if item.kind not in KINDS:
            wrong.append(
                f"{item.path}: '{item.kind}' is not a kind: use one of {', '.join(KINDS)}."
            )
        if item.split and item.split not in SPLITS:
            wrong.append(
                f"{item.path}: '{item.split}' is not a split: use one of {', '.join(SPLITS)}."
            )
        marks = [*(item.pops_s or ()), *(item.first_crack_s or ())]
        if item.charge_s is not None:
            marks.append(max(item.charge_s, 0.0))  # it may lie before the recording
        outside = [at for at in marks if not 0 <= at <= item.duration_s + 0.5]
        if outside:
            wrong.append(
                f"{item.path}: a label at {outside[0]:g} s is outside the recording of "
                f"{item.duration_s:g} s."
            )
        if item.first_crack_s and item.first_crack_s[0] > item.first_crack_s[1]:
            wrong.append(f"{item.path}: first crack ends before it starts.")
        if progress:
            progress()
    for group, splits in sorted(by_group.items()):
        if len(splits) > 1:
            names = " and ".join(sorted(name or "none" for name in splits))
            wrong.append(
                f"The recording '{group}' is in more than one split ({names}): a detector would "
                "be judged on what it learned; run `roastwatch data split`."
            )
    for items in by_hash.values():
        if len({item.split for item in items}) > 1:
            paths = " and ".join(item.path for item in items[:2])
            wrong.append(f"{paths} are the same sound in different splits: keep one.")
    return wrong


def split(
    recordings: Sequence[CorpusRecording], shares: Sequence[float], seed: int
) -> list[CorpusRecording]:
    """Give each group a split, about by these shares of train, validation and test.

    Files of the same content count as one group. Deterministic for a seed.
    """
    if len(shares) != len(SPLITS) or min(shares) < 0 or sum(shares) <= 0:
        raise BadInputError("Give three shares, of train, validation and test, such as 70,15,15.")
    parent: dict[str, str] = {}

    def first(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for item in recordings:
        parent[first(f"group {item.group}")] = first(f"hash {item.sha256}")
    groups = sorted({first(f"group {item.group}") for item in recordings})
    order = np.random.default_rng(seed).permutation(len(groups))
    ends = np.round(np.cumsum(shares) / sum(shares) * len(groups)).astype(int)
    chosen = {
        groups[index]: SPLITS[int(np.searchsorted(ends, place, side="right"))]
        for place, index in enumerate(order.tolist())
    }
    return [replace(item, split=chosen[first(f"group {item.group}")]) for item in recordings]
