"""Print roasts for people."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from roastwatch.printing.printable import printable
from roastwatch.printing.rich_console import Console
from roastwatch.printing.times import clock, local, moment
from roastwatch.records.metrics import metrics, order_faults
from roastwatch.records.record import RoastRecord
from roastwatch.records.tasting import Stock, Tasting
from roastwatch.roastlog.rows import events_since


def degrees(celsius: float | None) -> str:
    """A temperature, a dash where unknown."""
    return "–" if celsius is None else f"{celsius:.1f} °C"


def percent(value: float | None) -> str:
    """A share, a dash where unknown."""
    return "–" if value is None else f"{value:.1f} %"


def print_list(rows: list[dict[str, Any]]) -> None:
    """A table of roasts."""
    console = Console(highlight=False)
    if not rows:
        console.print("No roasts yet. Import some with `roastwatch roasts import PATH`.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "began", "title", "dry end", "first crack", "drop", "development"):
        table.add_column(name, no_wrap=name != "title", overflow="ellipsis")
    for row in rows:
        figures = row["metrics"]
        table.add_row(
            Text(printable(row["roast_id"][:8])),
            _began(row["started_at"]),
            Text(printable(row["title"] or row["source_file"] or "")),
            clock(figures["dry_end_s"]),
            clock(figures["first_crack_s"]),
            clock(figures["drop_s"]),
            percent(figures["development_ratio_percent"]),
        )
    console.print(table)
    zone = f"{datetime.now().astimezone():%Z}"
    console.print(f"{len(rows)} roasts; times of this computer ({zone} now)", style="dim")


def _began(started_at: str | None) -> str:
    """A row's start on this computer's clock."""
    if started_at is None:
        return "–"
    return f"{local(datetime.fromisoformat(started_at)):%Y-%m-%d %H:%M}"


def print_roast(row: dict[str, Any], record: RoastRecord) -> None:
    """One roast with its events, phases and notes."""
    console = Console(highlight=False)
    console.print(Text(printable(row["title"]) or "Untitled roast", style="bold"))
    began = moment(record.started_at) if record.started_at else "at an unknown time"
    console.print(Text(f"{printable(row['roast_id'])}  began {began}"))
    if row["source_file"]:
        names = [printable(name) for name in (row["source_file"], *row["also_saved_as"])]
        console.print(Text(f"from {', '.join(names)}", style="dim"))
    for warning in dict.fromkeys((*record.warnings, *order_faults(record))):
        console.print(Text(warning, style="yellow"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("event", "time", "beans", "origin"):
        table.add_column(name)
    charged = record.charge_s is not None
    for event in row["events"] if charged else events_since(record, 0.0):
        table.add_row(
            event["kind"].replace("_", " "),
            clock(event["at_s"]),
            degrees(event["bean_temp_c"]),
            event["origin"],
        )
    console.print(table)
    if not charged and record.events:
        console.print("No charge: times from the start of the recording.", style="dim")
    _print_witnesses(console, row["witnesses"])
    figures = metrics(record)
    for name, share, ror in (
        ("drying", figures.drying_percent, figures.drying_ror_c_per_min),
        ("maillard", figures.maillard_percent, figures.maillard_ror_c_per_min),
        ("development", figures.development_ratio_percent, figures.development_ror_c_per_min),
    ):
        if share is not None:
            rising = "" if ror is None else f", {ror:.1f} °C/min"
            console.print(f"{name} {share:.1f} %{rising}")
    if figures.area_under_curve_c_min is not None:
        console.print(f"area under the curve {figures.area_under_curve_c_min:.0f} °C·min")
    if record.lot is not None:
        console.print(Text(f"beans from {printable(record.lot.name)}"))
    for name, value in record.properties.as_json().items():
        if name not in ("notes", "cupping_notes"):
            console.print(Text(f"{name.replace('_', ' ')}: {printable(str(value))}"))
    for name in ("notes", "cupping_notes"):
        text = getattr(record.properties, name)
        if text:
            lines = "\n".join(printable(line) for line in text.strip().splitlines())
            console.print(Text(f"\n{lines}", style="italic"))
    for tasting in record.tastings:
        console.print(Text(f"\n{printable(tasted(tasting))}"))
    for gap in record.gaps:
        console.print(f"the record has a gap from {clock(gap[0])} to {clock(gap[1])}")


def tasted(tasting: Tasting) -> str:
    """A tasting in one line."""
    attributes = (f"{name} {value:g}" for name, value in tasting.attributes.items())
    parts = (
        f"tasted on {tasting.tasted_on}" if tasting.tasted_on else "tasted",
        tasting.brew_method,
        "" if tasting.score is None else f"score {tasting.score:g}",
        ", ".join(attributes),
        f"defects: {', '.join(tasting.defects)}" if tasting.defects else "",
        " ".join(tasting.notes.split()),
    )
    return "; ".join(part for part in parts if part)


def grams(value: float | None) -> str:
    """A weight, a dash where unknown."""
    return "–" if value is None else f"{value:.0f} g"


def print_stock(lots: list[Stock]) -> None:
    """A table of the lots of beans."""
    console = Console(highlight=False)
    if not lots:
        console.print("No beans yet. Add some with `roastwatch roasts beans --add NAME`.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "name", "bought", "used", "left", "roasts", "weight loss"):
        table.add_column(name, no_wrap=name != "name")
    for stock in lots:
        lot = stock.lot
        table.add_row(
            Text(printable(lot.lot_id[:8])),
            Text(printable(lot.name) + (" (finished)" if lot.finished else "")),
            grams(lot.bought_g),
            grams(stock.used_g),
            grams(stock.left_g),
            str(stock.roasts),
            percent(stock.weight_loss_percent),
        )
    console.print(table)


def _print_witnesses(console: Console, times: dict[str, float]) -> None:
    """The times of first crack by source, if there are several."""
    if len(times) < 2:
        return
    words = ", ".join(f"{kind} {clock(at_s)}" for kind, at_s in times.items())
    apart_s = max(times.values()) - min(times.values())
    console.print(f"first crack by {words}: {apart_s:.0f} s apart")


def print_comparison(records: list[RoastRecord]) -> None:
    """Figures of several roasts, a column each."""
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for record in records:
        table.add_column(Text(printable(record.title or record.roast_id[:8])), justify="right")
    figures = [metrics(record) for record in records]
    rows: list[tuple[str, Callable[[float | None], str], str]] = [
        ("turning point", clock, "turning_point_s"),
        ("", degrees, "turning_point_c"),
        ("dry end", clock, "dry_end_s"),
        ("first crack", clock, "first_crack_s"),
        ("drop", clock, "drop_s"),
        ("drying", percent, "drying_percent"),
        ("maillard", percent, "maillard_percent"),
        ("development", percent, "development_ratio_percent"),
        ("", clock, "development_s"),
        ("rise, drying", rate, "drying_ror_c_per_min"),
        ("rise, maillard", rate, "maillard_ror_c_per_min"),
        ("rise, development", rate, "development_ror_c_per_min"),
    ]
    for name, words, key in rows:
        table.add_row(name, *(words(getattr(one, key)) for one in figures))
    console.print(table)


def rate(value: float | None) -> str:
    """A rate of rise, a dash where unknown."""
    return "–" if value is None else f"{value:.1f} °C/min"


def print_statistics(found: dict[str, Any]) -> None:
    """The results of `roasts stats`."""
    console = Console(highlight=False)
    console.print(f"{found['roasts']} roasts")
    for name in ("by_bean", "by_roaster"):
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in (name[3:], "roasts", "first crack", "spread", "beans then", "spread",
                       "development"):  # fmt: skip
            table.add_column(column)
        for row in found[name]:
            table.add_row(
                Text(printable(row["name"]) or "unnamed"),
                str(row["roasts"]),
                clock(row["first_crack_s"]),
                clock(row["first_crack_spread_s"]),
                degrees(row["first_crack_c"]),
                degrees(row["first_crack_spread_c"]),
                percent(row["development_ratio_percent"]),
            )
        console.print(table)
    coming = found["next_first_crack"]
    if coming is not None:
        console.print(
            f"Next time expect first crack at {coming['bean_temp_c']:.0f} ± "
            f"{coming['spread_c']:.0f} °C, about {clock(coming['at_s'])} after charge."
        )
    measured = found["prediction"]
    if measured is not None:
        console.print(
            f"First crack predicted {measured['before_s']:.0f} s ahead from the other roasts "
            f"({measured['roasts']}): median error {measured['median_error_s']:.0f} s, 90 % "
            f"within {measured['worst_tenth_s']:.0f} s; if the median time is guessed, "
            f"{measured['naive_median_error_s']:.0f} s. The interval contained first crack in "
            f"{measured['held_percent']:.0f} %."
        )
    rated = found["rating_by_development"]
    for row in rated:
        console.print(
            f"development {row['from_percent']:.0f}–{row['to_percent']:.0f} %: "
            f"rated {row['rating']:.0f} ({row['roasts']} roasts)"
        )
    ear = found["detector"]
    if ear["roasts"]:
        console.print(
            f"The detector in {ear['roasts']} roasts with a person's label: {ear['found']} found, "
            f"{ear['missed']} missed, {ear['false']} false; median delay "
            f"{'–' if ear['median_delay_s'] is None else format(ear['median_delay_s'], '.0f')} s."
        )
    for row in found["witnesses"]:
        console.print(
            f"{row['kind']}: first crack {row['median_difference_s']:+.0f} s from the person's "
            f"({row['roasts']} roasts)"
        )
