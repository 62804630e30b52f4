"""Plots of a benchmark; needs the extra `plots`."""

from pathlib import Path

import numpy as np

from roastwatch.bench.live import Streams
from roastwatch.bench.timing import Stage
from roastwatch.errors import MissingExtraError


def save(folder: Path, stages: list[Stage], step: Stage | None, streams: list[Streams]) -> Path:
    """Plot the cost of stages, the spread of steps, and latency over time.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("A plot", "plots") from error
    parts = [bool(stages), step is not None, bool(streams)]
    figure = Figure(figsize=(9, 3 * sum(parts) or 1), layout="constrained")
    FigureCanvasAgg(figure)
    axes = iter(np.atleast_1d(figure.subplots(max(1, sum(parts)), 1)))
    if stages:
        axis = next(axes)
        costs = {stage.name: stage.as_json().get("ms_per_s_of_sound") for stage in stages}
        axis.barh(list(costs), [cost or 0 for cost in costs.values()])
        axis.set_xlabel("ms per second of sound, one core")
        axis.invert_yaxis()
    if step is not None:
        axis = next(axes)
        axis.hist(np.array(step.seconds) * 1e3, bins=80, log=True)
        axis.set_xlabel("ms per step of 50 ms (model and decision)")
        axis.set_ylabel("steps")
    if streams:
        axis = next(axes)
        for one in streams:
            axis.plot(one.at_s, np.array(one.late_s) * 1e3, ".", ms=2, label=f"{one.count}")
        axis.set_xlabel("seconds")
        axis.set_ylabel("ms late")
        axis.set_yscale("log")
        axis.legend(title="streams", loc="upper right")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "bench.png"
    figure.savefig(path, dpi=110)
    return path
