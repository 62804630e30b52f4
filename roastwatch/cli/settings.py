"""`roastwatch settings`: check a settings file, or print one that documents every option."""

from pathlib import Path

import click

from roastwatch.settings import model as settings


@click.command("settings")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--document", is_flag=True, help="Print a settings file with every option explained.")
def command(path: Path | None, document: bool) -> None:
    """Check the settings in PATH, or the ones that `roastwatch run` would take.

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
        f"{path}: all well. Instance {read.instance}; stations: {stations}; sinks: {sinks}; "
        f"data in {read.folder}."
    )
