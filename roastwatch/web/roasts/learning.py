"""Learning from the pages: one job in a process of its own, and what it found.

It runs at low priority. While a roast is in progress it isn't started, and one that runs is
stopped until the roast has ended, so that it never competes with the detector.
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from roastwatch.detection import calibration
from roastwatch.errors import SettingsError
from roastwatch.roastlog.writes import utc_now
from roastwatch.supervise import Background, ComponentHealth
from roastwatch.web.roasts import processes
from roastwatch.web.roasts.door import NotNowError, NotThereError
from roastwatch.web.roasts.processes import Ended

_LONGEST_S = 4 * 3600.0
_MOST_STATIONS = 64
LOOK_EVERY_S = 0.5
"""Between two looks whether a roast is in progress."""
ROAST_FIRST = "A roast is in progress: learn when it has ended."


class LearnState(StrEnum):
    """What learning does."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    """A roast is in progress: it goes on afterwards."""
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(slots=True)
class LearnJob:
    """One run of learning."""

    station: str | None
    started_at: datetime = field(default_factory=utc_now)
    ended_at: datetime | None = None
    state: LearnState = LearnState.RUNNING
    progress: str = ""
    problem: str | None = None
    found: dict[str, Any] | None = None
    """What `roastwatch learn --json` prints."""
    process: asyncio.subprocess.Process | None = None

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state in (LearnState.RUNNING, LearnState.PAUSED)


class Learning:
    """The job that learns. Close it once."""

    def __init__(
        self, folder: Path | None, part: ComponentHealth, roasting: Callable[[], bool]
    ) -> None:
        """Learn from the recordings in a data folder; None: nothing is recorded here."""
        self._folder = folder
        self._roasting = roasting
        self._job: LearnJob | None = None
        self._tasks = Background(part, lambda _problem: None)

    def start(self, station: str | None) -> None:
        """Start learning.

        Raises:
            NotNowError: it runs already, or a roast is in progress.
            NotThereError: nothing is recorded here.
        """
        if self._folder is None:
            raise NotThereError("This roastwatch keeps no recordings.")
        if self._roasting():
            raise NotNowError(ROAST_FIRST)
        if self._job is not None and self._job.active:
            raise NotNowError("Learning is in progress already.")
        job = self._job = LearnJob(station)
        self._tasks.run(self._run(self._folder, job), "learn")

    def stop(self) -> None:
        """Stop learning; nothing is changed.

        Raises:
            NotNowError: it does not run.
        """
        job = self._job
        if job is None or not job.active:
            raise NotNowError("Learning is not in progress.")
        job.state = LearnState.STOPPED
        job.ended_at = utc_now()
        self._kill(job)

    async def shown(self) -> dict[str, Any]:
        """The state of learning, and the calibrations that hold."""
        job = self._job
        calibrations = []
        if self._folder is not None:
            calibrations = await asyncio.to_thread(_calibrations, self._folder)
        if job is None:
            return _EMPTY | {"calibrations": calibrations}
        found = job.found
        return {
            "state": job.state,
            "station": job.station,
            "started_at": job.started_at,
            "ended_at": job.ended_at,
            "progress": job.progress,
            "problem": job.problem,
            "outcome": _outcome(found) if found else None,
            "written": bool(found and found["written"]),
            "calibrations": calibrations,
        }

    async def undo(self, station: str | None) -> str:
        """Undo the newest calibration of a station; return what holds now.

        Raises:
            NotNowError: learning is in progress, there is no calibration, or it is unclear whose.
            NotThereError: nothing is recorded here.
        """
        if self._folder is None:
            raise NotThereError("This roastwatch keeps no recordings.")
        if self._job is not None and self._job.active:
            raise NotNowError("Learning is in progress: stop it first.")
        known = [row["station"] for row in await asyncio.to_thread(_calibrations, self._folder)]
        if station is None and len(known) == 1:
            station = known[0]
        if station is None or station not in known:
            names = ", ".join(known)
            raise NotNowError(
                f"Name the station: {names}." if names else "There is no calibration to undo."
            )
        try:
            path = calibration.path_for(self._folder, station)
            return await asyncio.to_thread(calibration.undo, path)
        except SettingsError as error:
            raise NotNowError(str(error)) from error

    async def close(self) -> None:
        """End the job."""
        if self._job is not None and self._job.active:
            self.stop()
        await self._tasks.close()

    async def _run(self, folder: Path, job: LearnJob) -> None:
        options = ["--station", job.station] if job.station else []
        command = ["learn", "--json", "--progress", *options, "--", str(folder)]
        making_room: asyncio.Task[None] | None = None
        try:
            async with (
                asyncio.timeout(_LONGEST_S),
                processes.running(*command, nice=processes.NOBODY_WAITS) as process,
            ):
                job.process = process
                making_room = self._tasks.run(self._make_room(job), "learn:room")
                end = await processes.ended(process, lambda line: _progress(job, line))
        except TimeoutError:
            job.state, job.problem = LearnState.FAILED, "Learning took too long."
        except OSError as error:
            job.state, job.problem = LearnState.FAILED, f"Learning could not start ({error})."
        else:
            _end(job, end)
        finally:
            if making_room is not None:
                making_room.cancel()
            job.process = None
            job.ended_at = job.ended_at or utc_now()
            if job.active:
                job.state = LearnState.STOPPED

    async def _make_room(self, job: LearnJob) -> None:
        """Pause while a roast is in progress."""
        while hasattr(signal, "SIGSTOP"):
            wanted = LearnState.PAUSED if self._roasting() else LearnState.RUNNING
            if job.active and job.state is not wanted:
                job.state = wanted
                paused = wanted is LearnState.PAUSED
                self._signal(job, signal.SIGSTOP if paused else signal.SIGCONT)
            await asyncio.sleep(LOOK_EVERY_S)

    def _kill(self, job: LearnJob) -> None:
        if job.process is not None:
            with contextlib.suppress(ProcessLookupError):
                job.process.kill()

    def _signal(self, job: LearnJob, number: int) -> None:
        """To the process and the threads and processes that it started."""
        if job.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(job.process.pid, number)


_EMPTY: dict[str, Any] = {
    "state": LearnState.IDLE,
    "station": None,
    "started_at": None,
    "ended_at": None,
    "progress": "",
    "problem": None,
    "outcome": None,
    "written": False,
}


def _progress(job: LearnJob, line: str) -> None:
    job.progress = line[:200]


def _end(job: LearnJob, end: Ended) -> None:
    if job.state is LearnState.STOPPED:
        return
    try:
        if end.status == 0:
            job.found = json.loads(end.output)
    except ValueError:
        pass
    if job.found is None:
        job.state, job.problem = LearnState.FAILED, end.sentence
    else:
        job.state = LearnState.DONE
    job.progress = ""


def _outcome(found: dict[str, Any]) -> dict[str, Any]:
    """The figures of a run, before and after."""

    def figures(of: str) -> dict[str, Any]:
        return {name: found[f"{name}_{of}"] for name in ("cost_s", "wrong", "delay_s")}

    return {
        "recordings": found["recordings"],
        "better": found["better"],
        "fine_tuned": found["fine_tuned"],
        "labelled_moments": found["labelled_moments"],
        "before": figures("shipped"),
        "after": figures("held_back"),
        "rows": [
            {
                "recording": row["recording"],
                "delay_s_before": row["delay_s_shipped"],
                "wrong_before": row["wrong_shipped"],
                "delay_s_after": row["delay_s_held_back"],
                "wrong_after": row["wrong_held_back"],
            }
            for row in found["outcomes"]
        ],
    }


def _calibrations(folder: Path) -> list[dict[str, Any]]:
    """What holds for each station; a file that is damaged is left out."""
    found = []
    for path in sorted(folder.glob("calibration/*.json"))[:_MOST_STATIONS]:
        try:
            known = calibration.read(path)
            written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except (SettingsError, OSError):
            continue
        if known is not None:
            found.append(
                {
                    "station": path.stem,
                    "model_id": known.model_id,
                    "sensitivity": known.sensitivity,
                    "pop_threshold": known.pop_threshold,
                    "fine_tuned": known.exit_delta is not None,
                    "written_at": written_at,
                }
            )
    return found
