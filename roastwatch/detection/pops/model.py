"""The shipped model: a small streaming net that localises cracks (ONNX Runtime, one thread)."""

from collections.abc import Iterable, Sequence
from copy import copy
from importlib.resources import files
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field

from roastwatch.detection.model import ModelSpec
from roastwatch.detection.pops.file import open_session, read_manifest
from roastwatch.detection.pops.stream import NO_RADIO, Activations, PopsStream
from roastwatch.errors import BadInputError
from roastwatch.options import Options
from roastwatch.vocabulary import CrackScore, Float32Array


class PopsOptions(Options):
    """The shipped streaming net, or another one of its kind."""

    path: Path | None = Field(
        None,
        description="Manifest (.json) of another model from `roastwatch export`; empty: the "
        "shipped one.",
    )
    threshold: float | None = Field(
        None,
        description="Least probability of a pop, 0 to 1; empty: the model's own.",
        gt=0,
        lt=1,
    )


class PopsModel:
    """The net and its manifest, loaded once."""

    Options = PopsOptions

    def __init__(self, options: PopsOptions | None = None) -> None:
        """Load and check.

        Raises:
            BadInputError: the manifest or the file is missing or broken, or they do not match.
        """
        options = options or PopsOptions()
        path = options.path or Path(
            str(files("roastwatch.detection.pops") / "weights" / "pops.json")
        )
        self.manifest = read_manifest(path)
        self.path = path.with_name(self.manifest.onnx)
        """The file of its weights."""
        self._session = open_session(self.path, self.manifest)
        self._head_delta: Float32Array | None = None
        shows = {put.name: put.shape for put in self._session.get_outputs()}
        self.activations: int = shows["features"][1] if "features" in shows else 0
        """Inputs of the last layer; 0 if an older export does not give them."""
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
        return PopsStream(self._session, self.manifest, sample_rate_hz, self._head_delta)

    def with_exit(self, delta: Sequence[float]) -> Self:
        """The same net with `delta` added to the weights, then to the bias, of its last layer.

        Raises:
            BadInputError: the layer has another number of weights, or does not give its inputs.
        """
        if len(delta) != self.activations + 1 or not self.activations:
            expected = self.activations + 1 if self.activations else 0
            raise BadInputError(
                f"The calibration changes {len(delta)} numbers of the last layer of "
                f"{self.manifest.model_id}, which allows {expected}: run `roastwatch learn` again, "
                "or undo the calibration with `roastwatch learn --undo`."
            )
        changed = copy(self)
        changed._head_delta = np.array(delta, np.float32)
        return changed

    def hear(self, sample_rate_hz: int, blocks: Iterable[Float32Array]) -> Activations:
        """Process a whole recording once, to judge it with several last layers: 20 kB per second.

        Raises:
            BadInputError: the rate is too low, or this export does not give its activations.
        """
        if not self.activations:
            raise BadInputError(
                f"The file of {self.manifest.model_id} does not give the inputs of its last layer: "
                "export the model again."
            )
        stream = self.open(sample_rate_hz)
        stream.noted, samples = [], 0
        for block in blocks:
            samples += len(block)
            stream.push(block)
        stream.finish()
        logits, values, radio = zip(*stream.noted, strict=True) if stream.noted else ((), (), ())
        return Activations(
            sample_rate_hz,
            samples,
            np.concatenate((np.empty(0, np.float32), *logits)),
            np.concatenate((np.empty((self.activations, 0), np.float32), *values), axis=1),
            np.concatenate((NO_RADIO, *radio), axis=1),
        )

    def judge(self, heard: Activations) -> list[CrackScore]:
        """The scores of a recording as a stream gives them, from the result of `hear`."""
        return self.open(heard.sample_rate_hz).rejudge(heard)
