"""The shipped ear: a small streaming net that localises cracks (ONNX Runtime, one thread)."""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime
from pydantic import Field

from roastwatch.detection import features
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.odds import logit, probability
from roastwatch.detection.peaks import REACH_ROWS, peaks
from roastwatch.detection.pops_file import Manifest, open_session, read_manifest
from roastwatch.errors import BadInputError
from roastwatch.options import Options
from roastwatch.vocabulary import CrackScore, Float32Array, Pop

_MOST_STEPS = 100  # at a time: quick where sound comes in large blocks, and little memory
_SETTLING_ROWS = 15  # from rest: the floor is not yet known, nothing pops


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


@dataclass(frozen=True, slots=True)
class Activations:
    """What went into the net's last layer over a whole recording, and what came out of it."""

    sample_rate_hz: int
    samples: int
    logits: Float32Array
    """Of the layer as it was exported, shape (rows,); they lag as the manifest says."""
    values: Float32Array
    """Shape (activations, rows)."""


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
        path = options.path or Path(str(files("roastwatch.detection") / "weights" / "pops.json"))
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
        )

    def open(self, sample_rate_hz: int) -> "PopsStream":
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


class PopsStream:
    """One stream through the net. Scores come for each 0.1 s, 0.3 s after it."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        manifest: Manifest,
        sample_rate_hz: int,
        exit_delta: Float32Array | None = None,
    ) -> None:
        """At rest at sample 0. `exit_delta` of shape (activations + 1,): see `with_exit`."""
        self._session = session
        self._exit_delta = exit_delta
        self.noted: list[tuple[Float32Array, Float32Array]] | None = None
        """Where it is a list, the logits and activations of all rows are added to it."""
        self._manifest = manifest
        self._rate_hz = sample_rate_hz
        self._front_end = features.FrontEnd(sample_rate_hz)
        self._kept: list[CrackScore] = []
        self._least = logit(manifest.candidate_threshold)
        self._rest(0)

    def push(self, samples: Float32Array) -> list[CrackScore]:
        """Take samples, shape (n,); return the scores that became known."""
        kept, self._kept = self._kept, []
        samples = np.asarray(samples, np.float32)
        size = _MOST_STEPS * self._front_end.step_samples
        for first in range(0, len(samples), size):
            kept += self._judge(self._front_end.push(samples[first : first + size]))
        return kept

    def reset(self, gap_samples: int) -> None:
        """So many samples are missing here; what was still to be said comes with the next push."""
        at = self._origin + self._steps * self._front_end.step_samples
        at += self._front_end.waiting_samples + gap_samples
        self._kept += self.finish()
        self._front_end.forget()
        self._rest(at)

    def finish(self) -> list[CrackScore]:
        """The sound ends here: the scores that the look-ahead and a broken step held back.

        The end is imagined as a mirror of the last moments, so that it is not taken for a click.
        """
        waiting = self._front_end.waiting_samples
        end = self._origin + self._steps * self._front_end.step_samples + waiting
        rows = np.empty((0, features.WIDTH), np.float32)
        if waiting:
            missing = self._front_end.step_samples - waiting
            mirror = np.resize(self._front_end.waiting[::-1], missing)
            rows = self._front_end.push(mirror)
        quiet = np.zeros((self._lag_steps * features.ROWS_PER_STEP, features.WIDTH), np.float32)
        scores = self._judge(np.concatenate((rows, quiet)))
        return _within(end, scores)

    def rejudge(self, heard: Activations) -> list[CrackScore]:
        """The scores of a whole recording, for a stream that heard nothing yet."""
        self._steps = len(heard.logits) // features.ROWS_PER_STEP
        scores = self._take(self._changed(heard.logits, heard.values))
        return _within(heard.samples, scores)

    def _rest(self, origin: int) -> None:
        self._origin = origin
        self._steps = 0  # that went through the net
        self._told = 0  # that were given a score
        self._state = np.zeros(self._manifest.state_shape, np.float32)
        self._lag_steps = -(
            -(self._manifest.look_ahead_rows + REACH_ROWS) // features.ROWS_PER_STEP
        )
        self._logits: list[float] = []  # from the row REACH_ROWS before the next score's
        self._ahead = self._manifest.look_ahead_rows  # logits still to be thrown away

    def _judge(self, rows: Float32Array) -> list[CrackScore]:
        if not len(rows):
            return []
        feed = {"rows": rows[None], "state": self._state}
        wanted = ["logits", "next_state"]
        if self._exit_delta is not None or self.noted is not None:
            wanted.append("features")  # what is not asked for is not copied
        logits, self._state, *shown = self._session.run(wanted, feed)
        self._steps += len(rows) // features.ROWS_PER_STEP
        if not shown:
            return self._take(logits[0])
        if self.noted is not None:
            self.noted.append((logits[0], shown[0][0]))
        return self._take(self._changed(logits[0], shown[0][0]))

    def _changed(self, logits: Float32Array, values: Float32Array) -> Float32Array:
        """The logits of the changed last layer: it is linear, so the change is added."""
        if self._exit_delta is None:
            return logits
        change: Float32Array = self._exit_delta[:-1] @ values + self._exit_delta[-1]
        return logits + change

    def _take(self, logits: Float32Array) -> list[CrackScore]:
        """The scores that the next rows' logits complete; the first ones lag and are dropped."""
        late = min(self._ahead, len(logits))
        self._ahead -= late
        self._logits += logits[late:].tolist()
        return self._scores()

    def _scores(self) -> list[CrackScore]:
        """Scores of all steps whose rows, and REACH_ROWS after them, have logits."""
        before = REACH_ROWS if self._told else 0
        ready = (len(self._logits) - before - REACH_ROWS) // features.ROWS_PER_STEP
        ready = min(ready, self._steps - self._told)
        if ready <= 0:
            return []
        end = before + ready * features.ROWS_PER_STEP
        logits = self._logits[: end + REACH_ROWS]
        settling = _SETTLING_ROWS - self._told * features.ROWS_PER_STEP
        if settling > 0:
            silent = min(before + settling, len(logits))
            logits[:silent] = [-15.0] * silent
        pops: dict[int, list[Pop]] = {}  # by the first row of their step
        for row in peaks(logits, self._least):
            if before <= row < end:
                step = row - (row - before) % features.ROWS_PER_STEP
                pops.setdefault(step, []).append(self._pop(row - before, logits[row]))
        manifest, step_samples = self._manifest, self._front_end.step_samples
        low, high = manifest.llr_limits
        at = self._origin + self._told * step_samples
        scores = []
        for row in range(before, end, features.ROWS_PER_STEP):
            at += step_samples
            highest = max(logits[row : row + features.ROWS_PER_STEP])
            ratio = min(max(manifest.llr_scale * highest + manifest.llr_offset, low), high)
            chance, found = probability(highest), tuple(pops.get(row, ()))
            scores.append(CrackScore(at, ratio, chance, manifest.model_id, found))
        self._told += ready
        self._logits = self._logits[end - REACH_ROWS :]
        return scores

    def _pop(self, row: int, logit: float) -> Pop:
        """In the middle of a row after those that have a score."""
        rows = self._told * features.ROWS_PER_STEP + row + 0.5
        sample = self._origin + int(rows * features.ROW_S * self._rate_hz)
        return Pop(sample, probability(logit))


def _within(end: int, scores: Sequence[CrackScore]) -> list[CrackScore]:
    """Scores of sound that ends at a sample: the last one ends there, with the pops before it."""
    return [
        score
        if score.end_sample <= end
        else replace(
            score, end_sample=end, pops=tuple(pop for pop in score.pops if pop.sample < end)
        )
        for score in scores
    ]
