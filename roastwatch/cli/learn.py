"""`roastwatch learn`: fit decision and net to your own roasts, or take that back."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from roastwatch.cli import model_choice
from roastwatch.cli.text import literal
from roastwatch.corpus.labels import collect, mark, stations
from roastwatch.detection import calibration
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.errors import BadInputError
from roastwatch.files.folders import data_folder
from roastwatch.learning.learn import Learnt, learn
from roastwatch.printing.rich_console import Console


@click.command("learn")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--station", help="Whose recordings, where several stations have some.")
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
@click.option("--json", "as_json", is_flag=True, help="Print what was found for machines.")
def command(
    folder: Path | None,
    station: str | None,
    model_name: str | None,
    marks: tuple[str, ...],
    undo: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Learn from the labelled recordings in FOLDER (default: the user's data folder).

    Sensitivity and pop threshold are chosen on your roasts, the net's last layer is fitted to
    them, and both are judged on roasts that were held back. Nothing is written unless that got
    better, and --undo goes back. The shipped model's file is not touched.

    \b
    Examples:
      roastwatch learn --mark roast-1.flac=561 --mark roast-2.flac=548
      roastwatch learn
      roastwatch learn --undo
    """
    folder = folder or data_folder()
    station = station or _only_station(folder)
    path = calibration.path_for(folder, station)
    if undo:
        click.echo(calibration.undo(path))
        return
    for text in marks:
        _mark(text)
    model = model_choice.load(model_name)
    roasts, clips = collect(folder, station)
    with Console(stderr=True).status("learning") as status:
        learnt = learn(
            model, roasts, clips, OnsetOptions(), lambda text: status.update(literal(text))
        )
    writes = learnt.better and not dry_run
    if writes:
        calibration.write(path, learnt.calibration(station, model.spec.model_id))
    if as_json:
        click.echo(json.dumps(_found(learnt) | {"written": str(path) if writes else None}))
        return
    _show(Console(), learnt)
    if not learnt.better:
        click.echo("It got no better on roasts that were held back: nothing was changed.")
    elif dry_run:
        click.echo("It got better on roasts that were held back; nothing was written (--dry-run).")
    else:
        click.echo(f"It got better on roasts that were held back: written to {path}.")
        click.echo("It counts from the next start of the service; `learn --undo` goes back.")


def _only_station(folder: Path) -> str:
    names = stations(folder)
    if len(names) > 1:
        raise BadInputError(
            f"Several stations have recordings ({', '.join(names)}): choose one with --station."
        )
    return names[0] if names else "roaster"


def _mark(text: str) -> None:
    file, equals, seconds = text.rpartition("=")
    try:
        at_s = float(seconds)
    except ValueError:
        equals = ""
    if not equals:
        raise BadInputError(f"--mark {text}: write FILE=SECONDS, such as roast.flac=561.5.")
    mark(Path(file), at_s)


def _found(learnt: Learnt) -> dict[str, Any]:
    """What was found, for machines."""
    rows = zip(learnt.shipped_outcomes, learnt.held_back, strict=True)
    return {
        **learnt.summary(),
        "shipped": asdict(learnt.shipped),
        "best": asdict(learnt.best),
        "outcomes": [
            {
                "recording": before.name,
                "delay_s_shipped": before.delay_s,
                "wrong_shipped": before.wrong,
                "delay_s_held_back": after.delay_s,
                "wrong_held_back": after.wrong,
            }
            for before, after in rows
        ],
    }


def _show(console: Console, learnt: Learnt) -> None:
    columns = {"shipped": learnt.shipped_outcomes, "calibrated": learnt.calibrated}
    if learnt.tuned is not None:
        columns["fine-tuned"] = learnt.tuned.held_back
    table = Table(box=None)
    table.add_column("delay s, held back")
    for title in columns:
        table.add_column(title, justify="right")
    for outcomes in zip(*columns.values(), strict=True):
        rows = (
            "wrong" if o.wrong else "–" if o.delay_s is None else f"{o.delay_s:.1f}"
            for o in outcomes
        )
        table.add_row(literal(outcomes[0].name), *rows)
    costs = (f"{sum(o.cost_s for o in rows) / len(rows):.2f}" for rows in columns.values())
    table.add_row("mean cost, s", *costs, style="bold")
    console.print(table)
    click.echo(
        f"Chosen on all: sensitivity {learnt.best.sensitivity:g}, pop threshold "
        f"{learnt.best.pop_threshold:.2f} (shipped {learnt.shipped.sensitivity:g}, "
        f"{learnt.shipped.pop_threshold:.2f})."
    )
    if learnt.tuned is None:
        click.echo(
            "The net was not fine-tuned: this model doesn't show what enters its last layer."
        )
    elif learnt.exit_delta is None:
        click.echo("Fine-tuning the net's last layer was not worth it: it stays as shipped.")
    else:
        click.echo("Fine-tuning the net's last layer was worth it.")
