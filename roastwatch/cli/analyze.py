"""`roastwatch analyze`: find first crack in recordings."""

import json
import sys
from pathlib import Path

import click

from roastwatch.cli import model_choice
from roastwatch.cli.text import literal
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.errors import BadInputError, RoastwatchError
from roastwatch.offline.analysis import Analysis, analyze_file
from roastwatch.offline.batch import Job, discover
from roastwatch.printing.printable import printable_lines
from roastwatch.printing.rich_console import Console


@click.command("analyze")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file, a line each.")
@click.option(
    "--armed-from", type=float, default=0.0, metavar="SECONDS", help="Decide nothing before this."
)
@click.option(
    "--charge",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="When the beans go in, where you know it: the decision is surer.",
)
@click.option(
    "--rearm-after",
    type=float,
    metavar="SECONDS",
    help="Decide anew so long after each decision (counts false alarms); else one a file.",
)
@click.option(
    "--model",
    "model_name",
    help="What hears cracks: a name, a model's folder, or its name on the Hugging Face hub "
    "(default: the shipped model).",
)
@click.option(
    "--model-option",
    "model_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the model, such as backend=onnx or overlap=0.5; may be repeated.",
)
@click.option("--sensitivity", type=click.FloatRange(0, 1), help="0 to 1; 0.5 is as tested.")
@click.option(
    "--block", type=click.IntRange(1), metavar="SAMPLES", help="Read so many samples at a time."
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a PNG for each file there.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write results there as they come; the same command goes on after a stop.",
)
@click.option("--restart", is_flag=True, help="Judge anew what --out DIR already holds.")
@click.option("--scores", is_flag=True, help="Add every score to the results.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes (default: the cores).")
@click.option(
    "--batch", type=click.IntRange(1, 1024), help="Windows that a large model judges at once."
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Judge on the Dask cluster of this scheduler; `local` makes one here.",
)
def command(
    files: tuple[Path, ...],
    model_options: tuple[str, ...],
    out: Path | None,
    restart: bool,
    scores: bool,
    workers: int | None,
    batch: int | None,
    cluster: str | None,
    as_json: bool,
    armed_from: float,
    charge: float | None,
    rearm_after: float | None,
    model_name: str | None,
    sensitivity: float | None,
    block: int | None,
    plot: Path | None,
) -> None:
    """Find first crack in FILES or folders.

    Reads WAV, FLAC, OGG, MP3, AIFF and CAF, and with FFmpeg (the extra `media`, or the program)
    M4A, MP4, MOV, AMR and others; any rate from 16 kHz (8 kHz with `--model transients`), any
    channels.

    A folder is searched to its depths and judged by several processes; so are files with --out,
    --workers, --scores or --cluster. One that fails never stops the rest.

    \b
    Examples:
      roastwatch analyze roast.flac
      roastwatch analyze *.wav --json > found.jsonl
      roastwatch analyze roast.flac --charge 12 --plot pictures
      roastwatch analyze recordings/ --out results
      roastwatch analyze recordings/ --model ./ast-model --model-option backend=onnx
    """
    if charge is not None and armed_from:
        raise BadInputError("--charge and --armed-from both say when deciding begins: give one.")
    many = out or workers or cluster or scores or any(path.is_dir() for path in files)
    if many and plot is None:
        from roastwatch.cli.analyze_many import analyze_many

        kind, chosen = model_choice.choose(model_name, model_options)
        job = Job(kind, chosen, sensitivity, armed_from, rearm_after, block, charge, scores)
        analyze_many(
            files, job, as_json=as_json, out=out, restart=restart, workers=workers,
            batch=batch, cluster=cluster,
        )  # fmt: skip
        return
    if many:
        files = tuple(discover(files))
    if batch:
        model_options = (*model_options, f"batch={batch}")
    model = model_choice.load(model_name, model_options)
    onset = OnsetOptions() if sensitivity is None else OnsetOptions(sensitivity=sensitivity)
    console = Console()
    failed = 0
    for path in files:
        picture = None
        if plot is not None:
            from roastwatch.offline.plot import Picture

            picture = Picture()
        try:
            found = analyze_file(
                path,
                model,
                onset=onset,
                armed_from_s=armed_from,
                charge_s=charge,
                rearm_after_s=rearm_after,
                block_samples=block,
                watch=picture,
            )
            if picture is not None and plot is not None:
                picture.save(found, plot / f"{path.stem}.png")
        except RoastwatchError as error:
            failed += 1
            if as_json:
                click.echo(json.dumps({"file": str(path), "error": str(error)}))
            else:
                click.echo(f"roastwatch: {printable_lines(str(error))}", err=True)
            continue
        if as_json:
            click.echo(json.dumps(found.as_json(), allow_nan=False))
        else:
            _show(console, found)
    if failed:
        sys.exit(1 if as_json or failed < len(files) else 2)


def _show(console: Console, found: Analysis) -> None:
    from roastwatch.printing.times import clock

    console.print(f"[bold]{literal(found.file)}[/bold]", highlight=False, soft_wrap=True)
    speed = found.duration_s / found.took_s if found.took_s else 0.0
    console.print(
        f"  {clock(found.duration_s)} at {found.sample_rate_hz / 1000:g} kHz, "
        f"{len(found.pops)} pops, judged by {literal(found.model_id)} {speed:.0f} times as fast "
        "as life",
        highlight=False,
        soft_wrap=True,
    )
    if not found.events:
        console.print("  no first crack", style="yellow")
    for event in found.events:
        name = event.kind.value.replace("_", " ")
        sure = f", {event.confidence:.0%} sure" if event.confidence is not None else ""
        certain = ", certain" if event.level is not None and event.level.value == "certain" else ""
        console.print(
            f"  [green]{name}[/green] began at {clock(event.happened_at_s)} "
            f"({event.happened_at_s:.1f} s), known at {clock(event.decided_at_s)} "
            f"({event.decided_at_s:.1f} s){certain}{sure}",
            highlight=False,
            soft_wrap=True,
        )
    for warning in found.warnings:
        console.print(f"  ! {literal(warning)}", style="yellow", highlight=False, soft_wrap=True)
