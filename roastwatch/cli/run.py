"""`roastwatch run`: the service."""

import os
from pathlib import Path

import click

from roastwatch.cli.live import log_to_stderr, serve
from roastwatch.cli.page import Page, page_options
from roastwatch.errors import SettingsError
from roastwatch.printing.times import live_in
from roastwatch.roastlog.file import FILE_NAME
from roastwatch.settings import model as settings

PLACES = (
    Path("roastwatch.yaml"),
    Path("/etc/roastwatch/roastwatch.yaml"),
    Path("/data/roastwatch.yaml"),
)


@click.command("run")
@click.option("--settings", "path", type=click.Path(path_type=Path), help="Settings file (YAML).")
@page_options
@click.option("-v", "--verbose", is_flag=True, help="Log more details.")
def command(path: Path | None, page: bool, opened: bool, verbose: bool) -> None:
    """Run the service with a settings file.

    Without --settings, the first of these is used: $ROASTWATCH_SETTINGS, ./roastwatch.yaml,
    /etc/roastwatch/roastwatch.yaml, /data/roastwatch.yaml.

    Example: roastwatch run --settings roastwatch.yaml
    """
    log_to_stderr(verbose)
    path = path or found()
    wanted = settings.read(path)
    if wanted.time_zone:
        live_in(wanted.time_zone)
    serve(wanted, (), wanted.folder / FILE_NAME, Page(page, opened), path.absolute())


def found() -> Path:
    """The default settings file.

    Raises:
        SettingsError: there is none; the text says how to create one.
    """
    if os.environ.get("ROASTWATCH_SETTINGS"):
        return Path(os.environ["ROASTWATCH_SETTINGS"])
    for place in PLACES:
        if place.exists():
            return place
    raise SettingsError(
        "No settings file found: create one with `roastwatch settings --document > "
        "roastwatch.yaml`, or name one with --settings."
    )
