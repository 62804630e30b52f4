"""The options that choose a machine, and an end that makes it safe."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

T = TypeVar("T")


def machine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose a machine."""
    for option in reversed(
        (
            click.option("--type", "kind", help="Kind of roaster, such as hottop or simulated."),
            click.option("--port", help="Its address, such as /dev/ttyUSB0 or tcp://host:port."),
            click.option(
                "--option",
                "options",
                multiple=True,
                metavar="KEY=VALUE",
                help="Another option of the driver (repeatable).",
            ),
            click.option(
                "--settings",
                "settings_path",
                type=click.Path(path_type=Path),
                help="Take the machine from this settings file.",
            ),
            click.option("--station", default=None, help="The station of the settings."),
            click.option(
                "--limits",
                type=click.Path(path_type=Path),
                help="File of limits, instead of the machine's own (config/roasters).",
            ),
            click.option(
                "--independent-cutoff",
                is_flag=True,
                help="You confirm a thermal cut-off that works without this computer.",
            ),
        )
    ):
        function = option(function)
    return function


SLIP = "roastwatch.slip"


class Forgiving(click.Command):
    """An emergency stop, which must work even if one argument is wrong.

    What can't be understood is left out; `ctx.meta[SLIP]` is the sentence about it.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what can be understood, above all the port."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            ctx.meta[SLIP] = error.format_message()
        ctx.params.clear()
        return super().parse_args(ctx, self._known(words))

    def _known(self, words: list[str]) -> list[str]:
        """The options that this command has, with their values; a bare path is the port."""
        takes_value = {
            name: not (isinstance(option, click.Option) and option.is_flag)
            for option in self.params
            for name in option.opts
        }
        known: list[str] = []
        left = list(words)
        while left:
            word = left.pop(0)
            name, equals, _ = word.partition("=")
            if name in takes_value and (equals or not takes_value[name]):
                known += [word] if equals and takes_value[name] else [name]
            elif name in takes_value and left and left[0] not in takes_value:
                known += [word, left.pop(0)]
            elif "/" in word and not word.startswith("-") and "--port" not in words:
                known += ["--port", word]
        return known


def run_until_stopped(work: Coroutine[Any, Any, T]) -> T:
    """Run; SIGTERM and SIGHUP end it as Ctrl-C does, so that the machine is made safe."""

    async def guarded() -> T:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(name, task.cancel)
        return await task

    logging.getLogger("roastwatch").addHandler(logging.NullHandler())  # it is printed already
    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        click.echo("Stopped.", err=True)
        sys.exit(130)
