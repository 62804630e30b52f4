"""Make writes durable, in order, on one thread.

The thread owns the connection. `later` adds a write to the queue; `durably` writes the whole queue
in one transaction and reports whether that took no more than 200 ms. Writes that fail stay queued
and are retried every second; meanwhile the log's component shows a problem.
"""

import asyncio
import contextlib
import logging
import shutil
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from roastwatch.roastlog import writes as log_writes
from roastwatch.roastlog.file import (
    LogError,
    explained,
    explanation,
    make_room,
    open_log,
    transaction,
)
from roastwatch.roastlog.writes import Write, utc_now
from roastwatch.supervise import Background, ComponentHealth
from roastwatch.vocabulary import ComponentState

T = TypeVar("T")
_log = logging.getLogger(__name__)

DURABLE_WITHIN_S = 0.2
"""An event that is not durable by then is sent anyway, marked as unlogged."""
FLUSH_S = 2.0
"""Readings are collected for this long, to write several to the card in one transaction."""
RETRY_S = 1.0
WAITING_LIMIT = 20_000
"""Writes kept while the log fails: five hours of readings. The oldest readings are dropped."""
LIVE_BUSY_MS = 1000
_REFUSED = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    UnicodeError,
    OverflowError,
)
"""Errors with which the tables or SQLite's adapter refuse a single write (half a surrogate pair, a
number of more than 64 bits). The same write would be refused again."""
_PLENTY_BYTES = 64 * 1024 * 1024
"""Free space on the disk below which no space is reserved."""


class DurableWriter:
    """See the module. Called on the loop, between `open` and `close`; `later` from any thread."""

    def __init__(
        self, path: Path, part: ComponentHealth, heads: Callable[[], Sequence[Write]]
    ) -> None:
        """Open nothing yet.

        Args:
            path: the database file.
            part: where problems are shown.
            heads: returns the writes that each batch depends on and that are repeated before it;
                called on the writer's thread.
        """
        self._path = path
        self._part = part
        self._heads = heads
        self._waiting: deque[Write] = deque()
        self._waiting_lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="roast-log")
        self._flushing: asyncio.Task[None] | None = None
        self._healthy = True
        self._slow: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Open the file; make it and its folder if there is none.

        Raises:
            LogError: it can't be opened or written; one sentence.
        """
        try:
            await self._on_thread(self._open)
        except BaseException:
            self._thread.shutdown()
            raise
        self._part.running()
        self._flushing = Background(self._part).keep(self._flush_forever, "log: flush")

    async def stop_flushing(self) -> None:
        """Stop the periodic writes; the queue is left to `close`."""
        if self._flushing:
            self._flushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flushing

    async def close(self) -> None:
        """Write the queue, and close."""
        try:
            await asyncio.shield(self._on_thread(self._close))
        finally:
            self._thread.shutdown(wait=False)
            self._part.state = ComponentState.STOPPED

    @property
    def healthy(self) -> bool:
        """Whether the last write succeeded."""
        return self._healthy

    def later(self, write: Write) -> None:
        """Queue a write for the next batch. Never waits."""
        with self._waiting_lock:
            self._waiting.append(write)
            if len(self._waiting) > WAITING_LIMIT:
                self._make_room()

    async def durably(self, write: Write) -> bool:
        """Write it and the queue before it; False if that fails or takes too long."""
        self.later(write)
        if self._slow is not None and not self._slow.done():
            return False  # the disk is known to be slow: do not wait again
        flush = self._on_thread(self._write_waiting)
        done, _ = await asyncio.wait({flush}, timeout=DURABLE_WITHIN_S)
        if done:
            return self._succeeded(flush)
        self._slow = flush
        flush.add_done_callback(self._succeeded)
        self._part.trouble(
            ComponentState.DEGRADED,
            f"The roast log {self._path} is slow: events are sent before they are logged.",
        )
        return False

    async def flush(self) -> bool:
        """Write the whole queue now. False if that failed; it stays queued."""
        flush = self._on_thread(self._write_waiting)
        await asyncio.wait({flush})
        return self._succeeded(flush)

    def read(self, call: Callable[[sqlite3.Connection], T]) -> "asyncio.Future[T]":
        """The result of a call with the connection, on the writer's thread.

        Raises (when awaited):
            LogError: a broken log can't be reopened; and what the call raises.
        """
        return self._on_thread(lambda: call(self._opened()))

    def failed(self, error: Exception) -> None:
        """Show why the log failed; it is retried."""
        self._healthy = False
        text = explanation(error, self._path) if isinstance(error, sqlite3.Error) else str(error)
        self._part.trouble(ComponentState.DEGRADED, text)

    def _make_room(self) -> None:
        """Drop the oldest readings and scores if the log fails for hours; never events."""
        light = log_writes.ReadingWrite | log_writes.Rows | log_writes.EvidenceWrite
        place = next((n for n, w in enumerate(self._waiting) if isinstance(w, light)), 0)
        del self._waiting[place]
        self._part.count("lost_writes")

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S if self._healthy else RETRY_S)
            if self._waiting or not self._healthy:
                await self.flush()

    def _succeeded(self, flush: "asyncio.Future[None]") -> bool:
        """Whether a finished flush wrote everything; an error is shown."""
        if flush.cancelled():
            return False
        error = flush.exception()
        if isinstance(error, LogError | sqlite3.Error):
            self.failed(error)
            return False
        if error is not None:
            raise error
        self._healthy = True
        self._part.running()
        return True

    def _on_thread(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._thread, call)

    # On the writer's own thread --------------------------------------------------------------

    def _open(self) -> None:
        connection = open_log(self._path, busy_ms=LIVE_BUSY_MS)
        try:
            with explained(self._path), transaction(connection):
                # A write now reveals a full or read-only disk before the roast does.
                connection.execute(
                    "INSERT OR REPLACE INTO meta VALUES ('opened_at', ?)",
                    (utc_now().isoformat(),),
                )
            if shutil.disk_usage(self._path.parent).free > _PLENTY_BYTES:
                with explained(self._path):
                    make_room(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._inode = self._path.stat().st_ino

    def _opened(self) -> sqlite3.Connection:
        """The connection, reopened if it broke or its file was moved away."""
        if self._connection is not None and self._inode != _inode(self._path):
            self._drop()
        if self._connection is None:
            self._open()
        assert self._connection is not None
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def _write_waiting(self) -> None:
        """Take the queue; what can't be written goes back to its front, in order."""
        with self._waiting_lock:
            batch = list(self._waiting)
            self._waiting.clear()
        try:
            self._write(batch)
        except BaseException:
            with self._waiting_lock:
                self._waiting.extendleft(reversed(batch))
            raise

    def _write(self, batch: list[Write]) -> None:
        connection = self._opened()
        heads = self._heads()
        try:
            with transaction(connection):
                for write in (*heads, *batch):
                    write.apply(connection)
        except _REFUSED:
            self._write_singly(connection, [*heads, *batch])
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "") or ""
            if not name.startswith(("SQLITE_BUSY", "SQLITE_FULL")):
                self._drop()
            raise

    def _write_singly(self, connection: sqlite3.Connection, batch: list[Write]) -> None:
        """Apply a write; one that the tables refuse must not block the others."""
        with transaction(connection):
            for write in batch:
                connection.execute("SAVEPOINT one")
                try:
                    write.apply(connection)
                except _REFUSED:
                    _log.exception("The log refuses %r", write)
                    connection.execute("ROLLBACK TO one")
                connection.execute("RELEASE one")

    def _close(self) -> None:
        try:
            if self._waiting:
                self._write_waiting()
        except (LogError, sqlite3.Error) as error:
            self.failed(error)
        self._drop()


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None
