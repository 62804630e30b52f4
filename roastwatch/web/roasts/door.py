"""The way from the pages of roasts to the roast log, and what is refused on it.

Each call has a connection of its own and runs in one thread, so that the loop never waits for the
disk, and a flood of requests never has more than one of them at the log.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from aiohttp import web

from roastwatch.errors import BadInputError, RoastwatchError
from roastwatch.roastlog.edits import InProgressError, NoSuchChangeError
from roastwatch.roastlog.file import LogError
from roastwatch.roastlog.reviews import NoSuchMomentError
from roastwatch.roastlog.store import NoSuchRoastError, Store
from roastwatch.web.guards import Handler, refusal

P = ParamSpec("P")
T = TypeVar("T")
_WAITING = 24
"""Calls that may wait for the thread."""
_log = logging.getLogger(__name__)


class NotThereError(RoastwatchError):
    """What a request names does not exist: 404."""


class NotNowError(RoastwatchError):
    """It can't be done in the present state: 409."""


class OutdatedError(RoastwatchError):
    """What it would replace has changed meanwhile: 412."""


class UntaggedError(RoastwatchError):
    """It does not say what it would replace: 428."""


class NotKeptError(RoastwatchError):
    """The disk refuses: 503."""


class BusyError(RoastwatchError):
    """Too much at once: 503."""


class TooLargeError(RoastwatchError):
    """A file has too many bytes: 413."""


class TooSlowError(RoastwatchError):
    """A file did not arrive in time: 408."""


class NotInstalledError(RoastwatchError):
    """A library for it is not installed: 501."""


_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (NotThereError, 404),
    (NoSuchRoastError, 404),
    (NoSuchChangeError, 404),
    (NoSuchMomentError, 404),
    (InProgressError, 409),
    (NotNowError, 409),
    (OutdatedError, 412),
    (UntaggedError, 428),
    (NotKeptError, 503),
    (TooSlowError, 408),
    (TooLargeError, 413),
    (NotInstalledError, 501),
    (BusyError, 503),
    (LogError, 503),
    (BadInputError, 400),
)


class Threads:
    """Runs calls in one thread, in order; refuses them if too many wait. Close it once."""

    def __init__(self, name: str, waiting: int = _WAITING) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting, self._most = 0, waiting

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a call.

        Raises:
            BusyError: too many wait; and what the call raises.
        """
        if self._waiting >= self._most:
            raise BusyError("Too many requests at once: try again.")
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: function(*args, **kwargs)
        )
        future.add_done_callback(self._done)
        return await future

    def close(self) -> None:
        """Drop what waits."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _done(self, _future: "asyncio.Future[Any]") -> None:
        self._waiting -= 1


class LogDoor:
    """Calls functions with the open roast log."""

    def __init__(self, path: Path | None) -> None:
        """Nothing is opened yet; without a path, everything is refused."""
        self._path = path
        self._threads = Threads("roast-pages")

    @property
    def path(self) -> Path:
        """The log's file.

        Raises:
            NotThereError: nothing is logged here.
        """
        if self._path is None:
            raise NotThereError(
                "This roastwatch keeps no roast log: use `roastwatch run`, or `listen --log FILE`."
            )
        return self._path

    async def call(
        self, function: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The result of `function(store, …)`, called in the thread.

        Raises:
            NotThereError: nothing is logged here.
            BusyError: too many wait.
            LogError: the log can't be read or written; and what the function raises.
        """
        path = self.path

        def work() -> T:
            with Store(path, writing=False) as store:
                return function(store, *args, **kwargs)

        return await self._threads.call(work)

    def close(self) -> None:
        """Drop what waits."""
        self._threads.close()


def answering(handler: Handler) -> Handler:
    """A handler whose refusals are sentences with their status."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except RoastwatchError as error:
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
            if status == 500:
                _log.exception("A request about roasts or plans failed")
            return refusal(status, str(error))

    return answer
