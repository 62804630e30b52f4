"""Shared by all plots: matplotlib (imported only here), themes, sizes and formats."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from roastwatch.errors import MissingExtraError
from roastwatch.plots.fonts import make_readable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Theme: TypeAlias = Literal["light", "dark"]
Size: TypeAlias = Literal["phone", "paper", "small"]
Format: TypeAlias = Literal["png", "svg", "pdf"]

# Width and height in inches, dots per inch.
SIZES: dict[str, tuple[float, float, int]] = {
    "phone": (5.4, 7.2, 200),
    "paper": (11.0, 7.0, 150),
    "small": (8.0, 5.0, 100),
}


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a theme."""

    ground: str
    ink: str
    faint: str
    grid: str
    bean: str
    around: str
    ror: str
    heater: str
    fan: str
    pop: str
    crack: str
    drying: str
    maillard: str
    development: str
    several: tuple[str, ...]


PALETTES: dict[str, Palette] = {
    "light": Palette(
        ground="#fdfcfa", ink="#2b2521", faint="#7d746c", grid="#e6e0d8",
        bean="#7a3e1d", around="#b9a58c", ror="#2f6f8f", heater="#c8452c", fan="#5b8c85",
        pop="#d08a1d", crack="#b3261e",
        drying="#eef3e2", maillard="#fbeed3", development="#f6dccb",
        several=("#7a3e1d", "#2f6f8f", "#5b8c3a", "#b3261e", "#7b5ea7", "#d08a1d", "#3d4f5c"),
    ),
    "dark": Palette(
        ground="#1b1816", ink="#f2ece4", faint="#a59a8f", grid="#37322d",
        bean="#e8a06a", around="#8d7d6b", ror="#7cc3e0", heater="#f07b5f", fan="#86c2b6",
        pop="#f0b94a", crack="#ff8a75",
        drying="#262b20", maillard="#332b1d", development="#39261e",
        several=("#e8a06a", "#7cc3e0", "#a5d07a", "#ff8a75", "#bfa3e8", "#f0b94a", "#c3ccd2"),
    ),
}  # fmt: skip


def figure(theme: Theme, size: Size) -> "tuple[Figure, Palette]":
    """An empty figure in a theme and a size.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as missing:
        raise MissingExtraError("A picture", "plots") from missing
    palette = PALETTES[theme]
    width, height, dpi = SIZES[size]
    return Figure(figsize=(width, height), dpi=dpi, facecolor=palette.ground), palette


def plain(axes: "Axes", palette: Palette, *, grid: bool = True) -> None:
    """The look of one pair of axes."""
    axes.set_facecolor("none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(palette.faint)
    axes.tick_params(colors=palette.faint, labelsize=8, length=3)
    axes.xaxis.label.set_color(palette.faint)
    axes.yaxis.label.set_color(palette.faint)
    if grid:
        axes.grid(visible=True, color=palette.grid, linewidth=0.7)
        axes.set_axisbelow(True)


def minutes_axis(axes: "Axes") -> None:
    """Seconds shown as minutes on the x axis."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    low, high = axes.get_xlim()
    step_s = 60.0 if high - low < 600 else 120.0
    axes.xaxis.set_major_locator(MultipleLocator(step_s))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at_s, _: f"{at_s / 60:.0f}"))


def rendered(fig: "Figure", format_: Format) -> bytes:
    """The picture's bytes, without the time or program of its making."""
    import matplotlib as mpl

    make_readable(fig)
    out = io.BytesIO()
    metadata: dict[str, str | None] = {
        "png": {"Software": None},
        "svg": {"Date": None},
        "pdf": {"CreationDate": None},
    }[format_]  # type: ignore[assignment]
    with mpl.rc_context({"svg.hashsalt": "roastwatch", "svg.fonttype": "none"}):
        fig.savefig(out, format=format_, facecolor=fig.get_facecolor(), metadata=metadata)
    return out.getvalue()
