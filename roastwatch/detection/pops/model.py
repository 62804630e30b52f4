"""The shipped ear: a small streaming net that localises cracks (ONNX Runtime, one thread)."""

from collections.abc import Iterable, Sequence
from copy import copy
from importlib.resources import files
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field

from roastwatch.detection.model import ModelSpec
from roastwatch.detection.pops.file import open_session, read_manifest
from roastwatch.detection.pops.stream import Activations, PopsStream
from roastwatch.errors import BadInputError
from roastwatch.options import Options
from roastwatch.vocabulary import CrackScore, Float32Array


class PopsOptions(Options):
    """The streaming net that is shipped, or another one of its kind."""

    path: Path | None = Field(
        None, description="Another model's .json manifest (from `roastwatch export`); empty: ours."
    )
    threshold: float | None = Field(
        None,
        description="Least probability of a pop that counts, 0-1; empty: the model's own.",
        gt=0,
        lt=1,
    )


class PopsModel:
    """The net and its manifest, loaded once."""

    Options = PopsOptions

    def __init__(self, options: PopsOptions | None = None) -> None:
        """Load and check.

        Raises:
            BadInputError: the manifest or the file is missing, broken, foreign or not the one that
                the manifest was written for.
        """
        options = options or PopsOptions()
        path = options.path or Path(
            str(files("roastwatch.detection.pops") / "weights" / "pops.json")
        )
        self.manifest = read_manifest(path)
        self.path = path.with_name(self.manifest.onnx)
        """Where its weights lie."""
        self._session = open_session(self.path, self.manifest)
        self._exit_delta: Float32Array | None = None
        shows = {put.name: put.shape for put in self._session.get_outputs()}
        self.activations: int = shows["features"][1] if "features" in shows else 0
        """So many enter the last layer; 0 where an older export doesn't show them."""
        threshold = options.threshold or self.manifest.pop_threshold
        self.spec = ModelSpec(
            model_id=self.manifest.model_id,
            lowest_rate_hz=self.manifest.lowest_rate_hz,
            hop_s=self.manifest.hop_s,
            look_ahead_s=self.manifest.look_ahead_s,
            localises=True,
            pop_threshold=threshold,
            evidence_over=self.manifest.evidence_over,
            candidates=True,
            description=self.manifest.trained_on,
            trained_on=frozenset(self.manifest.trained_on_files),
        )

    def open(self, sample_rate_hz: int) -> PopsStream:
        """A new stream.

        Raises:
            BadInputError: the rate is too low.
        """
        return PopsStream(self._session, self.manifest, sample_rate_hz, self._exit_delta)

    def with_exit(self, delta: Sequence[float]) -> Self:
        """The same net with its last layer changed: to its weights, then its bias, delta is added.

        Raises:
            BadInputError: this net has another number of weights there, or doesn't show what
                enters them.
        """
        if len(delta) != self.activations + 1 or not self.activations:
            there = f"{self.activations + 1} can be" if self.activations else "none can be"
            raise BadInputError(
                f"{len(delta)} numbers of the last layer of {self.manifest.model_id} are to be "
                f"changed, and {there}: run `roastwatch learn` again, or take back what was "
                "learnt with `roastwatch learn --undo`."
            )
        changed = copy(self)
        changed._exit_delta = np.array(delta, np.float32)
        return changed

    def hear(self, sample_rate_hz: int, blocks: Iterable[Float32Array]) -> Activations:
        """A whole recording once, to judge it with many a last layer: 20 kB a second.

        Raises:
            BadInputError: the rate is too low, or this file doesn't show its activations.
        """
        if not self.activations:
            raise BadInputError(
                f"The file of {self.manifest.model_id} doesn't show what enters its last layer: "
                "export the model again."
            )
        stream = self.open(sample_rate_hz)
        stream.noted, samples = [], 0
        for block in blocks:
            samples += len(block)
            stream.push(block)
        stream.finish()
        logits, values = zip(*stream.noted, strict=True) if stream.noted else ((), ())
        return Activations(
            sample_rate_hz,
            samples,
            np.concatenate((np.empty(0, np.float32), *logits)),
            np.concatenate((np.empty((self.activations, 0), np.float32), *values), axis=1),
        )

    def judge(self, heard: Activations) -> list[CrackScore]:
        """The scores of a recording as a stream would give them, from what `hear` kept."""
        return self.open(heard.sample_rate_hz).rejudge(heard)
