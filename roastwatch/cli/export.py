"""`roastwatch export`: a trained model as an ONNX file, or a large model in another format."""

import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from roastwatch.cli.training_code import training_code
from roastwatch.errors import BadInputError, SettingsError

if TYPE_CHECKING:
    from roastwatch.training.network import PopNet
    from roastwatch.training.plan import TrainingPlan


@click.command("export")
@click.option(
    "--run", "run", type=click.Path(path_type=Path), help="Folder of a run of `roastwatch train`."
)
@click.option(
    "--with-radio",
    "beside",
    type=click.Path(path_type=Path),
    help="Folder of another run, whose net judges while a radio plays; it joins the first one.",
)
@click.option(
    "--model",
    "large",
    metavar="DIR",
    help="Large model: a folder, or a name on the Hugging Face hub.",
)
@click.option(
    "--to",
    "form",
    type=click.Choice(["onnx", "onnx-int8", "torchscript", "openvino"]),
    help="Format to export a large model to.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Output folder (default: models; for a large model, its name and format).",
)
@click.option(
    "--negatives",
    type=click.Path(path_type=Path),
    help="Folder of real everyday sounds, not used for training, to choose the threshold on.",
)
@click.option(
    "--folds", default="4", show_default=True, help="Folds of the everyday sounds to use."
)
@click.option(
    "--false-per-min",
    default=4.0,
    show_default=True,
    help="False pops per minute of everyday sounds that the threshold may allow.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Probability from which a sound counts as a pop (default: chosen on the sounds).",
)
@click.option(
    "--evidence-over",
    type=click.FloatRange(0, 5),
    default=0.0,
    show_default=True,
    help="Logits above the threshold from which a pop counts fully as evidence.",
)
@click.option("--id", "model_id", help="Name of the model (default: derived from plan and date).")
@click.option("--workers", default=2, show_default=True, help="Processes that synthesise clips.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def command(
    run: Path | None,
    beside: Path | None,
    large: str | None,
    form: str | None,
    out: Path | None,
    negatives: Path | None,
    folds: str,
    false_per_min: float,
    threshold: float | None,
    evidence_over: float,
    model_id: str | None,
    workers: int,
    as_json: bool,
) -> None:
    """Export the best checkpoint of a run, or a large model, and compare it with the original.

    Needs a checkout of roastwatch.

    \b
    Examples:
      roastwatch export --run runs/pops --out models
      roastwatch export --run runs/pops --with-radio runs/pops-music --out models
      roastwatch export --model ./ast --to onnx-int8
    """
    if large is not None:
        if form is None:
            raise SettingsError("--to is missing: choose onnx, onnx-int8, torchscript or openvino.")
        from roastwatch.cli.export_large import export_large

        export_large(large, form, out, as_json=as_json)
        return
    if run is None:
        raise SettingsError("Nothing to export: give --run DIR, or --model DIR with --to FORMAT.")
    out = out or Path("models")
    with training_code("Exporting a model", "train"):
        from roastwatch.corpus import recordings
        from roastwatch.training.calibrate import calibrate
        from roastwatch.training.export import export, trained_network
        from roastwatch.training.pair import Pair
    quiet, plan = trained_network(run / "best.pt")
    network: PopNet | Pair = quiet
    trained_on, files = trained_with(plan, run)
    if beside:
        other, other_plan = trained_network(beside / "best.pt")
        if other_plan.network.look_ahead_rows != plan.network.look_ahead_rows:
            raise BadInputError(
                f"The nets of {run} and {beside} do not look equally far ahead: train both with "
                "the same network.look_ahead_rows."
            )
        network = Pair(quiet, other).eval()
        others, other_files = trained_with(other_plan, beside)
        trained_on = f"{trained_on}; while a radio plays: {others}"
        files = tuple(sorted({*files, *other_files}))
    real = recordings.find(negatives, folds) if negatives else ()
    calibration = calibrate(
        network,
        plan,
        run,
        real,
        false_per_min=false_per_min,
        threshold=threshold,
        workers=workers,
    )
    manifest = export(
        network,
        plan,
        out,
        calibration,
        model_id=model_id or f"{plan.name}-{datetime.date.today():%Y%m%d}",
        trained_on=trained_on,
        trained_on_files=files,
        evidence_over=evidence_over,
    )
    if as_json:
        click.echo(json.dumps(manifest, allow_nan=False))
        return
    size = (out / manifest["onnx"]).stat().st_size
    click.echo(
        f"{out / manifest['onnx']}: {size / 1024:.0f} KiB, threshold "
        f"{manifest['pop_threshold']}, torch and ONNX Runtime differ by at most "
        f"{manifest['scores']['largest_difference']:.1e} (logits)."
    )


def trained_with(plan: "TrainingPlan", run: Path) -> tuple[str, tuple[str, ...]]:
    """What a run's net was trained on: in words, and the digests of the files."""
    path = run / "card.json"
    card = json.loads(path.read_text()) if path.exists() else {}
    hours = plan.bank.clips * plan.bank.length_s / 3600
    words = f"{hours:.1f} h of synthesised clips (seed {plan.bank.seed})"
    if card.get("recordings"):
        words += f" with {card['recordings']} real everyday sounds mixed in"
        if plan.bank.fire > 0:
            words += ", the cracks of fire among them as cracks"
    if plan.bank.music > 0:
        words += f", a radio in {100 * plan.bank.music:.0f} % of them"
        if card.get("radio_recordings"):
            words += f", {card['radio_recordings']} recordings of music and talk among it"
    return words, tuple(card.get("trained_on_files", ()))
