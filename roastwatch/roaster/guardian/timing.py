"""How long a driver may take, and how long a computer slept."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from roastwatch.errors import LostError

T = TypeVar("T")


def asleep_s() -> float:
    """How long this computer has slept since it started, seconds; 0 if that can't be known.

    The monotonic clock stands still meanwhile, so neither lease nor readings grow old.
    """
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


async def within(seconds: float, doing: Awaitable[T], what: str) -> T:
    """Await with a time limit; `what` begins the text of the LostError when it is exceeded."""
    try:
        async with asyncio.timeout(seconds):
            return await doing
    except TimeoutError as late:
        raise LostError(f"{what}: no answer within {seconds:g} s.") from late
