"""The labels of a roast: what people said about its events. The roast log is where they are kept.

A clip's or a recording's JSON sidecar is an export of the log: it carries the labels along with the
sound, and is as old as its last export. `current` brings one up to date.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError
from roastwatch.files.atomic import write_whole
from roastwatch.files.untrusted import MOST_TABLE_BYTES, read_text
from roastwatch.roastlog.file import FILE_NAME, explained
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind, Origin

CRACK = "crack"
NOT_A_CRACK = "not_a_crack"
UNSURE = "unsure"
"""Says that a person looked, and nothing else."""
LATEST_LABEL = (
    "(SELECT label FROM labels WHERE labels.event_id = {event_id} ORDER BY said_at DESC LIMIT 1)"
)
"""SQL: the label that counts for an event, which is the latest one by anybody."""
_MOVED_S = 1.0
"""A person's time this far from the recorded one is another time, not another clock's."""


@dataclass(frozen=True, slots=True)
class LabelledEvent:
    """One event of a roast with its latest label."""

    event_id: str
    kind: str
    level: str | None
    origin: str
    at_s: float | None
    """Seconds from the roast's second 0."""
    decided_s: float | None
    """When it was decided, in the same seconds; editing an event leaves this as it was."""
    confidence: float | None
    revoked: bool
    label: str | None

    @property
    def verdict(self) -> str | None:
        """What a person confirmed it is, as sidecars write it; None: no label."""
        if self.label == NOT_A_CRACK or self.revoked:
            return NOT_A_CRACK
        confirmed = self.label == CRACK or self.origin == Origin.PERSON
        return self.kind if confirmed else None


@dataclass(frozen=True, slots=True)
class LoggedRoast:
    """What the log knows of a roast's sound and events."""

    roast_id: str
    events: dict[str, LabelledEvent]
    """By event id."""
    edited: frozenset[str]
    """The kinds of event that a person edited afterwards."""
    starts_s: dict[str, float]
    """Where each recording and clip begins: seconds from the roast's second 0, by file name."""
    paths: tuple[Path, ...]
    """Where they were when they were written."""
    moments: tuple[tuple[float, str], ...] = ()
    """Labelled sounds: seconds from the roast's second 0, and what each was."""


def logged(store: Store, roast_id: str) -> LoggedRoast | None:
    """A roast by its whole id; None if it is not in the log.

    Raises:
        LogError: the log can't be read.
    """
    with explained(store.path):
        row = store.connection.execute(
            "SELECT roast_no, edits FROM roasts WHERE roast_id = ?", (roast_id,)
        ).fetchone()
        if row is None:
            return None
        roast_no, edits = row
        rows = store.connection.execute(
            "SELECT event_id, kind, level, origin, at_s, (julianday(decided_at) - "
            "julianday(recording_started_at)) * 86400, confidence, revoked, "
            f"{LATEST_LABEL.format(event_id='e.event_id')} "
            "FROM events e JOIN roasts USING (roast_no) WHERE roast_no = ? ORDER BY at_s, e.rowid",
            (roast_no,),
        ).fetchall()
        clips = store.connection.execute(
            "SELECT path, from_s FROM clips WHERE roast_no = ?", (roast_no,)
        ).fetchall()
        moments = store.connection.execute(
            "SELECT at_s, label FROM moments WHERE roast_no = ? AND label != ? ORDER BY at_s",
            (roast_no, UNSURE),
        ).fetchall()
    return LoggedRoast(
        roast_id,
        {row[0]: _event(*row) for row in rows},
        frozenset(json.loads(edits).get("events", {}) if edits else ()),
        {Path(path).name: from_s for path, from_s in clips if from_s is not None},
        tuple(Path(path) for path, _ in clips),
        tuple(moments),
    )


def _event(event_id: str, kind: str, *values: Any) -> LabelledEvent:
    level, origin, at_s, decided_s, confidence, revoked, label = values
    return LabelledEvent(
        event_id, kind, level, origin, at_s, decided_s, confidence, bool(revoked), label
    )


def current(content: Mapping[str, Any], name: str, roast: LoggedRoast) -> dict[str, Any]:
    """A sidecar as the log would export it now.

    The log decides. What only the sidecar has (a mark or label of an older version, an event that
    is missing in the log) stays.

    Args:
        content: the sidecar.
        name: the file name of its sound.
        roast: what the log knows of its roast.
    """
    fresh = dict(content) | _moments(content, name, roast)
    event = roast.events.get(str(content.get("event_id")))
    if event is not None:  # a clip
        fresh |= {"level": event.level, "confidence": event.confidence}
        if event.verdict is not None:
            fresh["revoked"] = event.revoked
            fresh["label"] = None if _ends_before(event, content, name, roast) else event.verdict
        return fresh
    if "events" not in content:
        return fresh
    begins_s = starts_s(content, name, roast)
    known = {str(one.get("event_id")): one for one in content["events"]}
    events = [
        _described(event, known.get(event_id, {}), begins_s)
        for event_id, event in roast.events.items()
    ]
    lost = [one for event_id, one in known.items() if event_id not in roast.events]
    length_s = content.get("duration_s")
    fresh["events"] = lost + [
        one
        for one in events
        if _inside(one, length_s)
        or known.get(one["event_id"], {}).get("happened_s", ...) == one["happened_s"]
    ]
    if EventKind.FIRST_CRACK in roast.edited:
        fresh.pop("first_crack_s", None)
        fresh.pop("label", None)
    return fresh


def _moments(content: Mapping[str, Any], name: str, roast: LoggedRoast) -> dict[str, Any]:
    """The labelled sounds in a file, on its own clock; nothing where none were ever labelled."""
    begins_s, length_s = starts_s(content, name, roast), content.get("duration_s")
    if begins_s is None or not isinstance(length_s, int | float):
        return {}
    inside = [
        {"at_s": round(at_s - begins_s, 3), "label": label}
        for at_s, label in roast.moments
        if 0 <= at_s - begins_s <= length_s
    ]
    return {"moments": inside} if inside or "moments" in content else {}


def starts_s(content: Mapping[str, Any], name: str, roast: LoggedRoast) -> float | None:
    """Where a recording begins, in seconds from its roast's second 0; None: unknown.

    The log does not index recordings of older versions. There it follows from the time of a
    decision; of a first crack last, because a person who revokes one changes that time.
    """
    if name in roast.starts_s:
        return roast.starts_s[name]
    by_kind = sorted(content.get("events", ()), key=lambda one: one.get("kind") == "first_crack")
    for one in by_kind:
        event = roast.events.get(str(one.get("event_id")))
        if event is None or event.revoked or None in (event.decided_s, one.get("decided_s")):
            continue
        return float(event.decided_s - one["decided_s"])
    return None


def _described(
    event: LabelledEvent, before: Mapping[str, Any], starts_s: float | None
) -> dict[str, Any]:
    """An event as a recording's sidecar has it; unless a person moved it, its time is by samples.

    If the log has no verdict, the sidecar's stays.
    """
    happened_s = before.get("happened_s")
    if starts_s is not None and event.at_s is not None:
        by_log_s = round(event.at_s - starts_s, 3)
        moved = event.origin == Origin.PERSON and abs(by_log_s - (happened_s or 0.0)) > _MOVED_S
        happened_s = by_log_s if happened_s is None or moved else happened_s
    verdict = {"origin": event.origin, "revoked": event.revoked, "label": event.label}
    if event.verdict is None:
        verdict |= {name: before[name] for name in verdict if before.get(name)}
    return {
        "event_id": event.event_id,
        "kind": event.kind,
        "level": event.level,
        "happened_s": happened_s,
        "decided_s": before.get("decided_s"),
        "confidence": event.confidence,
        **verdict,
    }


def _inside(event: Mapping[str, Any], length_s: float | None) -> bool:
    """Whether an event lies in a recording; a charge may lie before its first sample."""
    at_s = event["happened_s"]
    if at_s is None or (length_s is not None and at_s > length_s):
        return False
    return bool(at_s >= 0 or event["kind"] == EventKind.CHARGE)


def _ends_before(
    event: LabelledEvent, content: Mapping[str, Any], name: str, roast: LoggedRoast
) -> bool:
    """Whether a clip ends before the time to which a person moved its event."""
    starts_s, length_s = roast.starts_s.get(name), content.get("duration_s")
    if starts_s is None or length_s is None or event.at_s is None:
        return False
    return bool(event.at_s > starts_s + length_s)


def log_beside(recording: Path) -> Path | None:
    """The roast log of the data folder that a recording lies in; None: there is none."""
    folders = recording.absolute().parents[:3]
    return next((path for folder in folders if (path := folder / FILE_NAME).is_file()), None)


def read_sidecar(path: Path) -> dict[str, Any]:
    """The JSON beside a recording; empty where there is none.

    Raises:
        BadInputError: it is not JSON.
    """
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return {}
    try:
        content = json.loads(read_text(beside, MOST_TABLE_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(f"{beside} is not valid JSON: correct or delete it.") from error
    return content if isinstance(content, dict) else {}


def recordings_of(folder: Path, roast_id: str) -> Iterator[Path]:
    """The recordings in a data folder that may be of a roast, by their names."""
    yield from folder.glob(f"roasts/*/{re.sub(r'[^A-Za-z0-9_.-]', '?', roast_id)}*.flac")


def export(store: Store, roast_id: str) -> list[Path]:
    """Bring the sidecars of a roast's recordings and clips up to date; return those that changed.

    Raises:
        LogError: the log can't be read.
        BadInputError: a sidecar is not JSON, or can't be written.
    """
    roast = logged(store, roast_id)
    if roast is None:
        return []
    folder = store.path.absolute().parent
    moved = (folder.joinpath(*path.parts[-3:]) for path in roast.paths if not path.is_file())
    changed = []
    # some recordings are of versions that indexed only clips
    for path in dict.fromkeys([*roast.paths, *moved, *recordings_of(folder, roast_id)]):
        before = read_sidecar(path)
        if before.get("roast_id") != roast_id:
            continue
        after = current(before, path.name, roast)
        if after != before:
            write_sidecar(path, after)
            changed.append(path)
    return changed


def write_sidecar(path: Path, content: Mapping[str, Any]) -> None:
    """Write the JSON beside a recording, whole or not at all.

    Raises:
        BadInputError: the disk refuses.
    """
    beside = path.with_suffix(".json")
    try:
        write_whole(beside, json.dumps(content, indent=1, allow_nan=False), private=True)
    except OSError as error:
        raise BadInputError(f"{beside} can't be written ({error.strerror}).") from error
