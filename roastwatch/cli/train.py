"""`roastwatch train`: train the pops model, or fine-tune a large model."""

import json
from pathlib import Path

import click

from roastwatch.cli.training_code import training_code


@click.command("train")
@click.option(
    "--config",
    "config",
    required=True,
    type=click.Path(path_type=Path),
    help="Training plan: a YAML file such as config/models/pops.yaml.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for clips, checkpoints and metrics (default: runs/pops or runs/ast). An "
    "interrupted run continues from it.",
)
@click.option(
    "--negatives",
    type=click.Path(path_type=Path),
    help="Folder of real everyday sounds with a subfolder per kind (such as ESC-10).",
)
@click.option("--folds", default="123", show_default=True, help="Folds of them to train on.")
@click.option(
    "--radio",
    type=click.Path(path_type=Path),
    help="Folder of music and talk (talk*) for a radio; see bank.music.",
)
@click.option(
    "--from",
    "start",
    type=click.Path(path_type=Path),
    help="Start from an exported net (its .json), which also teaches where no radio plays.",
)
@click.option("--workers", default=2, show_default=True, help="Processes that make clips.")
@click.option("--threads", default=0, help="Threads of torch; 0: its own choice.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the plan, such as bank.rooms=0; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary of the run as JSON.")
def command(
    config: Path,
    out: Path | None,
    negatives: Path | None,
    folds: str,
    radio: Path | None,
    start: Path | None,
    workers: int,
    threads: int,
    changes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train the pops model, or fine-tune a large model, by a plan.

    Start it with torchrun to use several devices. Needs a checkout of roastwatch.

    \b
    Examples:
      roastwatch train --config config/models/pops.yaml --out runs/pops
      roastwatch train --config config/models/ast.yaml --out runs/ast
    """
    with training_code("Training", "train"):
        import torch

        from roastwatch.corpus import recordings
        from roastwatch.training.plan import TrainingPlan, changed, parse_plan, read_yaml
        from roastwatch.training.run import rank_in_run
        from roastwatch.training.train import train
    if threads:
        torch.set_num_threads(threads)
    raw = changed(read_yaml(config), changes)
    if isinstance(raw, dict) and "base" in raw:
        _finetune(raw, config, out or Path("runs/ast"), as_json=as_json)
        return
    out = out or Path("runs/pops")
    plan = parse_plan(TrainingPlan, raw, config)
    real = recordings.find(negatives, folds) if negatives else ()
    real += recordings.find_radio(radio) if radio else ()
    card = train(plan, out, real, workers, start)
    if rank_in_run():
        return  # only the leading process prints
    if as_json:
        click.echo(json.dumps(card, allow_nan=False))
        return
    best = card["best"]
    click.echo(
        f"{card['name']}: {card['parameters']} parameters, {card['epochs']} epochs in "
        f"{card['seconds'] / 60:.1f} minutes on {card['device']}. Best: epoch "
        f"{card['best_epoch']}, which detects {100 * best['recall_at_1_per_min']:.1f} % of "
        f"held-back pops at 1 false pop per minute. Next: roastwatch export --run {out}"
    )


def _finetune(raw: object, config: Path, out: Path, *, as_json: bool) -> None:
    with training_code("Fine-tuning a large model", "ast,train"):
        from roastwatch.training.large.finetune_ast import FineTunePlan, finetune
        from roastwatch.training.plan import parse_plan
        from roastwatch.training.run import rank_in_run
    plan = parse_plan(FineTunePlan, raw, config)
    card = finetune(plan, out)
    if rank_in_run():
        return
    if as_json:
        click.echo(json.dumps(card, allow_nan=False))
        return
    best = card["best"]
    click.echo(
        f"{card['name']}: {card['parameters'] - card['frozen_parameters']} of "
        f"{card['parameters']} parameters tuned, {card['epochs']} epochs in "
        f"{card['seconds'] / 60:.1f} minutes on {card['device']}. Best: epoch "
        f"{card['best_epoch']}, F1 {best['f1']:.3f}, area under ROC {best['area_under_roc']:.3f} "
        f"on held-back recordings. Try it: roastwatch analyze FILE --model {out / 'model'}"
    )
