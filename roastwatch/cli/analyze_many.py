"""The many-files half of `roastwatch analyze`: progress, results, summary."""

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
"""Files that are skipped are named up to this number."""
WINDOWED_CORES = 4
"""A large model uses several cores for one window, and a process of its own costs memory."""


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
    """Judge all recordings in files and folders; exits 1 when one of them failed."""
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
        console.print(f"{summary.skipped} of {len(paths)} recordings were judged before.")
    try:
        with _progress(console) as progress:
            task = progress.add_task("judging", total=sum(weights.values()) or 1)
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
        again = "the same command goes on" if out else "with --out DIR a run can go on"
        click.echo(f"roastwatch: stopped with {left} recordings to go; {again}.", err=True)
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
    """Seconds of sound in a file, so that the time left is true; 1 where that is not known."""
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
        console.print(f"  {literal(line['file'])}: no first crack", highlight=False, soft_wrap=True)
    else:
        console.print(
            f"  {literal(line['file'])}: first crack at {line['first_crack_at_s']:.1f} s, known at "
            f"{line['decided_at_s']:.1f} s",
            highlight=False,
            soft_wrap=True,
        )


def _skipped(paths: list[Path]) -> str:
    names = ", ".join(str(path) for path in paths[:_NAMED])
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    files = "1 file was" if len(paths) == 1 else f"{len(paths)} files were"
    return f"{files} skipped, because the name's ending is not that of sound: {names}{more}."


def _show(summary: Summary, out: Path | None) -> None:
    told = summary.as_json()
    table = Table(show_header=False, box=None)
    table.add_row("recordings", str(summary.files))
    table.add_row("failed", str(summary.failed))
    table.add_row("sound", f"{summary.duration_s / 60:.1f} min")
    table.add_row("took", f"{summary.took_s:.1f} s")
    if told["real_time_factor"] is not None:
        table.add_row("speed", f"{told['real_time_factor']:.0f} times as fast as life, in sum")
    for kind, number in summary.events.items():
        table.add_row(kind.replace("_", " "), str(number))
    for reason, number in summary.reasons.most_common():
        table.add_row(f"failed {number}×", literal(reason))
    if out is not None:
        table.add_row("results", literal(out))
    Console().print(table)
