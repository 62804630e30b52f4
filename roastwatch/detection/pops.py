"""The shipped ear: a small streaming net that localises cracks (ONNX Runtime, one thread)."""

import hashlib
import json
import math
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
from pydantic import Field, ValidationError

from roastwatch.detection import features
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.peaks import REACH_ROWS, peaks
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


class Manifest(Options):
    """What stands beside an ONNX file: checked before the file is trusted."""

    model_id: str = Field(description="Name and version.")
    onnx: str = Field(description="Name of the file beside this one.")
    sha256: str = Field(description="Hash of that file.")
    front_end: str = Field(description="Version of the rows that it was trained on.")
    lowest_rate_hz: int = Field(description="Least sample rate, Hz.")
    highest_rate_hz: int = Field(description="Highest sample rate that was tried, Hz.")
    hop_s: float = Field(description="Time between scores, s.")
    look_ahead_s: float = Field(description="How long after a sound its score is known, s.")
    look_ahead_rows: int = Field(description="Rows (10 ms) by which logits lag.", ge=0)
    state_shape: tuple[int, ...] = Field(description="Shape of the streaming state.")
    pop_threshold: float = Field(description="Probability from which a pop counts.", gt=0, lt=1)
    candidate_threshold: float = Field(description="Probability of the faintest pop shown.")
    llr_scale: float = Field(description="log likelihood ratio = scale * logit + offset.")
    llr_offset: float = Field(description="See llr_scale.")
    llr_limits: tuple[float, float] = Field(description="Between which it is believed.")
    trained_on: str = Field(description="In words.")
    scores: dict[str, Any] = Field(description="What was measured when it was exported.")


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
        self._session = _session(self.path, self.manifest)
        threshold = options.threshold or self.manifest.pop_threshold
        self.spec = ModelSpec(
            model_id=self.manifest.model_id,
            lowest_rate_hz=self.manifest.lowest_rate_hz,
            hop_s=self.manifest.hop_s,
            look_ahead_s=self.manifest.look_ahead_s,
            localises=True,
            pop_threshold=threshold,
            candidates=True,
            description=self.manifest.trained_on,
        )

    def open(self, sample_rate_hz: int) -> "PopsStream":
        """A new stream.

        Raises:
            BadInputError: the rate is too low.
        """
        return PopsStream(self._session, self.manifest, sample_rate_hz)


class PopsStream:
    """One stream through the net. Scores come for each 0.1 s, 0.3 s after it."""

    def __init__(
        self, session: onnxruntime.InferenceSession, manifest: Manifest, sample_rate_hz: int
    ) -> None:
        """At rest at sample 0."""
        self._session = session
        self._manifest = manifest
        self._rate_hz = sample_rate_hz
        self._front_end = features.FrontEnd(sample_rate_hz)
        self._kept: list[CrackScore] = []
        self._least = _logit(manifest.candidate_threshold)
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
        return [
            score
            if score.end_sample <= end
            else CrackScore(
                end,
                score.log_likelihood_ratio,
                score.probability,
                score.model_id,
                tuple(pop for pop in score.pops if pop.sample < end),
            )
            for score in scores
        ]

    def _rest(self, origin: int) -> None:
        self._origin = origin
        self._steps = 0  # that went through the net
        self._told = 0  # that were given a score
        self._state = np.zeros(self._manifest.state_shape, np.float32)
        self._lag_steps = -(
            -(self._manifest.look_ahead_rows + REACH_ROWS) // features.ROWS_PER_STEP
        )
        self._logits = np.empty(0, np.float32)  # from the row REACH_ROWS before the next score's
        self._ahead = self._manifest.look_ahead_rows  # logits still to be thrown away

    def _judge(self, rows: Float32Array) -> list[CrackScore]:
        if not len(rows):
            return []
        feed = {"rows": rows[None], "state": self._state}
        logits, self._state = self._session.run(None, feed)
        logits = logits[0, self._ahead :]
        self._ahead -= min(self._ahead, len(rows))
        self._logits = np.concatenate((self._logits, logits))
        self._steps += len(rows) // features.ROWS_PER_STEP
        return self._scores()

    def _scores(self) -> list[CrackScore]:
        """Scores of all steps whose rows, and REACH_ROWS after them, have logits."""
        before = REACH_ROWS if self._told else 0
        ready = (len(self._logits) - before - REACH_ROWS) // features.ROWS_PER_STEP
        ready = min(ready, self._steps - self._told)
        if ready <= 0:
            return []
        count = ready * features.ROWS_PER_STEP
        logits = self._logits
        settling = max(_SETTLING_ROWS - self._told * features.ROWS_PER_STEP, 0) + before
        if settling > before:
            logits = logits.copy()
            logits[:settling] = -15.0
        found = peaks(logits[: before + count + REACH_ROWS], self._least)
        found = found[(found >= before) & (found < before + count)]
        highest = logits[before : before + count].reshape(ready, -1).max(axis=1)
        pops: dict[int, list[Pop]] = {}
        for row in found.tolist():
            pops.setdefault((row - before) // features.ROWS_PER_STEP, []).append(
                self._pop(row, before, float(logits[row]))
            )
        manifest, step = self._manifest, self._front_end.step_samples
        llr = manifest.llr_scale * highest + manifest.llr_offset
        llr = np.minimum(np.maximum(llr, manifest.llr_limits[0]), manifest.llr_limits[1])
        probability = 1.0 / (1.0 + np.exp(-highest.astype(np.float64)))
        first = self._origin + (self._told + 1) * step
        scores = [
            CrackScore(
                first + index * step, ratio, chance, manifest.model_id, tuple(pops.get(index, ()))
            )
            for index, (ratio, chance) in enumerate(
                zip(llr.tolist(), probability.tolist(), strict=True)
            )
        ]
        self._told += ready
        let_go = before + count - REACH_ROWS
        self._logits = self._logits[let_go:].copy()
        return scores

    def _pop(self, row: int, before: int, logit: float) -> Pop:
        rows = self._told * features.ROWS_PER_STEP + row - before + 0.5
        sample = self._origin + int(rows * features.ROW_S * self._rate_hz)
        return Pop(sample, 1 / (1 + math.exp(-logit)))


def read_manifest(path: Path) -> Manifest:
    """A model's manifest.

    Raises:
        BadInputError: it is missing or not one.
    """
    try:
        return Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadInputError(
            f"The model's manifest {path} can't be read ({error.strerror}): name the .json file "
            "that `roastwatch export` wrote."
        ) from error
    except (ValueError, ValidationError) as error:
        raise BadInputError(
            f"{path} is not the manifest of a pop model: name the .json file that "
            "`roastwatch export` wrote."
        ) from error


def _session(path: Path, manifest: Manifest) -> onnxruntime.InferenceSession:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInputError(
            f"The model file {path} can't be read ({error.strerror}): it must lie beside its "
            "manifest."
        ) from error
    if hashlib.sha256(content).hexdigest() != manifest.sha256:
        raise BadInputError(
            f"The model file {path} is not the one that its manifest was written for (its hash "
            "differs): export the model again or install roastwatch again."
        )
    if manifest.front_end != features.VERSION:
        raise BadInputError(
            f"The model {manifest.model_id} was trained on other features "
            f"({manifest.front_end}, this is {features.VERSION}): train and export it again."
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        inputs = {put.name: put.shape for put in session.get_inputs()}
    except Exception as error:
        raise BadInputError(
            f"{path} is not an ONNX model that this onnxruntime can load: export it again."
        ) from error
    if set(inputs) != {"rows", "state"} or inputs["rows"][-1] != features.WIDTH:
        raise BadInputError(f"{path} is not a pop model: its inputs are {', '.join(inputs)}.")
    return cast(onnxruntime.InferenceSession, session)


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))
