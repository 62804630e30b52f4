"""Roast events become marks of Artisan, and Artisan's marks are not taken for a person's.

Artisan sets a mark at the moment when the message arrives and knows no other time, so a mark is
sent at once or, to an Artisan that was away, within ten seconds. The onset that first crack is
dated back to is in the channel `sinceFirstCrack`.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from roastwatch.vocabulary import EventKind, InstructionKind, Level, RoastEvent

YOUNG_S = 10.0
"""An older mark would be further from the truth than a person's."""
_ADDED: Mapping[EventKind, str] = {
    EventKind.DRY_END: "colorChangeEvent",
    EventKind.FIRST_CRACK: "firstCrackBeginningEvent",
    EventKind.FIRST_CRACK_END: "firstCrackEndEvent",
    EventKind.SECOND_CRACK: "secondCrackBeginningEvent",
}
_ENDS: Mapping[EventKind, str] = {
    EventKind.CHARGE: "startRoasting",
    EventKind.DROP: "endRoasting",
}
_ECHOES: Mapping[InstructionKind, EventKind] = {
    InstructionKind.START: EventKind.CHARGE,
    InstructionKind.CHARGE: EventKind.CHARGE,
    InstructionKind.FIRST_CRACK_NOW: EventKind.FIRST_CRACK,
    InstructionKind.DROP: EventKind.DROP,
}


def mark(kind: EventKind) -> dict[str, Any] | None:
    """The message that makes Artisan set a mark; None: Artisan has none for this kind."""
    if kind in _ENDS:
        return {"pushMessage": _ENDS[kind]}
    if kind in _ADDED:
        return {"pushMessage": "addEvent", "data": {"event": _ADDED[kind]}}
    return None


@dataclass(slots=True)
class Marks:
    """The marks of one station's roast, each sent once."""

    first_crack_at: Level = Level.FIRST_CRACK
    """The level from which first crack is marked."""
    now_s: Callable[[], float] = time.monotonic
    _sent: deque[tuple[str, EventKind, float]] = field(default_factory=lambda: deque(maxlen=32))

    def due(self, event: RoastEvent) -> dict[str, Any] | None:
        """The message to send for an event now; None: there is none, or it was sent before."""
        message = mark(event.kind)
        if message is None or event.roast_id is None or event.revoked:
            return None
        if event.kind is EventKind.FIRST_CRACK and not self._is_clear(event):
            return None
        if any(event.event_id == sent for sent, _, _ in self._sent):
            return None  # it only grew
        self._sent.append((event.event_id, event.kind, self.now_s()))
        return message

    def young(self) -> list[dict[str, Any]]:
        """The messages that an Artisan which connects now has just missed, oldest first."""
        since_s = self.now_s() - YOUNG_S
        found = (mark(kind) for _, kind, at_s in self._sent if at_s >= since_s)
        return [message for message in found if message is not None]

    def echoes(self, kind: InstructionKind) -> bool:
        """Whether an instruction repeats our own mark.

        Artisan runs the action of its button FCs also when we make it set the mark. Taken for a
        person's, that would confirm every first crack.
        """
        marked = _ECHOES.get(kind)
        since_s = self.now_s() - YOUNG_S
        return marked is not None and any(
            sent is marked and at_s >= since_s for _, sent, at_s in self._sent
        )

    def _is_clear(self, event: RoastEvent) -> bool:
        level = event.level or Level.CERTAIN
        return not event.by_temperature and level.rank >= self.first_crack_at.rank
