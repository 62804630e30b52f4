"""What a person said of their recordings: roasts with a first crack, clips that are one or none.

Labels stand in the JSON sidecars that the recorder writes. A roast is labelled by an event
`first_crack` whose origin is a person, by a clip of one of its decisions that was confirmed, or by
`"label": "first_crack"` with `"first_crack_s"`. A clip is labelled `first_crack` or `not_a_crack`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError
from roastwatch.files.untrusted import MOST_TABLE_BYTES, read_text

YES = ("first_crack", "crack", "confirmed")
NO = ("not_a_crack", "rejected")


@dataclass(frozen=True, slots=True)
class LabelledRoast:
    """A whole roast, and when first crack began: None when a person says that there was none."""

    path: Path
    onset_s: float | None
    roast_id: str | None = None
    charge_s: float | None = None
    """When the beans went in; None: nobody said."""


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """Some seconds round a decision that a person called wrong."""

    path: Path
    roast_id: str | None = None
    """Of which roast it is a part."""
    decided_s: float | None = None
    """When the decision came, in seconds from the clip's beginning."""


def stations(folder: Path) -> list[str]:
    """Names of the stations that have recordings, or learnt once, in the service's data folder."""
    kept = [path for kind in ("roasts", "clips") for path in (folder / kind).glob("*/")]
    recorded = {path.name for path in kept if any(path.glob("*.flac"))}
    return sorted(recorded | {path.stem for path in folder.glob("calibration/*.json")})


def collect(folder: Path, station: str) -> tuple[list[LabelledRoast], list[LabelledClip]]:
    """The labelled recordings of one station: all of a folder where it has no `roasts/`.

    Raises:
        BadInputError: the folder is not there, or a label lies outside its recording.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder} is not a folder: name the one that recordings are kept in.")
    roasts_in, clips_in = folder / "roasts" / station, folder / "clips" / station
    if not roasts_in.is_dir() and not clips_in.is_dir():
        roasts_in = folder
    clips = {path: sidecar(path) for path in sorted(clips_in.glob("*.flac"))}
    said = {
        str(content.get("event_id")): content["label"]
        for content in clips.values()
        if content.get("label")
    }
    roasts = []
    for path in sorted([*roasts_in.glob("*.flac"), *roasts_in.glob("*.wav")]):
        labelled = _roast(path, sidecar(path), said)
        if labelled is not None:
            roasts.append(labelled)
    wrong = [
        LabelledClip(path, content.get("roast_id"), content.get("decided_s"))
        for path, content in clips.items()
        # what else can be called wrong, such as the end of first crack, is full of cracks
        if content.get("label") in NO and content.get("kind", "first_crack") == "first_crack"
    ]
    return roasts, wrong


def of_roast(path: Path) -> LabelledRoast | None:
    """What a person said of one recorded roast, in its own sidecar; None: nothing.

    Raises:
        BadInputError: the label lies outside the recording.
    """
    return _roast(path, sidecar(path), {})


def mark(path: Path, seconds: float) -> None:
    """Write into a recording's sidecar when first crack began.

    Raises:
        BadInputError: there is no such recording, or it is shorter.
    """
    if not path.is_file():
        raise BadInputError(f"There is no recording {path} to mark.")
    content = sidecar(path)
    content |= {"label": "first_crack", "first_crack_s": seconds}
    _check(path, seconds, content)
    part = path.with_suffix(".json.part")
    part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    part.replace(path.with_suffix(".json"))


def _roast(path: Path, content: dict[str, Any], said: dict[str, str]) -> LabelledRoast | None:
    known = (content.get("roast_id"), charged_at_s(content))
    if content.get("label") in YES and content.get("first_crack_s") is not None:
        return LabelledRoast(path, _check(path, float(content["first_crack_s"]), content), *known)
    if content.get("label") in NO:
        return LabelledRoast(path, None, *known)
    events = [e for e in content.get("events", []) if e.get("kind") == "first_crack"]
    for event in _persons_first(events):
        confirmed = event.get("origin") == "person" or said.get(event.get("event_id", "")) in YES
        if confirmed and not event.get("revoked") and event.get("happened_s") is not None:
            return LabelledRoast(path, _check(path, float(event["happened_s"]), content), *known)
    return None


def charged_at_s(content: dict[str, Any]) -> float | None:
    """When the beans went in, by the events of a roast's sidecar: seconds from its first sample.

    A probe dates it back, so it may lie before the recording (negative).
    """
    charges = [e for e in content.get("events", []) if e.get("kind") == "charge"]
    at_s = next((e.get("happened_s") for e in charges if not e.get("revoked")), None)
    return None if at_s is None else float(at_s)


def _persons_first(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(events, key=lambda event: event.get("origin") != "person")


def _check(path: Path, seconds: float, content: dict[str, Any]) -> float:
    length = content.get("duration_s")
    if seconds < 0 or (isinstance(length, int | float) and seconds > length):
        raise BadInputError(
            f"{path} is labelled at {seconds:g} s, outside of its {length:g} s: correct its .json."
        )
    return seconds


def sidecar(path: Path) -> dict[str, Any]:
    """What the recorder wrote beside a recording; empty where nothing is.

    Raises:
        BadInputError: it is no JSON.
    """
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return {}
    try:
        content = json.loads(read_text(beside, MOST_TABLE_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(f"{beside} is no JSON: correct or delete it.") from error
    return content if isinstance(content, dict) else {}
