"""`roastwatch analyze`: find first crack in recordings."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from roastwatch import plugins, settings
from roastwatch.analysis import Analysis, analyze_file
from roastwatch.detection.model import CrackModel
from roastwatch.detection.onset import OnsetOptions
from roastwatch.errors import RoastwatchError
from roastwatch.settings import STATION_CHOICES


@click.command("analyze")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file, a line each.")
@click.option(
    "--armed-from", type=float, default=0.0, metavar="SECONDS", help="Decide nothing before this."
)
@click.option(
    "--rearm-after",
    type=float,
    metavar="SECONDS",
    help="Decide anew so long after each decision (counts false alarms); else one a file.",
)
@click.option("--model", "model_name", help="What hears cracks (default: the shipped model).")
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
def command(
    files: tuple[Path, ...],
    as_json: bool,
    armed_from: float,
    rearm_after: float | None,
    model_name: str | None,
    sensitivity: float | None,
    block: int | None,
    plot: Path | None,
) -> None:
    """Find first crack in FILES (WAV, FLAC, OGG, MP3; any rate and channel count).

    \b
    Examples:
      roastwatch analyze roast.flac
      roastwatch analyze *.wav --json > found.jsonl
      roastwatch analyze roast.flac --plot pictures
    """
    model = load_model(model_name)
    onset = OnsetOptions() if sensitivity is None else OnsetOptions(sensitivity=sensitivity)
    console = Console()
    failed = 0
    for path in files:
        picture = None
        if plot is not None:
            from roastwatch.analysis_plot import Picture

            picture = Picture()
        try:
            found = analyze_file(
                path,
                model,
                onset=onset,
                armed_from_s=armed_from,
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
                click.echo(f"roastwatch: {error}", err=True)
            continue
        if as_json:
            click.echo(json.dumps(found.as_json(), allow_nan=False))
        else:
            _show(console, found)
    if failed:
        sys.exit(1 if as_json or failed < len(files) else 2)


def load_model(name: str | None) -> CrackModel:
    """A model by name, the shipped one when none is named."""
    group, default = STATION_CHOICES["model"]
    chosen = settings.chosen(group, name or default, "--model")
    model: CrackModel = plugins.load(group, chosen.type)(chosen.options)
    return model


def _show(console: Console, found: Analysis) -> None:
    from roastwatch.sinks.console import clock

    console.print(f"[bold]{found.file}[/bold]", highlight=False, soft_wrap=True)
    speed = found.duration_s / found.took_s if found.took_s else 0.0
    console.print(
        f"  {clock(found.duration_s)} at {found.sample_rate_hz / 1000:g} kHz, "
        f"{len(found.pops)} pops, judged by {found.model_id} {speed:.0f} times as fast as life",
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
        console.print(f"  ! {warning}", style="yellow", highlight=False)
