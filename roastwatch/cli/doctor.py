"""`roastwatch doctor`: check everything that a roast needs, and say how to fix problems."""

import sys
from pathlib import Path

import click
from rich.text import Text

from roastwatch.cli.run import found
from roastwatch.errors import RoastwatchError
from roastwatch.printing.printable import printable
from roastwatch.printing.rich_console import Console
from roastwatch.upkeep.checks import findings, quietly

_MARKS = {True: ("ok   ", "green"), False: ("fault", "red"), None: ("–    ", "dim")}


@click.command("doctor")
@click.option("--settings", "path", type=click.Path(path_type=Path), help="Settings file (YAML).")
def command(path: Path | None) -> None:
    """Check settings, microphone, model, sinks, disk and permissions.

    Connects to everything that the settings name, tries what the service would do, and leaves no
    trace. Exits with 1 if there is a problem.

    Example: roastwatch doctor --settings roastwatch.yaml
    """
    console = Console()
    bad = 0
    for finding in quietly(findings(path or or_why())):
        bad += finding.good is False
        mark, style = _MARKS[finding.good]
        # Text and not markup, because a name may contain [brackets]. Escapes are removed.
        line = Text(mark, style).append(f" {finding.name:12} {printable(finding.text)}", "default")
        console.print(line, highlight=False, soft_wrap=True)
    problems = {0: "No problems found.", 1: "1 problem found."}
    console.print(problems.get(bad, f"{bad} problems found."))
    sys.exit(1 if bad else 0)


def or_why() -> Path | str:
    """The default settings file, or a sentence that there is none."""
    try:
        return found()
    except RoastwatchError as error:
        return str(error)
