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
    /etc/roastwatch/roastwatch.yaml, /data/roastwatch.yaml. If there is none, the page starts
    alone, and its wizard creates one.

    Example: roastwatch run --settings roastwatch.yaml
    """
    log_to_stderr(verbose)
    path = path or at_hand()
    if path is None or (is_default(path) and not path.exists()):
        if not page:
            path = path or found()
        else:
            from roastwatch.cli.set_up import set_up

            set_up(path or new_place(), Page(page, opened))
            return
    wanted = settings.read(path)
    if wanted.time_zone:
        live_in(wanted.time_zone)
    serve(wanted, (), wanted.folder / FILE_NAME, Page(page, opened), path.absolute())


def found() -> Path:
    """The default settings file.

    Raises:
        SettingsError: there is none; the text says how to create one.
    """
    place = at_hand()
    if place is None:
        raise SettingsError(
            "No settings file found: start `roastwatch run` and open its page, create one with "
            "`roastwatch settings --document > roastwatch.yaml`, or name one with --settings."
        )
    return place


def at_hand() -> Path | None:
    """The settings file that is named by the environment, or the first default one; or None."""
    if os.environ.get("ROASTWATCH_SETTINGS"):
        return Path(os.environ["ROASTWATCH_SETTINGS"])
    return next((place for place in PLACES if place.exists()), None)


def is_default(path: Path) -> bool:
    """Whether this is one of the default places."""
    return path.absolute() in {place.absolute() for place in PLACES}


def new_place() -> Path:
    """Where a first settings file is created: the first default place that can be written.

    A service has `/` as its working directory, where it keeps nothing.
    """
    places = PLACES if Path.cwd() != Path("/") else PLACES[1:]
    return next((one for one in places if os.access(one.absolute().parent, os.W_OK)), places[0])
