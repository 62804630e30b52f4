"""`roastwatch package`: a large model as a folder that is ready to run elsewhere."""

import json
from pathlib import Path

import click

from roastwatch.cli.training_code import training_code
from roastwatch.detection.large import hub


@click.command("package")
@click.option(
    "--model", required=True, metavar="DIR", help="A folder, or a name on the Hugging Face hub."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Output folder (default: the name of the model)."
)
@click.option(
    "--id", "model_id", help="Name of the model in results (default: that of the folder)."
)
@click.option("--licence", default="", help="Licence of the weights, for the model card.")
@click.option("--trained-on", default="", help="Training data, for the model card.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="Probability from which a window is positive.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def command(
    model: str,
    out: Path | None,
    model_id: str | None,
    licence: str,
    trained_on: str,
    threshold: float,
    as_json: bool,
) -> None:
    """Write a folder with weights, manifest, model card and a runnable example.

    Needs a checkout of roastwatch.

    Example: roastwatch package --model ./ast-onnx-int8 --out first-crack-ast
    """
    with training_code("Packaging a model", "ast"):
        from roastwatch.training.large.package import write_package

    folder = hub.locate(model)
    out = out or Path(f"{folder.resolve().name}-package")
    manifest = write_package(
        folder, out, model_id=model_id, licence=licence, trained_on=trained_on, threshold=threshold
    )
    if as_json:
        click.echo(json.dumps(manifest, allow_nan=False))
        return
    click.echo(f"{out}: {len(manifest['files'])} files, {manifest['bytes'] / 1e6:.1f} MB.")
    click.echo(f"Try it: {manifest['example']}")
