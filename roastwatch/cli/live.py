"""Starts and stops the service for `run`, `listen` and `demo`."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roastwatch.app.service import Service
from roastwatch.cli.encore import Encore, keys, may_watch
from roastwatch.cli.heartbeat import heartbeat
from roastwatch.cli.page import Page, with_page
from roastwatch.errors import EndedError, RoastwatchError, SettingsError
from roastwatch.options import secrets_in
from roastwatch.printing.logs import log_to
from roastwatch.printing.recent_log import RecentLog
from roastwatch.settings import model as settings_
from roastwatch.settings.model import Chosen, Settings
from roastwatch.sinks.sink import HostProcess

_log = logging.getLogger(__name__)
_PAGE_PORT = "ROASTWATCH_PAGE_PORT"
"""Environment variable: where an open page waits for the process that takes this one's place."""


def log_to_stderr(verbose: bool) -> None:
    """Log to stderr, so that stdout stays clean."""
    log_to(sys.stderr, logging.DEBUG if verbose else logging.INFO)
    if not verbose:
        logging.getLogger("roastwatch.sinks.mqtt").setLevel(logging.WARNING)


def serve(
    settings: Settings,
    extra_sinks: Sequence[Chosen] = (),
    log_path: Path | None = None,
    page: Page | None = None,
    settings_path: Path | None = None,
    *,
    stays: bool = False,
) -> None:
    """Run the service until its sound ends or it is stopped (Ctrl-C, SIGTERM).

    Args:
        settings: of the service.
        extra_sinks: more sinks than those of the settings.
        log_path: the roast log; None: nothing is logged.
        page: whether the page is served, and to whom.
        settings_path: the file that the settings are from. With it, a person can restart the
            service from the page.
        stays: if a person may be looking at the page, it is served on after the sound has ended,
            and the sound can be played again.
    """
    page = page or Page()
    if page.opened:
        if log_path is None and not sys.stderr.isatty():
            raise SettingsError(
                "--open needs a terminal to show its passwords, or a roast log, beside which they "
                "are stored: name one with --log."
            )
        _log.info("--open serves the page to your whole network; people sign in with a password")
    settings, extra_sinks = with_page(settings, extra_sinks, page)
    log = RecentLog(secrets_in([settings, *extra_sinks]))
    log.listen()
    restart = Restart()
    request = restart.request if settings_path else None
    process = HostProcess(log, settings_path, request, page_port=port_before())
    stays = stays and may_watch(settings, extra_sinks, opened=page.opened)
    again = True
    with contextlib.suppress(KeyboardInterrupt):
        while again:
            encore = Encore(keys()) if stays else None
            asyncio.run(_serve(settings, extra_sinks, log_path, process, restart, encore))
            again = encore is not None and encore.wanted and not restart.requested
    if restart.requested:
        begin_again(process.page_port)


@dataclass(slots=True)
class Restart:
    """The request to start again with the present settings file."""

    requested: bool = False
    task: "asyncio.Future[None] | None" = None

    def request(self) -> None:
        """End the service, and start it again."""
        self.requested = True
        if self.task is not None:
            self.task.cancel()


def begin_again(page_port: int = 0) -> None:
    """Let systemd start this process again, or start the same command in its place.

    Args:
        page_port: where the page was, which waits there for the service; 0: nowhere.

    Raises:
        EndedError: systemd restarts it because of it.
    """
    if os.environ.get("NOTIFY_SOCKET"):
        raise EndedError("A restart was requested in the page.")
    _log.info("Starting again with the new settings")
    sys.stdout.flush()
    sys.stderr.flush()
    words = [sys.executable, "-m", "roastwatch", *sys.argv[1:]]
    os.execve(sys.executable, words, os.environ | {_PAGE_PORT: str(page_port)})


def port_before() -> int:
    """Where the page was before this process took the place of another; 0: it took none."""
    said = os.environ.get(_PAGE_PORT, "")
    return int(said) if said.isdecimal() else 0


async def _serve(
    settings: Settings,
    extra_sinks: Sequence[Chosen],
    log_path: Path | None,
    process: HostProcess,
    restart: Restart,
    encore: Encore | None,
) -> None:
    service = Service(settings, extra_sinks, log_path, process)
    if encore is not None:
        service.afterwards = encore.wait
    try:
        await until_stopped(service.run(), restart)
    except BaseExceptionGroup as group:
        raise _shown(group, roasting=service.roasting) from None


async def until_stopped(work: Coroutine[Any, Any, None], restart: Restart) -> None:
    """Run until it ends, a person stops it, or a restart is requested."""
    task = restart.task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        async with heartbeat():
            await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise


def _shown(group: BaseExceptionGroup, *, roasting: bool) -> BaseException:
    """The exception to show for the failures that ended the service.

    A defect is shown with its traceback (exit 1), and other failures never hide it. A failure that
    a user can fix is one sentence. During a roast that exits with 1 too, so that a supervisor
    restarts the service and the roast goes on.
    """
    correctable, defects = group.split(RoastwatchError)
    error: BaseException | None = correctable
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is None or defects is not None:
        return group
    return EndedError(str(error)) if roasting else error


def mqtt_sink(address: str) -> Chosen:
    """The MQTT sink for HOST or HOST:PORT, otherwise with its defaults."""
    found = re.fullmatch(r"(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?", address)
    host, port = (
        found.groups() if found else (address, None)
    )  # fe80::1, or an address that is refused below
    return settings_.chosen("sinks", "mqtt", "--mqtt", host=host, port=int(port or 1883))
