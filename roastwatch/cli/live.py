"""What `run`, `listen` and `demo` share: starting the service and stopping it well."""

import asyncio
import contextlib
import logging
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from roastwatch.app.service import Service
from roastwatch.cli.heartbeat import heartbeat
from roastwatch.errors import EndedError, RoastwatchError
from roastwatch.printing.logs import log_to
from roastwatch.settings import model as settings_
from roastwatch.settings.model import Chosen, Settings


def log_to_stderr(verbose: bool) -> None:
    """Log lines for people, on stderr so that stdout stays clean."""
    log_to(sys.stderr, logging.DEBUG if verbose else logging.INFO)
    if not verbose:
        logging.getLogger("roastwatch.sinks.mqtt").setLevel(logging.WARNING)


def serve(
    settings: Settings, extra_sinks: Sequence[Chosen] = (), log_path: Path | None = None
) -> None:
    """Run the service until its sound ends or somebody stops it (Ctrl-C, SIGTERM)."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(settings, extra_sinks, log_path))


async def _serve(settings: Settings, extra_sinks: Sequence[Chosen], log_path: Path | None) -> None:
    service = Service(settings, extra_sinks, log_path)
    task = asyncio.ensure_future(service.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        async with heartbeat():
            await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise
    except BaseExceptionGroup as group:
        raise _shown(group, roasting=service.roasting) from None


def _shown(group: BaseExceptionGroup, *, roasting: bool) -> BaseException:
    """What is shown of the failures that ended the service.

    A defect comes with its traceback (exit 1), and is never hidden by what failed beside it. A
    failure that a person can correct is one sentence, however deep it happened. In mid-roast that
    exits with 1, too, so that a supervisor starts the service again and the roast goes on.
    """
    correctable, defects = group.split(RoastwatchError)
    error: BaseException | None = correctable
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is None or defects is not None:
        return group
    return EndedError(str(error)) if roasting else error


def mqtt_sink(address: str) -> Chosen:
    """The MQTT sink for HOST or HOST:PORT, with the defaults for all else."""
    found = re.fullmatch(r"(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?", address)
    host, port = found.groups() if found else (address, None)  # fe80::1, or what is refused
    return settings_.chosen("sinks", "mqtt", "--mqtt", host=host, port=int(port or 1883))
