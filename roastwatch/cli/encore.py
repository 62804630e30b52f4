"""After a demonstration: its page stays until it is stopped, and Enter plays the roast again."""

import asyncio
import contextlib
import sys
from typing import TextIO

import click

from roastwatch.settings.model import Chosen, Settings


def may_watch(settings: Settings, extra: list[Chosen], *, opened: bool = False) -> bool:
    """Whether a person may be looking at the page: it is served, and the terminal is theirs.

    `opened`: a person opened it to the network, so they may also look at it from elsewhere.
    """
    served = any(sink.type == "rest" for sink in (*settings.sinks, *extra))
    return served and (opened or _has_terminal())


def keys() -> TextIO | None:
    """Where a person presses Enter; None without a terminal."""
    return sys.stdin if _has_terminal() else None


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


class Encore:
    """Keeps a service alive after its sound has ended."""

    def __init__(self, keys: TextIO | None) -> None:
        """`keys`: where a person presses Enter; None: nowhere."""
        self._keys = keys
        self.wanted = False
        """Whether the roast is to be played again."""

    async def wait(self) -> None:
        """Wait for Enter (play it again), or for the end of what is typed; without keys, forever.

        Raises:
            CancelledError: the person pressed Ctrl-C, or the program is stopped.
        """
        if self._keys is None:
            text = "The roast has ended; its page stays until this program is stopped."
            click.echo(text, err=True)
            await asyncio.Event().wait()
            return
        click.echo(
            "The roast has ended; its page stays. Press Enter to play it again, Ctrl+C to end.",
            err=True,
        )
        self.wanted = bool(await _line(self._keys))


async def _line(keys: TextIO) -> str:
    """The next line; empty: there will be none."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        line = ""
        with contextlib.suppress(OSError):  # the terminal has gone
            line = keys.readline()
        if not found.done():
            found.set_result(line)

    loop.add_reader(keys, read)
    try:
        return await found
    finally:
        loop.remove_reader(keys)
