"""`roastwatch export`: a trained net as one ONNX file, or a large model in another form."""

import datetime
import json
from pathlib import Path

import click

from roastwatch.errors import MissingExtraError, SettingsError


@click.command("export")
@click.option(
    "--run", "run", type=click.Path(path_type=Path), help="Folder of a run of `roastwatch train`."
)
@click.option(
    "--model", "large", metavar="DIR", help="A large model's folder, or its name on the hub."
)
@click.option(
    "--to",
    "form",
    type=click.Choice(["onnx", "onnx-int8", "torchscript", "openvino"]),
    help="The form that a large model gets.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for NAME.onnx and NAME.json (default: models), or for a large model (default: "
    "its name and its new form).",
)
@click.option(
    "--negatives",
    type=click.Path(path_type=Path),
    help="Real everyday sounds to set the threshold by, not trained on: a folder for each kind.",
)
@click.option("--folds", default="4", show_default=True, help="Folds of them.")
@click.option(
    "--false-per-min",
    default=4.0,
    show_default=True,
    help="False pops a minute of nothing but everyday sounds that the threshold allows.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="The probability that makes a pop, instead of one that is proposed.",
)
@click.option(
    "--evidence-over",
    type=click.FloatRange(0, 5),
    default=0.0,
    show_default=True,
    help="So far over it, in logits, a pop counts in full as evidence of first crack.",
)
@click.option("--id", "model_id", help="Name and version; made from the date if not given.")
@click.option("--workers", default=2, show_default=True, help="Processes that make clips.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def command(
    run: Path | None,
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

    \b
    Examples:
      roastwatch export --run runs/pops --out models
      roastwatch export --model ./ast --to onnx-int8
    """
    if large is not None:
        if form is None:
            raise SettingsError("--to is missing: onnx, onnx-int8, torchscript or openvino.")
        from roastwatch.cli.export_large import export_large

        export_large(large, form, out, as_json=as_json)
        return
    if run is None:
        raise SettingsError("Name what to export: --run DIR, or --model DIR with --to FORM.")
    out = out or Path("models")
    try:
        from roastwatch.corpus import recordings
        from roastwatch.training.calibrate import calibrate
        from roastwatch.training.export import export, trained_network
    except ModuleNotFoundError as missing:
        raise MissingExtraError("Exporting a model", "train") from missing
    network, plan = trained_network(run / "best.pt")
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
    path = run / "card.json"
    card = json.loads(path.read_text()) if path.exists() else {}
    trained_with = card.get("recordings", 0)
    hours = plan.bank.clips * plan.bank.length_s / 3600
    trained_on = f"{hours:.1f} h of synthesised clips (seed {plan.bank.seed})"
    if trained_with:
        trained_on += f" with {trained_with} real everyday sounds mixed in"
        if plan.bank.fire > 0:
            trained_on += ", the cracks of fire among them as cracks"
    if plan.bank.music > 0:
        trained_on += f", a radio in {100 * plan.bank.music:.0f} % of them"
        if card.get("radio_recordings"):
            trained_on += f", {card['radio_recordings']} recordings of music and talk among it"
    manifest = export(
        network,
        plan,
        out,
        calibration,
        model_id=model_id or f"{plan.name}-{datetime.date.today():%Y%m%d}",
        trained_on=trained_on,
        trained_on_files=card.get("trained_on_files", ()),
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
