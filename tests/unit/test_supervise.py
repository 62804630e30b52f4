"""Retrying for ever ends when it is told to, whatever fails in that moment."""

import asyncio

import pytest

from roastwatch.errors import LostError
from roastwatch.supervise import Backoff, Part, retry_forever, together


class Cleaning:
    """A connection of two jobs: one is lost, the other takes its time to clean up."""

    def __init__(self) -> None:
        self.cleaning = asyncio.Event()
        self.cleaned = asyncio.Event()
        self.attempts = 0

    async def attempt(self) -> None:
        self.attempts += 1
        await together(self._lose(), self._clean())

    async def attempt_in_a_group(self) -> None:
        """As above, with a group of its own, which hides what it was told."""
        self.attempts += 1
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._lose())
                group.create_task(self._clean())
        except ExceptionGroup as lost:
            raise lost.exceptions[0] from lost

    async def _lose(self) -> None:
        if self.attempts > 1:
            raise AssertionError("it goes on although it was told to end")
        raise LostError("The broker is away.")

    async def _clean(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cleaning.set()
            await self.cleaned.wait()


@pytest.mark.parametrize("attempt", ["attempt", "attempt_in_a_group"])
async def test_a_cancellation_is_heeded_though_it_comes_while_a_loss_is_dealt_with(
    attempt: str,
) -> None:
    connection, part = Cleaning(), Part("mqtt")
    task = asyncio.create_task(
        retry_forever(part, getattr(connection, attempt), Backoff(0.001, 0.001))
    )
    await connection.cleaning.wait()
    task.cancel()
    await asyncio.sleep(0)  # the cancellation arrives while the group is closing already
    connection.cleaned.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert connection.attempts == 1


async def test_what_is_lost_is_tried_again_and_what_is_broken_is_not() -> None:
    part, found = Part("mqtt"), [LostError("away"), ValueError("a defect")]

    async def attempt() -> None:
        raise found.pop(0)

    with pytest.raises(ValueError, match="a defect"):
        await retry_forever(part, attempt, Backoff(0.001, 0.001))
    assert part.problem == "away"
