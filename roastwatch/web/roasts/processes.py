"""Work of a kind that does not belong into the service: it runs as a command in its own process.

A file from outside can take seconds and much memory to read, a picture loads a large library, and
learning takes minutes. As processes of low priority they can't delay detection or events, and a
limit ends them.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

SOMEBODY_WAITS, NOBODY_WAITS = 5, 15
"""How nice a process is."""
_MOST_BYTES = 4 * 1024 * 1024
"""Of output that is kept."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    status: int
    output: str
    errors: str

    @property
    def sentence(self) -> str:
        """Its last line about what went wrong."""
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        if not lines:
            return f"It ended with status {self.status}."
        return lines[-1].removeprefix("roastwatch: ")


@contextlib.asynccontextmanager
async def running(
    *arguments: str | Path, nice: int = SOMEBODY_WAITS, reads: bool = False
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command of roastwatch as a process of low priority; it is killed when the block ends.

    `reads`: it gets a standard input, which `ended` writes.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "roastwatch", *map(str, arguments),
        stdin=asyncio.subprocess.PIPE if reads else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"},
        start_new_session=True,
    )  # fmt: skip
    try:
        if hasattr(os, "setpriority"):
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, nice)
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its workers hold its pipes, too
        await asyncio.shield(process.communicate())


async def ended(
    process: asyncio.subprocess.Process,
    said: Callable[[str], None] = lambda _line: None,
    given: bytes = b"",
) -> Ended:
    """Wait for a process that reads `given`; `said` is called with each line of its errors."""
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors, _, _ = await asyncio.gather(
        _all(process.stdout),
        _lines(process.stderr, said),
        process.wait(),
        _give(process.stdin, given),
    )
    return Ended(process.returncode or 0, output, errors)


async def _give(stream: asyncio.StreamWriter | None, given: bytes) -> None:
    if stream is None:
        return
    with contextlib.suppress(ConnectionError):  # it ended before it read all
        stream.write(given)
        await stream.drain()
    stream.close()


async def _all(stream: asyncio.StreamReader) -> str:
    kept = bytearray()
    while piece := await stream.read(65_536):
        kept += piece[: _MOST_BYTES - len(kept)]
    return kept.decode("utf-8", "replace")


async def _lines(stream: asyncio.StreamReader, said: Callable[[str], None]) -> str:
    kept: list[str] = []
    rest = b""
    while piece := await stream.read(4096):
        *whole, rest = (rest + piece).split(b"\n")
        rest = rest[-4096:]
        for line in whole:
            text = line.decode("utf-8", "replace").rstrip()
            said(text)
            kept = [*kept, text][-50:]
    return "\n".join([*kept, rest.decode("utf-8", "replace")])
