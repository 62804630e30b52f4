"""`roastwatch analyze` for many files: progress, results, summary."""

import json
import os
import sys
import time
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from roastwatch.audio.file import open_file
from roastwatch.cli.text import literal
from roastwatch.errors import RoastwatchError
from roastwatch.offline.batch import Job, Result, Runner, survey
from roastwatch.offline.results import Results, Summary, row
from roastwatch.printing.printable import printable_lines
from roastwatch.printing.rich_console import Console

_NAMED = 20
"""How many skipped files are named."""
WINDOWED_CORES = 4
"""Cores per process of a large model: one window uses several, and each process costs memory."""


def analyze_many(
    given: tuple[Path, ...],
    job: Job,
    *,
    as_json: bool,
    out: Path | None,
    restart: bool,
    workers: int | None,
    batch: int | None,
    cluster: str | None,
) -> None:
    """Analyse all recordings in files and folders; exits with 1 if one of them failed."""
    searched = survey(given)
    paths = searched.recordings
    cores = os.cpu_count() or 1
    if job.model_type != "transients" and "model" in job.model_options:
        cores = max(1, cores // WINDOWED_CORES)
        if batch:
            job.model_options["batch"] = batch
    results = Results(out, job, restart=restart) if out else None
    earlier = results.earlier if results else {}
    todo = [path for path in paths if str(path) not in earlier]
    count = min(workers or cores, max(1, len(todo)))
    weights = {str(path): _weight(path) for path in todo}
    summary = Summary(left_out=[str(path) for path in searched.skipped])
    for path in paths:
        if str(path) in earlier:
            summary.add(earlier[str(path)], fresh=False)
    began_s = time.perf_counter()
    console = Console(stderr=True)
    if earlier and not as_json:
        console.print(
            f"{summary.skipped} of {len(paths)} recordings were analysed by an earlier run."
        )
    try:
        with _progress(console) as progress:
            task = progress.add_task("analysing", total=sum(weights.values()) or 1)
            counted = progress.add_task("recordings", total=len(paths), completed=summary.files)
            for result in _runner(job, cluster, count, batch).run(todo) if todo else ():
                if results is not None:
                    results.write(result)
                summary.add(result)
                _tell(console, result, as_json=as_json)
                progress.advance(task, weights[result["file"]])
                progress.advance(counted)
    except KeyboardInterrupt:
        left = len(paths) - summary.files
        again = (
            "run the same command to continue" if out else "use --out DIR to be able to continue"
        )
        click.echo(f"roastwatch: stopped with {left} recordings left; {again}.", err=True)
        sys.exit(130)
    summary.took_s = time.perf_counter() - began_s
    if results is not None:
        results.close(summary)
    if not as_json:
        _show(summary, out)
    if searched.skipped:
        click.echo(printable_lines(_skipped(searched.skipped)), err=True)
    if summary.failed:
        sys.exit(1)


def _runner(job: Job, cluster: str | None, workers: int, batch: int | None) -> Runner:
    if cluster is None:
        from roastwatch.offline.workers import LocalWorkers

        return LocalWorkers(job, workers, files_at_once=min(batch or 1, 8))
    try:
        from roastwatch.offline.dask import DaskCluster
    except ModuleNotFoundError as missing:
        from roastwatch.errors import MissingExtraError

        raise MissingExtraError("--cluster", "cluster") from missing
    return DaskCluster(job, cluster, workers)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _weight(path: Path) -> int:
    """Seconds of sound in a file, to estimate the remaining time; 1 if unknown."""
    try:
        with open_file(path) as reader:
            return max(1, round(reader.duration_s or 1))
    except (RoastwatchError, OSError, AttributeError):
        return 1


def _tell(console: Console, result: Result, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result, allow_nan=False))
        return
    line = row(result)
    if "error" in result:
        console.print(f"! {literal(result['error'])}", style="red", highlight=False, soft_wrap=True)
    elif line["first_crack_at_s"] is None:
        unheard = line["hard_to_hear_s"]
        but = f"; hearing was limited or blocked for {unheard:.0f} s" if unheard else ""
        console.print(
            f"  {literal(line['file'])}: no first crack{but}", highlight=False, soft_wrap=True
        )
    else:
        console.print(
            f"  {literal(line['file'])}: first crack at {line['first_crack_at_s']:.1f} s, "
            f"detected at {line['decided_at_s']:.1f} s",
            highlight=False,
            soft_wrap=True,
        )


def _skipped(paths: list[Path]) -> str:
    names = ", ".join(str(path) for path in paths[:_NAMED])
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    files = "1 file was" if len(paths) == 1 else f"{len(paths)} files were"
    return f"{files} skipped, because the suffix is not one of a sound file: {names}{more}."


def _show(summary: Summary, out: Path | None) -> None:
    figures = summary.as_json()
    table = Table(show_header=False, box=None)
    table.add_row("recordings", str(summary.files))
    table.add_row("failed", str(summary.failed))
    table.add_row("sound", f"{summary.duration_s / 60:.1f} min")
    table.add_row("took", f"{summary.took_s:.1f} s")
    if figures["real_time_factor"] is not None:
        table.add_row("speed", f"{figures['real_time_factor']:.0f} × real time")
    for kind, number in summary.events.items():
        table.add_row(kind.replace("_", " "), str(number))
    for reason, number in summary.reasons.most_common():
        table.add_row(f"failed {number}×", literal(reason))
    if out is not None:
        table.add_row("results", literal(out))
    Console().print(table)
