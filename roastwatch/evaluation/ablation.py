"""The value of each part of the decision and of each sensitivity, on simulated pops."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.errors import MissingExtraError
from roastwatch.evaluation.evaluate import spread
from roastwatch.evaluation.simulated import (
    NOISY,
    QUIET,
    TRAINS,
    Condition,
    judge_hours,
    judge_roast,
)
from roastwatch.evaluation.statistics import Rate, rate_text, summary

BUSY = Condition("busy", false_pops_per_min=6.0, bursts_per_h=10.0, trains_per_h=0.0)
"""A drum in which something ticks: the case for the adaptive threshold."""
TURNING = replace(QUIET, name="turning", turning_pops_per_min=24.0)
"""A drum that scrapes once per turn."""
CONDITIONS = (QUIET, NOISY, TRAINS, BUSY, TURNING)
VARIANTS = {
    "as shipped": OnsetOptions(),
    "without own level": OnsetOptions(own_level=False),
    "without sureness": OnsetOptions(sureness=0.0),
    "without trains": OnsetOptions(reject_trains=False),
    "without turning": OnsetOptions(reject_turning=False),
}
SENSITIVITIES = (0.3, 0.4, 0.5, 0.6, 0.7)
FIRST_SEED = 20_000


def ablate(count: int, progress: Callable[[str], None], workers: int | None) -> dict[str, Any]:
    """Run all variants and sensitivities on `count` roasts and hours of each condition."""
    variants = dict(VARIANTS)
    variants |= {
        f"sensitivity {s:g}": OnsetOptions(sensitivity=s) for s in SENSITIVITIES if s != 0.5
    }
    result: dict[str, Any] = {"count": count, "seeds": f"from {FIRST_SEED}"}
    for condition in CONDITIONS:
        rows = {}
        for name, onset in variants.items():
            progress(f"{condition.name}: {name}")
            judged = spread(partial(_roast, condition=condition, onset=onset), count, workers)
            chunks = max(1, count // 25)
            hours = spread(
                partial(_hours, count=count, chunks=chunks, condition=condition, onset=onset),
                chunks,
                workers,
            )
            rows[name] = {
                **summary([roast["roastwatch"] for roast in judged]),
                "false_alarms": Rate(sum(hour["roastwatch"] for hour in hours), count).as_json(),
            }
        result[condition.name] = rows
    return result


def rows(found: dict[str, Any]) -> list[Sequence[object]]:
    """Rows of a table: condition, variant and figures."""
    return [
        (
            condition.name,
            name,
            row["missed_percent"],
            row["early_percent"],
            row["delay_median_s"],
            rate_text(row["false_alarms"]),
        )
        for condition in CONDITIONS
        for name, row in found[condition.name].items()
    ]


def plot(found: dict[str, Any], path: Path) -> None:
    """Plot delay against false alarms per hour, over sensitivities.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("Plots", "plots") from error

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axis = figure.subplots()
    for condition in CONDITIONS:
        rows = found[condition.name]
        points = [rows["as shipped" if s == 0.5 else f"sensitivity {s:g}"] for s in SENSITIVITIES]
        axis.plot(
            [max(p["false_alarms"]["per_hour"], 0.2 / found["count"]) for p in points],
            [p["delay_median_s"] for p in points],
            marker="o",
            label=condition.name,
        )
    axis.set_xscale("log")
    axis.set_xlabel("false alarms per hour (none: at the left edge)")
    axis.set_ylabel("median delay, s")
    axis.set_title("Sensitivity from 0.3 (left) to 0.7 (right)")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=110)


def _roast(index: int, condition: Condition, onset: OnsetOptions) -> dict[str, Any]:
    return judge_roast(FIRST_SEED + index, condition, onset)


def _hours(
    index: int, count: int, chunks: int, condition: Condition, onset: OnsetOptions
) -> dict[str, int]:
    first, last = (FIRST_SEED + part * count // chunks for part in (index, index + 1))
    return judge_hours(range(first, last), condition, onset)
