"""Reports that the event loop runs, to the supervisor that restarts a process that hangs.

For systemd: `READY=1` and `WATCHDOG=1` to $NOTIFY_SOCKET (sd_notify(3)). For the health check of a
container: the modification time of the file $ROASTWATCH_HEARTBEAT. If neither is set, nothing is
done.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

_EVERY_S = 5.0


@contextlib.asynccontextmanager
async def heartbeat() -> AsyncIterator[None]:
    """Report every 5 s while the context is open."""
    beating = asyncio.create_task(_beat(), name="heartbeat")
    try:
        yield
    finally:
        beating.cancel()
        _notify("STOPPING=1")
        with contextlib.suppress(asyncio.CancelledError):
            await beating


async def _beat() -> None:
    file = os.environ.get("ROASTWATCH_HEARTBEAT")
    _notify("READY=1")
    while True:
        _notify("WATCHDOG=1")
        if file:
            with contextlib.suppress(OSError):
                _touch(file)
        await asyncio.sleep(_EVERY_S)


def _touch(file: str) -> None:
    Path(file).touch()


def _notify(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker,
    ):
        speaker.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
