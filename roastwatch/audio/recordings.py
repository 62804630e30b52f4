"""The shelf of recordings: FLAC with a JSON sidecar each, and what may be thrown away."""

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from roastwatch.errors import LostError
from roastwatch.files.atomic import write_whole
from roastwatch.files.private import make_file, make_folder

_PART = ".part"
Int16Array = npt.NDArray[np.int16]


def to_int16(samples: npt.NDArray[np.float32]) -> Int16Array:
    """Float32 in ±1 → 16 bits; what is louder is clipped."""
    scaled = np.clip(np.rint(samples * np.float32(32767.0)), -32768, 32767)
    return np.asarray(scaled, dtype=np.int16)


class Flac:
    """A FLAC file that grows. Until it is closed its name ends in `.part`."""

    def __init__(self, path: Path, sample_rate_hz: int) -> None:
        """Begin the file (and its folder).

        Raises:
            LostError: the disk refuses.
        """
        import soundfile  # only who records pays for it

        self.path = path
        self.samples = 0
        self._refusals = (OSError, AssertionError, soundfile.LibsndfileError)
        self._part = path.with_name(path.name + _PART)
        try:
            make_folder(path.parent)
            make_file(self._part)
            self._file = soundfile.SoundFile(
                self._part, "w", sample_rate_hz, 1, subtype="PCM_16", format="FLAC"
            )
        except self._refusals as error:
            raise LostError(cannot_write(path, error)) from error

    def write(self, samples: Int16Array) -> None:
        """Add samples.

        Raises:
            LostError: the disk refuses; what was written until now is kept.
        """
        try:
            self._file.write(samples)
        except self._refusals as error:
            self.close()
            raise LostError(cannot_write(self.path, error)) from error
        self.samples += len(samples)

    def close(self) -> None:
        """End the file and give it its name."""
        if not self._file.closed:
            self._file.close()
            self._part.replace(self.path)


def cannot_write(path: Path, error: Exception) -> str:
    """One sentence."""
    reason = getattr(error, "strerror", None) or getattr(error, "error_string", None) or error
    return (
        f"{path} can't be written ({str(reason).strip(' .')}): make room or correct the folder's "
        "permissions; the roast goes on without being recorded."
    )


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a sidecar whole or not at all.

    Raises:
        LostError: the disk refuses.
    """
    try:
        write_whole(path, json.dumps(content, indent=1, allow_nan=False), private=True)
    except OSError as error:
        raise LostError(cannot_write(path, error)) from error


def read_json(path: Path) -> dict[str, Any]:
    """A sidecar; empty where it is missing or broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def free_path(folder: Path, name: str) -> Path:
    """A FLAC file's path that no recording has yet: one that was cut short is never overwritten."""
    stem = re.sub(r"[^\w.-]", "_", name)
    path = folder / f"{stem}.flac"
    number = 1
    while path.exists() or path.with_name(path.name + _PART).exists():
        number += 1
        path = folder / f"{stem}-{number}.flac"
    return path


def mend(folder: Path) -> list[Path]:
    """Give files that a pulled plug left unfinished their names; their sound is still there."""
    mended = []
    for part in sorted(folder.glob("*.flac" + _PART)):
        whole = part.with_name(part.name.removesuffix(_PART))
        part.replace(whole)
        mended.append(whole)
    return mended


def room(folder: Path, keep_free_mb: float) -> None:
    """See that a disk has room for more than the roast log.

    Raises:
        LostError: less is free than must stay free.
    """
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    free_mb = shutil.disk_usage(there).free / 1e6
    if free_mb < keep_free_mb:
        raise LostError(
            f"Only {free_mb:.0f} MB are free where {folder} lies and {keep_free_mb:.0f} MB are "
            "kept for the roast log: nothing is recorded until there is room."
        )


def prune(
    folder: Path, *, count: int | None, days: float | None, megabytes: float | None
) -> list[Path]:
    """Delete the oldest recordings beyond a count, an age or a size; labelled ones stay.

    A sidecar goes with its sound. Returns what was deleted.
    """
    found = sorted(
        (path for path in folder.glob("*.flac") if path.is_file()), key=lambda path: path.name
    )
    kept = [path for path in found if not read_json(path.with_suffix(".json")).get("label")]
    gone: list[Path] = []
    size = sum(path.stat().st_size for path in kept) / 1e6
    oldest_s = None if days is None else time.time() - days * 86_400
    while kept:
        stat = kept[0].stat()
        if not (
            (count is not None and len(kept) > count)
            or (oldest_s is not None and stat.st_mtime < oldest_s)
            or (megabytes is not None and size > megabytes)
        ):
            break
        size -= stat.st_size / 1e6
        path = kept.pop(0)
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)
        gone.append(path)
    return gone
