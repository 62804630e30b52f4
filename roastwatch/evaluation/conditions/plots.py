"""A picture of the conditions: early and missed reports, delay and false alarms, with intervals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roastwatch.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Rows = Sequence[Mapping[str, Any]]


def plot_conditions(models: Mapping[str, Rows], path: Path) -> None:
    """Draw what `Row.as_json` gave for each model.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("Plots", "plots") from error

    labels = [
        f"{model}: {_name(row)}" if len(models) > 1 else _name(row)
        for model, rows in models.items()
        for row in rows
    ]
    rows = [row for rows in models.values() for row in rows]
    figure = Figure(figsize=(15, 1.5 + 0.28 * len(rows)), layout="constrained")
    early, missed, delay, alarms = figure.subplots(1, 4, sharey=True)
    for at, row in enumerate(rows):
        if row["roasts"]:
            _share(early, at, row["early"], row["roasts"])
            _share(missed, at, row["missed"], row["roasts"])
            found = row["delay_s"]
            _point(delay, at, found["median"], found["median_low"], found["median_high"])
        rate = row["alarms"]
        _point(alarms, at, rate["per_hour"], rate["low"], rate["high"])
    early.set_yticks(range(len(rows)), labels)
    early.invert_yaxis()
    for axis, title in (
        (early, "reported early, %"),
        (missed, "missed, %"),
        (delay, "median delay, s"),
        (alarms, "false alarms an hour"),
    ):
        axis.set_title(title)
        axis.grid(alpha=0.3)
        if axis in (early, missed):
            axis.set_xlim(-4, 104)
    alarms.set_xscale("symlog", linthresh=1)
    alarms.set_xlim(left=0)
    figure.savefig(path, dpi=110)


def _name(row: Mapping[str, Any]) -> str:
    level = "" if row["level_db"] is None else f" {row['level_db']:+g} dB"
    return f"{row['sound']}{level}, {row['over']}"


def _share(axis: "Axes", at: int, share: Mapping[str, float], total: int) -> None:
    _point(axis, at, 100 * share["count"] / total, 100 * share["low"], 100 * share["high"])


def _point(
    axis: "Axes", at: int, value: float | None, low: float | None, high: float | None
) -> None:
    if value is None:
        return
    left, right = (value if bound is None else bound for bound in (low, high))
    axis.plot([left, right], [at, at], color="0.5", linewidth=2)
    axis.plot([value], [at], marker="o", color="tab:red")
