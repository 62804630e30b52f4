"""`roastwatch settings`: check a settings file."""

from pathlib import Path

import click

from roastwatch import settings


@click.command("settings")
@click.argument("path", type=click.Path(path_type=Path))
def command(path: Path) -> None:
    """Check the settings in PATH and say what is wrong.

    Example: roastwatch settings config/roastwatch.yaml
    """
    found = settings.read(path)
    stations = ", ".join(station.name for station in found.stations)
    click.echo(f"{path}: all well. Instance {found.instance}, stations: {stations}.")
