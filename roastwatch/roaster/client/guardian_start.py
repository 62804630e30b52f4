"""Starts guardians: a process of its own, and a spare that waits to take over."""

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from roastwatch.errors import LostError
from roastwatch.roaster.client.hang import is_stopped

GO = b"go\n"
"""The word on which a spare becomes the guardian."""
END = b"end\n"
"""The word on which a spare ends. A spare whose pipe ends without a word has lost its service: it
becomes the guardian if there is none, so that heat goes off even if both were killed."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a guardian: the words of its command line, and the JSON for its stdin.

    That JSON may hold secrets (a broker's password), so it is not on the command line.
    """

    words: Sequence[str]
    spec: dict[str, Any]


_started: list["subprocess.Popen[bytes]"] = []
"""Guardians outlive their client on purpose; those we started are reaped when they end."""


class Starter:
    """Starts guardians for one machine, from the spare if there is one.

    A new Python process takes a second or more on a small computer, and can't start at all when
    files or memory have run out. The spare has everything loaded and takes over at once.
    """

    def __init__(self, launch: Launch, path: Path | None) -> None:
        self._launch = launch
        self._path = path
        self._spare: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    async def start(self) -> "subprocess.Popen[bytes]":
        """Start a guardian.

        Raises:
            LostError: the operating system refuses; the text says why.
        """
        self._end_stopped()
        spare, self._spare = self._spare, None
        if spare is not None and _say(spare, GO) and spare.poll() is None:
            return spare
        return await self._in_thread(lambda: self._begin(GO))

    async def keep_spare(self) -> None:
        """Keep a spare ready; without one, a guardian starts as a new process."""
        self._end_stopped()
        if self._spare is not None and self._spare.poll() is not None:
            _say(self._spare, END)
            self._spare = None
        if self._spare is None:
            with contextlib.suppress(LostError):
                await self._in_thread(self._make_spare)

    def has_taken_over(self, pid: int | None) -> None:
        """Note which process is the guardian now: if it was the spare, that is used up."""
        if self._spare is not None and self._spare.pid == pid:
            _say(self._spare, GO)
            self._spare = None

    def is_stopped(self, child: "subprocess.Popen[bytes]") -> bool:
        """Whether a started guardian is stopped (SIGSTOP); if so it is killed."""
        stopped = child.poll() is None and is_stopped(child.pid)
        if stopped:
            child.kill()
            _say(child, END)
        return stopped

    def _end_stopped(self) -> None:
        if self._spare is not None and self.is_stopped(self._spare):
            self._spare = None

    def close(self) -> None:
        """End the spare."""
        self._is_closed = True
        if self._spare is not None:
            _say(self._spare, END)
        self._spare = None

    def why_not(self, child: "subprocess.Popen[bytes] | None") -> str:
        """Why a guardian that was started does not listen."""
        tail = ""
        with contextlib.suppress(OSError, AttributeError):
            lines = self._log.read_text(errors="replace").strip().splitlines()
            tail = lines[-1].removeprefix("roastwatch: ") if lines else ""
        return tail or "The guardian of the roaster could not be started."

    @property
    def _log(self) -> Path:
        return Path(os.devnull) if self._path is None else self._path.with_suffix(".log")

    async def _in_thread(
        self, work: "Callable[[], subprocess.Popen[bytes]]"
    ) -> "subprocess.Popen[bytes]":
        """Start a process in a thread, so that a cancelled caller leaves no half of one behind."""
        try:
            return await asyncio.to_thread(work)
        except (OSError, RuntimeError) as error:
            raise LostError(self._refused(error)) from error

    def _make_spare(self) -> "subprocess.Popen[bytes]":
        child = self._begin()
        if self._spare is not None:  # a cancelled call has made one meanwhile
            _say(self._spare, END)
        self._spare = child
        if self._is_closed:
            self.close()
        return child

    def _begin(self, word: bytes = b"") -> "subprocess.Popen[bytes]":
        child = self._popen()
        _started[:] = [
            other for other in _started if other.poll() is None
        ]  # reaps those that ended
        _started.append(child)
        _say(child, json.dumps(self._launch.spec).encode() + b"\n")
        if word:
            _say(child, word)
        return child

    def _refused(self, error: Exception) -> str:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, FileNotFoundError | PermissionError):
            return (
                f"No guardian of the roaster can be started: {self._launch.words[0]} can't be run "
                f"({reason}). Install roastwatch again."
            )
        return f"No guardian of the roaster can be started ({reason}): end other programs."

    def _popen(self) -> "subprocess.Popen[bytes]":
        """A process that outlives this one: its own session, and no open pipe of ours."""
        with self._output() as out:
            return subprocess.Popen(
                list(self._launch.words),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
                cwd="/",
            )

    def _output(self) -> IO[bytes]:
        """Its log file, or /dev/null if the runtime folder can't be made."""
        try:
            self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._log.open("ab")
        except OSError:
            return Path(os.devnull).open("ab")


def _say(child: "subprocess.Popen[bytes]", line: bytes) -> bool:
    """Write a line to it, and close the pipe after the last one; False: it is gone."""
    if child.stdin is None or child.stdin.closed:
        return False
    try:
        child.stdin.write(line)
        child.stdin.flush()
        return True
    except OSError:
        return False
    finally:
        if line in (GO, END):
            with contextlib.suppress(OSError):
                child.stdin.close()
