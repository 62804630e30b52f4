"""Delivers alerts from the outbox, with retries until they are taken or too old."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from roastwatch.errors import BadInputError, LostError
from roastwatch.sinks.monotonic_utc import AT_ONCE, MonotonicUtc
from roastwatch.sinks.sink import AlertOutbox, WaitingAlert
from roastwatch.supervise import Backoff

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 1.0
_LANDS_WITHIN_S = 2.0


class Delivery:
    """One sink's part of the outbox. Each alert is tried in a task of its own."""

    def __init__(
        self,
        outbox: AlertOutbox,
        target: str,
        deliver: Callable[[WaitingAlert], Awaitable[None]],
        failed: Callable[[WaitingAlert, Exception], bool],
        *,
        young_s: float,
        backoff: Backoff,
    ) -> None:
        """`failed` returns whether to try again; an alert whose `deliver` returns is done."""
        self.clock = MonotonicUtc()
        self.outbox = outbox
        self.target = target
        self._deliver = deliver
        self._failed = failed
        self._young = timedelta(seconds=young_s)
        self._backoff = backoff
        self._wake = asyncio.Event()
        self._in_flight: dict[str, asyncio.Task[None]] = {}

    async def add(
        self,
        alert_id: str,
        payload: dict[str, Any],
        *,
        event_id: str,
        due_at: datetime | None = None,
    ) -> None:
        """Keep an alert until it is delivered; without `due_at` it is due at once."""
        await self.outbox.outbox_add(
            alert_id,
            payload,
            due_at=due_at or AT_ONCE,
            expires_at=(due_at or self.clock()) + self._young,
            event_id=event_id,
            target=self.target,
        )
        self.wake()

    def wake(self) -> None:
        """Look at once: there is a new alert, or a connection is back."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver what is due, all in parallel, until cancelled."""
        try:
            while True:
                self._wake.clear()
                for waiting in await self.outbox.outbox_due(self.clock(), self.target):
                    if waiting.alert_id not in self._in_flight:
                        task = asyncio.create_task(
                            self._one(waiting), name=f"{self.target}:{waiting.alert_id}"
                        )
                        self._in_flight[waiting.alert_id] = task
                        task.add_done_callback(partial(self._landed, waiting.alert_id))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await self._wake.wait()
        finally:
            await self._land()

    async def _land(self) -> None:
        """Wait for deliveries in progress, or their alerts would be delivered twice."""
        on_their_way = set(self._in_flight.values())
        if on_their_way:
            _, late = await asyncio.wait(on_their_way, timeout=_LANDS_WITHIN_S)
            for task in late:
                task.cancel()

    def _landed(self, alert_id: str, task: asyncio.Task[None]) -> None:
        self._in_flight.pop(alert_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s was not delivered; it is retried", alert_id, exc_info=error)

    async def _one(self, waiting: WaitingAlert) -> None:
        try:
            await self._deliver(waiting)
        except (LostError, BadInputError) as error:
            if self._failed(waiting, error):
                wait_s = self._backoff.wait_s(waiting.attempts + 1)
                again = self.clock() + timedelta(seconds=wait_s)
                await self.outbox.outbox_failed(waiting.alert_id, str(error), again)
                asyncio.get_running_loop().call_later(wait_s, self.wake)
                return
        except (KeyError, TypeError, ValueError):  # of another version, or damaged
            _log.exception("Discarded %s from the outbox: it can't be read", waiting.alert_id)
        await self.outbox.outbox_done(waiting.alert_id)
