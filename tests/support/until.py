"""Waiting for a condition: the only loop of this kind in the tests."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


async def until(
    condition: Callable[[], Any], timeout_s: float = 30.0, every_s: float = 0.01
) -> Any:
    """Wait until a condition (plain or awaitable) is true, and return its value.

    Raises:
        TimeoutError: it was still false after `timeout_s` seconds of the event loop's time.
    """
    async with asyncio.timeout(timeout_s):
        while True:
            value = condition()
            if inspect.isawaitable(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(every_s)
