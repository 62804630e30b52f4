"""The command line. Each command is one file, imported only when it is called."""

import importlib
import io
import os
import sys
from typing import Any

import click

from roastwatch import __version__
from roastwatch.errors import EndedError, RoastwatchError
from roastwatch.printing.printable import printable
from roastwatch.printing.terminal import printable_output

# name → (module, one line for --help). The module holds a click command named `command`.
COMMANDS: dict[str, tuple[str, str]] = {
    "roasts": ("roastwatch.cli.roasts.command", "The roast log: list, show, import, export, plot."),
    "run": ("roastwatch.cli.run", "Run the service with a settings file."),
    "demo": ("roastwatch.cli.demo", "Play a synthesised roast through the whole program."),
    "listen": ("roastwatch.cli.listen", "Listen to a microphone or a recording now."),
    "analyze": ("roastwatch.cli.analyze", "Find first crack in recordings."),
    "devices": ("roastwatch.cli.devices", "List microphones and their sample rates."),
    "bench": ("roastwatch.cli.bench", "Measure speed and memory on this machine."),
    "doctor": ("roastwatch.cli.doctor", "Check everything, and say what to do about each."),
    "roaster": ("roastwatch.cli.roaster.command", "Read and drive a roaster behind interlocks."),
    "data": ("roastwatch.cli.data", "Make, get, check and split what models learn from."),
    "learn": ("roastwatch.cli.learn", "Learn from your own roasts, or take that back."),
    "evaluate": ("roastwatch.cli.evaluate", "Measure how good it is, on what it never heard."),
    "train": ("roastwatch.cli.train", "Train the pop net, or fine-tune a large model."),
    "export": ("roastwatch.cli.export", "Export a trained net, or a large model to another form."),
    "package": ("roastwatch.cli.package", "A large model as a folder that runs as it stands."),
    "settings": ("roastwatch.cli.settings", "Check the settings, or print them documented."),
}


class LazyGroup(click.Group):
    """Lists commands without importing them, so that --help and start-up stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command when it is called."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="roastwatch")
def cli() -> None:
    """Hear first crack in a coffee roast, and tell Home Assistant and your phone."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; failures a person can mend are one sentence and exit 2."""
    # A name that the terminal can't show is written in escapes; it ends nothing.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with printable_output():
        try:
            return cli.main(args=arguments, prog_name="roastwatch")
        except RoastwatchError as error:
            click.echo(f"roastwatch: {printable(str(error))}", err=True)
            sys.exit(1 if isinstance(error, EndedError) else 2)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
