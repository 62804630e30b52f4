"""A model whose scores follow from how loud the sound is, for tests of hearing."""

from dataclasses import replace

import numpy as np

from roastwatch.detection.model import ModelSpec
from roastwatch.vocabulary import CrackScore, Float32Array

HOP_S = 0.1
QUIET, PRESENT, LOUD = 0.01, 0.05, 0.2
"""RMS of a room without a radio, with one, and with one that drowns everything."""


def room(parts: list[tuple[float, float]], rate_hz: int) -> Float32Array:
    """Noise: (seconds, RMS) one after another."""
    rng = np.random.default_rng(4)
    noise = [rng.standard_normal(round(s * rate_hz)) * level for s, level in parts]
    return np.concatenate(noise).astype(np.float32)


class RadioStream:
    """One score for each 0.1 s."""

    def __init__(self, model: "RadioModel", rate_hz: int) -> None:
        self._model = model
        self._hop = round(HOP_S * rate_hz)
        self._end = 0
        self._rest = np.zeros(0, np.float32)

    def push(self, samples: Float32Array) -> list[CrackScore]:
        """See the protocol."""
        whole = np.concatenate([self._rest, samples])
        count = len(whole) // self._hop
        self._rest = whole[count * self._hop :]
        return [self._score(whole[n * self._hop : (n + 1) * self._hop]) for n in range(count)]

    def _score(self, hop: Float32Array) -> CrackScore:
        self._end += len(hop)
        level = float(np.sqrt(np.mean(hop**2)))
        radio = (float(level > PRESENT / 2), float(level > LOUD / 2))
        return CrackScore(self._end, -5.0, 0.01, self._model.spec.model_id, radio=radio)

    def reset(self, gap_samples: int) -> None:
        """See the protocol."""
        self._end += gap_samples + len(self._rest)
        self._rest = self._rest[:0]

    def finish(self) -> list[CrackScore]:
        """See the protocol."""
        return []


class RadioModel:
    """Hears no crack, but how loud a radio is."""

    def __init__(self, **changes: float) -> None:
        spec = ModelSpec("radio", 1000, HOP_S, 0.0, True, 0.5, candidates=True)
        self.spec = replace(spec, **changes)  # type: ignore[arg-type]

    def open(self, sample_rate_hz: int) -> RadioStream:
        """See the protocol."""
        return RadioStream(self, sample_rate_hz)
