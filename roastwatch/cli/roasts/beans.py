"""`roastwatch roasts taste | beans | undo`: tastings, beans in stock, and edits taken back."""

import json
import uuid
from datetime import date
from pathlib import Path

import click

from roastwatch.cli.roasts.log import log_option
from roastwatch.errors import BadInputError
from roastwatch.records.tasting import Lot, Tasting
from roastwatch.roastlog import changes as log_changes
from roastwatch.roastlog import edits as log_edits
from roastwatch.roastlog import labels, lot_rows, tasting_rows
from roastwatch.roastlog.store import Store
from roastwatch.roastlog.writes import utc_now


def _day(_: click.Context, __: click.Parameter, given: str | None) -> date | None:
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise BadInputError(f"'{given}' is not a day: write one as 2026-03-14.") from None


@click.command(name="taste")
@log_option
@click.argument("roast_id", metavar="ID")
@click.option("--score", type=click.FloatRange(0, 100), help="Score of the cup, 0 to 100.")
@click.option("--brew", "brew_method", default="", help="Brew method, such as cupping or espresso.")
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="NAME=VALUE",
    help="An attribute, 0 to 10, such as acidity=7; repeatable.",
)
@click.option("--defect", "defects", multiple=True, help="A defect, such as baked; repeatable.")
@click.option("--note", "notes", default="", help="Notes.")
@click.option("--on", "tasted_on", callback=_day, metavar="DAY", help="Day; default: today.")
def taste(
    log: Path,
    roast_id: str,
    score: float | None,
    brew_method: str,
    attributes: tuple[str, ...],
    defects: tuple[str, ...],
    notes: str,
    tasted_on: date | None,
) -> None:
    """Add a tasting of a roast; it may have several.

    \b
    Examples:
      roastwatch roasts taste last --score 86 --brew moka --attribute acidity=7
    """
    now = utc_now()
    tasting = Tasting(
        uuid.uuid4().hex,
        tasted_on or now.astimezone().date(),
        score,
        brew_method,
        dict(_attribute(pair) for pair in attributes),
        defects,
        notes,
        "cli",
        now,
    )
    with Store(log) as store:
        roast_no = store.find(roast_id)
        with store.writing() as connection:
            tasting_rows.add(connection, roast_no, tasting)


def _attribute(pair: str) -> tuple[str, float]:
    name, _, text = pair.partition("=")
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = -1.0
    if not name.strip() or not 0 <= value <= 10:
        raise BadInputError(
            f"--attribute {pair}: write NAME=VALUE with a value from 0 to 10, such as acidity=7."
        )
    return name.strip(), value


@click.command(name="beans")
@log_option
@click.option("--add", "name", metavar="NAME", help="Add a lot of green beans.")
@click.option("--grams", type=click.FloatRange(min=0), help="With --add: its weight in grams.")
@click.option("--origin", default="", help="With --add: where it grew.")
@click.option("--process", default="", help="With --add: how it was processed.")
@click.option("--supplier", default="", help="With --add: who sold it.")
@click.option("--bought", "bought_on", callback=_day, metavar="DAY", help="With --add: the day.")
@click.option("--finish", metavar="LOT", help="Mark a lot as finished.")
@click.option("--delete", metavar="LOT", help="Delete a lot that no roast was taken from.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a lot.")
def beans(
    log: Path,
    name: str | None,
    grams: float | None,
    origin: str,
    process: str,
    supplier: str,
    bought_on: date | None,
    finish: str | None,
    delete: str | None,
    as_json: bool,
) -> None:
    """List the green beans in stock: bought, used, left.

    A lot is named by its name or the beginning of its id. `roastwatch roasts edit ID --lot LOT`
    says which lot a roast was taken from; its green weight is what it took.
    """
    with Store(log, create=name is not None) as store:
        with store.writing() as connection:
            if name is not None:
                lot = Lot(uuid.uuid4().hex, name, origin, process, supplier, bought_on, grams)
                lot_rows.add(connection, lot)
            if finish is not None:
                lot_rows.finish(connection, lot_of(store, finish))
            if delete is not None:
                lot_rows.delete(connection, lot_of(store, delete))
        found = lot_rows.stock(store.connection)
    if as_json:
        for stock in found:
            click.echo(json.dumps(stock.as_json(), ensure_ascii=False))
        return
    from roastwatch.cli.roasts.text import print_stock

    print_stock(found)


def lot_of(store: Store, wanted: str) -> str:
    """The id of the lot with this name, or whose id begins so.

    Raises:
        BadInputError: none or several.
    """
    lots = [stock.lot for stock in lot_rows.stock(store.connection)]
    found = [lot for lot in lots if lot.name.casefold() == wanted.casefold()]
    found = found or [lot for lot in lots if wanted and lot.lot_id.startswith(wanted)]
    if len(found) != 1:
        several = "Several lots have" if found else "No lot has"
        raise BadInputError(
            f"{several} the name or id '{wanted}'. `roastwatch roasts beans` shows them."
        )
    return found[0].lot_id


@click.command(name="undo")
@log_option
@click.argument("roast_id", metavar="ID")
def undo(log: Path, roast_id: str) -> None:
    """Take back the newest edit of a roast.

    It may be of the title, a property, the lot or an event.
    """
    with Store(log) as store:
        with store.writing() as connection:
            roast_no = store.find(roast_id)
            held = [one for one in log_changes.of_roast(connection, roast_no) if one.revocable]
            if not held:
                raise BadInputError("This roast has no edit to take back.")
            newest = max(held, key=lambda change: int(change.change_id))
            log_edits.revoke(connection, roast_no, newest.change_id)
            (whole,) = connection.execute(
                "SELECT roast_id FROM roasts WHERE roast_no = ?", (roast_no,)
            ).fetchone()
        labels.export(store, whole)
    click.echo(f"Taken back: {newest.what.replace('_', ' ').replace('event:', '')}.")
