"""`roastwatch support`: a file with all that is needed to help, without secrets."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from roastwatch.cli.doctor import or_why
from roastwatch.errors import BadInputError
from roastwatch.files.atomic import write_whole


@click.command("support")
@click.option("--settings", "path", type=click.Path(path_type=Path), help="Settings file (YAML).")
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write (default: roastwatch-support-DATE.zip here).",
)
@click.option("--sound", is_flag=True, help="Also pack the newest recorded roast.")
@click.option("--running", is_flag=True, hidden=True, help="The service's state, from the page.")
def command(path: Path | None, to: Path | None, sound: bool, running: bool) -> None:
    """Write a support bundle: settings without secrets, the checks of `doctor`, and versions.

    The page Health makes one with the log and the counters of the running service, too.

    Example: roastwatch support
    """
    from roastwatch.upkeep.checks import findings, quietly
    from roastwatch.upkeep.support import bundle

    known = json.load(sys.stdin) if running else None
    to = to or Path(f"roastwatch-support-{datetime.now(UTC):%Y-%m-%d}.zip")
    place = path or or_why()
    # A running service may hold the microphones.
    content = bundle(place, quietly(findings(place, sound=not running)), known, sound=sound)
    try:
        write_whole(to, content, private=True)
    except OSError as error:
        raise BadInputError(
            f"{to} can't be written ({error.strerror}): name another file with --to."
        ) from error
    click.echo(f"{to}: {len(content) / 1000:.0f} kB. Look through it before you give it away.")
