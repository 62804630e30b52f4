"""Plots of an evaluation: ROC, PR and DET of pops, delays, popcorn over time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from roastwatch.errors import MissingExtraError
from roastwatch.evaluation.evaluate import ModelResult
from roastwatch.evaluation.statistics import PopCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def save(results: Mapping[str, ModelResult], folder: Path) -> list[Path]:
    """Plot the results into a folder; return the written files.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("Plots", "plots") from error

    written = []
    if any(result.sound for result in results.values()):
        sounds = {name: result.sound for name, result in results.items() if result.sound}
        curves = {name: sound.curve() for name, sound in sounds.items()}
        by_noise = {
            f"{name}, {bed}": sound.curve(bed)
            for name, sound in sounds.items()
            for bed in sorted(set(sound.beds))
        }
        for chosen, file in ((curves, "pops.png"), (by_noise, "pops-by-noise.png")):
            figure = Figure(figsize=(13, 4), layout="constrained")
            left, middle, right = figure.subplots(1, 3)
            for name, curve in chosen.items():
                _curves(left, middle, right, name, curve)
            _finish(left, "ROC", "false pops per minute", "recall of pops", log=True)
            _finish(middle, "Precision and recall", "recall of pops", "precision")
            _finish(right, "DET", "false pops per minute", "pops missed, %", log=True)
            right.set_yscale("log")
            figure.savefig(folder / file, dpi=110)
            written.append(folder / file)
        figure = Figure(figsize=(7, 4), layout="constrained")
        axis = figure.subplots()
        for name, result in results.items():
            _delays(axis, name, result)
        _finish(axis, "Synthesised roasts", "seconds after the onset", "roasts decided, %")
        figure.savefig(folder / "delays.png", dpi=110)
        written.append(folder / "delays.png")
    if any(result.rows.get("popcorn") for result in results.values()):
        figure = Figure(figsize=(8, 4), layout="constrained")
        axis = figure.subplots()
        for name, result in results.items():
            _popcorn(axis, name, result.rows.get("popcorn", []))
        _finish(axis, "Popping corn", "seconds", "pops in 5 s")
        figure.savefig(folder / "popcorn.png", dpi=110)
        written.append(folder / "popcorn.png")
    return written


def _curves(left: "Axes", middle: "Axes", right: "Axes", name: str, curve: PopCurve) -> None:
    false = np.maximum(curve.false_per_min, 1e-3)
    left.plot(false, curve.recall, marker=".", label=name)
    middle.plot(curve.recall, curve.precision, marker=".", label=name)
    right.plot(false, 100 * np.maximum(1 - curve.recall, 1e-3), marker=".", label=name)


def _delays(axis: "Axes", name: str, result: ModelResult) -> None:
    if result.sound is None:
        return
    for rule, judged in result.sound.judged.items():
        delays = sorted(j.delay_s for j in judged if j.delay_s is not None)
        share = 100 * np.arange(1, len(delays) + 1) / max(len(judged), 1)
        axis.step(delays, share, where="post", label=f"{name}, {rule}")


def _popcorn(axis: "Axes", name: str, rows: Sequence[Mapping[str, object]]) -> None:
    for row in rows:
        counts = row["pops_each_5_s"]
        assert isinstance(counts, list)
        axis.plot(np.arange(len(counts)) * 5 + 2.5, counts, label=f"{name}, {row['file']}")


def _finish(axis: "Axes", title: str, x: str, y: str, *, log: bool = False) -> None:
    axis.set_title(title)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    if log:
        axis.set_xscale("log")
    axis.grid(alpha=0.3)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=8)
