"""Recordings on disk: FLAC files with JSON sidecars, and which of them may be deleted."""

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
    """Convert float32 in ±1 to 16 bits; louder samples are clipped."""
    scaled = np.clip(np.rint(samples * np.float32(32767.0)), -32768, 32767)
    return np.asarray(scaled, dtype=np.int16)


class Flac:
    """A FLAC file that is being written. Until it is closed its name ends in `.part`."""

    def __init__(self, path: Path, sample_rate_hz: int) -> None:
        """Create the file and its folder.

        Raises:
            LostError: it can't be written.
        """
        import soundfile  # imported only for recording

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
        """Append samples.

        Raises:
            LostError: it can't be written; what was written so far is kept.
        """
        try:
            self._file.write(samples)
        except self._refusals as error:
            self.close()
            raise LostError(cannot_write(self.path, error)) from error
        self.samples += len(samples)

    def close(self) -> None:
        """Close the file and rename it to its final name."""
        if not self._file.closed:
            self._file.close()
            self._part.replace(self.path)


def cannot_write(path: Path, error: Exception) -> str:
    """The sentence for a file that can't be written."""
    reason = getattr(error, "strerror", None) or getattr(error, "error_string", None) or error
    return (
        f"{path} can't be written ({str(reason).strip(' .')}): free disk space or correct the "
        "permissions of the folder; the roast goes on without recording."
    )


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a sidecar atomically.

    Raises:
        LostError: it can't be written.
    """
    try:
        write_whole(path, json.dumps(content, indent=1, allow_nan=False), private=True)
    except OSError as error:
        raise LostError(cannot_write(path, error)) from error


def read_json(path: Path) -> dict[str, Any]:
    """The content of a sidecar; empty if it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def free_path(folder: Path, name: str) -> Path:
    """An unused path for a FLAC file; an unfinished recording is never overwritten."""
    stem = re.sub(r"[^\w.-]", "_", name)
    path = folder / f"{stem}.flac"
    number = 1
    while path.exists() or path.with_name(path.name + _PART).exists():
        number += 1
        path = folder / f"{stem}-{number}.flac"
    return path


def recover(folder: Path) -> list[Path]:
    """Rename files that a power failure left unfinished; their sound is intact."""
    recovered = []
    for part in sorted(folder.glob("*.flac" + _PART)):
        whole = part.with_name(part.name.removesuffix(_PART))
        part.replace(whole)
        recovered.append(whole)
    return recovered


def room(folder: Path, keep_free_mb: float) -> None:
    """Check that enough disk space stays free for the roast log.

    Raises:
        LostError: less than `keep_free_mb` is free.
    """
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    free_mb = shutil.disk_usage(there).free / 1e6
    if free_mb < keep_free_mb:
        raise LostError(
            f"Only {free_mb:.0f} MB are free on the disk of {folder}, and {keep_free_mb:.0f} MB "
            "are reserved for the roast log: nothing is recorded until there is more space."
        )


def prune(
    folder: Path, *, count: int | None, days: float | None, megabytes: float | None
) -> list[Path]:
    """Delete the oldest recordings beyond a count, an age or a size, except labelled ones.

    Sidecars are deleted too. Returns the deleted sound files.
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
