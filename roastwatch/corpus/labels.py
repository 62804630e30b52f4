"""The recordings that a person labelled: roasts with a first crack, clips of wrong decisions.

Labels are kept in the roast log. A recording whose roast is in the log beside it (`roasts.db` in
the data folder) is read with the log's events and labels; one that the log does not know, such as
a copy from another machine, with those of its JSON sidecar (see roastlog/labels.py).

A roast is labelled by an event `first_crack` that a person gave or confirmed, by a clip of one of
its decisions that was confirmed, or by `"label": "first_crack"` with `"first_crack_s"`. A clip is
labelled `first_crack` or `not_a_crack`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from roastwatch.errors import BadInputError
from roastwatch.roastlog import labels as log_labels
from roastwatch.roastlog.labels import LoggedRoast, read_sidecar, write_sidecar
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind

YES = ("first_crack", "crack", "confirmed")
NO = ("not_a_crack", "rejected")
Moments: TypeAlias = tuple[tuple[float, bool], ...]
"""Sounds that a person labelled in a review: seconds of the recording, and whether each cracks."""


@dataclass(frozen=True, slots=True)
class LabelledRoast:
    """A whole roast, and when first crack began: None when a person says that there was none."""

    path: Path
    onset_s: float | None
    roast_id: str | None = None
    charge_s: float | None = None
    """When the beans went in; None: unknown."""
    moments: Moments = ()


@dataclass(frozen=True, slots=True)
class ReviewedRoast:
    """A whole roast of which only single sounds are labelled."""

    path: Path
    moments: Moments
    roast_id: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """Some seconds around a decision that a person called wrong."""

    path: Path
    roast_id: str | None = None
    """The roast that it is a part of."""
    decided_s: float | None = None
    """When the decision came, in seconds from the clip's beginning."""


class Sidecars:
    """What is known of recordings: their sidecars, brought up to date from the roast log.

    A context manager; it opens each log once.
    """

    def __init__(self) -> None:
        self._stores: dict[Path, Store] = {}
        self._roasts: dict[tuple[Path, str], LoggedRoast | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for store in self._stores.values():
            store.close()

    def of(self, path: Path) -> dict[str, Any]:
        """What is known of one recording; empty where nothing is.

        Raises:
            BadInputError: its sidecar is not JSON.
            LogError: the log beside it can't be read.
        """
        content = read_sidecar(path)
        roast_id, log = content.get("roast_id"), log_labels.log_beside(path)
        if not isinstance(roast_id, str) or log is None:
            return content
        if log not in self._stores:
            self._stores[log] = Store(log, writing=False)
        if (log, roast_id) not in self._roasts:
            self._roasts[log, roast_id] = log_labels.logged(self._stores[log], roast_id)
        roast = self._roasts[log, roast_id]
        return content if roast is None else log_labels.current(content, path.name, roast)


def stations(folder: Path) -> list[str]:
    """Names of the stations that a data folder holds recordings or a calibration of."""
    kept = [path for kind in ("roasts", "clips") for path in (folder / kind).glob("*/")]
    recorded = {path.name for path in kept if any(path.glob("*.flac"))}
    return sorted(recorded | {path.stem for path in folder.glob("calibration/*.json")})


def collect(folder: Path, station: str) -> tuple[list[LabelledRoast], list[LabelledClip]]:
    """The labelled recordings of one station: all of a folder where it has no `roasts/`.

    Raises:
        BadInputError: the folder is not there, or a label lies outside its recording.
        LogError: the roast log can't be read.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder} is not a folder: name the one that recordings are kept in.")
    roasts_in, clips_in = folder / "roasts" / station, folder / "clips" / station
    if not roasts_in.is_dir() and not clips_in.is_dir():
        roasts_in = folder
    with Sidecars() as sidecars:
        clips = {path: sidecars.of(path) for path in sorted(clips_in.glob("*.flac"))}
        found = sorted([*roasts_in.glob("*.flac"), *roasts_in.glob("*.wav")])
        recordings = {path: sidecars.of(path) for path in found}
    verdicts = {
        str(content.get("event_id")): content["label"]
        for content in clips.values()
        if content.get("label")
    }
    labelled = (_roast(path, content, verdicts) for path, content in recordings.items())
    wrong = [
        LabelledClip(path, content.get("roast_id"), content.get("decided_s"))
        for path, content in clips.items()
        # what else can be called wrong, such as the end of first crack, is full of cracks
        if content.get("label") in NO and content.get("kind", "first_crack") == "first_crack"
    ]
    return [roast for roast in labelled if roast is not None], wrong


def reviewed(folder: Path, station: str) -> list[ReviewedRoast]:
    """The recordings of one station in which only single sounds are labelled.

    Raises:
        BadInputError: a sidecar is not JSON.
        LogError: the roast log can't be read.
    """
    found = []
    with Sidecars() as sidecars:
        for path in sorted((folder / "roasts" / station).glob("*.flac")):
            content = sidecars.of(path)
            moments = moments_of(content)
            if moments and of_roast(path, content) is None:
                found.append(ReviewedRoast(path, moments, content.get("roast_id")))
    return found


def moments_of(content: dict[str, Any]) -> Moments:
    """The labelled sounds of a sidecar; what is not one is left out."""
    rows = content.get("moments")
    return tuple(
        (float(row["at_s"]), row["label"] in YES)
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict)
        and isinstance(row.get("at_s"), int | float)
        and row.get("label") in (*YES, *NO)
    )


def of_roast(path: Path, content: dict[str, Any]) -> LabelledRoast | None:
    """What a person said about one recorded roast, by what is known of it; None: nothing.

    Raises:
        BadInputError: the label lies outside the recording.
    """
    return _roast(path, content, {})


def mark(path: Path, seconds: float) -> None:
    """Record when first crack began in a recording: in the roast log if it holds the roast.

    The sidecar is written in any case, so that the label goes along with a copy of the sound.

    Raises:
        BadInputError: there is no such recording, it is shorter, or its roast is still going on.
        LogError: the log can't be written.
    """
    if not path.is_file():
        raise BadInputError(f"There is no recording {path} to mark.")
    content = read_sidecar(path)
    _check(path, seconds, content)
    if _mark_in_log(path, seconds, content):
        return
    write_sidecar(path, content | {"label": "first_crack", "first_crack_s": seconds})


def _mark_in_log(path: Path, seconds: float, content: dict[str, Any]) -> bool:
    """Whether the log holds the recording's roast, and now its mark and its sidecars."""
    roast_id, log = content.get("roast_id"), log_labels.log_beside(path)
    if not isinstance(roast_id, str) or log is None:
        return False
    with Store(log) as store:
        roast = log_labels.logged(store, roast_id)
        if roast is None or (starts_s := log_labels.starts_s(content, path.name, roast)) is None:
            return False
        record = store.record_exactly(roast_id)
        since_s = starts_s + seconds - (record.charge_s or 0.0)
        store.edit(roast_id, events={EventKind.FIRST_CRACK: since_s})
        log_labels.export(store, roast_id)
    return True


def _roast(path: Path, content: dict[str, Any], verdicts: dict[str, str]) -> LabelledRoast | None:
    known = (content.get("roast_id"), charged_at_s(content), moments_of(content))
    if content.get("label") in YES and content.get("first_crack_s") is not None:
        return LabelledRoast(path, _check(path, float(content["first_crack_s"]), content), *known)
    if content.get("label") in NO:
        return LabelledRoast(path, None, *known)
    events = [e for e in content.get("events", []) if e.get("kind") == "first_crack"]
    for event in _persons_first(events):
        verdict = event.get("label") or verdicts.get(event.get("event_id", ""))
        confirmed = event.get("origin") == "person" or verdict in YES
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
