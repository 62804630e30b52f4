"""The part of the recorder that runs in its own thread: sound files and their sidecars."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from roastwatch.audio.recorder_options import RecorderOptions
from roastwatch.audio.recordings import (
    Flac,
    Int16Array,
    prune,
    read_json,
    recover,
    room,
    write_json,
)
from roastwatch.errors import LostError
from roastwatch.files.private import tighten
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import Origin, RoastEvent

_CHECK_ROOM_S = 10.0


@dataclass(frozen=True, slots=True)
class RecordedClip:
    """A file with sound of a roast: the whole of it, or what surrounds a decision."""

    roast_id: str
    path: Path
    first_sample: int
    duration_s: float
    event_id: str = ""
    """Empty for the recording of a whole roast."""


@dataclass(slots=True)
class RecordedRoast:
    """A roast that is being recorded: the event loop updates it, the thread writes it."""

    roast_id: str
    model_id: str
    path: Path
    first_sample: int
    next_sample: int
    started_at: datetime
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    gaps: list[dict[str, float]] = field(default_factory=list)
    file: Flac | None = None
    checked: int = 0
    failed: bool = False


class RecorderDisk:
    """Writes recordings of one station. All methods except `__init__` run in the disk thread."""

    def __init__(
        self,
        options: RecorderOptions,
        folder: Path,
        station: str,
        sample_rate_hz: int,
        part: ComponentHealth,
        kept: Callable[[RecordedClip], None] | None,
    ) -> None:
        """Write to `roasts/<station>` and `clips/<station>` in `folder`."""
        self._options = options
        self._station = station
        self._rate = sample_rate_hz
        self._part = part
        self._kept = kept
        self.roasts = folder / "roasts" / station
        self.clips = folder / "clips" / station

    def recover(self) -> None:
        """Recover files that a power failure left unfinished."""
        for folder in (self.roasts, self.clips):
            recover(folder)
            tighten(folder.parent, folder, *folder.glob("*"))

    def save_sound(self, roast: RecordedRoast, gap: int, samples: Int16Array) -> None:
        """Append sound to the file of a roast, after `gap` samples of silence.

        Raises:
            LostError: the disk is full or not writable; the rest of this roast is not recorded.
        """
        if roast.failed:
            return
        try:
            if (
                roast.file is None
                or roast.file.samples - roast.checked > _CHECK_ROOM_S * self._rate
            ):
                room(self.roasts, self._options.keep_free_mb)
                roast.checked = roast.file.samples if roast.file else 0
            if roast.file is None:
                roast.file = Flac(roast.path, self._rate)
                self._part.running()
            if gap > 0:
                roast.file.write(np.zeros(gap, np.int16))
            roast.file.write(samples)
        except LostError:
            roast.failed = True
            if roast.file is not None:
                roast.file.close()
            raise

    def save_roast(self, roast: RecordedRoast) -> None:
        """Close the file of a roast, write its sidecar, and delete recordings beyond the limits.

        Raises:
            LostError: the disk is full or not writable.
        """
        if roast.file is None:
            return
        roast.file.close()
        sidecar: dict[str, Any] = {
            "roast_id": roast.roast_id,
            "station": self._station,
            "model_id": roast.model_id,
            "started_at": roast.started_at.isoformat(),
            "sample_rate_hz": self._rate,
            "first_sample": roast.first_sample,
            "duration_s": round(roast.file.samples / self._rate, 3),
            "complete": not roast.failed,
            "events": list(roast.events.values()),
            "gaps": roast.gaps,
        }
        write_json(roast.path.with_suffix(".json"), sidecar)
        self._part.count("roasts_recorded")
        if self._kept is not None:
            length_s = float(sidecar["duration_s"])
            self._kept(RecordedClip(roast.roast_id, roast.path, roast.first_sample, length_s))
        self._prune(self.roasts, self._options.keep_roasts)

    def save_clip(self, path: Path, samples: Int16Array, sidecar: dict[str, Any]) -> None:
        """Write a clip and its sidecar, and delete recordings beyond the limits.

        Raises:
            LostError: the disk is full or not writable.
        """
        room(self.clips, self._options.keep_free_mb)
        file = Flac(path, self._rate)
        file.write(samples)
        file.close()
        write_json(path.with_suffix(".json"), sidecar)
        self._part.running()
        self._part.count("clips_kept")
        if self._kept is not None and sidecar["roast_id"] is not None:
            self._kept(
                RecordedClip(
                    sidecar["roast_id"],
                    path,
                    sidecar["first_sample"],
                    sidecar["duration_s"],
                    sidecar["event_id"],
                )
            )
        self._prune(self.clips, self._options.keep_clips)

    def _prune(self, folder: Path, count: int | None) -> None:
        options = self._options
        gone = prune(folder, count=count, days=options.keep_days, megabytes=options.keep_mb)
        if gone:
            self._part.count("recordings_deleted", len(gone))


def grow(path: Path, event: RoastEvent) -> None:
    """Update the sidecar of a clip whose event has changed since it was written."""
    sidecar = read_json(path.with_suffix(".json"))
    if not sidecar:
        return
    sidecar["level"] = event.level.value if event.level else sidecar.get("level")
    sidecar["confidence"] = event.confidence
    sidecar["revoked"] = event.revoked
    sidecar["label"] = label(event) or sidecar.get("label")
    write_json(path.with_suffix(".json"), sidecar)


def label(event: RoastEvent) -> str | None:
    """The label that a person gave an event; None if nobody did."""
    if event.revoked:
        return "not_a_crack"
    return event.kind.value if event.origin is Origin.PERSON else None
