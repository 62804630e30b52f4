"""Import labels of other programs: Audacity, Label Studio, Artisan, and a dataset of windows."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from roastwatch.corpus import labels as learn_labels
from roastwatch.corpus.corpus import SOUND_ENDINGS, CorpusRecording, Marks, described
from roastwatch.errors import BadInputError
from roastwatch.files.untrusted import MOST_TABLE_BYTES, read_text
from roastwatch.records import formats
from roastwatch.vocabulary import EventKind

Region: TypeAlias = tuple[float, float, str]
"""Start and end in seconds, and the label's text."""
_POP = re.compile(r"pop|click|snap|^c$|^crack$|faint", re.IGNORECASE)
_PHASE = re.compile(r"first|fc|phase", re.IGNORECASE)
_WINDOW = re.compile(
    r"[-_.](chunk|window|win|seg|part|w)[-_]?\d+([-_.]\d+)*s?$"
    r"|([-_.])\d+(\.\d+)?(\3\d+(\.\d+)?)*s?$",  # of roast-2_003: roast-2
    re.IGNORECASE,
)
_MICROPHONE = re.compile(r"(^|__)mic\d+[-_]|[-_]amplified$", re.IGNORECASE)
"""Copies of one roast by other microphones, or amplified, belong to that roast."""


def audacity(path: Path) -> Marks:
    """Read a label track exported by Audacity: lines of start, end and text, separated by tabs.

    A label without text, or named pop, crack or faint, is a pop at its start. One named "first
    crack" or FC is the phase, and one named charge is the charge.

    Raises:
        BadInputError: a line is not a label.
    """
    regions: list[Region] = []
    try:
        lines = read_text(path, MOST_TABLE_BYTES).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} can't be read as an Audacity label track.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("\\"):  # a line with frequencies
            continue
        parts = line.split("\t")
        try:
            regions.append((float(parts[0]), float(parts[1]), "".join(parts[2:3])))
        except (IndexError, ValueError) as error:
            raise BadInputError(
                f"{path}, line {number}: expected start, end and text, separated by tabs."
            ) from error
    marks = _marks(regions)
    return replace(marks, pops_s=()) if marks == Marks() else marks


def _marks(regions: Iterable[Region]) -> Marks:
    pops: list[float] = []
    phases: list[tuple[float, float]] = []
    charge_s = None
    for start_s, end_s, text in regions:
        name = text.strip().replace("_", " ").lower()
        if name == "charge":
            charge_s = start_s
        elif _PHASE.search(name) and not name.startswith("no"):
            phases.append((start_s, end_s))
        elif not name or _POP.search(name):
            pops.append(start_s)
    phase = (min(p[0] for p in phases), max(p[1] for p in phases)) if phases else None
    return Marks(tuple(sorted(pops)) or None, phase, charge_s=charge_s)


def label_studio(path: Path) -> dict[str, Marks]:
    """Read an export of Label Studio (JSON): labels by the name of the audio file.

    The format of the public AST project (github.com/syamaner/coffee-first-crack-detection) is read
    too: one file per recording, with audio_file and annotations of start_time, end_time and label.

    Raises:
        BadInputError: it is not such an export.
    """
    try:
        tasks = json.loads(read_text(path, MOST_TABLE_BYTES))
        if isinstance(tasks, dict):
            return {str(tasks["audio_file"]): _marks(_converted(tasks))}
        return dict(_task(task) for task in tasks)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInputError(
            f"{path} is not a Label Studio export: choose JSON (or JSON-MIN) when exporting."
        ) from error


def _task(task: dict[str, Any]) -> tuple[str, Marks]:
    sound = task.get("audio") or task.get("data", {}).get("audio") or task["file_upload"]
    name = re.sub(r"^[0-9a-f]{8}-", "", str(sound).rsplit("/", 1)[-1].rsplit("\\", 1)[-1])
    simple = [] if "annotations" in task else task.get("label", [])
    regions = [_region(region) for region in simple]
    for annotation in task.get("annotations", []):
        values = (result.get("value", {}) for result in annotation.get("result", []))
        regions += [_region(value) for value in values if "start" in value]
    return name, _marks(regions)


def _region(value: dict[str, Any]) -> Region:
    labels = value.get("labels", [])
    return float(value["start"]), float(value["end"]), str(labels[0]) if labels else ""


def _converted(recording: dict[str, Any]) -> list[Region]:
    return [
        (float(one["start_time"]), float(one["end_time"]), str(one["label"]))
        for one in recording["annotations"]
    ]


def artisan(path: Path, offset_s: float = 0.0) -> Marks:
    """Read begin and end of first crack from the Artisan profile beside a recording.

    `offset_s`: time from the start of Artisan's clock to the start of the sound, in seconds.

    Raises:
        BadInputError: it is not a profile.
    """
    record = formats.read_file(path)
    at = {event.kind: event.at_s - offset_s for event in record.events}
    start_s, charge_s = at.get(EventKind.FIRST_CRACK), at.get(EventKind.CHARGE)
    if start_s is None:
        return Marks(charge_s=charge_s)
    end_s = at.get(EventKind.FIRST_CRACK_END, at.get(EventKind.DROP, start_s))
    return Marks(first_crack_s=(start_s, max(end_s, start_s)), charge_s=charge_s)


def windows_dataset(folder: Path) -> list[CorpusRecording]:
    """Read the layout of the public AST project.

    That is {train,val,test}/{first_crack,no_first_crack}/*.wav. Each file is a window cut from a
    roast. Its name without the microphone and the trailing number is the name of the roast.

    Raises:
        BadInputError: there are no such folders.
    """
    splits = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SOUND_ENDINGS:
            continue
        label = path.parent.name.lower()
        if label not in ("first_crack", "no_first_crack"):
            continue
        chosen = splits.get(path.parent.parent.name.lower(), "")
        group = _MICROPHONE.sub(r"\1", _WINDOW.sub("", path.stem)) or path.stem
        marks = Marks(pops_s=() if label == "no_first_crack" else None, label=label)
        found.append(described(path, folder, "clip", marks, group=group, split=chosen))
    if not found:
        raise BadInputError(
            f"{folder} has no folders first_crack and no_first_crack that contain sound."
        )
    return found


def recorded(path: Path, content: dict[str, Any]) -> CorpusRecording | None:
    """A recording made by roastwatch or marked with `learn --mark`; None if it is neither.

    A roast or clip that a person labelled as no crack is a negative. A clip belongs to its roast.
    `content` is what is known of the recording at `path` (see `labels.Sidecars`).

    Raises:
        BadInputError: the label lies outside the recording.
    """
    if not content.keys() & {"station", "first_crack_s"}:
        return None
    said = str(content.get("label") or "")
    more = {"group": content.get("roast_id") or path.stem, "roaster": content.get("station", "")}
    if said in learn_labels.NO:
        return described(path, path.parent, "negative", Marks(pops_s=(), label=said), **more)
    if not content.keys() & {"events", "first_crack_s"}:
        marks = Marks(label="first_crack" if said in learn_labels.YES else "")
        return described(path, path.parent, "clip", marks, **more)
    charged = Marks(charge_s=learn_labels.charged_at_s(content))
    roast = described(path, path.parent, "roast", charged, **more)
    labelled = learn_labels.of_roast(path, content)
    if labelled is None or (onset_s := labelled.onset_s) is None:
        return roast
    ends = [
        float(event["happened_s"])
        for event in content.get("events", [])
        if event.get("kind") in ("first_crack_end", "drop") and event.get("happened_s") is not None
    ]
    end_s = min((at for at in ends if at > onset_s), default=max(roast.duration_s, onset_s))
    return replace(roast, first_crack_s=(onset_s, end_s))


def scanned(folder: Path) -> list[CorpusRecording]:
    """Find every sound file in a folder, with its labels.

    The labels of `roast.wav` may be in roast.txt (Audacity), roast.alog (Artisan) or roast.json
    (our recorder) beside it, or in any other *.json of Label Studio in the folder or its
    subfolder `labels`. Sound below a folder named negatives has no cracks.
    """
    sounds = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SOUND_ENDINGS]
    with learn_labels.Sidecars() as sidecars:
        contents = {path: sidecars.of(path) for path in sounds}
    own = {
        path: known
        for path, content in contents.items()
        if (known := recorded(path, content)) is not None
    }
    beside = {path.with_suffix(".json") for path in own}
    studio: dict[str, Marks] = {}
    for path in sorted([*folder.glob("*.json"), *folder.glob("labels/*.json")]):
        if not path.name.startswith("manifest") and path not in beside:
            studio.update(label_studio(path))
    found = []
    for path in sounds:
        if "negatives" in {part.lower() for part in path.relative_to(folder).parts[:-1]}:
            marks = Marks(pops_s=(), label=path.parent.name)
            found.append(described(path, folder, "negative", marks))
            continue
        marks = studio.get(path.name, Marks())
        labels, profile = path.with_suffix(".txt"), path.with_suffix(".alog")
        if labels.exists():
            marks = audacity(labels)
        elif profile.exists():
            marks = artisan(profile)
        elif path in own:
            found.append(replace(own[path], path=path.relative_to(folder).as_posix()))
            continue
        kind = "roast" if marks.first_crack_s else "clip"
        found.append(described(path, folder, kind, marks))
    return found
