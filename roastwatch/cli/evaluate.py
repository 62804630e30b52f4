"""`roastwatch evaluate`: measure accuracy on sound that was not used for training."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import ValidationError
from rich.markdown import Markdown

from roastwatch.cli import model_choice
from roastwatch.cli.text import literal
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.errors import BadInputError
from roastwatch.evaluation import ablation as evaluate_ablation
from roastwatch.evaluation import evaluate as evaluation
from roastwatch.evaluation.conditions.radio import LEVELS_DB
from roastwatch.evaluation.conditions.results import CONDITIONS
from roastwatch.evaluation.conditions.run import evaluate_conditions
from roastwatch.evaluation.conditions.sources import PARTS, Choice
from roastwatch.evaluation.report import markdown
from roastwatch.evaluation.statistics import compare
from roastwatch.printing.rich_console import Console


@click.command("evaluate")
@click.option(
    "--model",
    "names",
    multiple=True,
    help="Model to evaluate: a name, a folder, or an exported net's .json. Repeatable.",
)
@click.option("--simulated", type=click.IntRange(0), default=100, help="Roasts as scores (100).")
@click.option("--hours", type=click.IntRange(0), default=100, help="Hours as scores (100).")
@click.option(
    "--sound", type=click.IntRange(0), default=4, help="Synthesised roasts, or roasters (4)."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of recordings with a manifest of `roastwatch data manifest`, or a manifest.csv "
    "(path, kind, label).",
)
@click.option(
    "--part",
    type=click.Choice(["evaluation", "development", "any"]),
    default="evaluation",
    help="Which recordings: to report on, to choose on, or any for a look at all of them.",
)
@click.option(
    "--condition",
    "conditions",
    type=click.Choice(CONDITIONS),
    multiple=True,
    help="Run only this condition on the recordings of --data. Repeatable.",
)
@click.option("--draws", type=click.IntRange(1), default=6, help="Playlists, orders, versions (6).")
@click.option(
    "--orders", type=click.IntRange(0), default=12, help="Orders of everyday sounds (12)."
)
@click.option(
    "--level",
    "levels_db",
    type=float,
    multiple=True,
    default=LEVELS_DB,
    metavar="DB",
    help="Of the radio over the roaster's noise (-10, -5, 0 and 5). Repeatable.",
)
@click.option("--sensitivity", type=click.FloatRange(0, 1), default=0.5, help="0 to 1 (0.5).")
@click.option(
    "--onset",
    "onset_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the decision, such as own_level=false. Repeatable.",
)
@click.option(
    "--model-option",
    "model_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the model, such as threshold=0.8. Repeatable.",
)
@click.option(
    "--compare",
    "pair",
    nargs=2,
    metavar="A B",
    help="Compare two models on the same roasts.",
)
@click.option(
    "--ablate", type=click.IntRange(0), default=0, help="Roasts and hours for an ablation (0)."
)
@click.option("--workers", type=click.IntRange(1), help="Worker processes (one per core).")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write report.json, report.md and plots to this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    names: tuple[str, ...],
    simulated: int,
    hours: int,
    sound: int,
    data: Path | None,
    part: Choice,
    conditions: tuple[str, ...],
    draws: int,
    levels_db: tuple[float, ...],
    orders: int,
    sensitivity: float,
    onset_options: tuple[str, ...],
    model_options: tuple[str, ...],
    pair: tuple[str, str] | None,
    ablate: int,
    workers: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure the accuracy of detection.

    The decision is measured on simulated scores, and models on synthesised and real recordings.

    \b
    Examples:
      roastwatch evaluate
      roastwatch evaluate --simulated 1000 --hours 1000 --sound 40 --out report
      roastwatch evaluate --data recordings --simulated 0 --hours 0 --sound 0
      roastwatch evaluate --compare pops transients
      roastwatch evaluate --ablate 300 --simulated 0 --hours 0 --sound 0
      roastwatch evaluate --data DIR --condition radio --condition timelines
    """
    stderr = Console(stderr=True)
    status = stderr.status("evaluating")

    def progress(text: str) -> None:
        status.update(literal(text))

    onset = _onset(sensitivity, onset_options)
    chosen = list(pair or names) or [""]
    models = {name: model_choice.load(name or None, model_options) for name in chosen}
    if conditions and data is None:
        raise BadInputError("--condition needs recordings: name their folder with --data.")
    if pair and pair[0] == pair[1]:
        raise BadInputError("--compare needs two different models.")
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(
                f"{out} can't be created ({error.strerror}): name a folder."
            ) from error
    report: dict[str, Any] = {"command": "roastwatch " + " ".join(sys.argv[1:])}
    results = {}
    with status:
        if conditions and data is not None:
            simulated = hours = ablate = 0
            report["conditions"] = {
                "part": part,
                "draws": draws,
                "models": {
                    name or model.spec.model_id: [
                        row.as_json()
                        for row in evaluate_conditions(
                            model,
                            conditions,
                            data,
                            part,
                            draws=draws,
                            synthesised=sound,
                            levels_db=levels_db,
                            onset=onset,
                            progress=progress,
                        )
                    ]
                    for name, model in models.items()
                },
            }
            models = {}
        if simulated or hours:
            report["simulated"] = evaluation.simulate(simulated, hours, onset, progress, workers)
        if ablate:
            report["ablation"] = evaluate_ablation.ablate(ablate, progress, workers)
        for name, model in models.items():
            results[name or model.spec.model_id] = evaluation.judge_model(
                model,
                onset=onset,
                sound=sound,
                folder=data,
                orders=orders,
                parts=PARTS if part == "any" else (part,),
                progress=progress,
                load=partial(model_choice.load, name or None, model_options),
                workers=workers,
            )
    report["models"] = {name: result.rows for name, result in results.items() if result.rows}
    if pair and results:
        first, second = (results[name] for name in pair)
        report["compared"] = {
            "first": pair[0],
            "second": pair[1],
            **compare(first.judged(), second.judged()),
        }
    text = markdown(report)
    if out is not None:
        from roastwatch.evaluation import plots as evaluate_plots
        from roastwatch.evaluation.conditions.plots import plot_conditions

        (out / "report.json").write_text(json.dumps(report, indent=1, allow_nan=False))
        (out / "report.md").write_text(text)
        evaluate_plots.save(results, out)
        if conditions:
            plot_conditions(report["conditions"]["models"], out / "conditions.png")
        if ablate:
            evaluate_ablation.plot(report["ablation"], out / "tradeoff.png")
    if as_json:
        click.echo(json.dumps(report, allow_nan=False))
    else:
        shown = Console()
        shown.print(
            Markdown(text) if shown.is_terminal else literal(text),
            soft_wrap=not shown.is_terminal,
        )
        if out is not None:
            stderr.print(f"Written to {literal(out)}.", highlight=False)


def _onset(sensitivity: float, options: tuple[str, ...]) -> OnsetOptions:
    values: dict[str, Any] = {"sensitivity": sensitivity}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise BadInputError(f"--onset {option}: write KEY=VALUE, such as own_level=false.")
        values[key] = yaml.safe_load(value)
    try:
        return OnsetOptions.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(key) for key in first["loc"])
        raise BadInputError(f"--onset {place}: {first['msg'].lower()}.") from error
