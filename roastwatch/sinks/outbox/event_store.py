"""Events that must survive a crash wait in the roast log's outbox until they were received."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from roastwatch.sinks.monotonic_utc import AT_ONCE, MonotonicUtc
from roastwatch.sinks.outbox.dedupe_set import DedupeSet
from roastwatch.sinks.outbox.event_outbox import Outbox, QueuedEvent
from roastwatch.sinks.sink import AlertOutbox

_log = logging.getLogger(__name__)
_WORTH_SENDING = timedelta(hours=1)


class EventStore:
    """The events for one broker in the log's outbox. Without an outbox nothing is kept."""

    def __init__(
        self,
        outbox: AlertOutbox | None,
        target: str,
        is_heard: Callable[[str], bool] = lambda _station: True,
    ) -> None:
        """While `is_heard` is false for a station, its events stay here and are sent again."""
        self._outbox = outbox
        self._target = target
        self._is_heard = is_heard
        self._clock = MonotonicUtc()
        self._done = DedupeSet(outbox, f"{target}-done", self._clock) if outbox else None

    async def restore(self, into: Outbox) -> None:
        """Load the events that an earlier process could not send, and the ids of those it did."""
        if self._outbox is None or self._done is None:
            return
        for word in await self._done.restore():
            event_id, _, kind = word.rpartition(":")
            into.delivered(event_id, kind)
        for alert in await self._outbox.outbox_due(self._clock(), self._target):
            if alert.alert_id.removeprefix(f"{self._target}:") in self._done:
                await self._outbox.outbox_done(alert.alert_id)  # the process ended between the two
                continue
            try:
                kept = into.take(dict(alert.payload), time.monotonic(), datetime.now(UTC))
            except (KeyError, TypeError, ValueError):
                _log.warning("Discarded %s from the outbox: it is not an event", alert.alert_id)
                await self._outbox.outbox_done(alert.alert_id)
            else:
                kept.durable = kept.again = True

    async def keep(self, kept: QueuedEvent) -> None:
        """Keep an event, at the same time as it is sent, so that sending does not wait."""
        if self._outbox is None:
            return
        await self._outbox.outbox_add(
            self._name(kept),
            kept.facts,
            due_at=AT_ONCE,
            expires_at=self._clock() + _WORTH_SENDING,
            event_id=kept.event_id,
            target=self._target,
        )
        kept.durable = True
        if kept.sent_s is not None:
            await self.sent(kept)

    async def sent(self, kept: QueuedEvent) -> None:
        """The broker has it, and so have its listeners: durable as soon as this returns."""
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
