"""The command line. Each command is a module that is imported only when it is called."""

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

# name → (module, summary for --help). The module has a click command named `command`.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("roastwatch.cli.run", "Run the service with a settings file."),
    "demo": ("roastwatch.cli.demo", "Run the service on a synthesised roast."),
    "listen": ("roastwatch.cli.listen", "Listen to a microphone or a recording, without settings."),
    "analyze": ("roastwatch.cli.analyze", "Find first crack in recordings."),
    "devices": ("roastwatch.cli.devices", "List microphones and their sample rates."),
    "settings": ("roastwatch.cli.settings", "Check a settings file, or print every option."),
    "doctor": ("roastwatch.cli.doctor", "Check settings, devices and connections."),
    "support": ("roastwatch.cli.support", "Write a support bundle without secrets."),
    "home-assistant": (
        "roastwatch.cli.home_assistant",
        "Print or add dashboards and automations for Home Assistant.",
    ),
    "roasts": (
        "roastwatch.cli.roasts.command",
        "List, show, import, export and plot logged roasts.",
    ),
    "roaster": ("roastwatch.cli.roaster.command", "Read and control a roaster behind interlocks."),
    "programs": ("roastwatch.cli.programs", "List paired programs, or end their pairing."),
    "mcp": ("roastwatch.cli.mcp", "Offer the running service to an agent, over MCP."),
    "learn": ("roastwatch.cli.learn", "Calibrate the detector on your own roasts."),
    "evaluate": ("roastwatch.cli.evaluate", "Measure the accuracy of detection."),
    "bench": ("roastwatch.cli.bench", "Measure speed and memory on this computer."),
    "data": ("roastwatch.cli.data", "Make, download, check and split training data."),
    "train": ("roastwatch.cli.train", "Train the pops model, or fine-tune a large model."),
    "export": ("roastwatch.cli.export", "Export a trained or large model to another format."),
    "package": (
        "roastwatch.cli.package",
        "Package a large model as a folder that is ready to run.",
    ),
}
_MODELS = ("evaluate", "bench", "data", "train", "export", "package")
"""Commands for measuring and training models: --help lists them apart."""


class LazyGroup(click.Group):
    """Lists commands without importing them, so that --help and start-up stay fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write names and summaries without importing anything."""
        summaries = {name: text for name, (_, text) in COMMANDS.items()}
        models = [(name, summaries.pop(name)) for name in _MODELS]
        with formatter.section("Commands"):
            formatter.write_dl(list(summaries.items()))
        with formatter.section("Measure and train models"):
            formatter.write_dl(models)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="roastwatch")
def cli() -> None:
    """Detect first crack in a coffee roast, and notify Home Assistant and phones.

    \b
    Examples:
      roastwatch demo                            try it without hardware
      roastwatch analyze roast.flac              find first crack in a recording
      roastwatch run --settings roastwatch.yaml  run the service
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line. A failure that a user can fix is printed as one sentence; exit 2."""
    # Characters that the terminal can't show are written as escapes instead of failing.
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
