"""`roastwatch roaster guard`: the guardian's own process."""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

import click

from roastwatch import plugins
from roastwatch.app.roaster_launch import RoasterLaunch, checked_options
from roastwatch.errors import BadInputError
from roastwatch.roaster.client.spare import Spare
from roastwatch.roaster.driver import LivesInDriver
from roastwatch.roaster.guardian.limits_store import parse_limits
from roastwatch.roaster.guardian.process import raise_priority
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.guardian.server import GuardianServer


@click.command("guard", hidden=True)
@click.option("--settings", "settings_path", type=click.Path(path_type=Path),
              help="Take the machine from this settings file.")  # fmt: skip
@click.option("--station", default=None, help="The station of the settings.")
@click.option("--stay", is_flag=True, help="Do not end by itself (under systemd).")
def guard(settings_path: Path | None, station: str | None, stay: bool) -> None:
    """Be the guardian of one machine (started by the service, or by systemd with --settings)."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    if settings_path is not None:
        machine = RoasterLaunch.from_settings(settings_path, station)
        path = machine.socket
    else:
        # A spare gets its machine now, and the word to begin later or never.
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as first_line:
            spec = json.loads(first_line.readline())  # and nothing of what follows
        file = spec.pop("socket")
        path = None if file is None else Path(file)
        machine = RoasterLaunch(**spec)
    factory = plugins.load("drivers", machine.kind)
    options = checked_options(factory.Options, machine.options, machine.kind)
    first = factory(options, machine.station)
    judge = SafetyState(
        first.capabilities,
        parse_limits(machine.limits, "limits"),
        cutoff_confirmed=machine.cutoff,
    )
    server = GuardianServer(
        path,
        machine.station,
        _makes(first, factory, options, machine.station),
        judge,
        machine=(machine.kind, machine.options),
        stay=stay,
        wire=machine.wire,
    )
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)  # a closed terminal does not end the guardian
    spare = None if settings_path is not None else Spare(path, machine.wire)
    try:
        asyncio.run(_serve(server, spare))
    except BadInputError:
        if spare is None or spare.was_asked:
            raise
        # Another guardian has taken over the machine.


def _makes(first: Any, factory: Any, options: Any, station: str) -> Any:
    """Makes the driver: the first one, and a new one after a lost link.

    A machine without a wire (simulated, replay) is its driver, and stays the same.
    """
    unused = [first]

    def make() -> Any:
        if isinstance(first, LivesInDriver):
            return first
        return unused.pop() if unused else factory(options, station)

    return make


async def _serve(server: GuardianServer, spare: Spare | None) -> None:
    """Wait while this is a spare, then serve until released; SIGTERM makes safe and ends."""
    loop, left = asyncio.get_running_loop(), None
    if spare is not None:
        words = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
        if not await spare.wait(words):
            return
        left = spare.left
    raise_priority()
    running = asyncio.create_task(server.run(left), name="guardian")
    loop.add_signal_handler(signal.SIGTERM, server.terminate)
    await running
