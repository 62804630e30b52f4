"""The panels of a roast's plot: curves, phases, events, settings, pops.

Each is drawn into existing axes, in seconds from the charge.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from roastwatch.plots.style import Palette, plain
from roastwatch.printing.times import clock
from roastwatch.records.formats.alog_write import pops_per_minute
from roastwatch.records.metrics import Metrics, turning_point_index
from roastwatch.records.record import Column, RoastRecord
from roastwatch.roast.curve import rate_of_rise as curve_ror
from roastwatch.vocabulary import EventKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Background: TypeAlias = Sequence[tuple[float, float]]
"""A profile: seconds from charge and °C."""

_NAMES = {
    EventKind.CHARGE: "charge",
    EventKind.DRY_END: "dry end",
    EventKind.FIRST_CRACK: "first crack",
    EventKind.FIRST_CRACK_END: "crack ends",
    EventKind.SECOND_CRACK: "second crack",
    EventKind.DROP: "drop",
}


def curves(
    axes: "Axes",
    palette: Palette,
    record: RoastRecord,
    zero_s: float,
    span: tuple[float, float],
    fahrenheit: bool,
) -> "Axes":
    """Draw beans, environment and rate of rise; return the topmost axes, for text."""
    times = record.at_s - zero_s
    inside = (times >= span[0]) & (times <= span[1])

    def shown(values: Column) -> Column:
        return values * 1.8 + 32.0 if fahrenheit else values

    unit = "°F" if fahrenheit else "°C"
    beans = shown(record.bean_temp_c)[inside]
    around = record.columns.get("environment_temp_c")
    temps = [beans]
    if around is not None:
        temps.append(shown(around)[inside])
        axes.plot(times[inside], temps[1], color=palette.around, linewidth=1.2, zorder=3)
    axes.plot(times[inside], beans, color=palette.bean, linewidth=2.2, zorder=4)
    known = np.concatenate(temps)
    known = known[np.isfinite(known)]
    if len(known):
        low, high = float(np.min(known)), float(np.max(known))
        # Room for the names of the phases above and the rate of rise below.
        axes.set_ylim(low - 0.06 * (high - low) - 1, high + 0.16 * (high - low) + 1)
    axes.set_ylabel(unit, fontsize=8, rotation=0, ha="right", va="top", y=1.0)
    right = axes.twinx()
    plain(right, palette, grid=False)
    right.spines["left"].set_visible(False)
    drop = record.event(EventKind.DROP)
    until = drop.at_s - zero_s - 10 if drop else span[1]
    rates = roast_ror(record, zero_s, inside) * (1.8 if fahrenheit else 1.0)
    visible = (times[inside] <= until) & (rates > 0)
    right.plot(
        times[inside], np.where(visible, rates, np.nan), color=palette.ror, linewidth=1.4, zorder=3
    )
    top = float(np.nanmax(np.where(visible, rates, np.nan))) if np.any(visible) else 10.0
    right.set_ylim(0, max(10.0, top * 1.9))
    right.tick_params(colors=palette.ror)
    right.set_ylabel(f"{unit}/min", fontsize=8, color=palette.ror, rotation=0, ha="left", va="top")
    right.yaxis.set_label_coords(1.005, 1.0)
    # The right axes are on top, so their text is above every curve.
    if around is not None:
        _named(axes, times[inside], temps[1], "environment", palette.around, span, 0.5, right)
    _named(axes, times[inside], beans, "beans", palette.bean, span, 0.62, right)
    rates = np.where(visible, rates, np.nan)
    _named(right, times[inside], rates, "rate of rise", palette.ror, span, 0.8)
    _turning_point(axes, palette, record, zero_s, fahrenheit)
    return right


def roast_ror(record: RoastRecord, zero_s: float, inside: npt.NDArray[np.bool_]) -> Column:
    """The beans' rate of rise from the turning point to the drop."""
    drop = record.event(EventKind.DROP)
    turn = turning_point_index(record)
    from_s = float(record.at_s[turn]) if turn is not None else zero_s
    in_drum = record.at_s >= from_s
    if drop is not None:
        in_drum &= record.at_s <= drop.at_s
    beans = np.where(in_drum, record.bean_temp_c, np.nan)
    rates = curve_ror.robust(record.at_s[inside], beans[inside], centred=True)
    return np.where(in_drum[inside], rates, np.nan)


def profile(
    axes: "Axes",
    palette: Palette,
    background: Background,
    span: tuple[float, float],
    fahrenheit: bool,
) -> None:
    """Draw the target curve behind the bean curve."""
    at_s = np.array([point[0] for point in background])
    wanted = np.array([point[1] for point in background])
    wanted = wanted * 1.8 + 32.0 if fahrenheit else wanted
    low, high = axes.get_ylim()
    axes.plot(at_s, wanted, color=palette.bean, linewidth=1.0, linestyle="--", alpha=0.7, zorder=2)
    _named(axes, at_s, wanted, "profile", palette.bean, span, 0.85)
    seen = wanted[(at_s >= span[0]) & (at_s <= span[1])]
    if len(seen):
        axes.set_ylim(min(low, float(seen.min()) - 3), max(high, float(seen.max()) + 3))


def _turning_point(
    axes: "Axes", palette: Palette, record: RoastRecord, zero_s: float, fahrenheit: bool
) -> None:
    index = turning_point_index(record)
    if index is None:
        return
    at, temp = float(record.at_s[index]) - zero_s, float(record.bean_temp_c[index])
    temp = temp * 1.8 + 32.0 if fahrenheit else temp
    axes.plot([at], [temp], "o", markersize=4, color=palette.bean, zorder=5)
    axes.annotate(
        f"{clock(at)} {temp:.0f}°", (at, temp), xytext=(0, 6), textcoords="offset points",
        fontsize=7.5, color=palette.bean, ha="center", va="bottom", zorder=6,
    )  # fmt: skip


def _named(
    axes: "Axes",
    times: Column,
    values: Column,
    name: str,
    colour: str,
    span: tuple[float, float],
    where: float,
    words: "Axes | None" = None,
) -> None:
    """Write the curve's name along it instead of a legend; on the axes `words`, if given."""
    at = span[0] + where * (span[1] - span[0])
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return
    index = known[int(np.argmin(np.abs(times[known] - at)))]
    later = known[int(np.argmin(np.abs(times[known] - times[index] - 30.0)))]
    falls = values[later] < values[index]
    (words or axes).annotate(
        name, (times[index], values[index]), xycoords=axes.transData, xytext=(0, 5),
        textcoords="offset points", fontsize=7.5, color=colour,
        ha="left" if falls else "right", va="bottom", zorder=6,
    )  # fmt: skip


def phases(
    axes: "Axes",
    palette: Palette,
    record: RoastRecord,
    span: tuple[float, float],
    figures: Metrics,
    *,
    named: bool,
) -> None:
    """Draw the known phases as bands in the background, with name and length if `named`."""
    if record.charge_s is None:
        return
    end = figures.drop_s if figures.drop_s is not None else span[1]
    crack = figures.first_crack_s
    dry = figures.dry_end_s
    if crack is not None and crack > end:
        crack = None  # marked out of order
    if dry is not None and dry > (end if crack is None else crack):
        dry = None
    bands: list[tuple[str, float, float, str]] = []
    if dry is not None:
        bands.append(("drying", 0.0, dry, palette.drying))
        bands.append(("maillard", dry, crack if crack is not None else end, palette.maillard))
    elif crack is not None:
        bands.append(("drying and maillard", 0.0, crack, palette.maillard))
    if crack is not None:
        bands.append(("development", crack, end, palette.development))
    total = end if figures.drop_s is not None else None
    for name, start, stop, colour in bands:
        axes.axvspan(start, stop, color=colour, zorder=0, linewidth=0)
        if not named:
            continue
        share = f" · {100 * (stop - start) / total:.0f} %" if total else ""
        wide = (stop - start) / (span[1] - span[0])
        label = f"{name}\n{clock(stop - start)}{share}"
        axes.text(
            (start + stop) / 2, 0.985, label if wide > 0.08 else f"{clock(stop - start)}",
            transform=axes.get_xaxis_transform(), ha="center", va="top", fontsize=7.5,
            color=palette.faint, linespacing=1.3, zorder=5,
        )  # fmt: skip


def events(
    shown: "list[Axes]",
    words: "Axes | None",
    palette: Palette,
    record: RoastRecord,
    zero_s: float,
) -> None:
    """Draw each event as a line through all panels, its label on the axes for text."""
    marks = [e for e in record.events if e.kind in _NAMES and not e.revoked]
    for event in marks:
        colour = palette.crack if event.kind is EventKind.FIRST_CRACK else palette.faint
        for number, axes in enumerate(shown):
            axes.axvline(
                event.at_s - zero_s, 0, 0.87 if number == 0 else 1, color=colour, linewidth=0.9,
                linestyle=(0, (3, 2)), zorder=2,
            )  # fmt: skip
    if words is None:
        return
    low, high = words.get_xlim()
    inches = words.get_window_extent().width / words.figure.dpi
    letter_s = 0.6 * 7.5 / 72.0 / inches * (high - low)
    taken: list[tuple[float, float, int]] = []
    for event in marks:
        at = event.at_s - zero_s
        temp = record.temperature_at(event.at_s)
        text = f" {_NAMES[event.kind]} {clock(at)}{'' if temp is None else f' {temp:.0f}°'} "
        width_s = letter_s * len(text)
        rightwards = at - width_s < low
        start, stop = (at, at + width_s) if rightwards else (at - width_s, at)
        row = next(
            n for n in range(99)
            if all(n != other or stop <= begin or start >= end for begin, end, other in taken)
        )  # fmt: skip
        taken.append((start, stop, row))
        words.text(
            at, 0.015 + 0.045 * row, text, transform=words.get_xaxis_transform(), fontsize=7.5,
            color=palette.crack if event.kind is EventKind.FIRST_CRACK else palette.ink,
            ha="left" if rightwards else "right", va="bottom", zorder=7,
            bbox={"facecolor": palette.ground, "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
        )  # fmt: skip


def settings(axes: "Axes", palette: Palette, record: RoastRecord, zero_s: float) -> None:
    """Draw heater and fan in percent, and when they were set."""
    times = record.at_s - zero_s
    for what, colour in (("heater", palette.heater), ("fan", palette.fan)):
        values = record.columns.get(f"{what}_percent")
        if values is None:
            continue
        axes.step(times, values, where="post", color=colour, linewidth=1.3, label=what, zorder=3)
    for control in record.controls:
        dot = {"heater": palette.heater, "fan": palette.fan}.get(control.what)
        if dot is not None and control.value is not None:
            axes.plot([control.at_s - zero_s], [control.value], ".", color=dot, markersize=4)
    axes.set_ylim(-5, 115)
    axes.set_yticks([0, 50, 100])
    axes.set_ylabel("%", fontsize=8, rotation=0, ha="right", va="top", y=1.0)
    axes.legend(
        loc="upper left", fontsize=7, frameon=False, ncols=2, labelcolor="linecolor",
        borderaxespad=0.1, handlelength=1.2,
    )  # fmt: skip


def pops(
    axes: "Axes", palette: Palette, record: RoastRecord, zero_s: float, span: tuple[float, float]
) -> None:
    """Draw the pops and their number per minute."""
    at = np.arange(np.floor(span[0]), np.ceil(span[1]) + 1.0)
    rate = pops_per_minute(record, at + zero_s)
    axes.fill_between(at, rate, color=palette.pop, alpha=0.35, linewidth=0, zorder=2)
    axes.plot(at, rate, color=palette.pop, linewidth=1.1, zorder=3)
    top = max(6.0, float(np.max(rate)) * 1.15)
    axes.set_ylim(-0.16 * top, top)
    times = [pop[0] - zero_s for pop in record.pops]
    axes.vlines(times, -0.14 * top, -0.03 * top, color=palette.pop, linewidth=0.8, zorder=3)
    axes.text(
        0.005, 0.9, "pops a minute", transform=axes.transAxes, fontsize=7, color=palette.pop,
        va="top",
    )  # fmt: skip
