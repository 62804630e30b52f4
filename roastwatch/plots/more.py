"""Plots of several roasts and of sound, and the one-page report."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from roastwatch.plots.panels import roast_ror
from roastwatch.plots.picture import draw_roast
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
from roastwatch.printing.times import clock, local
from roastwatch.records.metrics import metrics
from roastwatch.records.record import RoastRecord
from roastwatch.roast.curve.faults import faults
from roastwatch.vocabulary import EventKind, Float32Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FFT = 1024
_WIDEST = 1600
"""Columns of a spectrogram; for longer sound, each shows its loudest frame."""


def overlay_picture(
    records: Sequence[RoastRecord],
    *,
    theme: Theme = "light",
    size: Size = "paper",
    format_: Format = "png",
) -> bytes:
    """Several roasts overlaid from their charges: bean curves above, rates of rise below.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    fig, palette = figure(theme, size)
    grid = fig.add_gridspec(
        2, 1, height_ratios=[2.4, 1], hspace=0.08, left=0.07, right=0.97, bottom=0.08, top=0.9
    )
    above = fig.add_subplot(grid[0])
    below = fig.add_subplot(grid[1], sharex=above)
    last = 60.0
    for number, record in enumerate(records):
        colour = palette.several[number % len(palette.several)]
        zero_s = record.charge_s or 0.0
        drop = record.event(EventKind.DROP)
        end = (drop.at_s if drop else float(record.at_s[-1]) if len(record.at_s) else 0.0) - zero_s
        last = max(last, end)
        times = record.at_s - zero_s
        inside = (times >= -15) & (times <= end)
        label = record.title or record.properties.bean_name or record.roast_id[:8]
        if record.started_at:
            label = f"{label}, {local(record.started_at):%Y-%m-%d}"
        above.plot(
            times[inside], record.bean_temp_c[inside], color=colour, linewidth=1.6, label=label
        )
        rates = roast_ror(record, zero_s, inside)
        steady = (times[inside] < end - 10) & (rates > 0)
        below.plot(times[inside], np.where(steady, rates, np.nan), color=colour, linewidth=1.3)
        for kind, marker in (
            (EventKind.DRY_END, "o"), (EventKind.FIRST_CRACK, "*"), (EventKind.DROP, "s"),
        ):  # fmt: skip
            event = record.event(kind)
            temp = record.temperature_at(event.at_s) if event else None
            if event is not None and temp is not None:
                above.plot(
                    [event.at_s - zero_s], [temp], marker, color=colour, zorder=5,
                    markersize=10 if marker == "*" else 5, markeredgecolor=palette.ground,
                )  # fmt: skip
    for axes, unit in ((above, "°C"), (below, "°C/min")):
        plain(axes, palette)
        axes.set_xlim(-15, last + 10)
        axes.set_ylabel(unit, fontsize=8, rotation=0, ha="right", va="top", y=1.0)
    above.tick_params(labelbottom=False)
    below.set_ylim(bottom=0)
    minutes_axis(below)
    below.set_xlabel("minutes from charge", fontsize=8)
    above.legend(loc="lower right", fontsize=8, frameon=False, labelcolor=palette.ink)
    fig.text(0.07, 0.965, f"{len(records)} roasts", fontsize=14, fontweight="bold",
             color=palette.ink, va="top")  # fmt: skip
    fig.text(0.17, 0.957, "● dry end   ★ first crack   ■ drop", fontsize=8.5,
             color=palette.faint, va="top")  # fmt: skip
    return rendered(fig, format_)


def spectrogram_picture(
    samples: Float32Array,
    sample_rate_hz: int,
    *,
    pops: Sequence[tuple[float, float]] = (),
    from_s: float = 0.0,
    title: str = "",
    theme: Theme = "dark",
    size: Size = "paper",
    format_: Format = "png",
) -> bytes:
    """A spectrogram of sound with its pops.

    Args:
        samples: mono, ±1, shape (n,).
        sample_rate_hz: of the samples.
        pops: time (on the axis that `from_s` begins) and probability of each pop.
        from_s: the first sample's time on the axis.
        title: above the picture.
        theme: light or dark.
        size: phone, paper or small.
        format_: png, svg or pdf.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    fig, palette = figure(theme, size)
    axes = fig.add_axes((0.07, 0.12, 0.9, 0.74))
    plain(axes, palette, grid=False)
    hop = max(128, len(samples) // 20_000)
    count = max(1, (len(samples) - _FFT) // hop + 1)
    window = np.hanning(_FFT).astype(np.float32)
    width = max(1, -(-count // _WIDEST))
    columns = []
    for first in range(0, count, width):
        # A few frames at a time, so that an hour of sound takes no more memory than a minute.
        starts = np.arange(first, min(first + width, count)) * hop
        frames = np.stack([_padded(samples, int(start)) for start in starts])
        columns.append(np.max(np.abs(np.fft.rfft(frames * window, axis=1)), axis=0))
    level_db = 20 * np.log10(np.array(columns).T + 1e-6)
    # Relative to each band's usual level, because a fan would hide every pop below 3 kHz.
    level_db -= np.median(level_db, axis=1, keepdims=True)
    until = from_s + len(samples) / sample_rate_hz
    axes.imshow(
        level_db, origin="lower", aspect="auto", vmin=0.0, vmax=24.0,
        extent=(from_s, until, 0, sample_rate_hz / 2000),
        cmap="magma" if theme == "dark" else "magma_r", interpolation="bilinear",
    )  # fmt: skip
    top = sample_rate_hz / 2000
    for at, probability in pops:
        if from_s <= at <= until:
            axes.plot([at], [top * 1.02], "v", markersize=5, clip_on=False,
                      color=palette.pop, alpha=0.4 + 0.6 * probability)  # fmt: skip
    axes.set_xlim(from_s, until)
    axes.set_ylim(0, top)
    axes.set_ylabel("kHz", fontsize=8, rotation=0, ha="right", va="top", y=1.0)
    axes.set_xlabel("seconds", fontsize=8)
    heading = title or "Sound"
    fig.text(0.07, 0.96, heading, fontsize=14, fontweight="bold", color=palette.ink, va="top")
    inside = sum(from_s <= at <= until for at, _ in pops)
    fig.text(0.97, 0.95, f"▼ {inside} pops", fontsize=9, color=palette.pop, va="top", ha="right")
    return rendered(fig, format_)


def _padded(samples: Float32Array, start: int) -> Float32Array:
    piece = samples[start : start + _FFT]
    if len(piece) < _FFT:
        piece = np.pad(piece, (0, _FFT - len(piece)))
    return np.asarray(piece, dtype=np.float32)


def report_pdf(record: RoastRecord, *, fahrenheit: bool = False) -> bytes:
    """One page of A4: the roast's picture, its figures, its bean and its notes.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    fig, palette = figure("light", "paper")
    fig.set_size_inches(8.27, 11.69)
    fig.set_facecolor("white")
    draw_roast(fig, palette, record, fahrenheit=fahrenheit, rect=(0.0, 0.5, 1.0, 0.5))
    _tables(fig, palette, record)
    return rendered(fig, "pdf")


def _tables(fig: "Figure", palette: Palette, record: RoastRecord) -> None:
    figures = metrics(record)
    rows = [("event", "time", "beans")]
    for event in record.events:
        if event.revoked:
            continue
        at = record.from_charge(event.at_s)
        temp = record.temperature_at(event.at_s)
        rows.append((
            event.kind.value.replace("_", " "), clock(at), "–" if temp is None else f"{temp:.1f} °C"
        ))  # fmt: skip
    for number, row in enumerate(rows[:12]):
        for x, text in zip((0.06, 0.26, 0.34), row, strict=True):
            fig.text(x, 0.465 - 0.017 * number, text, fontsize=8.5,
                     color=palette.faint if number == 0 else palette.ink)  # fmt: skip
    measured = [
        ("drying", figures.drying_percent, " %"),
        ("maillard", figures.maillard_percent, " %"),
        ("development", figures.development_ratio_percent, " %"),
        ("rate of rise, drying", figures.drying_ror_c_per_min, " °C/min"),
        ("rate of rise, maillard", figures.maillard_ror_c_per_min, " °C/min"),
        ("rate of rise, development", figures.development_ror_c_per_min, " °C/min"),
        ("area under the curve", figures.area_under_curve_c_min, " °C·min"),
    ]
    lines = [(name, f"{value:.1f}{unit}") for name, value, unit in measured if value is not None]
    lines += [
        (fault.kind, f"{fault.by_c_per_min:.1f} °C/min at {clock(record.from_charge(fault.at_s))}")
        for fault in faults(record)
    ]
    lines += [
        (name.replace("_", " "), str(value))
        for name, value in record.properties.as_json().items()
        if name not in ("notes", "cupping_notes")
    ]
    for number, (name, value) in enumerate(lines[:22]):
        fig.text(0.52, 0.465 - 0.017 * number, name, fontsize=8.5, color=palette.faint)
        fig.text(0.74, 0.465 - 0.017 * number, value[:36], fontsize=8.5, color=palette.ink)
    notes = "\n".join(
        text.strip()
        for text in (record.properties.notes, record.properties.cupping_notes)
        if text.strip()
    )
    below = 0.465 - 0.017 * max(len(rows[:12]), len(lines[:22])) - 0.025
    room = max(0, int((below - 0.03) / 0.0145))
    for number, line in enumerate(_wrapped(notes)[:room]):
        fig.text(0.06, below - 0.0145 * number, line, fontsize=8, color=palette.ink)


def _wrapped(text: str) -> list[str]:
    import textwrap

    return [
        line for paragraph in text.splitlines() for line in (textwrap.wrap(paragraph, 120) or [""])
    ]
