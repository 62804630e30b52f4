"""`roastwatch learn`: calibrate decision and model on your own roasts, or undo that."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from roastwatch.cli import model_choice
from roastwatch.cli.text import literal
from roastwatch.corpus.labels import collect, mark, reviewed, stations
from roastwatch.detection import calibration
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.errors import BadInputError
from roastwatch.files.folders import data_folder
from roastwatch.learning.learn import Learnt, learn
from roastwatch.printing.rich_console import Console


@click.command("learn")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--station", help="Station whose recordings to use, if several have some.")
@click.option("--model", "model_name", help="Model to calibrate (default: pops).")
@click.option(
    "--mark",
    "marks",
    multiple=True,
    metavar="FILE=SECONDS",
    help="When first crack began in a recording; repeatable.",
)
@click.option("--undo", is_flag=True, help="Remove the newest calibration.")
@click.option("--dry-run", is_flag=True, help="Report the result without writing it.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--progress", is_flag=True, help="Print each step as a line on stderr.")
def command(
    folder: Path | None,
    station: str | None,
    model_name: str | None,
    marks: tuple[str, ...],
    undo: bool,
    dry_run: bool,
    as_json: bool,
    progress: bool,
) -> None:
    """Calibrate the detector on the labelled recordings in FOLDER (default: the data folder).

    Sensitivity, pop threshold and the last layer of the model are fitted to your roasts and
    measured on roasts that were held back. A calibration is written only if it is better there;
    --undo removes it. The file of the shipped model is not changed.

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
    others = reviewed(folder, station)
    with Console(stderr=True).status("learning") as status:

        def show(text: str) -> None:
            if progress:
                click.echo(text, err=True)
            else:
                status.update(literal(text))

        learnt = learn(model, roasts, clips, OnsetOptions(), show, others)
    writes = learnt.better and not dry_run
    if writes:
        calibration.write(path, learnt.calibration(station, model.spec.model_id))
    if as_json:
        click.echo(json.dumps(_found(learnt) | {"written": str(path) if writes else None}))
        return
    _show(Console(), learnt)
    if not learnt.better:
        click.echo("No improvement on roasts that were held back: nothing was changed.")
    elif dry_run:
        click.echo("Better on roasts that were held back; nothing was written (--dry-run).")
    else:
        click.echo(f"Better on roasts that were held back: written to {path}.")
        click.echo(
            "It takes effect when the service is restarted; `roastwatch learn --undo` removes it."
        )


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
    """The result as a JSON object."""
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
        f"Fitted to all roasts: sensitivity {learnt.best.sensitivity:g}, pop threshold "
        f"{learnt.best.pop_threshold:.2f} (shipped {learnt.shipped.sensitivity:g}, "
        f"{learnt.shipped.pop_threshold:.2f})."
    )
    if learnt.tuned is None:
        click.echo(
            "The model was not fine-tuned: its file does not expose the input of the last layer."
        )
    elif learnt.exit_delta is None:
        click.echo("Fine-tuning the last layer brought no improvement: it stays as shipped.")
    else:
        click.echo("Fine-tuning the last layer brought an improvement.")
