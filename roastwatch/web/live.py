"""What is live, as numbered changes of each station that all clients share.

A client gets a snapshot and then every change. The changes of a station are numbered without a
gap, so a client that misses a number asks for a new snapshot. A client that is too slow for its
outbox gets a snapshot instead of what waited, so that it costs no more memory than that outbox.
The values of entities (for those who asked for them), levels (of both the newest counts) and the
spectrogram (for those who asked for it) are sent when nothing else waits, in this order.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from roastwatch import __version__
from roastwatch.vocabulary import (
    HeardPop,
    LevelNow,
    RoastEvent,
    Snapshot,
    SpectrogramColumns,
)
from roastwatch.web.answers import json_text
from roastwatch.web.entity_values import EntityValues
from roastwatch.web.frames import spectrogram_frame
from roastwatch.web.rows import actions_row, event_row, level_row, pop_row, state_row

_EVENTS_KEPT = 50
_POPS_KEPT = 200


@dataclass(slots=True)
class _StationLive:
    """What clients know of a station."""

    title: str
    number: int = 0
    """Of its latest change."""
    shown: Snapshot | None = None
    state: dict[str, Any] = field(default_factory=dict)
    actions: dict[str, Any] = field(default_factory=dict)
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_EVENTS_KEPT))
    pops: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_POPS_KEPT))
    level: dict[str, Any] | None = None


class LiveOutbox:
    """The messages that wait for one client. When it is full, a snapshot replaces all of them."""

    def __init__(self, size: int = 256, frames: int = 32) -> None:
        """Args:
        size: numbered changes.
        frames: of the spectrogram; the oldest is dropped.
        """
        self._size = size
        self._waiting: deque[str] = deque()
        self._entities: dict[str, dict[str, Any]] = {}
        """Of each station one message, into which later ones are merged."""
        self._levels: dict[str, str] = {}
        """Of each station the newest."""
        self._frames: deque[bytes] = deque(maxlen=frames)
        self._behind = True
        self._arrived = asyncio.Event()
        self._arrived.set()
        self.overflows = 0
        self.frames_dropped = 0
        self.watches = False
        """Whether the client wants the spectrogram."""
        self.wants_entities = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: str) -> None:
        """Queue a change; until a snapshot is taken it is part of that."""
        if self._behind:
            return
        if len(self._waiting) >= self._size:
            self.overflows += 1
            self.start_over()
            return
        self._waiting.append(message)
        self._arrived.set()

    def put_level(self, station: str, message: str) -> None:
        """Replace the level of a station; until a snapshot is taken it is part of that."""
        if not self._behind:
            self._levels[station] = message
            self._arrived.set()

    def put_entities(self, message: dict[str, Any]) -> None:
        """Queue values of a station, if the client wants them; the newest of each counts."""
        if not self.wants_entities or self._behind:
            return
        waiting = self._entities.get(message["station"])
        if waiting is not None and not message["whole"]:
            values = waiting["values"] | message["values"]
            message = message | {"whole": waiting["whole"], "values": values}
        self._entities[message["station"]] = message
        self._arrived.set()

    @property
    def waits(self) -> bool:
        """Whether a message waits."""
        return self._arrived.is_set()

    def put_frame(self, frame: bytes) -> None:
        """Queue columns of the spectrogram, if the client wants them; the oldest make room."""
        if not self.watches or self._behind:
            return
        self.frames_dropped += len(self._frames) == self._frames.maxlen
        self._frames.append(frame)
        self._arrived.set()

    def start_over(self) -> None:
        """The next message is a snapshot."""
        self._waiting.clear()
        self._entities.clear()
        self._levels.clear()
        self._frames.clear()
        self._behind = True
        self._arrived.set()

    async def take(self) -> str | bytes | None:
        """Wait for the next message; None: a snapshot, to be made now. Bytes come last."""
        await self._arrived.wait()
        if self._behind:
            self._behind = False
            self._arrived.clear()
            return None
        message: str | bytes
        if self._waiting:
            message = self._waiting.popleft()
        elif self._entities:
            message = json_text(self._entities.pop(next(iter(self._entities))))
        elif self._levels:
            message = self._levels.pop(next(iter(self._levels)))
        else:
            message = self._frames.popleft()
        if not (self._waiting or self._entities or self._levels or self._frames):
            self._arrived.clear()
        return message


class Live:
    """Turns snapshots, events and pops into messages for everybody who is connected."""

    def __init__(
        self,
        stations: Sequence[str],
        titles: Mapping[str, str],
        entities: EntityValues | None = None,
    ) -> None:
        """`entities` None: no client gets their values."""
        self._stations = {name: _StationLive(titles.get(name) or name) for name in stations}
        self._outboxes: list[LiveOutbox] = []
        self._snapshots: Mapping[str, Snapshot] = {}
        self._entities = entities
        self.watched = asyncio.Event()
        """Set while somebody wants the spectrogram."""

    def join(self) -> LiveOutbox:
        """A new client's outbox, whose first message is a snapshot."""
        self._compare()
        outbox = LiveOutbox()
        self._outboxes.append(outbox)
        return outbox

    def leave(self, outbox: LiveOutbox) -> None:
        """A client has gone."""
        self._outboxes.remove(outbox)
        self.watch(outbox, wanted=False)

    def watch(self, outbox: LiveOutbox, *, wanted: bool) -> None:
        """A client wants the spectrogram, or no longer."""
        outbox.watches = wanted
        if any(one.watches for one in self._outboxes):
            self.watched.set()
        else:
            self.watched.clear()

    def watch_entities(self, outbox: LiveOutbox, *, wanted: bool) -> None:
        """A client wants the values of entities (again: all of them), or no longer."""
        if self._entities is None:
            return
        if not any(one.wants_entities for one in self._outboxes):
            self._entities.forget()
        outbox.wants_entities = wanted
        self.show_entities()
        self.give_entities(outbox)

    def give_entities(self, outbox: LiveOutbox) -> None:
        """All values of every station for a client that wants them, after its snapshot."""
        for name in self._stations:
            whole = self._entities.whole(name) if self._entities is not None else None
            if whole is not None:
                outbox.put_entities(whole)

    def show_entities(self) -> None:
        """Values that have changed since; nothing is done if no client wants them."""
        wanting = [one for one in self._outboxes if one.wants_entities]
        if self._entities is None or not wanting:
            return
        for name, snapshot in self._snapshots.items():
            message = self._entities.look(snapshot) if name in self._stations else None
            if message is not None:
                for outbox in wanting:
                    outbox.put_entities(message)

    def snapshot(self) -> str:
        """Everything up to now, as one message; for those who have joined."""
        stations = {
            name: {
                "title": one.title,
                "number": one.number,
                "at": one.shown.at.isoformat() if one.shown else None,
                "state": one.state,
                "actions": one.actions,
                "events": list(one.events),
                "pops": list(one.pops),
                "level": one.level,
            }
            for name, one in self._stations.items()
        }
        whole = {"type": "snapshot", "at": _now(), "version": __version__, "stations": stations}
        return json_text(whole)

    def show(self, snapshots: Mapping[str, Snapshot]) -> None:
        """The newest snapshots: what differs from the earlier ones is sent."""
        self._snapshots = snapshots
        if self._outboxes:  # else it is enough to compare when somebody comes
            self._compare()
            self.show_entities()

    def event(self, event: RoastEvent) -> None:
        """Something happened in a roast."""
        station = self._stations.get(event.station)
        if station is None:
            return
        row = event_row(event)
        station.events.append(row)
        self._send(event.station, {"type": "event"}, {"event": row})

    def pops(self, pops: Sequence[HeardPop]) -> None:
        """Pops of one station, oldest first."""
        station = self._stations.get(pops[0].station)
        if station is None:
            return
        rows = [pop_row(pop) for pop in pops]
        station.pops.extend(rows)
        self._send(pops[0].station, {"type": "pops"}, {"pops": rows})

    def level(self, level: LevelNow) -> None:
        """The level of a station now; it has no number, as only the newest counts."""
        station = self._stations.get(level.station)
        if station is None:
            return
        station.level = level_row(level)
        if self._outboxes:
            text = json_text({"type": "level", "station": level.station, **station.level})
            for outbox in self._outboxes:
                outbox.put_level(level.station, text)

    def columns(self, columns: SpectrogramColumns) -> None:
        """What the detector of a station sees, for those who want it."""
        if columns.station not in self._stations:
            return
        frame = spectrogram_frame(
            columns.levels,
            bands=len(columns.levels[0]),
            at_s=columns.at.timestamp(),
            column_s=columns.column_s,
            station=list(self._stations).index(columns.station),
        )
        for outbox in self._outboxes:
            outbox.put_frame(frame)

    def _compare(self) -> None:
        for name, snapshot in self._snapshots.items():
            station = self._stations.get(name)
            if station is None or station.shown is snapshot:
                continue
            before, station.state, station.shown = station.state, state_row(snapshot), snapshot
            changes = {
                key: value
                for key, value in station.state.items()
                if key not in before or before[key] != value
            }
            gone = [key for key in before if key not in station.state]
            actions = actions_row(snapshot)
            acts = {"actions": actions} if actions != station.actions else {}
            station.actions = actions
            if changes or gone or acts:
                at = snapshot.at.isoformat()
                more = {"at": at, "changes": changes, "gone": gone} | acts
                self._send(name, {"type": "state"}, more)

    def _send(self, name: str, head: dict[str, Any], rest: dict[str, Any]) -> None:
        station = self._stations[name]
        station.number += 1
        if self._outboxes:
            text = json_text({**head, "station": name, "number": station.number, **rest})
            for outbox in self._outboxes:
                outbox.put(text)


def beat() -> str:
    """The message that shows a client that the connection lives."""
    return json_text({"type": "beat", "at": _now()})


def refused(sentence: str) -> str:
    """The message that says why a client's message was not accepted."""
    return json_text({"type": "error", "error": sentence})


def _now() -> str:
    return datetime.now(UTC).isoformat()
