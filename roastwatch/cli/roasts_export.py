"""Roasts written to files."""

import re
from pathlib import Path
from typing import Literal

import click

from roastwatch.errors import BadInputError
from roastwatch.roast import formats
from roastwatch.roast.log_store import Store
from roastwatch.roast.record import RoastRecord


def export_one(record: RoastRecord, format_: str | None, target: Path | None) -> None:
    """Write one roast to a file, into a folder, or to stdout."""
    format_ = format_ or _by_suffix(target)
    suffix, write = formats.WRITERS[format_]
    text = write(record)
    if target is None or str(target) == "-":
        click.echo(text)
        return
    if target.is_dir():
        target = target / (file_stem(record) + suffix)
    _save(target, text)
    click.echo(f"{target}", err=True)


def export_all(store: Store, format_: str | None, target: Path | None) -> None:
    """Write every roast into a folder."""
    if target is None or target.is_file():
        raise BadInputError("`export all` needs a folder: name one with --to.")
    suffix, write = formats.WRITERS[format_ or "json"]
    count = 0
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"The folder {target} can't be made ({error.strerror}).") from error
    for record in store.records():
        _save(target / (file_stem(record) + suffix), write(record))
        count += 1
    click.echo(f"{count} roasts in {target}", err=True)


def file_stem(record: RoastRecord) -> str:
    """A file's name without suffix: day, time, title, the id's beginning."""
    when = f"{record.started_at:%Y-%m-%d_%H%M}" if record.started_at else "roast"
    title = re.sub(r"[^\w-]+", "-", record.title).strip("-")[:40]
    return "_".join(part for part in (when, title, record.roast_id[:8]) if part)


def _by_suffix(target: Path | None) -> str:
    name = target.name.lower() if target is not None else ""
    if name.endswith(".alog"):
        return "alog"
    return "artisan-csv" if name.endswith(".csv") else "json"


def _save(target: Path, text: str) -> None:
    try:
        target.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise BadInputError(f"{target} can't be written ({error.strerror}).") from error


def picture_format(target: Path) -> Literal["png", "svg", "pdf"]:
    """What a picture's file name asks for."""
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
    try:
        target.write_bytes(content)
    except OSError as error:
        raise BadInputError(f"{target} can't be written ({error.strerror}).") from error
    click.echo(f"{target}", err=True)
