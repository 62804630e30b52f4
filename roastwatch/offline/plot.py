"""Plot one analysed recording: spectrogram, pops, the decision's sum, events."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from roastwatch.errors import MissingExtraError, RoastwatchError
from roastwatch.offline.analysis import Analysis
from roastwatch.pipeline import BlockResult, Pipeline
from roastwatch.vocabulary import AudioBlock, EventKind

_FFT = 512
_COLUMNS = 2400
"""Beyond this number, columns are merged in pairs, so that memory is bounded."""


class Picture:
    """Collects data while a recording is analysed (`watch`), then draws it."""

    def __init__(self) -> None:
        self._window = np.hanning(_FFT).astype(np.float32)
        self._columns: list[npt.NDArray[np.float32]] = []
        self._frames_a_column = 8
        self._rest = np.zeros(0, np.float32)
        self._sum: list[tuple[float, float]] = []
        self._bars: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __call__(self, pipeline: Pipeline, block: AudioBlock, heard: BlockResult) -> None:
        """Take one block."""
        samples = np.concatenate([self._rest, block.samples])
        step = self._frames_a_column * _FFT
        for start in range(0, len(samples) - step + 1, step):
            frames = samples[start : start + step].reshape(-1, _FFT) * self._window
            power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
            self._columns.append(power.max(axis=0).astype(np.float32))
        self._rest = samples[len(samples) // step * step :]
        if len(self._columns) >= _COLUMNS:
            pairs = self._columns[: len(self._columns) // 2 * 2]
            self._columns = [np.maximum(a, b) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
            self._rest = np.zeros(0, np.float32)
            self._frames_a_column *= 2
        self._sum.append((block.end_sample / pipeline.sample_rate_hz, pipeline.onset.statistic))
        self._bars = pipeline.onset.bars()

    def save(self, found: Analysis, path: Path) -> None:
        """Draw into a PNG file.

        Raises:
            MissingExtraError: matplotlib is not installed.
            RoastwatchError: the folder can't be written.
        """
        try:
            import matplotlib as mpl
            from matplotlib.figure import Figure
        except ModuleNotFoundError as missing:
            raise MissingExtraError("--plot", "plots") from missing
        mpl.use("Agg")
        figure = Figure(figsize=(11, 6.2), dpi=130, layout="constrained")
        axes = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1, 1.4))
        self._spectrogram(axes[0], found)
        self._pops(axes[1], found)
        self._decision(axes[2], found)
        figure.suptitle(_title(found.file), x=0.01, ha="left", fontsize=11)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path)
        except OSError as error:
            raise RoastwatchError(f"{path} can't be written ({error.strerror}).") from error

    def _spectrogram(self, axis: Any, found: Analysis) -> None:
        if self._columns:
            level = 10 * np.log10(np.array(self._columns).T + 1e-10)
            low, high = np.percentile(level, (5, 99.7))
            top = found.sample_rate_hz / 2000
            extent = (0, found.duration_s, 0, top)
            axis.imshow(
                level,
                origin="lower",
                aspect="auto",
                extent=extent,
                vmin=low,
                vmax=high,
                cmap="magma",
            )
        axis.set_ylabel("kHz")

    def _pops(self, axis: Any, found: Analysis) -> None:
        if found.pops:
            at, probability = np.array(found.pops).T
            axis.vlines(at, 0, probability, color="#0a7d8c", lw=0.9)
        axis.set_ylim(0, 1.05)
        axis.set_ylabel("pops")

    def _decision(self, axis: Any, found: Analysis) -> None:
        if self._sum:
            axis.plot(*np.array(self._sum).T, color="#444", lw=1.2, drawstyle="steps-post")
        for bar, name in zip(self._bars, ("possible", "first crack", "certain"), strict=True):
            axis.axhline(bar, color="#999", lw=0.7, ls=":")
            axis.annotate(
                name, (0.004, bar), xycoords=("axes fraction", "data"), fontsize=7, va="bottom"
            )
        for event in found.events:
            colour = "#1a8f3c" if event.kind is EventKind.FIRST_CRACK else "#b5651d"
            axis.axvline(event.happened_at_s, color=colour, lw=1.6)
            axis.axvline(event.decided_at_s, color=colour, lw=1.0, ls="--")
            name = f"{event.kind.value.replace('_', ' ')}\n{event.happened_at_s:.0f} s"
            axis.annotate(
                name,
                (event.happened_at_s, 1.0),
                xycoords=("data", "axes fraction"),
                fontsize=8,
                color=colour,
                va="top",
                ha="right",
                xytext=(-4, -3),
                textcoords="offset points",
                bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1},
            )
        axis.set_ylabel("decision")
        axis.set_xlabel("seconds")


def _title(file: str) -> str:
    """A file's name without characters that matplotlib can't draw or takes for mathematics."""
    name = Path(file).name.encode("utf-8", "backslashreplace").decode("utf-8")
    return name.replace("$", "\\$")
