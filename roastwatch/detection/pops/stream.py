"""One stream of sound through the pop net: front end, net, and the peaks of its output."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnxruntime

from roastwatch.detection.odds import logit, probability
from roastwatch.detection.pops import features
from roastwatch.detection.pops.file import Manifest
from roastwatch.detection.pops.peaks import REACH_ROWS, peaks
from roastwatch.vocabulary import CrackScore, Float32Array, Pop

_MOST_STEPS = 100  # at a time: fast for large blocks, and little memory
LEAST_STEPS = 3
"""The net runs on at least this many steps: most of its time does not depend on their number."""
_QUIET_ROWS = 100  # before the first sound: the net's context
_NO_ROWS = np.empty((0, features.WIDTH), np.float32)
NO_RADIO = np.empty((2, 0), np.float32)
"""Of a net that does not judge the radio."""


@dataclass(frozen=True, slots=True)
class Activations:
    """Input and output of the net's last layer over a whole recording."""

    sample_rate_hz: int
    samples: int
    logits: Float32Array
    """Output of the exported layer, shape (rows,), delayed by the manifest's look-ahead."""
    values: Float32Array
    """Shape (activations, rows)."""
    radio: Float32Array
    """Logits of a radio, shape (levels, rows); no rows if the net does not judge it."""


class PopsStream:
    """One stream through the net: a score for each 0.1 s, 0.3 to 0.5 s after it, three at a time.

    At the start and after a gap scores come 2 s later, because the sound itself sets the noise
    floor.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        manifest: Manifest,
        sample_rate_hz: int,
        exit_delta: Float32Array | None = None,
    ) -> None:
        """Start at sample 0. For `exit_delta`, shape (activations + 1,), see `with_exit`."""
        self._session = session
        self._head_delta = exit_delta
        self.noted: list[tuple[Float32Array, Float32Array, Float32Array]] | None = None
        """If it is a list, the logits, activations and radio of all rows are appended."""
        self._manifest = manifest
        self._rate_hz = sample_rate_hz
        self._front_end = features.PopsFrontEnd(sample_rate_hz)
        self._kept: list[CrackScore] = []
        self._least = logit(manifest.candidate_threshold)
        has_radio = any(put.name == "radio" for put in session.get_outputs())
        self._radio_output = ["radio"] if has_radio else []
        self._state: Float32Array
        self._waiting: Float32Array
        """Rows of steps that the net has not heard yet, shape (rows, WIDTH)."""
        self._opening: Float32Array | None
        """The first sound, until it suffices for the noise floor."""
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
        """Process the first sound as if steady noise had come before it.

        Without a floor the first crack would count as noise, and the net was not trained to judge
        without context.
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
            self._waiting = np.concatenate(
                (self._waiting, self._front_end.push(samples[first : first + size]))
            )
            if len(self._waiting) >= LEAST_STEPS * features.ROWS_PER_STEP:
                scores += self._judge_waiting()
        return scores

    def _judge_waiting(self) -> list[CrackScore]:
        rows, self._waiting = self._waiting, _NO_ROWS
        return self._judge(rows)

    def reset(self, gap_samples: int) -> None:
        """`gap_samples` are missing; scores still due come with the next push."""
        self._kept += self._judge_waiting()
        at = self._origin + self._steps * self._front_end.step_samples
        at += self._front_end.waiting_samples + gap_samples
        if self._opening is not None:
            at += len(self._opening)
        self._kept += self.finish()
        self._front_end.forget()
        self._rest(at)

    def finish(self) -> list[CrackScore]:
        """End the sound: the scores that the look-ahead and an incomplete step held back.

        The sound is continued by its mirror image, so that its end is not a click.
        """
        scores = self._hear_opening() + self._judge_waiting()
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
        """The scores of a whole recording, for a new stream."""
        self._steps = len(heard.logits) // features.ROWS_PER_STEP
        self._take_radio(heard.radio)
        scores = self._take(self._changed(heard.logits, heard.values))
        return _within(heard.samples, scores)

    def _rest(self, origin: int) -> None:
        self._origin = origin
        self._opening = np.empty(0, np.float32)
        self._waiting = _NO_ROWS
        self._steps = 0  # processed by the net
        self._scored = 0  # with a score
        self._state = np.zeros(self._manifest.state_shape, np.float32)
        self._lag_steps = -(
            -(self._manifest.look_ahead_rows + REACH_ROWS) // features.ROWS_PER_STEP
        )
        self._logits: list[float] = []  # from the row REACH_ROWS before the next score's
        self._ahead = self._manifest.look_ahead_rows  # logits still to be dropped
        self._radio_ahead = self._ahead
        self._radio_rows = NO_RADIO  # of an incomplete step
        self._radio: deque[tuple[float, float]] = deque()  # of steps without a score

    def _judge(self, rows: Float32Array) -> list[CrackScore]:
        if not len(rows):
            return []
        feed = {"rows": rows[None], "state": self._state}
        wanted = ["logits", "next_state", *self._radio_output]
        if self._head_delta is not None or self.noted is not None:
            wanted.append("features")  # outputs that are not requested are not copied
        logits, self._state, *shown = self._session.run(wanted, feed)
        radio = shown.pop(0)[0] if self._radio_output else NO_RADIO
        self._take_radio(radio)
        self._steps += len(rows) // features.ROWS_PER_STEP
        if not shown:
            return self._take(logits[0])
        if self.noted is not None:
            self.noted.append((logits[0], shown[0][0], radio))
        return self._take(self._changed(logits[0], shown[0][0]))

    def _changed(self, logits: Float32Array, values: Float32Array) -> Float32Array:
        """The logits of the changed last layer, which is linear: the change is added."""
        if self._head_delta is None:
            return logits
        change: Float32Array = self._head_delta[:-1] @ values + self._head_delta[-1]
        return logits + change

    def _take_radio(self, logits: Float32Array) -> None:
        """Keep the radio's probabilities of each step, shape (levels, rows) in."""
        if not logits.shape[1]:
            return
        late = min(self._radio_ahead, logits.shape[1])
        self._radio_ahead -= late
        self._radio_rows = np.concatenate((self._radio_rows, logits[:, late:]), axis=1)
        count = self._radio_rows.shape[1] // features.ROWS_PER_STEP
        rows = count * features.ROWS_PER_STEP
        steps = self._radio_rows[:, :rows].reshape(2, count, features.ROWS_PER_STEP)
        chances = 1 / (1 + np.exp(np.add.reduce(steps, axis=2) / -features.ROWS_PER_STEP))
        self._radio += [(present, loud) for present, loud in chances.T.tolist()]
        self._radio_rows = self._radio_rows[:, rows:]

    def _take(self, logits: Float32Array) -> list[CrackScore]:
        """The scores that these logits complete; the first logits are dropped as look-ahead."""
        late = min(self._ahead, len(logits))
        self._ahead -= late
        self._logits += logits[late:].tolist()
        return self._scores()

    def _scores(self) -> list[CrackScore]:
        """Scores of all steps whose rows, and REACH_ROWS after them, have logits."""
        before = REACH_ROWS if self._scored else 0
        ready = (len(self._logits) - before - REACH_ROWS) // features.ROWS_PER_STEP
        ready = min(ready, self._steps - self._scored)
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
        at = self._origin + self._scored * step_samples
        scores = []
        for row in range(before, end, features.ROWS_PER_STEP):
            at += step_samples
            highest = max(logits[row : row + features.ROWS_PER_STEP])
            ratio = min(max(manifest.llr_scale * highest + manifest.llr_offset, low), high)
            chance, found = probability(highest), tuple(pops.get(row, ()))
            radio = self._radio.popleft() if self._radio else None
            scores.append(CrackScore(at, ratio, chance, manifest.model_id, found, radio))
        self._scored += ready
        self._logits = self._logits[end - REACH_ROWS :]
        return scores

    def _pop(self, row: int, logit: float) -> Pop:
        """A pop in the middle of a row, counted from the first row without a score."""
        rows = self._scored * features.ROWS_PER_STEP + row + 0.5
        sample = self._origin + int(rows * features.ROW_S * self._rate_hz)
        return Pop(sample, probability(logit))


def _within(end: int, scores: Sequence[CrackScore]) -> list[CrackScore]:
    """Limit scores to the end of the sound, in samples: the last one ends there."""
    return [
        score
        if score.end_sample <= end
        else replace(
            score, end_sample=end, pops=tuple(pop for pop in score.pops if pop.sample < end)
        )
        for score in scores
    ]
