"""The base of the drivers leaves no task and no open port behind."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import pytest

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.drivers.background import BackgroundDriver, HeatWatch, check_target
from roastwatch.vocabulary import Actuator
from tests.fakes.virtual_time import VirtualLoop


def run(life: Coroutine[Any, Any, None]) -> None:
    with contextlib.closing(VirtualLoop()) as loop:
        loop.run(life)


class Machine(BackgroundDriver):
    """A driver whose task ignores some cancellations, as code below asyncio.wait_for may."""

    def __init__(self, ignores: int = 0, fails: Exception | None = None) -> None:
        super().__init__("r", machine="X", where="X on usb", silence_s=2.0)
        self.ignores, self.fails, self.open = ignores, fails, False

    async def _open(self) -> None:
        self.open = True
        self._start(self._work, "x")
        await asyncio.sleep(0.1)

    async def _work(self) -> None:
        if self.fails is not None:
            raise self.fails
        for _ in range(self.ignores):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)
        await asyncio.sleep(3600)

    async def _close(self) -> None:
        self.open = False


@pytest.mark.parametrize("ignores", [0, 3])
def test_closing_ends_the_task_even_if_it_ignores_cancellations(ignores: int) -> None:
    machine = Machine(ignores)

    async def life() -> None:
        async with machine:
            assert machine.open
        assert len(asyncio.all_tasks()) == 1

    run(life())
    assert not machine.open


def test_cancelled_closing_still_closes_the_port() -> None:
    machine = Machine(ignores=20)

    async def life() -> None:
        await machine.__aenter__()
        closing = asyncio.create_task(machine.__aexit__(None, None, None))
        await asyncio.sleep(0.5)
        assert machine.open
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing

    run(life())
    assert not machine.open


@pytest.mark.parametrize(
    ("error", "says"), [(LostError("gone"), "gone"), (ValueError("a defect"), "ValueError")]
)
def test_error_in_the_task_is_raised_by_read(error: Exception, says: str) -> None:
    async def life() -> None:
        async with Machine(fails=error) as machine:
            with pytest.raises(LostError, match=says):
                await machine.read()

    run(life())


def test_heat_watch_needs_heat_and_then_two_zeros() -> None:
    watch = HeatWatch()
    assert not watch.restarted(0)  # nothing was set
    watch.set(50)
    assert [watch.restarted(heat) for heat in (0, 0, 0)] == [False] * 3  # never reported
    assert [watch.restarted(heat) for heat in (50, 0, None, 0)] == [False, False, False, True]
    watch.set(30)
    assert [watch.restarted(heat) for heat in (30, 0, 30, 0)] == [False] * 4


def test_target_is_checked_before_it_is_written() -> None:
    check_target(Actuator.FAN, 100, {Actuator.FAN}, "X")
    with pytest.raises(BadInputError, match="X can't set its door"):
        check_target(Actuator.DOOR, 50, {Actuator.FAN}, "X")
    for percent in (-1, 101, float("nan")):
        with pytest.raises(BadInputError, match="0 to 100"):
            check_target(Actuator.FAN, percent, {Actuator.FAN}, "X")
