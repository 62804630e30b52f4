"""`roastwatch roasts`: the roast log. Each subcommand takes --log, and so does the group."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from platformdirs import user_data_path

from roastwatch.errors import BadInputError
from roastwatch.roast import formats
from roastwatch.roast.log_schema import FILE_NAME
from roastwatch.roast.log_store import Imported, ImportResult, Store

F = TypeVar("F", bound=Callable[..., Any])


def default_log() -> Path:
    """Where the log is when nobody says."""
    return user_data_path("roastwatch") / FILE_NAME


def _keep(ctx: click.Context, _: click.Parameter, path: Path | None) -> Path:
    """--log of the subcommand, else of the group, else the default."""
    if path is not None:
        ctx.obj = path
    kept = ctx.obj
    return kept if isinstance(kept, Path) else default_log()


def log_option(command: F) -> F:
    """Add --log PATH to a command."""
    return click.option(
        "--log",
        "log",
        type=click.Path(path_type=Path, dir_okay=True),
        callback=_keep,
        metavar="PATH",
        help="The roast log's file.",
    )(command)


@click.group(name="roasts", context_settings={"help_option_names": ["-h", "--help"]})
@log_option
def command(log: Path) -> None:
    """The roast log: list, show, export, import, plot, compare, edit and more."""


@command.command(name="import")
@log_option
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH..."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
@click.pass_context
def import_(ctx: click.Context, log: Path, paths: tuple[Path, ...], as_json: bool) -> None:
    """Import roasts from files and folders.

    Artisan (.alog, JSON, CSV), RoasTime, RoastLogger, HiBean, coffee-roaster-mcp and our own
    JSON. The same roast, imported again or saved twice, stays one.
    """
    counts: dict[str, int] = {}
    with Store(log, create=True) as store:
        for path, named in _files(paths):
            outcome, said, roast_id = _import_one(store, path, named)
            counts[outcome] = counts.get(outcome, 0) + 1
            if as_json:
                row = {"file": str(path), "outcome": outcome, "roast_id": roast_id, "said": said}
                click.echo(json.dumps(row, ensure_ascii=False))
            elif outcome != "new":
                click.echo(f"{path.name}: {said}", err=outcome == "refused")
    if not as_json:
        order = ("new", "replaced", "duplicate", "known", "skipped", "refused")
        told = ", ".join(f"{counts[name]} {name}" for name in order if name in counts)
        click.echo(f"{sum(counts.values())} files: {told or 'nothing to import'}.")
    if counts.get("refused"):
        ctx.exit(1)


def _files(paths: tuple[Path, ...]) -> list[tuple[Path, bool]]:
    """The files to read, and whether each was named by the person (or found in a folder)."""
    found: list[tuple[Path, bool]] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in formats.SUFFIXES)
            found.extend((p, False) for p in inside if p.is_file())
        else:
            found.append((path, True))
    return found


def _import_one(store: Store, path: Path, named: bool) -> tuple[str, str, str | None]:
    try:
        record = formats.read_file(path)
    except formats.NoRoastError as error:
        if named:
            return "refused", str(error), None
        return "skipped", "not a roast", None
    except BadInputError as error:
        return "refused", str(error), None
    result = store.import_record(record)
    return result.outcome.value, _said(result), result.roast_id


def _said(result: ImportResult) -> str:
    match result.outcome:
        case Imported.KNOWN:
            return "already in the log."
        case Imported.DUPLICATE:
            return f"the same roast as {result.twin}, saved twice; kept once."
        case Imported.REPLACED:
            return f"a longer save of the roast in {result.twin}; it took its place."
    return "imported."


@command.command(name="list")
@log_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a roast, a line each.")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many, newest first.")
def list_(log: Path, as_json: bool, limit: int | None) -> None:
    """List the roasts, newest first."""
    with Store(log, writing=False) as store:
        lines = store.list_json()[:limit]
    if as_json:
        if lines:
            click.echo("\n".join(lines))
        return
    from roastwatch.cli.roasts_text import print_list

    print_list([json.loads(line) for line in lines])


@command.command(name="show")
@log_option
@click.argument("roast_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(log: Path, roast_id: str, as_json: bool) -> None:
    """Show one roast; `last` is the newest, the beginning of an id is enough."""
    with Store(log, writing=False) as store:
        if as_json:
            click.echo(store.show_json(roast_id))
            return
        row = json.loads(store.show_json(roast_id))
        record = store.record(roast_id)
    from roastwatch.cli.roasts_text import print_roast

    print_roast(row, record)


@command.command(name="export")
@log_option
@click.argument("roast_id", metavar="ID")
@click.option(
    "--format",
    "format_",
    type=click.Choice(sorted(formats.WRITERS)),
    help="What to write; without it the suffix of --to decides, else our own JSON.",
)
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="File or folder; - or none: stdout."
)
def export(log: Path, roast_id: str, format_: str | None, target: Path | None) -> None:
    """Export a roast (or `all` of them) for Artisan, a spreadsheet or another roastwatch.

    \b
    Examples:
      roastwatch roasts export last --format alog --to roast.alog
      roastwatch roasts export all --to folder
    """
    from roastwatch.cli.roasts_export import export_all, export_one

    with Store(log, writing=False) as store:
        if roast_id == "all":
            export_all(store, format_, target)
        else:
            export_one(store.record(roast_id), format_, target)
