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

_MOST_TIMES = 10
"""Times with limited hearing that are shown."""


@click.command("analyze")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file and line.")
@click.option(
    "--armed-from",
    type=float,
    default=0.0,
    metavar="SECONDS",
    help="Detect nothing before this time.",
)
@click.option(
    "--charge",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Time of the charge, if known; detection is more reliable with it.",
)
@click.option(
    "--rearm-after",
    type=float,
    metavar="SECONDS",
    help="Detect again this long after each detection, to count false alarms (default: one "
    "detection per file).",
)
@click.option(
    "--model",
    "model_name",
    help="Model: a name, a folder, or a name on the Hugging Face hub (default: pops).",
)
@click.option(
    "--model-option",
    "model_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="Option of the model, such as overlap=0.5; repeatable.",
)
@click.option(
    "--sensitivity",
    type=click.FloatRange(0, 1),
    help="0 (latest) to 1 (earliest); 0.5 is the tested value.",
)
@click.option(
    "--reference-channel",
    type=click.IntRange(1),
    metavar="NUMBER",
    help="Channel of a microphone away from the roaster, from 1: what is louder there is not a "
    "crack.",
)
@click.option(
    "--block", type=click.IntRange(1), metavar="SAMPLES", help="Samples per read (default: 20 s)."
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a PNG of each file to this folder.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write results to this folder; run the same command again to continue after a stop.",
)
@click.option("--restart", is_flag=True, help="Analyse again what --out DIR already contains.")
@click.option("--scores", is_flag=True, help="Include every score in the results.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes (default: one per core).")
@click.option(
    "--batch", type=click.IntRange(1, 1024), help="Windows that a large model analyses at once."
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Dask scheduler to run on; `local` starts one here.",
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
    reference_channel: int | None,
    block: int | None,
    plot: Path | None,
) -> None:
    """Find first crack in FILES or folders.

    Reads WAV, FLAC, OGG, MP3, AIFF and CAF, and with FFmpeg (the extra `media`, or the program)
    also M4A, MP4, MOV, AMR and others. The sample rate must be at least 16000 Hz (8000 Hz with
    `--model transients`).

    Folders are searched recursively and analysed by several processes, and so are files with
    --out, --workers, --scores or --cluster. A file that fails does not stop the others.

    \b
    Examples:
      roastwatch analyze roast.flac
      roastwatch analyze *.wav --json > found.jsonl
      roastwatch analyze roast.flac --charge 12 --plot pictures
      roastwatch analyze recordings/ --out results
      roastwatch analyze recordings/ --model ./ast --model-option backend=onnx
    """
    if charge is not None and armed_from:
        raise BadInputError(
            "--charge and --armed-from both set when detection starts: give only one."
        )
    many = out or workers or cluster or scores or any(path.is_dir() for path in files)
    if many and reference_channel is not None:
        raise BadInputError(
            "--reference-channel works on single files: leave out --out, --workers, --scores and "
            "--cluster, and name files instead of folders."
        )
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
                reference_channel=reference_channel,
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
        f"{len(found.pops)} pops, analysed by {literal(found.model_id)} at {speed:.0f} × real time",
        highlight=False,
        soft_wrap=True,
    )
    if not found.events:
        text = "first crack was not heard" if found.hard_to_hear else "no first crack"
        console.print(f"  {text}", style="yellow")
    for event in found.events:
        name = event.kind.value.replace("_", " ")
        sure = f", confidence {event.confidence:.0%}" if event.confidence is not None else ""
        certain = ", certain" if event.level is not None and event.level.value == "certain" else ""
        console.print(
            f"  [green]{name}[/green] at {clock(event.happened_at_s)} "
            f"({event.happened_at_s:.1f} s), detected at {clock(event.decided_at_s)} "
            f"({event.decided_at_s:.1f} s){certain}{sure}",
            highlight=False,
            soft_wrap=True,
        )
    for one in found.hard_to_hear[:_MOST_TIMES]:
        text = (
            f"hearing was {one.hearing.value} from {clock(one.from_s)} to {clock(one.to_s)}: "
            f"{one.reason}"
        )
        console.print(f"  ! {literal(text)}", style="yellow", highlight=False, soft_wrap=True)
    more = len(found.hard_to_hear) - _MOST_TIMES
    if more > 0:
        console.print(f"  ! and {more} more times; --json lists all", style="yellow")
    for warning in found.warnings:
        console.print(f"  ! {literal(warning)}", style="yellow", highlight=False, soft_wrap=True)
