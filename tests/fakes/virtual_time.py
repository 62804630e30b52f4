"""An event loop whose time passes only when nothing is left to do: minutes of a roaster in
milliseconds, the same each time. Sockets within the process work; nothing outside it does.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")
USB_TIMEOUT_S = 0.5


class _Jumping(selectors.DefaultSelector):
    """Never waits: what it would have waited for has passed."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            return found
        assert timeout is not None, "nothing will ever happen"
        self.loop.now_s += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time.monotonic` tells this loop's time while it runs."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        selector = _Jumping()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now_s

    def block(self, seconds: float) -> None:
        """As if somebody had blocked the loop."""
        self.now_s += seconds

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """At once, in this thread; a TimeoutError takes as long as a USB transfer waits."""
        future: asyncio.Future[T] = self.create_future()

        def settle(error: BaseException | None, result: Any) -> None:
            if not future.done():
                future.set_exception(error) if error else future.set_result(result)

        try:
            self.call_later(0.01, settle, None, func(*args))
        except TimeoutError as late:
            self.call_later(USB_TIMEOUT_S, settle, late, None)
        except Exception as error:  # noqa: BLE001 - an executor hands on whatever is raised
            self.call_later(0.01, settle, error, None)
        return future

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to its end."""
        real, time.monotonic = time.monotonic, self.time
        try:
            return self.run_until_complete(work)
        finally:
            time.monotonic = real
