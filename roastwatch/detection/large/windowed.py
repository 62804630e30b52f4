"""A transformers audio classifier as a `CrackModel`: one score for each window.

The positions of windows are absolute, so scores do not depend on the size of blocks.
"""

from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from roastwatch.detection.large import backends, checkpoint, hub
from roastwatch.detection.large.micro_batcher import MicroBatcher
from roastwatch.detection.large.windowed_log import WindowLog
from roastwatch.detection.large.windows import (
    LogMelFrontEnd,
    Window,
    WindowFrontEnd,
    WindowStream,
    stack,
)
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.windowed_events import WindowRule
from roastwatch.errors import BadInputError
from roastwatch.option_types import NameOrFile
from roastwatch.options import Options
from roastwatch.vocabulary import CrackScore, Float32Array

DEFAULT_WINDOW_S = 10.0
"""Window length of the published first-crack AST."""
LEAST_PROBABILITY = 1e-6

_numbers = count(1)


class WindowedOptions(Options):
    """Options of a windowed model."""

    model: NameOrFile = Field(
        description="Folder with config.json, preprocessor_config.json and weights, or a name on "
        "the Hugging Face hub."
    )
    label: str | None = Field(None, description="Label of first crack; empty: found by its name.")
    backend: backends.BackendName = Field(
        "auto",
        description="torch, torchscript, onnx or openvino; auto: by the available weights, and "
        "OpenVINO for int8 if it is installed.",
    )
    device: backends.DeviceName = Field(
        "auto", description="cpu, cuda or mps; auto: an available device with enough free memory."
    )
    dtype: backends.DtypeName = Field(
        "float32",
        description="float32, bfloat16 or float16 (torch, openvino); auto: bfloat16 if the "
        "device computes it natively. With int8, it applies to the other layers.",
    )
    threads: int = Field(
        0, description="Processor threads for one window; 0: the back end's choice.", ge=0, le=256
    )
    window_s: float | None = Field(
        None,
        description="Length of a window in seconds; empty: 10, or the model's maximum if less.",
        gt=0,
    )
    overlap: float = Field(
        0.7, description="Share of a window that overlaps the next one (0 to 0.99).", ge=0, le=0.99
    )
    threshold: float = Field(
        0.5, description="Least probability of a positive window (0 to 1).", gt=0, lt=1
    )
    consecutive: int = Field(
        2, description="Consecutive positive windows that decide first crack.", ge=1, le=100
    )
    least_event_s: float = Field(
        0.0,
        description="Least length of an event in seconds; shorter ones are ignored.",
        ge=0,
        le=600,
    )
    batch: int = Field(
        1,
        description="Windows per batch. More is faster on a graphics card, but delays live "
        "scores. Shrinks when memory is short.",
        ge=1,
        le=1024,
    )
    log_windows: Path | None = Field(
        None, description="JSON Lines file for every window's prediction; empty: none."
    )


class Windowed:
    """Any transformers checkpoint for audio classification. The front end of AST is in numpy."""

    Options: ClassVar[type[WindowedOptions]] = WindowedOptions

    def __init__(self, options: WindowedOptions) -> None:
        self.options = options
        self.checkpoint = checkpoint.read(hub.locate(options.model))
        self._crack = self.checkpoint.crack_index(options.label)
        self.window_s = self._window_s()
        self._backend = backends.choose(
            self.checkpoint, options.backend, options.device, options.dtype
        )
        self.network = backends.Network(self._open_backend, options.device, options.batch)
        self._batcher = MicroBatcher(self.network.logits, options.batch)
        if options.log_windows is not None:
            WindowLog.prepare(options.log_windows)
        # A hop of whole 10 ms frames, so that windows share their frames.
        hop_s = max(0.01, round(self.window_s * (1 - options.overlap), 2))
        self._spec = ModelSpec(
            model_id=self.checkpoint.model_id,
            lowest_rate_hz=self.checkpoint.sample_rate_hz,
            hop_s=hop_s,
            look_ahead_s=0.0,
            localises=False,
            pop_threshold=1.0,
            description=f"{self.checkpoint.kind}, windows of {self.window_s:g} s, "
            f"{self.network.backend.name} on {self.network.backend.device}.",
            window_s=self.window_s,
            window_rule=WindowRule(options.threshold, options.consecutive, options.least_event_s),
        )

    @property
    def spec(self) -> ModelSpec:
        """Its properties."""
        return self._spec

    def open(self, sample_rate_hz: int) -> "WindowedStream":
        """Open a new stream.

        Raises:
            BadInputError: the sample rate is below the model's.
        """
        if sample_rate_hz < self.checkpoint.sample_rate_hz:
            raise BadInputError(
                f"{self.checkpoint.model_id} needs a sample rate of "
                f"{self.checkpoint.sample_rate_hz} Hz or more, not {sample_rate_hz} Hz: record at "
                "a higher rate."
            )
        return WindowedStream(self, sample_rate_hz)

    def window_stream(self, sample_rate_hz: int) -> WindowStream:
        """Cuts a stream into windows."""
        front: WindowFrontEnd
        if self.checkpoint.log_mel is not None:
            front = LogMelFrontEnd(self.checkpoint.log_mel)
        else:
            from roastwatch.detection.large import backends_torch

            front = backends_torch.WaveFrontEnd(
                self.checkpoint.folder, self.checkpoint.sample_rate_hz
            )
        return WindowStream(front, sample_rate_hz, self.window_s, self._spec.hop_s)

    def probabilities(self, inputs: Float32Array) -> Float32Array:
        """Probability of first crack in each window of a batch: (windows, ...) → (windows,)."""
        logits = self._batcher(inputs).astype(np.float64)
        if self.checkpoint.exclusive:
            logits -= logits.max(axis=1, keepdims=True)
            odds = np.exp(logits)
            chance = odds[:, self._crack] / odds.sum(axis=1)
        else:
            chance = 1 / (1 + np.exp(-np.clip(logits[:, self._crack], -60, 60)))
        if not np.isfinite(chance).all():
            raise BadInputError(
                f"{self.checkpoint.model_id} gives values that are not numbers: its weights are "
                "damaged, or its values exceed float16. Try dtype float32."
            )
        return np.asarray(chance, np.float32)

    def sharing(self) -> AbstractContextManager[None]:
        """Within this context, threads share batches."""
        return self._batcher.taking_part()

    def scores(self, windows: list[Window]) -> list[CrackScore]:
        """One score for each window, in one batch."""
        if not windows:
            return []
        chances = self.probabilities(stack(windows)).tolist()
        made = []
        for window, chance in zip(windows, chances, strict=True):
            kept = min(1 - LEAST_PROBABILITY, max(LEAST_PROBABILITY, chance))
            made.append(
                CrackScore(
                    end_sample=window.end_sample,
                    log_likelihood_ratio=float(np.log(kept / (1 - kept))),
                    probability=chance,
                    model_id=self._spec.model_id,
                )
            )
        return made

    def _window_s(self) -> float:
        wanted, most = self.options.window_s, self.checkpoint.longest_s
        if wanted is None:
            return DEFAULT_WINDOW_S if most is None else min(DEFAULT_WINDOW_S, most)
        if most is not None and wanted > most + 0.01:
            raise BadInputError(
                f"window_s is {wanted:g}, but {self.checkpoint.model_id} accepts at most "
                f"{int(most * 100) / 100} s: set window_s to {int(most * 10) / 10} or less."
            )
        if wanted < 0.05:
            raise BadInputError(f"window_s is {wanted:g}: set it to at least 0.05 s.")
        return wanted

    def _open_backend(self, device: backends.DeviceName) -> backends.Backend:
        options = self.options
        return backends.load(self.checkpoint, self._backend, device, options.dtype, options.threads)


class WindowedStream:
    """One stream of sound through a windowed model."""

    def __init__(self, model: Windowed, sample_rate_hz: int) -> None:
        self._model = model
        self._rate_hz = sample_rate_hz
        self._windows = model.window_stream(sample_rate_hz)
        self._waiting: list[Window] = []
        path, rule = model.options.log_windows, model.spec.window_rule
        self._log = WindowLog(path, next(_numbers), sample_rate_hz, rule) if path and rule else None

    def push(self, samples: Float32Array) -> list[CrackScore]:
        """Take samples, shape (n,); return the scores of completed batches."""
        self._waiting += self._windows.push(samples)
        size, scores = self._model.options.batch, []
        # Always whole batches, so that rounding does not depend on the size of blocks.
        while len(self._waiting) >= size:
            scores += self._score(self._waiting[:size])
            self._waiting = self._waiting[size:]
        return scores

    def reset(self, gap_samples: int) -> None:
        """`gap_samples` are missing: start new windows after the gap.

        Windows of an incomplete batch are dropped, because the decision starts anew as well.
        """
        self._waiting.clear()
        self._windows.reset(gap_samples)
        if self._log is not None:
            self._log.gap()

    def finish(self) -> list[CrackScore]:
        """End the sound: the remaining windows, and one for the rest of the sound."""
        self._waiting += self._windows.finish()
        scores = self._score(self._waiting)
        self._waiting = []
        if self._log is not None:
            self._log.finish()
        return scores

    def _score(self, windows: list[Window]) -> list[CrackScore]:
        scores = self._model.scores(windows)
        if self._log is not None:
            self._log.write(windows, scores)
        return scores
