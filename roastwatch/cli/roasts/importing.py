"""`roastwatch roasts import`: import roasts from files and folders, each independently."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import click

from roastwatch.cli.roasts.log import log_option
from roastwatch.errors import BadInputError
from roastwatch.printing.printable import printable
from roastwatch.records import formats
from roastwatch.roastlog.store import Imported, ImportResult, Store

_ORDER = ("new", "replaced", "duplicate", "known", "skipped", "refused")
_NAMED_AT_MOST = 20


@click.command(name="import")
@log_option
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH..."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
@click.pass_context
def command(ctx: click.Context, log: Path, paths: tuple[Path, ...], as_json: bool) -> None:
    """Import roasts from files and folders.

    Artisan (.alog, JSON, CSV), RoasTime, RoastLogger, HiBean, IKAWA, ROEST, Kaleido, Giesen,
    Cropster (.xls), coffee-roaster-mcp and our own JSON; in folders every file is tried,
    whatever its name. A roast that is imported again or was saved twice is kept once. A later save
    replaces the earlier file's data; what you wrote in roastwatch (title, notes, rating, events,
    labels) stays.
    """
    counts: dict[str, int] = {}
    skipped: list[str] = []
    with Store(log, create=True) as store:
        for path, named in _files(paths):
            name = printable(path.name)
            outcome, sentence, roast_id, warnings = _import_one(store, path, named)
            counts[outcome] = counts.get(outcome, 0) + 1
            if as_json:
                row = {"file": printable(str(path)), "outcome": outcome, "roast_id": roast_id,
                       "said": sentence, "warnings": warnings}  # fmt: skip
                click.echo(json.dumps(row, ensure_ascii=False))
                continue
            for warning in warnings:
                click.echo(f"{name}: {warning}", err=True)
            if outcome == "refused":
                click.echo(sentence, err=True)
            elif outcome == "skipped":
                skipped.append(name)
            elif outcome != "new":
                click.echo(f"{name}: {sentence}")
    if not as_json:
        if skipped:
            more = len(skipped) - _NAMED_AT_MOST
            rest = f" and {more} more" if more > 0 else ""
            click.echo(f"Not roasts, skipped: {', '.join(skipped[:_NAMED_AT_MOST])}{rest}.")
        text = ", ".join(f"{counts[name]} {name}" for name in _ORDER if name in counts)
        click.echo(f"{sum(counts.values())} files: {text or 'nothing to import'}.")
    if not counts.keys() - {"skipped"}:
        where = ", ".join(printable(str(path)) for path in paths)
        click.echo(f"No roast was found in {where}.", err=True)
        ctx.exit(1)
    if counts.get("refused"):
        ctx.exit(1)


def _files(paths: tuple[Path, ...]) -> Iterator[tuple[Path, bool]]:
    """The files to read, and whether each was named (or found in a folder)."""
    for path in paths:
        if not path.is_dir():
            yield path, True
            continue
        for folder, inside, files in os.walk(path, onerror=_unreadable):
            inside[:] = sorted(name for name in inside if not name.startswith("."))
            for name in sorted(files):
                if not name.startswith("."):
                    yield Path(folder, name), False


def _unreadable(error: OSError) -> None:
    click.echo(
        f"The folder {printable(str(error.filename))} can't be read ({error.strerror}).", err=True
    )


def _import_one(
    store: Store, path: Path, named: bool
) -> tuple[str, str, str | None, tuple[str, ...]]:
    """Import one file: its outcome, a sentence, the roast's id, and what was left out."""
    expected = named or path.suffix.lower() in formats.SUFFIXES
    try:
        record = formats.read_file(path)
        result = store.import_record(record)
    except formats.NoRoastError as error:
        return ("refused" if named else "skipped"), str(error), None, ()
    except BadInputError as error:
        return ("refused" if expected else "skipped"), str(error), None, ()
    return result.outcome.value, _said(result), result.roast_id, record.warnings


def _said(result: ImportResult) -> str:
    twin = printable(result.twin) or "the recording"
    changed = f" Replaced: {', '.join(result.changed)}." if result.changed else ""
    kept = f" Kept from roastwatch: {', '.join(result.kept)}." if result.kept else ""
    match result.outcome:
        case Imported.KNOWN:
            return "already in the log."
        case Imported.DUPLICATE:
            return f"the same roast as {twin}, saved twice; kept once.{changed}{kept}"
        case Imported.REPLACED:
            return f"a later save of the roast in {twin}.{changed}{kept}"
    return "imported."
