"""`roastwatch roasts edit | delete | backup | repair | stats | bench`: maintain the log."""

import json
import math
import tempfile
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from roastwatch.bench import roast_log as log_bench
from roastwatch.cli.roasts.beans import lot_of
from roastwatch.cli.roasts.log import log_option
from roastwatch.errors import BadInputError
from roastwatch.printing.printable import printable
from roastwatch.printing.times import moment
from roastwatch.records.formats import alog
from roastwatch.records.formats.tables import seconds
from roastwatch.records.record import Properties
from roastwatch.roastlog import labels
from roastwatch.roastlog import maintenance as log_care
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind


@click.command(name="edit")
@log_option
@click.argument("roast_id", metavar="ID")
@click.option("--title", help="The roast's title.")
@click.option("--note", help="Replace the notes.")
@click.option("--rating", type=click.FloatRange(0, 100), help="Rating of the cup, 0 to 100.")
@click.option(
    "--lot", "lot_name", metavar="LOT", help="Lot of beans it was taken from; '' for none."
)
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a property, such as bean_name=Guji or green_weight_g=500; NAME= clears it.",
)
@click.option(
    "--event",
    "marks",
    multiple=True,
    metavar="NAME=TIME",
    help="Set an event's time from the charge, such as first_crack=8:12; NAME= removes it. "
    "charge=-0:05 moves the charge itself.",
)
def edit(
    log: Path,
    roast_id: str,
    title: str | None,
    note: str | None,
    rating: float | None,
    lot_name: str | None,
    pairs: tuple[str, ...],
    marks: tuple[str, ...],
) -> None:
    """Change a roast's properties or events.

    Properties are its title, notes, rating, bean and others.

    What you write here stays when the roast's file is imported again. The JSON beside its
    recordings follows.
    """
    changes: dict[str, Any] = {}
    if note is not None:
        changes["notes"] = note
    if rating is not None:
        changes["rating"] = rating
    for pair in pairs:
        name, equals, text = pair.partition("=")
        changes[name] = _value(name.strip(), equals, text.strip())
    events = dict(_mark(mark) for mark in marks)
    if title is None and lot_name is None and not changes and not events:
        raise BadInputError(
            "Nothing to change. Give --title, --note, --rating, --lot, --set NAME=VALUE or --event "
            "NAME=TIME."
        )
    with Store(log) as store:
        lot_id = "" if lot_name is None else lot_of(store, lot_name) if lot_name else None
        roast_id = store.edit(
            roast_id, title=title, changes=changes, events=events, lot_id=lot_id, by="cli"
        )
        if events:
            labels.export(store, roast_id)


def _mark(text: str) -> tuple[EventKind, float | None]:
    name, equals, time = (part.strip() for part in text.partition("="))
    kinds = {kind.value: kind for kind in alog.PLACES.values()}
    kind = kinds.get(name.lower().replace(" ", "_").replace("-", "_"))
    at_s = seconds(time)
    if kind is None or not equals or (time and not math.isfinite(at_s)):
        raise BadInputError(
            f"--event {text}: write NAME=TIME, such as first_crack=8:12. The names are "
            f"{', '.join(kinds)}."
        )
    return kind, (at_s if time else None)


def _value(name: str, equals: str, text: str) -> str | float | None:
    known = {f.name: f.type for f in fields(Properties)}
    if name not in known or not equals:
        raise BadInputError(
            f"--set {name}: there is no such property. Write NAME=VALUE with one of "
            f"{', '.join(known)}."
        )
    if not text:
        return None
    if known[name] is str:
        return text
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise BadInputError(f"--set {name}: '{text}' is not a number.") from None


@click.command(name="delete")
@log_option
@click.argument("roast_ids", nargs=-1, metavar="ID...")
@click.option("--older-than-days", type=click.IntRange(min=1), help="Delete all older roasts.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def delete(log: Path, roast_ids: tuple[str, ...], older_than_days: int | None, yes: bool) -> None:
    """Delete roasts permanently."""
    if not roast_ids and older_than_days is None:
        raise BadInputError("Give the ids of the roasts to delete, or --older-than-days.")
    with Store(log) as store:
        chosen = [json.loads(store.show_json(roast_id)) for roast_id in roast_ids]
        for row in chosen:
            began = row["started_at"] and moment(datetime.fromisoformat(row["started_at"]))
            click.echo(f"{printable(row['roast_id'])}  {began or ''}  {printable(row['title'])}")
        if older_than_days is not None:
            click.echo(f"and every roast that began more than {older_than_days} days ago")
        if not yes:
            click.confirm("Delete permanently?", abort=True)
        count = sum(1 for row in chosen if store.delete(row["roast_id"]))
        if older_than_days is not None:
            count += store.delete_before(datetime.now(UTC) - timedelta(days=older_than_days))
    click.echo(f"{count} roasts deleted.")


@click.command(name="backup")
@log_option
@click.argument("target", type=click.Path(path_type=Path), metavar="FILE")
def backup(log: Path, target: Path) -> None:
    """Copy the log into one file, and check the copy.

    It may be in use meanwhile.
    """
    size = log_care.backup(log, target)
    click.echo(f"{target}: {size / 1e6:.1f} MB, checked.")


@click.command(name="repair")
@log_option
@click.option("--check", "only_check", is_flag=True, help="Only report whether the log is damaged.")
def repair(log: Path, only_check: bool) -> None:
    """Check the log, and repair a damaged one.

    What can be read is recovered, and unused space is freed.

    A damaged log is kept beside the repaired one.
    """
    problems = log_care.check(log)
    if only_check or not problems:
        for problem in problems:
            click.echo(problem)
        if problems:
            raise click.exceptions.Exit(1)
        if not only_check:
            log_care.vacuum(log)
        click.echo(f"{log} is whole.")
        return
    outcome = log_care.repair(log)
    click.echo(f"{log} was damaged: {problems[0]}")
    for table, (saved, lost) in outcome.rows.items():
        if lost:
            click.echo(f"  {table}: {saved} saved, at least {lost} lost")
    click.echo(f"{outcome.roasts} roasts saved; the damaged log is kept as {outcome.kept}.")


@click.command(name="stats")
@log_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--before", "before_s", type=float, default=120.0, show_default=True,
              help="Seconds before first crack at which its prediction is measured.")  # fmt: skip
def stats(log: Path, as_json: bool, before_s: float) -> None:
    """Show statistics by bean and roaster.

    They cover first crack, development and the prediction of first crack.
    """
    from roastwatch.cli.roasts.text import print_statistics
    from roastwatch.roastlog.statistics import statistics

    with Store(log, writing=False) as store:
        found = statistics(store, before_s)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        print_statistics(found)


@click.command(name="bench")
@click.option("--roasts", type=click.IntRange(min=10), default=2500, show_default=True,
              help="Number of synthetic roasts.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def bench(roasts: int, as_json: bool) -> None:
    """Measure the speed of a log of synthetic roasts.

    2500 roasts are ten years of five a week.
    """
    with tempfile.TemporaryDirectory() as folder:
        figures = log_bench.measure(Path(folder) / "bench.db", roasts)
    if as_json:
        click.echo(json.dumps(figures.as_json()))
        return
    for name, value in figures.as_json().items():
        click.echo(f"{name.replace('_', ' '):22} {'–' if value is None else value}")
