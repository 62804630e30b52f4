"""`roastwatch settings`: check a settings file, or print one that documents every option."""

from pathlib import Path

import click

from roastwatch.settings import model as settings


@click.command("settings")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--document", is_flag=True, help="Print a settings file that documents every option.")
def command(path: Path | None, document: bool) -> None:
    """Check the settings file PATH (default: the one that `roastwatch run` uses).

    \b
    Examples:
      roastwatch settings roastwatch.yaml
      roastwatch settings --document > roastwatch.yaml
    """
    if document:
        from roastwatch.settings.document import document as text

        click.echo(text(), nl=False)
        return
    from roastwatch.cli.run import found

    path = path or found()
    read = settings.read(path)
    stations = ", ".join(station.name for station in read.stations)
    sinks = ", ".join(sink.type for sink in read.sinks) or "none"
    click.echo(
        f"{path}: no problems found. Instance: {read.instance}; stations: {stations}; "
        f"sinks: {sinks}; data folder: {read.folder}."
    )
