"""How long a driver may take, and how long a computer slept."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from roastwatch.errors import LostError

T = TypeVar("T")


def asleep_s() -> float:
    """Seconds for which this computer has slept since it started; 0 where it can't be known.

    The monotonic clock stands still meanwhile, so that neither lease nor reading grows old.
    """
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


async def within(seconds: float, doing: Awaitable[T], what: str) -> T:
    """What it gives; `what` begins the sentence of the LostError when it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            return await doing
    except TimeoutError as late:
        raise LostError(f"{what}: no answer within {seconds:g} s.") from late
