"""What the conditions are made from, and which part of it may be used.

Every source belongs to one part: *training* (a detector may be trained on it), *development*
(thresholds and rules may be chosen on it), or *evaluation* (only reported). A row of the manifest
decides; files that no row names follow the rules in `sources.csv` next to the manifest (columns
pattern, kind, part; the first match counts), or else `RULES`.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from roastwatch.corpus.corpus import sha256
from roastwatch.errors import BadInputError
from roastwatch.evaluation import manifest
from roastwatch.evaluation.manifest import ManifestRecording
from roastwatch.files.untrusted import MOST_TABLE_BYTES, read_text

PARTS = ("training", "development", "evaluation")
Choice = Literal["evaluation", "development", "any"]
ALLOWED: dict[Choice, tuple[str, ...]] = {
    "evaluation": ("evaluation",),
    "development": ("training", "development"),
    "any": PARTS,
}
"""Which parts may be mixed with one another. `any` is for a look: it may neither be used to choose
nor be reported as held out."""
KINDS = ("music", "talk", "kitchen", "timeline")
RULES = (
    ("radio/talk*", "talk", "training"),
    ("radio/*", "music", "training"),
    ("negatives/kitchen20/*", "kitchen", "development"),
    ("timelines/*.csv", "timeline", "development"),
)


@dataclass(frozen=True, slots=True)
class Sources:
    """The recordings that one choice allows."""

    recordings: tuple[ManifestRecording, ...]
    choice: Choice
    left_out: tuple[ManifestRecording, ...] = ()
    """Of other parts."""

    def of(self, kind: str) -> list[ManifestRecording]:
        """The recordings of one kind, in order.

        Raises:
            BadInputError: there are some, but all of a part that this choice excludes.
        """
        found = manifest.of_kind(self.recordings, kind)
        others = manifest.of_kind(self.left_out, kind)
        if not found and others:
            parts = " and ".join(sorted({one.part for one in others}))
            raise BadInputError(
                f"All {len(others)} {kind} recordings are for {parts}, not for {self.choice}: use "
                "another --part, or --part any for a look at all of them."
            )
        return found

    def of_any(self, kind: str) -> list[ManifestRecording]:
        """The recordings of one kind that this choice allows, perhaps none."""
        return manifest.of_kind(self.recordings, kind)


def find(folder: Path, choice: Choice) -> Sources:
    """The recordings of a folder (or of a manifest in it) that `choice` allows.

    Raises:
        BadInputError: a manifest or rule is wrong, or a file stands in two parts.
    """
    recordings = _all(folder)
    _refuse_two_parts(recordings)
    allowed = ALLOWED[choice]
    return Sources(
        tuple(one for one in recordings if one.part in allowed),
        choice,
        tuple(one for one in recordings if one.part not in allowed),
    )


def part_of(recordings: Iterable[ManifestRecording]) -> str:
    """The parts of all ingredients, such as `training + evaluation`; synthesis has none."""
    found = {recording.part for recording in recordings}
    return " + ".join(part for part in PARTS if part in found) or "synthesis"


def refuse_trained_on(recordings: Sequence[ManifestRecording], trained_on: frozenset[str]) -> None:
    """Make sure that a model is not reported on what it was trained on.

    Args:
        recordings: those to be used.
        trained_on: first 16 hex digits of the SHA-256 of each file it was trained on.

    Raises:
        BadInputError: a recording for evaluation or development is one of them.
    """
    if not trained_on:
        return
    for recording in recordings:
        if recording.part != "training" and digest(recording.path) in trained_on:
            raise BadInputError(
                f"{recording.path} is for {recording.part}, but the model was trained on it: take "
                "it out, or mark it as training."
            )


def digest(path: Path) -> str:
    """The first 16 hex digits of a file's SHA-256."""
    return sha256(path)[:16]


def refuse_untrainable(paths: Sequence[Path]) -> None:
    """Make sure that nothing is trained on that a manifest or rule keeps for another part.

    The manifest is looked for in the folders above the files, up to four levels.

    Raises:
        BadInputError: a file is for development or evaluation.
    """
    for root in sorted({above for path in paths for above in path.resolve().parents[:4]}):
        if not (root / "manifest.csv").is_file():
            continue
        parts = {recording.path.resolve(): recording.part for recording in _all(root)}
        for path in paths:
            part = parts.get(path.resolve(), "training")
            if part != "training":
                raise BadInputError(
                    f"{path} is for {part} according to {root / 'manifest.csv'}: do not train on "
                    "it."
                )


def _all(folder: Path) -> list[ManifestRecording]:
    recordings = manifest.read(folder)
    root = folder if folder.is_dir() else folder.parent
    named = {recording.path.resolve() for recording in recordings}
    for pattern, kind, part in _rules(root):
        for path in sorted(root.glob(pattern)):
            if path.resolve() in named or path.suffix == ".md" or not path.is_file():
                continue
            named.add(path.resolve())
            recordings.append(ManifestRecording(path, kind, path.stem, part))
    return recordings


def _rules(root: Path) -> list[tuple[str, str, str]]:
    path = root / "sources.csv"
    if not path.is_file():
        return list(RULES)
    rules: list[tuple[str, str, str]] = []
    for line, row in enumerate(csv.DictReader(read_text(path, MOST_TABLE_BYTES).splitlines()), 2):
        pattern, kind, part = (row.get(key) or "" for key in ("pattern", "kind", "part"))
        if not pattern or kind not in KINDS or part not in PARTS:
            raise BadInputError(
                f"{path}, line {line}: write pattern, kind ({', '.join(KINDS)}) and part "
                f"({', '.join(PARTS)})."
            )
        if any(fnmatch(pattern, other) and part != theirs for other, _, theirs in rules):
            raise BadInputError(f"{path}, line {line}: {pattern} is already in another part.")
        rules.append((pattern, kind, part))
    return rules


def _refuse_two_parts(recordings: Sequence[ManifestRecording]) -> None:
    parts: dict[Path, str] = {}
    for recording in recordings:
        path = recording.path.resolve()
        if parts.setdefault(path, recording.part) != recording.part:
            raise BadInputError(
                f"{path} stands in two parts, {parts[path]} and {recording.part}: choose one."
            )
