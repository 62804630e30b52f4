"""`roastwatch roasts`: the roast log. Each subcommand takes --log, and so does the group."""

import json
from pathlib import Path
from typing import Literal

import click

from roastwatch.cli.roasts import beans as roasts_beans
from roastwatch.cli.roasts import importing as roasts_import
from roastwatch.cli.roasts import keep as roasts_keep
from roastwatch.cli.roasts.log import log_option
from roastwatch.records import formats
from roastwatch.roastlog.store import Store


@click.group(name="roasts", context_settings={"help_option_names": ["-h", "--help"]})
@log_option
def command(log: Path) -> None:
    """The roast log: list, show, export, import, plot, compare, edit and more."""


@command.command(name="list")
@log_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object per roast, one per line.")
@click.option("--limit", type=click.IntRange(min=1), help="Number of roasts to list, newest first.")
def list_(log: Path, as_json: bool, limit: int | None) -> None:
    """List the roasts, newest first."""
    with Store(log, writing=False) as store:
        lines = store.list_json()[:limit]
    if as_json:
        if lines:
            click.echo("\n".join(lines))
        return
    from roastwatch.cli.roasts.text import print_list

    print_list([json.loads(line) for line in lines])


@command.command(name="show")
@log_option
@click.argument("roast_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(log: Path, roast_id: str, as_json: bool) -> None:
    """Show one roast. `last` is the newest; the beginning of an id is enough."""
    with Store(log, writing=False) as store:
        row = json.loads(store.show_json(roast_id))
        row["witnesses"] = store.witnesses(roast_id)
        record = None if as_json else store.record(roast_id)
    if record is None:
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    from roastwatch.cli.roasts.text import print_roast

    print_roast(row, record)


@command.command(name="export")
@log_option
@click.argument("roast_id", metavar="ID")
@click.option(
    "--format",
    "format_",
    type=click.Choice(sorted(formats.WRITERS)),
    help="The format; by default chosen by the suffix of --to, else our own JSON.",
)
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="File or folder; default: stdout (-)."
)
@click.option("--fahrenheit", is_flag=True, help="Write °F (Artisan's formats).")
def export(
    log: Path, roast_id: str, format_: str | None, target: Path | None, fahrenheit: bool
) -> None:
    """Export one roast, or `all` of them.

    The formats suit Artisan, spreadsheets and another roastwatch.

    \b
    Examples:
      roastwatch roasts export last --format alog --to roast.alog
      roastwatch roasts export all --to folder
    """
    from roastwatch.cli.roasts.export import export_all, export_one

    with Store(log, writing=False) as store:
        if roast_id == "all":
            export_all(store, format_, target, fahrenheit)
        else:
            export_one(store.record(roast_id), format_, target, fahrenheit)


_THEME = click.option(
    "--theme", type=click.Choice(["light", "dark"]), default="light", help="Colours of the picture."
)
_SIZE = click.option(
    "--size",
    type=click.Choice(["paper", "phone", "small"]),
    default="paper",
    help="Size of the picture.",
)
_TO = click.option(
    "--to", "target", type=click.Path(path_type=Path), required=True, help="PNG, SVG or PDF file."
)


@command.command(name="plot")
@log_option
@click.argument("roast_id", metavar="ID")
@_TO
@_THEME
@_SIZE
@click.option("--report", is_flag=True, help="A one-page report (PDF) with figures and notes.")
@click.option("--fahrenheit", is_flag=True, help="Show °F.")
def plot(
    log: Path,
    roast_id: str,
    target: Path,
    theme: Literal["light", "dark"],
    size: Literal["paper", "phone", "small"],
    report: bool,
    fahrenheit: bool,
) -> None:
    """Draw one roast.

    The picture shows curves, rate of rise, phases, events, settings and pops.

    \b
    Examples:
      roastwatch roasts plot last --to roast.png
      roastwatch roasts plot last --to roast.png --theme dark --size phone
      roastwatch roasts plot last --report --to roast.pdf
    """
    from roastwatch.cli.roasts.export import picture_format, save_bytes
    from roastwatch.plots import more as pictures_more
    from roastwatch.plots import picture as pictures

    with Store(log, writing=False) as store:
        record = store.record(roast_id)
    if report:
        save_bytes(target, pictures_more.report_pdf(record, fahrenheit=fahrenheit))
        return
    format_ = picture_format(target)
    save_bytes(
        target,
        pictures.roast_picture(
            record, theme=theme, size=size, format_=format_, fahrenheit=fahrenheit
        ),
    )


@command.command(name="spectrogram")
@click.argument("sound", type=click.Path(path_type=Path), metavar="SOUND")
@_TO
@click.option("--from", "from_s", type=click.FloatRange(min=0), default=0.0, help="First second.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1, max=3600),
    help="Its length; default: to the end.",
)
@click.option("--model", help="Model that detects the pops (default: the shipped one).")
@_THEME
@_SIZE
def spectrogram(
    sound: Path,
    target: Path,
    from_s: float,
    seconds: float | None,
    model: str | None,
    theme: Literal["light", "dark"],
    size: Literal["paper", "phone", "small"],
) -> None:
    """Draw a spectrogram with the detected pops.

    It shows a recording, or part of it.
    """
    from roastwatch.cli.roasts.export import picture_format, save_bytes
    from roastwatch.cli.roasts.sound import hear
    from roastwatch.plots import more as pictures_more

    samples, rate_hz, pops = hear(sound, from_s, seconds, model)
    picture = pictures_more.spectrogram_picture(
        samples, rate_hz, pops=pops, from_s=from_s, title=sound.name,
        theme=theme, size=size, format_=picture_format(target),
    )  # fmt: skip
    save_bytes(target, picture)


@command.command(name="compare")
@log_option
@click.argument("roast_ids", nargs=-1, required=True, metavar="ID ID...")
@click.option("--to", "target", type=click.Path(path_type=Path), help="Draw their curves overlaid.")
@_THEME
@_SIZE
@click.option("--json", "as_json", is_flag=True, help="One JSON object per roast.")
def compare(
    log: Path,
    roast_ids: tuple[str, ...],
    target: Path | None,
    theme: Literal["light", "dark"],
    size: Literal["paper", "phone", "small"],
    as_json: bool,
) -> None:
    """Compare roasts.

    Prints their figures side by side and, with --to, draws their curves overlaid.
    """
    from roastwatch.cli.roasts.text import print_comparison
    from roastwatch.records.metrics import metrics

    with Store(log, writing=False) as store:
        records = [store.record(roast_id) for roast_id in roast_ids]
    if as_json:
        for record in records:
            row = {"roast_id": record.roast_id, "title": record.title}
            click.echo(json.dumps(row | metrics(record).as_json(), ensure_ascii=False))
    else:
        print_comparison(records)
    if target is not None:
        from roastwatch.cli.roasts.export import picture_format, save_bytes
        from roastwatch.plots import more as pictures_more

        save_bytes(
            target,
            pictures_more.overlay_picture(
                records, theme=theme, size=size, format_=picture_format(target)
            ),
        )


for _command in (
    roasts_import.command,
    roasts_keep.edit,
    roasts_beans.taste,
    roasts_beans.beans,
    roasts_beans.undo,
    roasts_keep.delete,
    roasts_keep.stats,
    roasts_keep.backup,
    roasts_keep.repair,
    roasts_keep.bench,
):
    command.add_command(_command)
