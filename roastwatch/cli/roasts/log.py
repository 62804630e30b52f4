"""The option --log PATH of the group and each of its subcommands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from roastwatch.files.folders import data_folder
from roastwatch.roastlog.file import FILE_NAME

F = TypeVar("F", bound=Callable[..., Any])


def default_log() -> Path:
    """The default path of the log."""
    return data_folder() / FILE_NAME


def _keep(ctx: click.Context, _: click.Parameter, path: Path | None) -> Path:
    """The subcommand's --log, else the group's, else the default."""
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
