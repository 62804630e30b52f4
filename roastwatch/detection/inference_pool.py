"""A thread pool for models, so that inference does not block the event loop."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")


class InferencePool:
    """A small thread pool. Each station awaits its own call, so its calls never overlap and its
    stream needs no lock."""

    def __init__(self, busy: int | None = None) -> None:
        """`busy`: calls that may run at once; one thread more than that only moves data about."""
        cores = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(min(busy or cores, cores), "scoring")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def run(self, call: Callable[[], T]) -> T:
        """Run a call in the pool and await its result."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)
