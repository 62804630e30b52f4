"""Events that must survive us wait in the roast log's outbox until they were told and heard."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from roastwatch.sinks.monotonic_utc import AT_ONCE, MonotonicUtc
from roastwatch.sinks.outbox.dedupe_set import DedupeSet
from roastwatch.sinks.outbox.event_outbox import Outbox, QueuedEvent
from roastwatch.sinks.sink import AlertOutbox

_log = logging.getLogger("roastwatch.mqtt")
_WORTH_TELLING = timedelta(hours=1)


class EventStore:
    """The events of one broker in the log's outbox. Without one nothing is kept."""

    def __init__(
        self,
        outbox: AlertOutbox | None,
        target: str,
        is_heard: Callable[[str], bool] = lambda _station: True,
    ) -> None:
        """What is told of a station that is not heard yet is kept: it is told again."""
        self._outbox = outbox
        self._target = target
        self._is_heard = is_heard
        self._clock = MonotonicUtc()
        self._done = DedupeSet(outbox, f"{target}-done", self._clock) if outbox else None

    async def restore(self, into: Outbox) -> None:
        """What an earlier process could not tell any more, and what it did deliver."""
        if self._outbox is None or self._done is None:
            return
        for word in await self._done.restore():
            event_id, _, kind = word.rpartition(":")
            into.delivered(event_id, kind)
        for alert in await self._outbox.outbox_due(self._clock(), self._target):
            if alert.alert_id.removeprefix(f"{self._target}:") in self._done:
                await self._outbox.outbox_done(alert.alert_id)  # we died between the two
                continue
            try:
                kept = into.take(dict(alert.payload), time.monotonic(), datetime.now(UTC))
            except (KeyError, TypeError, ValueError):
                _log.warning("%s in the outbox is no event: dropped", alert.alert_id)
                await self._outbox.outbox_done(alert.alert_id)
            else:
                kept.durable = kept.again = True

    async def keep(self, kept: QueuedEvent) -> None:
        """Keep an event; beside telling it and not before, so that nothing is told later."""
        if self._outbox is None:
            return
        await self._outbox.outbox_add(
            self._name(kept),
            kept.facts,
            due_at=AT_ONCE,
            expires_at=self._clock() + _WORTH_TELLING,
            event_id=kept.event_id,
            target=self._target,
        )
        kept.durable = True
        if kept.told_s is not None:
            await self.told(kept)

    async def told(self, kept: QueuedEvent) -> None:
        """The broker has it, and whoever listens there: known durably as soon as this returns."""
        if self._outbox is None or self._done is None or not self._is_heard(kept.station):
            return
        await self._done.add(_word(kept))
        if kept.durable:
            kept.durable = False
            await self._outbox.outbox_done(self._name(kept))

    def _name(self, kept: QueuedEvent) -> str:
        return f"{self._target}:{_word(kept)}"


def _word(kept: QueuedEvent) -> str:
    return f"{kept.event_id}:{kept.type}"
