"""Endless retries end when cancelled, no matter what fails at that moment."""

import asyncio

import pytest

from roastwatch.errors import LostError
from roastwatch.supervise import Background, Backoff, ComponentHealth, retry_forever, together
from roastwatch.vocabulary import ComponentState


class Cleaning:
    """A connection of two jobs: one is lost, the other takes its time to clean up."""

    def __init__(self) -> None:
        self.cleaning = asyncio.Event()
        self.cleaned = asyncio.Event()
        self.attempts = 0

    async def attempt(self) -> None:
        self.attempts += 1
        await together(self._lose(), self._clean())

    async def _lose(self) -> None:
        if self.attempts > 1:
            raise AssertionError("it continues although it was cancelled")
        raise LostError("The broker is away.")

    async def _clean(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cleaning.set()
            await self.cleaned.wait()


async def test_a_cancellation_during_a_loss_is_heeded() -> None:
    connection, part = Cleaning(), ComponentHealth("mqtt")
    task = asyncio.create_task(retry_forever(part, connection.attempt, Backoff(0.001, 0.001)))
    await connection.cleaning.wait()
    task.cancel()
    await asyncio.sleep(0)  # the cancellation arrives while the group is closing already
    connection.cleaned.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert connection.attempts == 1


async def test_a_loss_is_retried_and_a_defect_is_raised() -> None:
    part, found = ComponentHealth("mqtt"), [LostError("away"), ValueError("a defect")]

    async def attempt() -> None:
        raise found.pop(0)

    with pytest.raises(ValueError, match="a defect"):
        await retry_forever(part, attempt, Backoff(0.001, 0.001))
    assert part.problem == "away"


async def test_a_loss_among_jobs_is_retried_and_cancels_no_others() -> None:
    part, attempts, cleaned = ComponentHealth("mqtt"), 0, 0

    async def wait() -> None:
        nonlocal cleaned
        try:
            await asyncio.Event().wait()
        finally:
            cleaned += 1

    async def lose() -> None:
        await asyncio.sleep(0)  # so that the other waits already
        if attempts == 3:
            raise ValueError("a defect goes before a loss")
        raise LostError("away")

    async def attempt() -> None:
        nonlocal attempts
        attempts += 1
        await together(wait(), lose(), lose())

    with pytest.raises(ValueError, match="a defect"):
        await retry_forever(part, attempt, Backoff(0.001, 0.001))
    assert (attempts, cleaned) == (3, 3)
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_together_returns_when_all_jobs_are_done() -> None:
    done: list[str] = []

    async def job(name: str) -> None:
        await asyncio.sleep(0)
        done.append(name)

    await together(job("one"), job("two"))
    assert sorted(done) == ["one", "two"]


async def fail() -> None:
    raise ValueError("a defect")


async def test_a_task_that_fails_is_logged_and_shown(caplog: pytest.LogCaptureFixture) -> None:
    part = ComponentHealth("roaster")
    tasks = Background(part)
    await asyncio.wait({tasks.run(fail(), "kitchen: arm")})
    await asyncio.sleep(0)
    assert part.state is ComponentState.FAILED
    assert part.problem == "kitchen: arm failed (ValueError: a defect): please report it."
    assert "a defect" in caplog.text
    assert len(tasks) == 0


async def test_a_failing_task_is_reported_to_its_owner() -> None:
    said: list[str] = []
    await asyncio.wait({Background(ComponentHealth("roaster"), said.append).run(fail(), "arm")})
    await asyncio.sleep(0)
    assert said == ["arm failed (ValueError: a defect): please report it."]


async def test_an_essential_task_is_restarted() -> None:
    part, done, attempts = ComponentHealth("roaster"), asyncio.Event(), 0

    async def work() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ValueError("a defect")
        done.set()
        await asyncio.Event().wait()

    tasks = Background(part)
    task = tasks.keep(work, "guardian", Backoff(0.001, 0.001))
    await asyncio.wait_for(done.wait(), 10)
    assert part.counters["task_restarts"] == 2
    assert part.problem == "guardian failed (ValueError: a defect): it is restarted."
    await tasks.close()
    assert task.cancelled()
