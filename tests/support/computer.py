"""A computer of its own, as far as guardians go: a network and processes that only one test has."""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

NAMESPACES = ("unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child")
needs_a_computer = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("unshare") is None, reason="makes namespaces of its own"
)


class Computer:
    """Programs run on it by `run`, and none outlives it."""

    def __init__(self, first: int) -> None:
        self._enter = ("nsenter", "--target", str(first), "--net", "--pid", "--mount")
        self.started: list[asyncio.subprocess.Process] = []

    async def python(self, *words: str, **environment: str) -> asyncio.subprocess.Process:
        """Start Python with these arguments."""
        process = await asyncio.create_subprocess_exec(
            *self._enter,
            sys.executable,
            *words,
            env=os.environ | environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self.started.append(process)
        return process


@contextlib.asynccontextmanager
async def computer() -> AsyncIterator[Computer]:
    """Make one: it is ready once its first program runs, which is what enters the namespaces."""
    first = await asyncio.create_subprocess_exec(
        *NAMESPACES, "sh", "-c", "echo ready; exec sleep 600", stdout=asyncio.subprocess.PIPE
    )
    assert first.stdout is not None
    made: Computer | None = None
    try:
        assert await first.stdout.readline() == b"ready\n"
        (child,) = children(first.pid)
        made = Computer(child)
        yield made
    finally:
        first.kill()  # and all that runs there
        await first.communicate()
        for process in made.started if made is not None else ():
            with contextlib.suppress(ProcessLookupError):
                process.kill()  # it stops itself if what it started is stopped
            out, _ = await process.communicate()
            sys.stdout.write(out.decode())  # pytest shows it where the test fails


def children(pid: int) -> list[int]:
    """The processes that a process has started, in any thread."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(word) for one in threads for word in (one / "children").read_text().split()]


def number_there(pid: int) -> int:
    """The number by which its own computer knows a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("NSpid:")).split()[-1])
