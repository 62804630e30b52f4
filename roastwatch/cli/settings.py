"""`roastwatch settings`: check a settings file, or print one that documents every option."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from roastwatch.errors import SettingsError
from roastwatch.settings import model as settings


@click.command("settings")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--document", is_flag=True, help="Print a settings file that documents every option.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of all options, for forms.")
@click.option(
    "--form",
    type=click.Choice(["show", "check", "save"]),
    hidden=True,
    help="For the page: the file as JSON; or check or save the JSON of standard input.",
)
def command(path: Path | None, document: bool, schema: bool, form: str | None) -> None:
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
    if schema:
        from roastwatch.settings.schema import schema as made

        click.echo(json.dumps(made(), ensure_ascii=False))
        return
    if path is None:
        from roastwatch.cli.run import found  # imports the service

        path = found()
    if form is not None:
        given = {} if form == "show" else json.load(sys.stdin)
        click.echo(json.dumps(_answer(form, path, given), ensure_ascii=False))
        return
    read = settings.read(path)
    stations = ", ".join(station.name for station in read.stations)
    sinks = ", ".join(sink.type for sink in read.sinks) or "none"
    click.echo(
        f"{path}: no problems found. Instance: {read.instance}; stations: {stations}; "
        f"sinks: {sinks}; data folder: {read.folder}."
    )


def _answer(form: str, path: Path, given: dict[str, Any]) -> dict[str, Any]:
    """What the page shows: the file, problems, or how saving went."""
    from roastwatch.upkeep import settings_file

    try:
        if form == "show":
            return {"outcome": "shown", **asdict(settings_file.shown(path))}
        if form == "check":
            return {"outcome": "checked", "problems": settings_file.check(path, given["values"])}
        tag = settings_file.save(path, given["values"], given["tag"], frozen=given["frozen"])
    except settings_file.WrongError as error:
        return {"outcome": "wrong", "said": str(error), "problems": error.problems}
    except settings_file.ChangedError as error:
        return {"outcome": "changed", "said": str(error)}
    except settings_file.FrozenError as error:
        return {"outcome": "frozen", "said": str(error)}
    except SettingsError as error:
        return {"outcome": "failed", "said": str(error)}
    return {"outcome": "saved", **asdict(settings_file.shown(path)), "tag": tag}
