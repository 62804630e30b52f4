"""`roastwatch learn`: calibrate the decision on your own roasts, or take that back."""

from pathlib import Path

import click
from platformdirs import user_data_path
from rich.console import Console
from rich.table import Table

from roastwatch.cli import model_choice
from roastwatch.detection import calibration
from roastwatch.detection.onset import OnsetOptions
from roastwatch.errors import BadInputError
from roastwatch.training.learn import Learnt, learn
from roastwatch.training.learn_labels import collect, mark


@click.command("learn")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--station", default="roaster", help="Whose recordings (roaster).")
@click.option("--model", "model_name", help="The model to calibrate (default: the shipped one).")
@click.option(
    "--mark",
    "marks",
    multiple=True,
    metavar="FILE=SECONDS",
    help="Say when first crack began in a recording; may be repeated.",
)
@click.option("--undo", is_flag=True, help="Take the newest calibration back.")
@click.option("--dry-run", is_flag=True, help="Judge, but write nothing.")
def command(
    folder: Path | None,
    station: str,
    model_name: str | None,
    marks: tuple[str, ...],
    undo: bool,
    dry_run: bool,
) -> None:
    """Learn from the labelled recordings in FOLDER (default: the user's data folder).

    Sensitivity and pop threshold are chosen on your roasts and judged on roasts that were held
    back. Nothing is written unless that got better, and --undo goes back. The model's weights are
    not touched.

    \b
    Examples:
      roastwatch learn --mark roast-1.flac=561 --mark roast-2.flac=548
      roastwatch learn
      roastwatch learn --undo
    """
    folder = folder or user_data_path("roastwatch")
    path = calibration.path_for(folder, station)
    if undo:
        click.echo(calibration.undo(path))
        return
    for text in marks:
        _mark(text)
    console = Console()
    model = model_choice.load(model_name)
    roasts, clips = collect(folder, station)
    with Console(stderr=True).status("learning") as status:
        learnt = learn(model, roasts, clips, OnsetOptions(), status.update)
    _show(console, learnt)
    if not learnt.better:
        click.echo("It got no better on roasts that were held back: nothing was changed.")
    elif dry_run:
        click.echo("It got better on roasts that were held back; nothing was written (--dry-run).")
    else:
        calibration.write(path, learnt.calibration(station, model.spec.model_id))
        click.echo(f"It got better on roasts that were held back: written to {path}.")
        click.echo("It counts from the next start of the service; `learn --undo` goes back.")


def _mark(text: str) -> None:
    file, equals, seconds = text.rpartition("=")
    try:
        at_s = float(seconds)
    except ValueError:
        equals = ""
    if not equals:
        raise BadInputError(f"--mark {text}: write FILE=SECONDS, such as roast.flac=561.5.")
    mark(Path(file), at_s)


def _show(console: Console, learnt: Learnt) -> None:
    table = Table(box=None)
    for title in ("recording", "shipped: delay s", "held back: delay s"):
        table.add_column(title)
    for before, after in zip(learnt.shipped_outcomes, learnt.held_back, strict=True):
        rows = (
            "wrong" if o.wrong else "–" if o.delay_s is None else f"{o.delay_s:.1f}"
            for o in (before, after)
        )
        table.add_row(before.name, *rows)
    console.print(table)
    summary = learnt.summary()
    console.print(
        f"Mean cost {summary['cost_s_shipped']} s shipped, {summary['cost_s_held_back']} s held "
        f"back; chosen on all: sensitivity {learnt.best.sensitivity:g}, pop threshold "
        f"{learnt.best.pop_threshold:.2f} (shipped {learnt.shipped.sensitivity:g}, "
        f"{learnt.shipped.pop_threshold:.2f}).",
        highlight=False,
    )
