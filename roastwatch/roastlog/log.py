"""The roast log of a running service: events are durable before they are sent, and never delayed.

This module says what is recorded, and as which rows; writer.py writes them. `commit` reports
whether the event, and with it everything recorded before, is durable.

    async with RoastLog.open(path, part) as log:
        opened = await log.resume("roaster")
        await log.start_roast(roast_id, "roaster", started_at)
        log.record_reading(roast_id, reading, elapsed_s)
        durable = await log.commit(event)
        await log.end_roast(roast_id)
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from roastwatch.roastlog import outbox as log_outbox
from roastwatch.roastlog import resume as log_resume
from roastwatch.roastlog import writes as log_writes
from roastwatch.roastlog.file import LogError, explained
from roastwatch.roastlog.outbox import StoredAlert
from roastwatch.roastlog.resume import OpenRoast
from roastwatch.roastlog.writer import DurableWriter
from roastwatch.roastlog.writes import Write, utc_now
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import Command, CommandResult, Evidence, Reading, RoastEvent

RESUME_WITHIN_S = 1800.0
"""A roast whose last record is older than this is over, not in progress."""


@dataclass(slots=True)
class _Roast:
    head: log_writes.RoastHead
    next_seq: int = 0
    score_second: int = -1
    score: tuple[float, float, float] | None = None


class RoastLog:
    """See the module. Made by `RoastLog.open`, used inside `async with`."""

    def __init__(self, path: Path, part: ComponentHealth | None = None) -> None:
        self.path = path
        self.part = part or ComponentHealth("log")
        self._roasts: dict[str, _Roast] = {}
        self._writer = DurableWriter(path, self.part, self._heads)

    @classmethod
    def open(cls, path: Path, part: ComponentHealth | None = None) -> "RoastLog":
        """Make a log to be entered.

        Args:
            path: the database file; made with its folder if there is none.
            part: where problems are shown.
        """
        return cls(path, part)

    async def __aenter__(self) -> "RoastLog":
        """Open it.

        Raises:
            LogError: it can't be opened or written; one sentence.
        """
        await self._writer.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write the queue, and close."""
        await self._writer.stop_flushing()
        for roast_id in list(self._roasts):
            self._take_score(roast_id)
        await self._writer.close()

    @property
    def healthy(self) -> bool:
        """Whether the last write succeeded. While it is False, heat must not be raised."""
        return self._writer.healthy

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
        """Begin a roast; `started_at` (UTC) is its second 0. False if it is not durable yet."""
        head = log_writes.RoastHead(
            roast_id, station, started_at, title, json.dumps(properties or {}, ensure_ascii=False)
        )
        self._roasts[roast_id] = _Roast(head)
        return await self._writer.durably(head)

    async def end_roast(self, roast_id: str, ended_at: datetime | None = None) -> bool:
        """End a roast. False if that is not durable yet."""
        self._take_score(roast_id)
        self._roasts.pop(roast_id, None)
        return await self._writer.durably(log_writes.EndWrite(roast_id, ended_at or utc_now()))

    async def commit(self, event: RoastEvent, elapsed_s: float | None = None) -> bool:
        """Make an event durable before it is sent.

        Args:
            event: the event in its present state.
            elapsed_s: when it happened, in seconds since the roast's `started_at`; None =
                computed from `happened_at`.

        Returns:
            True if it is durable. False if the log failed or took longer than 200 ms: send it
            anyway with `unlogged=True`; it is written with that mark as soon as possible.
        """
        durable = await self._writer.durably(log_writes.EventWrite(event, elapsed_s))
        if not durable:
            self.part.count("unlogged_events")
            self._writer.later(log_writes.Unlogged(event.event_id))
        return durable

    def record_reading(self, roast_id: str, reading: Reading, elapsed_s: float) -> None:
        """Record a reading, `elapsed_s` after the roast's `started_at`. Never waits."""
        roast = self._roasts.get(roast_id)
        if roast is None:
            return
        self._writer.later(log_writes.ReadingWrite(roast_id, roast.next_seq, elapsed_s, reading))
        roast.next_seq += 1

    def record_pops(self, roast_id: str, pops: Iterable[tuple[float, float]]) -> None:
        """Record pops: seconds since the roast's `started_at`, probability. Never waits."""
        rows = tuple(pops)
        if rows:
            self._writer.later(log_writes.Rows("pops", roast_id, rows))

    def record_scores(
        self, roast_id: str, elapsed_s: float, probability: float, decision: float
    ) -> None:
        """Record a score, thinned to the most probable of each second. Never waits."""
        roast = self._roasts.get(roast_id)
        if roast is None:
            return
        if int(elapsed_s) != roast.score_second:
            self._take_score(roast_id)
            roast.score_second = int(elapsed_s)
        if roast.score is None or probability >= roast.score[1]:
            roast.score = (elapsed_s, probability, decision)

    def record_evidence(
        self, roast_id: str, evidence: Evidence, elapsed_s: float | None = None
    ) -> None:
        """Record evidence about first crack, separately for each source. Never waits.

        `elapsed_s` counts from the roast's `started_at`; None: computed from `happened_at`.
        """
        roast = self._roasts.get(roast_id)
        if roast and elapsed_s is None:
            began_at = roast.head.recording_started_at
            elapsed_s = (evidence.happened_at - began_at).total_seconds()
        self._writer.later(log_writes.EvidenceWrite(roast_id, evidence, elapsed_s))

    def record_command(
        self, command: Command, result: CommandResult, elapsed_s: float | None = None
    ) -> None:
        """Record a command and its outcome, including those of interlocks. Never waits.

        `elapsed_s` counts from the roast's `started_at`; None: by the computer's clock.
        """
        now = utc_now()
        roast = next((r for r in self._roasts.values() if r.head.station == command.station), None)
        if roast and elapsed_s is None:
            elapsed_s = (now - roast.head.recording_started_at).total_seconds()
        roast_id = roast.head.roast_id if roast else None
        self._writer.later(log_writes.CommandWrite(command, result, roast_id, elapsed_s, now))

    def record_request(self, station: str, by: str, what: str, refused: str | None) -> None:
        """Record what an agent requested besides commands. Never waits.

        Args:
            station: its name.
            by: who requested it.
            what: the kind of instruction.
            refused: why it was refused; None: it was accepted.
        """
        roast = next((r for r in self._roasts.values() if r.head.station == station), None)
        now = utc_now()
        elapsed_s = (now - roast.head.recording_started_at).total_seconds() if roast else None
        roast_id = roast.head.roast_id if roast else None
        self._writer.later(
            log_writes.RequestWrite(station, by, what, refused, roast_id, elapsed_s, now)
        )

    def record_note(self, roast_id: str, elapsed_s: float, text: str) -> None:
        """Record a note on the curve. Never waits."""
        self._writer.later(
            log_writes.Rows("controls", roast_id, ((elapsed_s, "note", None, text),))
        )

    def record_clip(
        self, roast_id: str, path: str, from_s: float, duration_s: float, note: str = ""
    ) -> None:
        """Record where some of the roast's sound is; a clip's `note` is its event. Never waits."""
        self._writer.later(log_writes.Rows("clips", roast_id, ((path, from_s, duration_s, note),)))

    def record_label(self, event_id: str, label: str, by: str = "") -> None:
        """Record a person's label of an event (`crack`, `not_a_crack`). Never waits."""
        self._writer.later(log_writes.LabelWrite(event_id, label, by, utc_now()))

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
        return await self._writer.durably(
            log_outbox.AlertWrite(alert_id, text, due_at or now, expires_at, event_id, target, now)
        )

    async def outbox_due(
        self, now: datetime | None = None, target: str | None = None
    ) -> list[StoredAlert]:
        """The alerts to try now, oldest first; empty while the log fails."""
        try:
            return await self._writer.read(
                lambda connection: log_outbox.due_alerts(connection, now or utc_now(), target)
            )
        except (LogError, sqlite3.Error) as error:
            self._writer.failed(error)
            return []

    async def outbox_done(self, alert_id: str) -> bool:
        """Remove an alert that was delivered or is no longer wanted."""
        return await self._writer.durably(log_outbox.AlertDone(alert_id))

    async def outbox_failed(self, alert_id: str, problem: str, try_again_at: datetime) -> bool:
        """Reschedule an alert that could not be delivered."""
        return await self._writer.durably(log_outbox.AlertFailed(alert_id, problem, try_again_at))

    # After a crash ---------------------------------------------------------------------------

    async def resume(
        self, station: str, now: datetime | None = None, within_s: float = RESUME_WITHIN_S
    ) -> OpenRoast | None:
        """The roast that was in progress when the service ended, marked with its gap.

        Args:
            station: whose roast.
            now: the moment (UTC).
            within_s: a roast whose last record is older is closed instead.

        Raises:
            LogError: the log can't be read.
        """
        now = now or utc_now()

        def look(connection: sqlite3.Connection) -> tuple[OpenRoast | None, list[Write]]:
            with explained(self.path):
                return log_resume.find_open(connection, station, now, within_s)

        roast, writes = await self._writer.read(look)
        for write in writes:
            await self._writer.durably(write)
        if roast is None:
            return None
        head = log_writes.RoastHead(roast.roast_id, station, roast.started_at, roast.title)
        self._roasts[roast.roast_id] = _Roast(head, next_seq=roast.next_seq)
        return roast

    # The open roasts --------------------------------------------------------------------------

    def _heads(self) -> list[Write]:
        """The open roasts' rows; called on the writer's thread."""
        return [roast.head for roast in list(self._roasts.values())]

    def _take_score(self, roast_id: str) -> None:
        roast = self._roasts.get(roast_id)
        if roast and roast.score:
            self._writer.later(log_writes.Rows("scores", roast_id, (roast.score,)))
            roast.score = None
