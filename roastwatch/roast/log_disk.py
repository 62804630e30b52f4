"""The disk's part of being durable, beside the roast: what the log has written is flushed.

A commit in SQLite's `synchronous = NORMAL` hands its pages to the operating system: they survive
the death of this process, however it dies. For a pulled plug the disk must have them too, which
takes a virtual disk some milliseconds and a memory card many. Nobody waits for that.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_flush: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


def flush(path: Path) -> None:
    """Return when the disk has what was written to the write-ahead log of a database.

    Raises:
        OSError: it doesn't take it.
    """
    with contextlib.suppress(FileNotFoundError):  # checkpointed and gone: the database has it
        handle = os.open(path.with_name(f"{path.name}-wal"), os.O_RDWR)
        try:
            _flush(handle)
        finally:
            os.close(handle)


class Disk:
    """Flushes on a thread of its own; what is written meanwhile is flushed together, next."""

    def __init__(self, path: Path, failed: Callable[[OSError], None]) -> None:
        """`failed` is called on the loop with what went wrong, each time."""
        self._path = path
        self._failed = failed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="roast-log-disk")
        self._task: asyncio.Task[None] | None = None
        self._wanted = False
        self._since_s: float | None = None
        self.healthy = True
        """Whether the newest flush succeeded."""

    def flush_soon(self) -> None:
        """Something was written."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="log: disk")

    def busy_s(self) -> float:
        """For how long the flush that runs now has run, in seconds; 0: none runs."""
        return 0.0 if self._since_s is None else time.monotonic() - self._since_s

    async def close(self) -> None:
        """Wait for what runs."""
        if self._task is not None:
            await self._task
        self._thread.shutdown(wait=False)

    async def _run(self) -> None:
        while self._wanted:
            self._wanted = False
            self._since_s = time.monotonic()
            call = asyncio.get_running_loop().run_in_executor(self._thread, flush, self._path)
            try:
                await call
                self.healthy = True
            except OSError as error:
                self.healthy = False
                self._failed(error)
            finally:
                self._since_s = None
