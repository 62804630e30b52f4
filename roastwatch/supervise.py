"""Retrying forever with jittered back-off, and the status of each part."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from roastwatch.errors import LostError
from roastwatch.vocabulary import ComponentState, ComponentStatus

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from `first_s` to `longest_s`, each shortened at random by up to half."""

    first_s: float = 0.5
    longest_s: float = 30.0

    def wait_s(self, failures: int) -> float:
        """Seconds to wait after this many failures in a row (1 or more)."""
        full = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return full * random.uniform(0.5, 1.0)


NEAR = Backoff(longest_s=10.0)
"""For peers in the same house, which may be awaited during a roast: a broker, Home Assistant."""


@dataclass(slots=True)
class ComponentHealth:
    """The status of one part: its owner sets it, the pulse reads it."""

    name: str
    state: ComponentState = ComponentState.STARTING
    problem: str | None = None
    counters: dict[str, float] = field(default_factory=dict)

    def running(self) -> None:
        """It works; a recovery is logged once."""
        if self.problem is not None:
            _log.warning("%s: recovered", self.name)
        self.state, self.problem = ComponentState.RUNNING, None

    def trouble(self, state: ComponentState, problem: str) -> None:
        """Set a problem; the first failure in a row is logged, repeats are not."""
        if self.problem is None:
            _log.warning("%s: %s", self.name, problem)
        self.state, self.problem = state, problem

    def count(self, counter: str, by: float = 1) -> None:
        """Add to a counter that diagnostics show."""
        self.counters[counter] = self.counters.get(counter, 0) + by

    def cost(self, stage: str, took_s: float, sound_s: float) -> None:
        """Count the cost of a stage, in ms per second of sound, averaged over some 50 calls."""
        key, now = f"{stage}_ms_per_s", 1000.0 * took_s / sound_s
        before = self.counters.get(key, now)
        self.counters[key] = before + 0.02 * (now - before)

    def status(self) -> ComponentStatus:
        """The part as it is now."""
        return ComponentStatus(self.name, self.state, self.problem, tuple(self.counters.items()))


class Background:
    """Named tasks of one owner. A task that fails is logged and reported, never lost.

    `report` is called with one sentence for people; without it the part shows the sentence.
    """

    def __init__(self, part: ComponentHealth, report: Callable[[str], None] | None = None) -> None:
        self._part = part
        self._report = report or (lambda problem: part.trouble(ComponentState.FAILED, problem))
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def run(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run work once."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def keep(
        self,
        work: Callable[[], Coroutine[Any, Any, None]],
        name: str,
        backoff: Backoff | None = None,
    ) -> asyncio.Task[None]:
        """Run essential work: it is restarted with back-off whenever it fails."""
        return self.run(self._kept(work, name, backoff or Backoff(longest_s=5.0)), name)

    async def close(self) -> None:
        """Cancel the running tasks, and wait for them."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _kept(
        self, work: Callable[[], Coroutine[Any, Any, None]], name: str, backoff: Backoff
    ) -> None:
        failures = 0
        while True:
            try:
                await work()
                return
            except Exception as error:  # noqa: BLE001 - reported, and started again
                failures += 1
                self._failed(name, error, "it is restarted")
                self._part.count("task_restarts")
                await asyncio.sleep(backoff.wait_s(failures))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(task.get_name(), error, "please report it")

    def _failed(self, name: str, error: BaseException, what_now: str) -> None:
        _log.error("The task %s failed", name, exc_info=error)
        self._report(f"{name} failed ({type(error).__name__}: {error}): {what_now}.")


def cancellations() -> int:
    """How many times the running task was cancelled so far."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def heed(before: int) -> None:
    """End the running task if it was cancelled since it counted `before`.

    Raises:
        CancelledError: it was.
    """
    if cancellations() > before:
        raise asyncio.CancelledError


async def retry_forever(
    part: ComponentHealth, attempt: Callable[[], Awaitable[None]], backoff: Backoff | None = None
) -> None:
    """Run `attempt` until it returns, starting it again after each `LostError`.

    An attempt that reached `part.running()` resets the back-off. Any other exception is raised.
    """
    backoff = backoff or Backoff()
    failures = 0
    while True:
        try:
            await attempt()
            return
        except LostError as lost:
            failures = 1 if part.state is ComponentState.RUNNING else failures + 1
            part.trouble(ComponentState.RETRYING, str(lost))
            await asyncio.sleep(backoff.wait_s(failures))


async def together(*jobs: Coroutine[Any, Any, None]) -> None:
    """Run jobs until one of them fails, and raise its error, not in a group.

    Of several errors a defect is raised before a `LostError`, which must not hide it. Unlike a
    TaskGroup before Python 3.13 it neither forgets a cancellation that arrives while the others
    clean up, nor leaves one behind (https://github.com/python/cpython/issues/116720).
    """
    tasks = [asyncio.create_task(job) for job in jobs]
    pending: set[asyncio.Task[None]] = set(tasks)
    asked_to_end: asyncio.CancelledError | None = None
    try:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
    except asyncio.CancelledError as error:
        asked_to_end = error
    for task in pending:
        task.cancel()
    while pending:
        try:
            _, pending = await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            asked_to_end = error
    if asked_to_end is not None:
        raise asked_to_end
    found = [task.exception() for task in tasks if not task.cancelled()]
    errors = [one for one in found if one is not None]
    if errors:
        raise next((one for one in errors if not isinstance(one, LostError)), errors[0])
