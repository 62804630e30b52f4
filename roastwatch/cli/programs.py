"""`roastwatch programs`: the programs that are paired with the HTTP API, and their end."""

import asyncio
import os
from datetime import datetime
from pathlib import Path

import click

from roastwatch.errors import BadInputError, SettingsError
from roastwatch.files.folders import data_folder
from roastwatch.printing.printable import printable
from roastwatch.web.accounts import LONGEST_NAME, Accounts


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data-dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the roast log, if the settings name another one than the usual.",
)
@click.option("--revoke", metavar="ID", help="End the pairing of a program: its token is refused.")
def command(folder: Path | None, revoke: str | None) -> None:
    """List the programs that are paired with the HTTP API, such as Home Assistant.

    It may be used while roastwatch runs. To pair a program, give it a password of the page, or a
    code that the page shows to operators in its settings.

    \b
    Examples:
      roastwatch programs
      roastwatch programs --revoke 3f9a01bc
    """
    files = sorted((folder or data_folder()).glob("web-*.json"))
    if revoke is not None:
        if not any(_revoked(path, revoke) for path in files):
            raise BadInputError(
                f"No program has the id {printable(revoke, 40)!r}. "
                'Run "roastwatch programs" to list them.'
            )
        click.echo("Revoked.")
        return
    programs = [program for path in files for program in Accounts(path).programs()]
    if not programs:
        click.echo("No program is paired.")
    for one in programs:
        day = datetime.fromtimestamp(one.paired_at).astimezone().strftime("%Y-%m-%d %H:%M")
        click.echo(f"{one.id}  {one.role.value:<8}  {day}  {printable(one.name, LONGEST_NAME)}")


def _revoked(path: Path, program: str) -> bool:
    """Revoke a program in a file, which keeps its owner. False: it is not there."""
    before = path.stat()
    if not asyncio.run(Accounts(path).revoke(program)):
        return False
    if os.geteuid() == 0:  # else the service could read it no longer
        os.chown(path, before.st_uid, before.st_gid)
    if any(one.id == program for one in Accounts(path).programs()):
        raise SettingsError(f"{path} can't be written: the program is still paired.")
    return True
