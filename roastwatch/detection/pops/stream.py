"""One stream of sound through the pop net: front end, net, and the peaks of what it says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnxruntime

from roastwatch.detection.odds import logit, probability
from roastwatch.detection.pops import features
from roastwatch.detection.pops.file import Manifest
from roastwatch.detection.pops.peaks import REACH_ROWS, peaks
from roastwatch.vocabulary import CrackScore, Float32Array, Pop

_MOST_STEPS = 100  # at a time: quick where sound comes in large blocks, and little memory
_QUIET_ROWS = 100  # before the first sound: as far back as the net looks


@dataclass(frozen=True, slots=True)
class Activations:
    """What went into the net's last layer over a whole recording, and what came out of it."""

    sample_rate_hz: int
    samples: int
    logits: Float32Array
    """Of the layer as it was exported, shape (rows,); they lag as the manifest says."""
    values: Float32Array
    """Shape (activations, rows)."""


class PopsStream:
    """One stream through the net. Scores come for each 0.1 s, 0.3 s after it.

    At the start and after a gap they come 2 s later: the noise floor is told by the sound itself.
    """

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
        self._front_end = features.PopsFrontEnd(sample_rate_hz)
        self._kept: list[CrackScore] = []
        self._least = logit(manifest.candidate_threshold)
        self._state: Float32Array
        self._opening: Float32Array | None
        """The first sound, until there is enough of it to know the floor."""
        self._rest(0)

    def push(self, samples: Float32Array) -> list[CrackScore]:
        """Take samples, shape (n,); return the scores that became known."""
        kept, self._kept = self._kept, []
        samples = np.asarray(samples, np.float32)
        if self._opening is not None:
            wanted = round(features.FLOOR_S * self._rate_hz) - len(self._opening)
            self._opening = np.concatenate((self._opening, samples[:wanted]))
            if len(samples) < wanted:
                return kept
            kept += self._hear_opening()
            samples = samples[wanted:]
        return kept + self._hear(samples)

    def _hear_opening(self) -> list[CrackScore]:
        """Hear the first sound as if it had been quiet before.

        A floor that has heard nothing takes the first crack for noise, and a net that remembers
        nothing has not learned to judge by so little.
        """
        opening, self._opening = self._opening, None
        if opening is None or not len(opening):
            return []
        self._front_end.settle(opening)
        rows = np.tile(self._front_end.quiet, (1, _QUIET_ROWS, 1))
        (self._state,) = self._session.run(["next_state"], {"rows": rows, "state": self._state})
        return self._hear(opening)

    def _hear(self, samples: Float32Array) -> list[CrackScore]:
        scores: list[CrackScore] = []
        size = _MOST_STEPS * self._front_end.step_samples
        for first in range(0, len(samples), size):
            scores += self._judge(self._front_end.push(samples[first : first + size]))
        return scores

    def reset(self, gap_samples: int) -> None:
        """So many samples are missing here; what was still to be said comes with the next push."""
        at = self._origin + self._steps * self._front_end.step_samples
        at += self._front_end.waiting_samples + gap_samples
        if self._opening is not None:
            at += len(self._opening)
        self._kept += self.finish()
        self._front_end.forget()
        self._rest(at)

    def finish(self) -> list[CrackScore]:
        """The sound ends here: the scores that the look-ahead and a broken step held back.

        The end is imagined as a mirror of the last moments, so that it is not taken for a click.
        """
        scores = self._hear_opening()
        waiting = self._front_end.waiting_samples
        end = self._origin + self._steps * self._front_end.step_samples + waiting
        rows = np.empty((0, features.WIDTH), np.float32)
        if waiting:
            missing = self._front_end.step_samples - waiting
            mirror = np.resize(self._front_end.waiting[::-1], missing)
            rows = self._front_end.push(mirror)
        quiet = np.zeros((self._lag_steps * features.ROWS_PER_STEP, features.WIDTH), np.float32)
        scores += self._judge(np.concatenate((rows, quiet)))
        return _within(end, scores)

    def rejudge(self, heard: Activations) -> list[CrackScore]:
        """The scores of a whole recording, for a stream that heard nothing yet."""
        self._steps = len(heard.logits) // features.ROWS_PER_STEP
        scores = self._take(self._changed(heard.logits, heard.values))
        return _within(heard.samples, scores)

    def _rest(self, origin: int) -> None:
        self._origin = origin
        self._opening = np.empty(0, np.float32)
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
