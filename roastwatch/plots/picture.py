"""The plot of a roast: its panels under a heading (panels.py draws them)."""

from typing import TYPE_CHECKING

from roastwatch.plots import panels
from roastwatch.plots.panels import Background
from roastwatch.plots.style import (
    Format,
    Palette,
    Size,
    Theme,
    figure,
    minutes_axis,
    plain,
    rendered,
)
from roastwatch.printing.times import clock, moment
from roastwatch.records.metrics import Metrics, metrics
from roastwatch.records.record import RoastRecord
from roastwatch.vocabulary import EventKind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AFTER_DROP_S = 45.0
"""Seconds shown after the drop, when the probe cools and the roast is over."""


def roast_png(
    record: RoastRecord,
    theme: Theme = "dark",
    size: Size = "phone",
    background: Background = (),
    *,
    fahrenheit: bool = False,
) -> bytes:
    """One roast as PNG, for an image entity or a message."""
    return roast_picture(
        record,
        theme=theme,
        size=size,
        format_="png",
        fahrenheit=fahrenheit,
        background=background,
    )


def roast_picture(
    record: RoastRecord,
    *,
    theme: Theme = "light",
    size: Size = "paper",
    format_: Format = "png",
    fahrenheit: bool = False,
    background: Background = (),
) -> bytes:
    """Plot one roast.

    Args:
        record: the roast; without a probe only its pops are shown.
        theme: light or dark.
        size: phone (portrait), paper (landscape) or small.
        format_: png, svg or pdf.
        fahrenheit: show °F.
        background: the profile that it follows, seconds from charge and °C.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    fig, palette = figure(theme, size)
    draw_roast(fig, palette, record, fahrenheit=fahrenheit, background=background)
    return rendered(fig, format_)


def draw_roast(
    fig: "Figure",
    palette: Palette,
    record: RoastRecord,
    *,
    fahrenheit: bool = False,
    rect: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    background: Background = (),
) -> None:
    """Draw a roast into a part of a figure (left, bottom, width, height, each 0 to 1)."""
    zero_s = record.charge_s or 0.0
    span = _span(record, zero_s)
    figures = metrics(record)
    has_settings = any(f"{what}_percent" in record.columns for what in ("heater", "fan"))
    has_pops = bool(record.pops)
    has_curve = "bean_temp_c" in record.columns
    ratios = [4.2 if has_curve else 0.01, 0.9 if has_settings else 0.01, 1.0 if has_pops else 0.01]
    if not has_curve:
        ratios[2] = 3.0
    left, bottom, width, height = rect
    tall = fig.get_figheight() * height > fig.get_figwidth() * width
    margin = 0.11 if tall else 0.09 if fig.get_figwidth() < 9 else 0.06
    grid = fig.add_gridspec(
        3, 1, height_ratios=ratios, hspace=0.08,
        left=left + margin * width, right=left + (1.0 - margin) * width,
        bottom=bottom + 0.075 * height,
        top=bottom + (0.845 if tall else 0.86) * height,
    )  # fmt: skip
    main = fig.add_subplot(grid[0])
    settings = fig.add_subplot(grid[1], sharex=main)
    pops = fig.add_subplot(grid[2], sharex=main)
    for axes, shown in ((main, has_curve), (settings, has_settings), (pops, has_pops)):
        axes.set_visible(shown)
        plain(axes, palette)
        axes.tick_params(labelbottom=False)
    main.set_xlim(*span)
    shown_axes = [axes for axes in (main, settings, pops) if axes.get_visible()]
    words = panels.curves(main, palette, record, zero_s, span, fahrenheit) if has_curve else None
    if has_curve and background:
        panels.profile(main, palette, background, span, fahrenheit)
    for axes in shown_axes:
        panels.phases(axes, palette, record, span, figures, named=axes is shown_axes[0])
    panels.events(shown_axes, words, palette, record, zero_s)
    if has_settings:
        panels.settings(settings, palette, record, zero_s)
    if has_pops:
        panels.pops(pops, palette, record, zero_s, span)
    if shown_axes:
        last = shown_axes[-1]
        last.tick_params(labelbottom=True)
        minutes_axis(last)
        last.set_xlabel("minutes from charge" if record.charge_s is not None else "minutes",
                        fontsize=8)  # fmt: skip
    _heading(fig, palette, record, figures, (left + margin * width, bottom, height), tall)


def _span(record: RoastRecord, zero_s: float) -> tuple[float, float]:
    drop, charge = record.event(EventKind.DROP), record.event(EventKind.CHARGE)
    times = record.at_s - zero_s
    ends = [float(times[-1])] if len(times) else []
    ends += [e.at_s - zero_s for e in record.events] + [p[0] - zero_s for p in record.pops]
    last = max(ends, default=60.0)
    if drop is not None:
        last = min(last, drop.at_s - zero_s + AFTER_DROP_S)
    first = min([0.0, *(times[:1].tolist())])
    if charge is not None:
        first = max(first, -30.0)
    return first, max(last, first + 60.0)


def _heading(
    fig: "Figure",
    palette: Palette,
    record: RoastRecord,
    figures: Metrics,
    place: tuple[float, float, float],
    tall: bool,
) -> None:
    x, bottom, height = place
    when = moment(record.started_at, "%d %B %Y, %H:%M") if record.started_at else ""
    fig.text(
        x, bottom + 0.965 * height, record.title or record.properties.bean_name or "Roast",
        fontsize=14, fontweight="bold", color=palette.ink, va="top",
    )  # fmt: skip
    parts = [when, record.properties.roaster]
    shown = [
        ("first crack", clock(figures.first_crack_s), figures.first_crack_s),
        ("drop", clock(figures.drop_s), figures.drop_s),
        ("development", _percent(figures.development_ratio_percent), figures.development_s),
    ]
    line = "   ".join(f"{name} {text}" for name, text, known in shown if known is not None)
    rows = [line, " · ".join(part for part in parts if part)]
    for number, row in enumerate(row for row in rows if row):
        y = bottom + (0.922 - 0.026 * number if tall else 0.925 - 0.027 * number) * height
        fig.text(x, y, row, fontsize=8.5, va="top",
                 color=palette.ink if number == 0 else palette.faint)  # fmt: skip


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} %"
