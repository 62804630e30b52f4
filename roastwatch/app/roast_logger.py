"""Writes every station's roast to the log, and resumes it after a restart."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from roastwatch.app.instructions import EFFECTS
from roastwatch.app.station import Followers, Station
from roastwatch.audio.recorder_disk import RecordedClip
from roastwatch.pipeline import BlockResult, Pipeline
from roastwatch.roastlog.log import RoastLog
from roastwatch.roastlog.usual import learned, usual_time
from roastwatch.supervise import Background
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    ComponentStatus,
    EventKind,
    Evidence,
    Instruction,
    Origin,
    Reading,
    RoastEvent,
)

_ENDS = (EventKind.COOL_END, EventKind.STOPPED)
_REMEMBERED = 16
_PERHAPS_UNSENT = timedelta(seconds=5)
_NOTICED_S = 5.0
"""A clock that was set back by less is not reported."""
_EARLY_READINGS = 256
"""Readings kept until the roast that they belong to is in the log."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Kept:
    """The open roast of one station in the log."""

    roast_id: str
    began_at: datetime
    in_log: bool = True
    """Whether its row exists, so that readings may follow."""


@dataclass(frozen=True, slots=True)
class _StationNotes:
    """What people add to the logged roast of one station."""

    keeper: "RoastLogger"
    station: Station

    def label(self, event_id: str, label: str, by: str) -> None:
        self.keeper.label(event_id, label, by)

    def note(self, text: str) -> None:
        self.keeper.note(self.station, text)


class RoastLogger:
    """Joins the stations and the log. A roast's second 0 is its charge."""

    def __init__(self, log: RoastLog) -> None:
        self.log = log
        self._kept: dict[str, _Kept] = {}
        self._early: dict[str, deque[tuple[datetime, Reading]]] = {}
        """Readings of stations whose roast is not in the log yet: a charge may be dated back."""
        self._learning = Background(log.part, _log.error)  # shown in the log output only
        self._began: dict[str, datetime] = {}
        """Of the newest roasts: a clip may be written after its roast has ended."""

    def status(self) -> ComponentStatus:
        """The state of the log."""
        return self.log.part.status()

    async def resume(self, station: Station) -> list[RoastEvent]:
        """Return to a station the roast that was in progress when the service ended.

        Returns:
            Its last events, which the service may have committed but not sent.

        Raises:
            LogError: the log can't be read.
        """
        station.followers = Followers(
            heard=partial(self._heard, station),
            clip_kept=self._clip_kept,
            taken=partial(self._reading, station),
            clock_set=partial(self._forget_early, station.name),
        )
        await self._learn(station)
        roast = await self.log.resume(station.name, station.now())
        if roast is None:
            return []
        if any(roast.event(kind) is not None for kind in _ENDS):
            await self.log.end_roast(roast.roast_id)
            return []
        self._kept[station.name] = _Kept(roast.roast_id, roast.started_at)
        self._remember(roast.roast_id, roast.started_at)
        station.resume(roast)
        if roast.set_back_s > _NOTICED_S:
            text = (
                f"The computer's clock was set back by {roast.set_back_s:.0f} s or more since the "
                "last record: the roast's time continues from there."
            )
            _log.warning("%s: %s", station.name, text)
            self.log.record_note(roast.roast_id, roast.last_heard_s, text)
        heard_at = roast.started_at + timedelta(seconds=roast.last_heard_s)
        return [event for event in roast.events if event.decided_at > heard_at - _PERHAPS_UNSENT]

    async def event(self, station: Station | None, event: RoastEvent) -> RoastEvent:
        """The event as it is to be sent: durable, or marked unlogged."""
        elapsed_s = None
        if station is not None and event.roast_id is not None:
            began_at = await self._second_0(station, event.roast_id, event.happened_at)
            elapsed_s = (event.happened_at - began_at).total_seconds()
        durable = await self.log.commit(event, elapsed_s)
        if station is not None and event.kind in _ENDS:
            kept = self._kept.get(station.name)
            if kept is not None and kept.roast_id == event.roast_id:
                await self._end(station)
                self._learn_later(station)
        return event if durable else replace(event, unlogged=True)

    async def pulse(self, station: Station) -> None:
        """Once a second: a roast may have begun or ended without an event."""
        if not station.has_sound:  # a roast that is to be resumed has not ended
            return
        roast, kept = station.roast, self._kept.get(station.name)
        if kept is not None and roast.roast_id != kept.roast_id and roast.roast_id is None:
            await self._end(station)
            self._learn_later(station)
            return
        if roast.roast_id is None or roast.charged_at is None:
            return
        await self._second_0(station, roast.roast_id, roast.charged_at)

    def _reading(self, station: Station, reading: Reading, at: datetime) -> None:
        """Log a reading as it arrives, with the time at which it was taken."""
        kept = self._kept.get(station.name)
        if kept is None or not kept.in_log or station.roast.roast_id != kept.roast_id:
            early = self._early.setdefault(station.name, deque(maxlen=_EARLY_READINGS))
            early.append((at, reading))
            return
        self.log.record_reading(kept.roast_id, reading, (at - kept.began_at).total_seconds())
        self._evidence(kept, station.beans.evidence(at))

    def _forget_early(self, station: str) -> None:
        """The clock was set: the time from earlier readings to a charge is unknown."""
        self._early.pop(station, None)

    async def sound_ended(self, station: Station) -> None:
        """A file or a demonstration has ended, and its roast with it."""
        await self._end(station)

    def instruction(self, station: Station, instruction: Instruction) -> None:
        """Log what a person answered or remarked; call it before the station gets it."""
        apply = EFFECTS[instruction.kind].log
        if apply is not None:
            apply(_StationNotes(self, station), station.roast, instruction)

    def label(self, event_id: str, label: str, by: str) -> None:
        """Label an event, such as a crack that was none."""
        self.log.record_label(event_id, label, by)

    def note(self, station: Station, text: str) -> None:
        """Add a remark to the station's roast at the present time; ignored without one."""
        kept = self._kept.get(station.name)
        if kept is not None:
            elapsed_s = (station.now() - kept.began_at).total_seconds()
            self.log.record_note(kept.roast_id, elapsed_s, text)

    def agent(self, station: Station, by: str, what: str, refused: str | None) -> None:
        """Log what an agent requested and what became of it: who, what, outcome."""
        outcome = f"refused: {refused}" if refused else "accepted."
        _log.info("%s: %s: %s: %s", station.name, by, what, outcome)
        self.log.record_request(station.name, by, what, refused)
        self.note(station, f"{by}: {what}: {outcome}")

    def command(self, station: Station | None, command: Command, result: CommandResult) -> None:
        """Log a command and its result, at its time in the roast by the station's clock."""
        kept = self._kept.get(station.name) if station is not None else None
        elapsed_s = None
        if station is not None and kept is not None:
            elapsed_s = (station.now() - kept.began_at).total_seconds()
        self.log.record_command(command, result, elapsed_s)
        if command.origin is Origin.AGENT and station is not None:
            what = f"{command.actuator} {command.target:g} %"
            self.note(station, f"{command.by}: {what}: {result.outcome}. {result.reason}".rstrip())

    async def _second_0(self, station: Station, roast_id: str, at: datetime) -> datetime:
        """UTC of a roast's second 0; a roast that the log does not know yet begins at `at`.

        A roast that has ended never begins again: its last event and later remarks may arrive
        after the pulse has ended it.
        """
        kept = self._kept.get(station.name)
        if kept is not None and kept.roast_id == roast_id:
            return kept.began_at
        if roast_id not in self._began:
            await self._begin(station, roast_id, at)
        return self._began[roast_id]

    async def _begin(self, station: Station, roast_id: str, at: datetime) -> None:
        before = self._kept.get(station.name)
        roast = station.roast
        if roast.roast_id == roast_id and roast.charged_at is not None:
            at = roast.charged_at
        self._remember(roast_id, at)
        if before is not None and roast.roast_id == before.roast_id:
            # it ended before it was logged: readings belong to the one in progress
            await self.log.start_roast(roast_id, station.name, at)
            await self.log.end_roast(roast_id)
            return
        kept = self._kept[station.name] = _Kept(roast_id, at, in_log=False)
        if before is not None:
            await self.log.end_roast(before.roast_id)
            self._learn_later(station)
        await self.log.start_roast(roast_id, station.name, at)
        for taken_at, reading in self._early.pop(station.name, ()):
            if taken_at >= at:
                self.log.record_reading(roast_id, reading, (taken_at - at).total_seconds())
        kept.in_log = True

    def _remember(self, roast_id: str, began_at: datetime) -> None:
        self._began[roast_id] = began_at
        while len(self._began) > _REMEMBERED:
            del self._began[next(iter(self._began))]

    async def _end(self, station: Station) -> None:
        kept = self._kept.pop(station.name, None)
        if kept is not None:
            await self.log.end_roast(kept.roast_id)

    def _learn_later(self, station: Station) -> None:
        """Learn from the roast that ended; this may take seconds, and no event waits for it."""
        self._learning.run(self._learn(station), f"learn:{station.name}")

    async def _learn(self, station: Station) -> None:
        """Learn from this station's earlier roasts when first crack comes, in a thread."""
        station.beans.learn(await asyncio.to_thread(learned, self.log.path, station.name))
        station.learn(await asyncio.to_thread(usual_time, self.log.path, station.name))

    def _clip_kept(self, clip: RecordedClip, at: datetime) -> None:
        """Index a clip; callable from any thread."""
        began_at = self._began.get(clip.roast_id)
        if began_at is not None:
            from_s = (at - began_at).total_seconds()
            self.log.record_clip(
                clip.roast_id, str(clip.path), from_s, clip.duration_s, clip.event_id
            )

    def _heard(self, station: Station, pipeline: Pipeline, heard: BlockResult) -> None:
        kept = self._kept.get(station.name)
        if kept is None:
            return
        clock, roast_id = pipeline.clock, kept.roast_id
        self.log.record_pops(
            roast_id,
            [
                ((clock.at(pop.sample) - kept.began_at).total_seconds(), pop.probability)
                for pop in heard.pops
            ],
        )
        progress = pipeline.onset.progress
        for score in heard.scores:
            elapsed_s = (clock.at(score.end_sample) - kept.began_at).total_seconds()
            self.log.record_scores(roast_id, elapsed_s, score.probability, progress)
        # with the sound, not with the pulse: a replay may end before a second has passed
        self._evidence(kept, pipeline.roast.evidence(station.now()))

    def _evidence(self, kept: _Kept, news: list[Evidence]) -> None:
        for evidence in news:
            elapsed_s = (evidence.happened_at - kept.began_at).total_seconds()
            self.log.record_evidence(kept.roast_id, evidence, elapsed_s)
