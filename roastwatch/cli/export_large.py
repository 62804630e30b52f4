"""`roastwatch export` for large models: convert the format, and measure the difference."""

import json
from pathlib import Path

import click
from rich.table import Table

from roastwatch.cli.training_code import training_code
from roastwatch.detection.large import hub
from roastwatch.printing.rich_console import Console


def export_large(model: str, form: str, out: Path | None, *, as_json: bool) -> None:
    """Export a windowed model; print differences, size and speed before and after."""
    folder = hub.locate(model)
    with training_code("Exporting a model", "ast"):
        from roastwatch.training.large import optimise
    out = out or Path(f"{folder.resolve().name}-{form}")
    if form == "onnx-int8":
        click.echo(
            "Measuring the value ranges for int8 on synthesised sound: this takes a few minutes.",
            err=True,
        )
    rows = optimise.export(folder, form, out)
    if as_json:
        report = {"out": str(out), "forms": optimise.as_json(rows)}
        click.echo(json.dumps(report, allow_nan=False))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("format", "back end"):
        table.add_column(heading, no_wrap=True)
    for heading in ("MB", "load, s", "ms per window", "× real time", "Δ logit", "Δ probability"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.form,
            row.backend,
            f"{row.bytes / 1e6:.1f}",
            f"{row.load_s:.2f}",
            f"{row.window_ms:.1f}",
            f"{row.times_real_time:.1f}",
            f"{row.logit_difference:.1e}",
            f"{row.probability_difference:.1e}",
        )
    Console().print(table)
    click.echo(
        f"Try it: roastwatch analyze FILE --model {out}\n"
        "× real time: one stream at 70 % overlap, with all threads of this computer."
    )
