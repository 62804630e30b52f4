"""Export roasts to files."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import click

from roastwatch.errors import BadInputError
from roastwatch.printing.printable import printable
from roastwatch.records import formats
from roastwatch.records.file_name import file_stem
from roastwatch.records.record import RoastRecord
from roastwatch.roastlog.store import Store


def export_one(
    record: RoastRecord, format_: str | None, target: Path | None, fahrenheit: bool
) -> None:
    """Write one roast to a file, into a folder, or to stdout."""
    suffix, write = _writer(format_ or _by_suffix(target), fahrenheit)
    text = write(record)
    if target is None or str(target) == "-":
        click.echo(text)
        return
    if target.is_dir():
        target = target / (file_stem(record) + suffix)
    _save(target, text)
    click.echo(f"{target}", err=True)


def export_all(store: Store, format_: str | None, target: Path | None, fahrenheit: bool) -> None:
    """Write every roast into a folder; roasts that can't be written are reported and counted.

    Raises:
        BadInputError: the folder can't be used, or not all roasts could be written.
    """
    if target is None or target.is_file():
        raise BadInputError("`export all` needs a folder: name one with --to.")
    suffix, write = _writer(format_ or "json", fahrenheit)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"The folder {target} can't be made ({error.strerror}).") from error
    written: set[str] = set()
    count = failed = 0
    for roast_id in store.ids():
        try:
            record = store.record_exactly(roast_id)
            name = _free(file_stem(record), suffix, written)
            _save(target / name, write(record))
            count += 1
        except (BadInputError, ValueError, TypeError, LookupError, ArithmeticError) as error:
            failed += 1
            click.echo(f"The roast {printable(roast_id)} was not exported: {error}", err=True)
    click.echo(f"{count} roasts in {target}", err=True)
    if failed:
        raise BadInputError(f"{failed} of {count + failed} roasts could not be exported.")


def _writer(format_: str, fahrenheit: bool) -> tuple[str, Callable[[RoastRecord], str]]:
    suffix, write = formats.WRITERS[format_]
    if not fahrenheit:
        return suffix, write
    if format_ == "json":
        raise BadInputError(
            "Our own JSON is always in °C: choose --format alog, artisan-json or artisan-csv for "
            "--fahrenheit."
        )
    return suffix, lambda record: write(record, fahrenheit=True)


def _free(stem: str, suffix: str, written: set[str]) -> str:
    """A name that no other roast of this run has, even on case-insensitive file systems."""
    name, number = stem + suffix, 2
    while name.lower() in written:
        name, number = f"{stem}_{number}{suffix}", number + 1
    written.add(name.lower())
    return name


def _by_suffix(target: Path | None) -> str:
    name = target.name.lower() if target is not None else ""
    if name.endswith(".alog"):
        return "alog"
    return "artisan-csv" if name.endswith(".csv") else "json"


def _save(target: Path, text: str) -> None:
    save(target, text.encode("utf-8", "replace"))


def picture_format(target: Path) -> Literal["png", "svg", "pdf"]:
    """The picture format by the file's suffix."""
    match target.suffix.lower():
        case ".png":
            return "png"
        case ".svg":
            return "svg"
        case ".pdf":
            return "pdf"
    raise BadInputError(f"{target}: a picture is a .png, .svg or .pdf file.")


def save_bytes(target: Path, content: bytes) -> None:
    """Write a picture."""
    save(target, content)
    click.echo(f"{target}", err=True)


def save(target: Path, content: bytes) -> None:
    """Write a file.

    Raises:
        BadInputError: it can't be written.
    """
    try:
        target.write_bytes(content)
    except OSError as error:
        raise BadInputError(f"{target} can't be written ({error.strerror}).") from error
    except ValueError as error:
        raise BadInputError(
            f"{printable(str(target))} is not a valid file name ({error})."
        ) from error
