"""Results of many recordings: a summary, and files that survive an interruption."""

import csv
import json
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError
from roastwatch.files.atomic import write_whole
from roastwatch.offline.batch import Job, Result


@dataclass(slots=True)
class Summary:
    """The totals of a run."""

    files: int = 0
    failed: int = 0
    skipped: int = 0
    """Results taken over from an earlier run."""
    left_out: list[str] = field(default_factory=list)
    """Files in the folders that are not sound files by their names."""
    duration_s: float = 0.0
    took_s: float = 0.0
    fresh_s: float = 0.0
    """Seconds of sound that this run analysed."""
    events: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result, *, fresh: bool = True) -> None:
        """Count one result."""
        self.files += 1
        self.skipped += not fresh
        if "error" in result:
            self.failed += 1
            self.reasons[_reason(result)] += 1
            return
        self.duration_s += result["duration_s"] or 0.0
        self.fresh_s += (result["duration_s"] or 0.0) if fresh else 0.0
        self.events.update(event["kind"] for event in result["events"])

    @property
    def real_time_factor(self) -> float | None:
        """Seconds of sound analysed per second, over all workers."""
        return self.fresh_s / self.took_s if self.took_s and self.fresh_s else None

    def as_json(self) -> dict[str, Any]:
        """The content of summary.json."""
        factor = self.real_time_factor
        return {
            "files": self.files,
            "failed": self.failed,
            "from_an_earlier_run": self.skipped,
            "left_out": self.left_out,
            "duration_s": round(self.duration_s, 3),
            "took_s": round(self.took_s, 3),
            "real_time_factor": None if factor is None else round(factor, 1),
            "events": dict(self.events),
            "failures_by_reason": dict(self.reasons),
        }


def _reason(result: Result) -> str:
    """The error without the file's name, so that equal failures count together."""
    path = Path(result["file"])
    reason = re.sub(r"`ffmpeg .*?\.flac'?`", "`ffmpeg -i FILE FILE.flac`", str(result["error"]))
    reason = reason.replace(str(path), "the file")
    # Names with an ending only: a file may be called like a word, or like a letter of one.
    for name in {path.name, f"{path.stem}.flac"}:
        if "." in name:
            reason = re.sub(
                rf"(?<![\w.]){re.escape(name)}(?!\w)", f"FILE{Path(name).suffix}", reason
            )
    return reason


class Results:
    """Results in a folder, written as they come: results.jsonl, results.csv, summary.json.

    A run that was interrupted continues: earlier results are read back, except those of files that
    have changed since or failed. An incomplete line is dropped.
    """

    def __init__(self, folder: Path, job: Job, *, restart: bool = False) -> None:
        """Open the folder, making it if need be.

        Raises:
            BadInputError: it can't be written, or contains the results of another job.
        """
        self._folder = folder
        self._lines = folder / "results.jsonl"
        self._stamps = folder / "done.jsonl"
        self.earlier: dict[str, Result] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            mark = folder / "job.json"
            about = {"fingerprint": job.fingerprint(), "model": job.model_type}
            if mark.exists() and not restart:
                if _json_lines(mark)[:1] != [about]:
                    raise BadInputError(
                        f"{folder} contains the results of a run with another model or other "
                        "options. Choose another folder, or start over with --restart."
                    )
                self._read_back()
            write_whole(mark, json.dumps(about) + "\n")
            write_whole(self._lines, "".join(_line(result) for result in self.earlier.values()))
            stamps = [_stamp(Path(file)) for file in self.earlier]
            write_whole(self._stamps, "".join(_line(s) for s in stamps if s))
        except OSError as error:
            raise BadInputError(
                f"Results can't be written to {folder} ({error.strerror}): name another folder."
            ) from error

    def _read_back(self) -> None:
        stamps = {line["file"]: line for line in _json_lines(self._stamps)}
        for result in _json_lines(self._lines):
            file = result["file"]
            if "error" not in result and stamps.get(file) == _stamp(Path(file)) is not None:
                self.earlier[file] = result

    def write(self, result: Result) -> None:
        """Append one result; it is on disk when this returns."""
        stamp = _stamp(Path(result["file"]))
        for path, line in ((self._lines, result), (self._stamps, stamp)):
            if line is not None:
                with path.open("a", encoding="utf-8") as file:
                    file.write(_line(line))
                    file.flush()
                    os.fsync(file.fileno())

    def close(self, summary: Summary) -> None:
        """Write the table and the summary of all results."""
        results = sorted(_json_lines(self._lines), key=lambda result: str(result["file"]))
        with (self._folder / "results.csv").open(
            "w", newline="", encoding="utf-8", errors="backslashreplace"
        ) as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            table.writerows(row(result) for result in results)
        text = json.dumps(summary.as_json(), indent=2, allow_nan=False)
        write_whole(self._folder / "summary.json", text + "\n")


COLUMNS = [
    "file", "duration_s", "sample_rate_hz", "model_id", "real_time_factor", "pops",
    "first_crack_at_s", "decided_at_s", "level", "confidence", "first_crack_end_at_s",
    "first_cracks", "hard_to_hear_s", "warnings", "error",
]  # fmt: skip


def row(result: Result) -> dict[str, Any]:
    """A result as a row of the table: the first of its first cracks, and their number."""
    if "error" in result:
        return {"file": result["file"], "error": result["error"]}
    cracks = [event for event in result["events"] if event["kind"] == "first_crack"]
    ends = [event for event in result["events"] if event["kind"] == "first_crack_end"]
    first = cracks[0] if cracks else {}
    hearing = result.get("hearing", ())  # earlier versions did not judge it
    plain = ("file", "duration_s", "sample_rate_hz", "model_id", "real_time_factor")
    return {key: result[key] for key in plain} | {
        "pops": len(result["pops"]),
        "first_crack_at_s": first.get("happened_at_s"),
        "decided_at_s": first.get("decided_at_s"),
        "level": first.get("level"),
        "confidence": first.get("confidence"),
        "first_crack_end_at_s": ends[0]["happened_at_s"] if ends else None,
        "first_cracks": len(cracks),
        "hard_to_hear_s": round(sum(one["to_s"] - one["from_s"] for one in hearing), 3),
        "warnings": "; ".join(result["warnings"]),
    }


def _line(value: object) -> str:
    return json.dumps(value, allow_nan=False) + "\n"


def _stamp(path: Path) -> dict[str, Any] | None:
    """Values that show whether a file is still the one that was analysed."""
    try:
        found = path.stat()
    except OSError:
        return None
    return {"file": str(path), "bytes": found.st_size, "modified_ns": found.st_mtime_ns}


def _json_lines(path: Path) -> list[dict[str, Any]]:
    """The complete lines of a file; none if there is no file."""
    lines = []
    if path.exists():
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:
                continue
    return [line for line in lines if isinstance(line, dict)]
