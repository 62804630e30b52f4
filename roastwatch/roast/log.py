"""The roast log of a running service: durable before told, and never in the way of the roast.

One thread owns the connection. What is to be written waits in order; `commit` writes everything
that waits in one transaction and says whether that was durable within 200 ms. What can't be
written waits, is tried again every second, and shows as a problem of the log's part meanwhile.

    async with RoastLog.open(path, part) as log:
        opened = await log.resume("roaster")
        await log.start_roast(roast_id, "roaster", started_at)
        log.record_reading(roast_id, reading, elapsed_s)
        durable = await log.commit(event)
        await log.end_roast(roast_id)
"""

import asyncio
import contextlib
import json
import logging
import shutil
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from roastwatch.roast import log_resume, log_writes
from roastwatch.roast.log_resume import OpenRoast, WaitingAlert
from roastwatch.roast.log_schema import (
    LogError,
    explained,
    explanation,
    make_room,
    open_log,
    transaction,
)
from roastwatch.roast.log_writes import Write, utc_now
from roastwatch.supervise import Part
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    Evidence,
    PartState,
    Reading,
    RoastEvent,
)

T = TypeVar("T")
_LOGGER = logging.getLogger("roastwatch.log")

DURABLE_WITHIN_S = 0.2
"""An event that is not durable by then is told all the same, marked unlogged."""
FLUSH_S = 2.0
"""Readings wait so long for company: one transaction, one write to the card, for several."""
RETRY_S = 1.0
WAITING_LIMIT = 20_000
"""Writes kept while the log fails: five hours of readings. The oldest readings go first."""
LIVE_BUSY_MS = 1000
_PLENTY_BYTES = 64 * 1024 * 1024
"""With less on the disk nothing is set aside on it."""
RESUME_WITHIN_S = 1800.0
"""A roast that was last heard of longer ago is over, not in progress."""


@dataclass(slots=True)
class _Roast:
    head: log_writes.RoastHead
    next_seq: int = 0
    score_second: int = -1
    score: tuple[float, float, float] | None = None


class RoastLog:
    """See the module. Made by `RoastLog.open`, used inside `async with`."""

    def __init__(self, path: Path, part: Part | None = None) -> None:
        self.path = path
        self.part = part or Part("log")
        self._roasts: dict[str, _Roast] = {}
        self._waiting: deque[Write] = deque()
        self._waiting_lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="roast-log")
        self._flushing: asyncio.Task[None] | None = None
        self._healthy = True
        self._slow: asyncio.Future[None] | None = None

    @classmethod
    def open(cls, path: Path, part: Part | None = None) -> "RoastLog":
        """A log to be entered.

        Args:
            path: the database file; made with its folder where there is none.
            part: where problems are shown.
        """
        return cls(path, part)

    async def __aenter__(self) -> "RoastLog":
        """Open it.

        Raises:
            LogError: it can't be opened or written; one sentence.
        """
        try:
            await self._on_thread(self._open)
        except BaseException:
            self._thread.shutdown()
            raise
        self.part.running()
        self._flushing = asyncio.create_task(self._flush_forever(), name="log: flush")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what waits, and close."""
        if self._flushing:
            self._flushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flushing
        for roast_id in list(self._roasts):
            self._take_score(roast_id)
        try:
            await asyncio.shield(self._on_thread(self._close))
        finally:
            self._thread.shutdown(wait=False)
            self.part.state = PartState.STOPPED

    @property
    def healthy(self) -> bool:
        """Whether the last write succeeded. While it is False, heat must not be raised."""
        return self._healthy

    # What is written -------------------------------------------------------------------------

    async def start_roast(
        self,
        roast_id: str,
        station: str,
        started_at: datetime,
        *,
        title: str = "",
        properties: dict[str, Any] | None = None,
    ) -> bool:
        """A roast begins; `started_at` (UTC) is its second 0. False if it is not durable yet."""
        head = log_writes.RoastHead(
            roast_id, station, started_at, title, json.dumps(properties or {}, ensure_ascii=False)
        )
        self._roasts[roast_id] = _Roast(head)
        return await self._durably(head)

    async def end_roast(self, roast_id: str, ended_at: datetime | None = None) -> bool:
        """A roast is over. False if that is not durable yet."""
        self._take_score(roast_id)
        self._roasts.pop(roast_id, None)
        return await self._durably(log_writes.EndWrite(roast_id, ended_at or utc_now()))

    async def commit(self, event: RoastEvent, elapsed_s: float | None = None) -> bool:
        """Make an event durable before it is told.

        Args:
            event: the event as it stands now.
            elapsed_s: when it happened, in seconds since the roast's `started_at`; None = made
                from `happened_at`.

        Returns:
            True when it is durable. False when the log failed or took longer than 200 ms: tell
            it all the same with `unlogged=True`; it is written, so marked, as soon as may be.
        """
        durable = await self._durably(log_writes.EventWrite(event, elapsed_s))
        if not durable:
            self.part.count("unlogged_events")
            self._wait(log_writes.Unlogged(event.event_id))
        return durable

    def record_reading(self, roast_id: str, reading: Reading, elapsed_s: float) -> None:
        """A reading at so many seconds since the roast's `started_at`. Never waits."""
        roast = self._roasts.get(roast_id)
        if roast is None:
            return
        self._wait(log_writes.ReadingWrite(roast_id, roast.next_seq, elapsed_s, reading))
        roast.next_seq += 1

    def record_pops(self, roast_id: str, pops: Iterable[tuple[float, float]]) -> None:
        """Pops: seconds since the roast's `started_at`, probability. Never waits."""
        rows = tuple(pops)
        if rows:
            self._wait(log_writes.Rows("pops", roast_id, rows))

    def record_scores(
        self, roast_id: str, elapsed_s: float, probability: float, decision: float
    ) -> None:
        """A score, thinned to the most probable of each second. Never waits."""
        roast = self._roasts.get(roast_id)
        if roast is None:
            return
        if int(elapsed_s) != roast.score_second:
            self._take_score(roast_id)
            roast.score_second = int(elapsed_s)
        if roast.score is None or probability >= roast.score[1]:
            roast.score = (elapsed_s, probability, decision)

    def record_evidence(self, roast_id: str, evidence: Evidence) -> None:
        """What a witness says of first crack, kept apart from the others'. Never waits."""
        self._wait(log_writes.EvidenceWrite(roast_id, evidence))

    def record_command(
        self, command: Command, result: CommandResult, elapsed_s: float | None = None
    ) -> None:
        """A command and its outcome, an interlock's doing included. Never waits."""
        now = utc_now()
        roast = next((r for r in self._roasts.values() if r.head.station == command.station), None)
        if roast and elapsed_s is None:
            elapsed_s = (now - roast.head.recording_started_at).total_seconds()
        roast_id = roast.head.roast_id if roast else None
        self._wait(log_writes.CommandWrite(command, result, roast_id, elapsed_s, now))

    def record_note(self, roast_id: str, elapsed_s: float, text: str) -> None:
        """A remark on the curve. Never waits."""
        self._wait(log_writes.Rows("controls", roast_id, ((elapsed_s, "note", None, text),)))

    def record_clip(
        self, roast_id: str, path: str, from_s: float, duration_s: float, note: str = ""
    ) -> None:
        """Where a stretch of the roast's sound is kept. Never waits."""
        self._wait(log_writes.Rows("clips", roast_id, ((path, from_s, duration_s, note),)))

    def record_label(self, event_id: str, label: str, by: str = "") -> None:
        """What a person said of an event (`crack`, `not_a_crack`). Never waits."""
        self._wait(log_writes.LabelWrite(event_id, label, by, utc_now()))

    # The outbox ------------------------------------------------------------------------------

    async def outbox_add(
        self,
        alert_id: str,
        payload: dict[str, Any],
        *,
        due_at: datetime | None = None,
        expires_at: datetime | None = None,
        event_id: str = "",
        target: str = "",
    ) -> bool:
        """Keep an alert until `outbox_done`. False if it is not durable yet."""
        now = utc_now()
        text = json.dumps(payload, ensure_ascii=False)
        return await self._durably(
            log_writes.AlertWrite(alert_id, text, due_at or now, expires_at, event_id, target, now)
        )

    async def outbox_due(
        self, now: datetime | None = None, target: str | None = None
    ) -> list[WaitingAlert]:
        """The alerts to try now, oldest first; empty while the log fails."""
        try:
            return await self._on_thread(
                lambda: log_resume.due_alerts(self._opened(), now or utc_now(), target)
            )
        except (LogError, sqlite3.Error) as error:
            self._failed(error)
            return []

    async def outbox_done(self, alert_id: str) -> bool:
        """The alert was delivered, or is not wanted any more."""
        return await self._durably(log_writes.AlertDone(alert_id))

    async def outbox_failed(self, alert_id: str, problem: str, try_again_at: datetime) -> bool:
        """The alert could not be delivered; it is due again at a time."""
        return await self._durably(log_writes.AlertFailed(alert_id, problem, try_again_at))

    # After a crash ---------------------------------------------------------------------------

    async def resume(
        self, station: str, now: datetime | None = None, within_s: float = RESUME_WITHIN_S
    ) -> OpenRoast | None:
        """The roast that was in progress when the service ended, marked with its gap.

        Args:
            station: whose roast.
            now: the moment (UTC).
            within_s: a roast last heard of longer ago is closed instead.

        Raises:
            LogError: the log can't be read.
        """
        now = now or utc_now()

        def look() -> tuple[OpenRoast | None, list[Write]]:
            with explained(self.path):
                return log_resume.find_open(self._opened(), station, now, within_s)

        roast, writes = await self._on_thread(look)
        for write in writes:
            await self._durably(write)
        if roast is None:
            return None
        head = log_writes.RoastHead(roast.roast_id, station, roast.started_at, roast.title)
        self._roasts[roast.roast_id] = _Roast(head, next_seq=roast.next_seq)
        return roast

    # How it is written -----------------------------------------------------------------------

    def _wait(self, write: Write) -> None:
        with self._waiting_lock:
            self._waiting.append(write)
            if len(self._waiting) > WAITING_LIMIT:
                self._make_room()

    def _make_room(self) -> None:
        """Readings and scores may be lost to a log that fails for hours; events may not."""
        light = log_writes.ReadingWrite | log_writes.Rows | log_writes.EvidenceWrite
        place = next((n for n, w in enumerate(self._waiting) if isinstance(w, light)), 0)
        del self._waiting[place]
        self.part.count("lost_writes")

    def _take_score(self, roast_id: str) -> None:
        roast = self._roasts.get(roast_id)
        if roast and roast.score:
            self._wait(log_writes.Rows("scores", roast_id, (roast.score,)))
            roast.score = None

    async def _durably(self, write: Write) -> bool:
        """Write it and what waits before it; False when that fails or takes too long."""
        self._wait(write)
        if self._slow is not None and not self._slow.done():
            return False  # who waits for a slow disk already need not be waited for again
        flush = self._on_thread(self._write_waiting)
        done, _ = await asyncio.wait({flush}, timeout=DURABLE_WITHIN_S)
        if done:
            return self._succeeded(flush)
        self._slow = flush
        flush.add_done_callback(self._succeeded)
        self.part.trouble(
            PartState.DEGRADED, f"The roast log {self.path} is slow: events are told first."
        )
        return False

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S if self._healthy else RETRY_S)
            if self._waiting or not self._healthy:
                await self._flush()

    async def _flush(self) -> bool:
        """Write everything that waits now. False when it could not be; it waits on."""
        flush = self._on_thread(self._write_waiting)
        await asyncio.wait({flush})
        return self._succeeded(flush)

    def _succeeded(self, flush: "asyncio.Future[None]") -> bool:
        """Whether a flush that has ended wrote everything; what stopped it is shown."""
        if flush.cancelled():
            return False
        error = flush.exception()
        if isinstance(error, LogError | sqlite3.Error):
            self._failed(error)
            return False
        if error is not None:
            raise error
        self._healthy = True
        self.part.running()
        return True

    def _failed(self, error: Exception) -> None:
        self._healthy = False
        text = explanation(error, self.path) if isinstance(error, sqlite3.Error) else str(error)
        self.part.trouble(PartState.DEGRADED, text)

    def _on_thread(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._thread, call)

    # On the log's own thread -----------------------------------------------------------------

    def _open(self) -> None:
        connection = open_log(self.path, busy_ms=LIVE_BUSY_MS)
        try:
            with explained(self.path), transaction(connection):
                # A write now tells a full or a read-only disk before the roast does.
                connection.execute(
                    "INSERT OR REPLACE INTO meta VALUES ('opened_at', ?)",
                    (utc_now().isoformat(),),
                )
            if shutil.disk_usage(self.path.parent).free > _PLENTY_BYTES:
                with explained(self.path):
                    make_room(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._inode = self.path.stat().st_ino

    def _opened(self) -> sqlite3.Connection:
        """The connection, opened anew where it broke or its file was moved away."""
        if self._connection is not None and self._inode != _inode(self.path):
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
        """Take what waits; what can't be written goes back to the front, in its order."""
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
        heads = [roast.head for roast in list(self._roasts.values())]
        try:
            with transaction(connection):
                for write in (*heads, *batch):
                    write.apply(connection)
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
            self._write_singly(connection, [*heads, *batch])
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "") or ""
            if not name.startswith(("SQLITE_BUSY", "SQLITE_FULL")):
                self._drop()
            raise

    def _write_singly(self, connection: sqlite3.Connection, batch: list[Write]) -> None:
        """One write that the tables refuse must not hold up the others."""
        with transaction(connection):
            for write in batch:
                connection.execute("SAVEPOINT one")
                try:
                    write.apply(connection)
                except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
                    _LOGGER.exception("the log refuses %r", write)
                    connection.execute("ROLLBACK TO one")
                connection.execute("RELEASE one")

    def _close(self) -> None:
        try:
            if self._waiting:
                self._write_waiting()
        except (LogError, sqlite3.Error) as error:
            self._failed(error)
        self._drop()


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None
