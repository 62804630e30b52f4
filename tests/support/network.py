"""A network of its own, in which `roaster stop` finds the guardians of one test only."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from tests.support.guarded import end

needs_a_network = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("unshare") is None, reason="makes a network of its own"
)


class Network:
    """Programs run in it by `python`, and none outlives it."""

    def __init__(self, first: int) -> None:
        self._enter = ("nsenter", "--target", str(first), "--net")
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
async def network() -> AsyncIterator[Network]:
    """Make one: before its first program runs, who enters it would stay in the computer's own."""
    first = await asyncio.create_subprocess_exec(
        *("unshare", "--net", "sh", "-c", "echo ready; exec sleep 600"),
        stdout=asyncio.subprocess.PIPE,
    )
    made = Network(first.pid)
    try:
        assert first.stdout is not None
        assert await first.stdout.readline() == b"ready\n"
        yield made
    finally:
        for process in made.started:
            await end(process)
        first.send_signal(signal.SIGKILL)
        await first.communicate()
