"""Read part of a recording and detect the pops in it."""

from pathlib import Path

import numpy as np

from roastwatch.cli import model_choice
from roastwatch.errors import BadInputError
from roastwatch.offline.analysis import analyze_file
from roastwatch.pipeline import BlockResult, Pipeline
from roastwatch.vocabulary import AudioBlock, Float32Array


def hear(
    sound: Path, from_s: float, seconds: float | None, model: str | None
) -> tuple[Float32Array, int, list[tuple[float, float]]]:
    """The part's samples, their rate, and its pops (seconds of the recording, probability).

    The model hears the recording from its beginning, as it would live; only the part is kept in
    memory.

    Raises:
        BadInputError: the file can't be read, or ends before the part begins.
    """
    pieces: list[Float32Array] = []
    pops: list[tuple[float, float]] = []
    until_s = np.inf if seconds is None else from_s + seconds

    def watch(pipeline: Pipeline, block: AudioBlock, heard: BlockResult) -> None:
        rate_hz = pipeline.sample_rate_hz
        first = max(0, round(from_s * rate_hz) - block.first_sample)
        last = len(block.samples)
        if np.isfinite(until_s):
            last = min(last, round(until_s * rate_hz) - block.first_sample)
        if last > first:
            pieces.append(block.samples[first:last].copy())
        pops.extend((pop.sample / rate_hz, pop.probability) for pop in heard.pops)

    found = analyze_file(sound, model_choice.load(model), watch=watch)
    if not pieces:
        raise BadInputError(
            f"{sound} is only {found.duration_s:.0f} s long: choose a smaller --from."
        )
    inside = [(at_s, probability) for at_s, probability in pops if from_s <= at_s < until_s]
    return np.concatenate(pieces), found.sample_rate_hz, inside
