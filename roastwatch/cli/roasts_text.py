"""Roasts printed for people."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from roastwatch.roast.curve_metrics import metrics
from roastwatch.roast.record import RoastRecord


def minutes(seconds: float | None) -> str:
    """Seconds as m:ss, a dash where unknown."""
    if seconds is None:
        return "–"
    sign = "-" if seconds < 0 else ""
    whole = round(abs(seconds))
    return f"{sign}{whole // 60}:{whole % 60:02d}"


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
        console.print("No roasts yet: `roastwatch roasts import PATH` brings some in.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "began", "title", "dry end", "first crack", "drop", "development"):
        table.add_column(name, no_wrap=name != "title", overflow="ellipsis")
    for row in rows:
        figures = row["metrics"]
        table.add_row(
            row["roast_id"][:8],
            (row["started_at"] or "–")[:16].replace("T", " "),
            Text(row["title"] or row["source_file"] or ""),
            minutes(figures["dry_end_s"]),
            minutes(figures["first_crack_s"]),
            minutes(figures["drop_s"]),
            percent(figures["development_ratio_percent"]),
        )
    console.print(table)
    console.print(f"{len(rows)} roasts", style="dim")


def print_roast(row: dict[str, Any], record: RoastRecord) -> None:
    """One roast with its events, phases and notes."""
    console = Console(highlight=False)
    console.print(Text(row["title"] or "Untitled roast", style="bold"))
    console.print(Text(f"{row['roast_id']}  began {(row['started_at'] or 'at an unknown time')}"))
    if row["source_file"]:
        others = "".join(f", {name}" for name in row["also_saved_as"])
        console.print(Text(f"from {row['source_file']}{others}", style="dim"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("event", "time", "beans", "said by"):
        table.add_column(name)
    for event in row["events"]:
        table.add_row(
            event["kind"].replace("_", " "),
            minutes(event["at_s"]),
            degrees(event["bean_temp_c"]),
            event["origin"],
        )
    console.print(table)
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
    for name, value in record.properties.as_json().items():
        if name not in ("notes", "cupping_notes"):
            console.print(Text(f"{name.replace('_', ' ')}: {value}"))
    for name in ("notes", "cupping_notes"):
        text = getattr(record.properties, name)
        if text:
            console.print(Text(f"\n{text.strip()}", style="italic"))
    for gap in record.gaps:
        console.print(f"the record has a hole from {minutes(gap[0])} to {minutes(gap[1])}")
