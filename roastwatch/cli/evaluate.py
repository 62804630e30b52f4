"""`roastwatch evaluate`: measure accuracy on sound that was not used for training."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.markdown import Markdown

from roastwatch.cli import model_choice
from roastwatch.cli.text import literal
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.errors import BadInputError
from roastwatch.evaluation import ablation as evaluate_ablation
from roastwatch.evaluation import evaluate as evaluation
from roastwatch.evaluation.report import markdown
from roastwatch.evaluation.statistics import compare
from roastwatch.printing.rich_console import Console


@click.command("evaluate")
@click.option(
    "--model",
    "names",
    multiple=True,
    help="Model: a name, a folder, or the .json of an exported one; repeatable.",
)
@click.option(
    "--simulated",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="Roasts simulated as scores.",
)
@click.option(
    "--hours", type=click.IntRange(0), default=100, show_default=True, help="Hours without a crack."
)
@click.option(
    "--sound",
    type=click.IntRange(0),
    default=4,
    show_default=True,
    help="Roasts synthesised as sound.",
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
    type=click.Choice(["evaluation", "development"]),
    default="evaluation",
    show_default=True,
    help="Which recordings to use: those for reports, or those for development.",
)
@click.option(
    "--orders",
    type=click.IntRange(0),
    default=12,
    show_default=True,
    help="Random orders in which everyday sounds are played.",
)
@click.option(
    "--sensitivity",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="0 (latest) to 1 (earliest).",
)
@click.option(
    "--compare",
    "pair",
    nargs=2,
    metavar="A B",
    help="Compare two models on the same roasts.",
)
@click.option(
    "--ablate",
    type=click.IntRange(0),
    default=0,
    metavar="ROASTS",
    help="Measure what each part of the decision contributes, on this many roasts.",
)
@click.option("--workers", type=click.IntRange(1), help="Processes (default: one per core).")
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
    part: str,
    orders: int,
    sensitivity: float,
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
    """
    stderr = Console(stderr=True)
    status = stderr.status("evaluating")

    def progress(text: str) -> None:
        status.update(literal(text))

    onset = OnsetOptions(sensitivity=sensitivity)
    chosen = list(pair or names) or [""]
    models = {name: model_choice.load(name or None) for name in chosen}
    if pair and pair[0] == pair[1]:
        raise BadInputError("--compare needs two different models.")
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(
                f"{out} can't be created ({error.strerror}): name another folder."
            ) from error
    report: dict[str, Any] = {"command": "roastwatch " + " ".join(sys.argv[1:])}
    results = {}
    with status:
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
                parts=(part,),
                progress=progress,
                load=partial(model_choice.load, name or None),
                workers=workers,
            )
    report["models"] = {name: result.rows for name, result in results.items() if result.rows}
    if pair:
        first, second = (results[name] for name in pair)
        report["compared"] = {
            "first": pair[0],
            "second": pair[1],
            **compare(first.judged(), second.judged()),
        }
    text = markdown(report)
    if out is not None:
        from roastwatch.evaluation import plots as evaluate_plots

        (out / "report.json").write_text(json.dumps(report, indent=1, allow_nan=False))
        (out / "report.md").write_text(text)
        evaluate_plots.save(results, out)
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
