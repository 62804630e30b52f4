"""A small model listens; a large one verifies once the decision is half-way.

Below half-way, pops pass unchanged, because they cannot decide anything. From there on a pop
counts only if the large model detects first crack in the newest window. Otherwise it becomes a
candidate, below the threshold. The large model thus runs for a few seconds of a roast, and decides
as if it ran all the time.
"""

import logging
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from roastwatch.detection.decision.onset import Onset, OnsetOptions
from roastwatch.detection.large.verifier import LazyWindows, ListenerOptions, OpenVerifier, Verifier
from roastwatch.detection.large.windowed import Windowed, WindowedOptions
from roastwatch.detection.model import CrackModel, CrackStream, ModelSpec
from roastwatch.vocabulary import CrackScore, EventKind, Float32Array, Level, Pop

REJECTED = 0.02
"""Share of the threshold that a rejected pop keeps: pops just below it still count a little."""

_log = logging.getLogger(__name__)


class CascadeOptions(ListenerOptions):
    """A small model that listens and a large one that verifies."""

    verifier: WindowedOptions = Field(
        description="The large model that verifies: the options of `windowed`."
    )
    verify_from: float = Field(
        0.5,
        description="Share of the evidence for first crack from which the large model verifies (0 "
        "to 1).",
        ge=0,
        le=0.9,
    )


class Cascade:
    """A small and a large model as one."""

    Options: ClassVar[type[CascadeOptions]] = CascadeOptions

    def __init__(self, options: CascadeOptions) -> None:
        small = options.listens()
        large = Windowed(options.verifier)
        self._small = small
        self._large = large
        self._from = options.verify_from
        self._spec = replace(
            small.spec,
            model_id=f"{small.spec.model_id}+{large.spec.model_id}",
            lowest_rate_hz=max(small.spec.lowest_rate_hz, large.spec.lowest_rate_hz),
            candidates=False,  # rejected pops become candidates
            description=f"{small.spec.description} Verified by: {large.spec.description}",
        )

    @property
    def spec(self) -> ModelSpec:
        """The listener's, named after both."""
        return self._spec

    def open(self, sample_rate_hz: int) -> "CascadeStream":
        """Open a new stream.

        Raises:
            BadInputError: one of the two does not accept this sample rate.
        """
        self._large.open(sample_rate_hz)  # raises if the rate is too low
        return join(
            self._small,
            lambda rate: LazyWindows(self._large, rate),
            sample_rate_hz,
            verify_from=self._from,
            model_id=self._spec.model_id,
        )


def join(
    small: CrackModel,
    opinion: OpenVerifier,
    sample_rate_hz: int,
    *,
    verify_from: float = 0.5,
    model_id: str | None = None,
    always: bool = False,
) -> "CascadeStream":
    """Join a listener and a verifier into a stream; `always` verifies every window (to compare)."""
    return CascadeStream(
        small.open(sample_rate_hz),
        opinion(sample_rate_hz),
        Onset(OnsetOptions(), sample_rate_hz, replace(small.spec, candidates=False)),
        pop_threshold=small.spec.pop_threshold,
        verify_from=verify_from,
        model_id=model_id or small.spec.model_id,
        always=always,
    )


class CascadeStream:
    """One stream of sound through both models."""

    def __init__(
        self,
        small: CrackStream,
        opinion: Verifier,
        tracker: Onset,
        *,
        pop_threshold: float,
        verify_from: float,
        model_id: str,
        always: bool = False,
    ) -> None:
        """Join two streams.

        Args:
            small: the listener's stream.
            opinion: the large model's verifier.
            tracker: follows the decision, to know when it is half-way.
            pop_threshold: the listener's.
            verify_from: share of the evidence for first crack from which pops are verified.
            model_id: of the scores.
            always: verify at every score.
        """
        self._small = small
        self.opinion = opinion
        self._tracker = tracker
        self._tracker.arm(0)
        self._threshold = pop_threshold
        self._from = verify_from
        self._model_id = model_id
        self._always = always
        self._failed = False
        self._settled = False

    def push(self, samples: Float32Array) -> list[CrackScore]:
        """Take the next samples, shape (n,); return the listener's scores, verified."""
        self.opinion.push(samples)
        return [self._verified(score) for score in self._small.push(samples)]

    def reset(self, gap_samples: int) -> None:
        """`gap_samples` are missing here."""
        self.opinion.reset(gap_samples)
        self._small.reset(gap_samples)

    def finish(self) -> list[CrackScore]:
        """End the sound."""
        scores = [self._verified(score) for score in self._small.finish()]
        _log.info(
            "the large model verified %d of %d windows",
            self.opinion.calls,
            self.opinion.windows,
        )
        return scores

    def _verified(self, score: CrackScore) -> CrackScore:
        if self._always:
            self._agrees(score.end_sample)
        pops = tuple(self._verified_pop(pop, score.end_sample) for pop in score.pops)
        verified = replace(score, pops=pops, model_id=self._model_id)
        self._follow(verified)
        return verified

    def _follow(self, score: CrackScore) -> None:
        """Track the decision: after `certain`, nothing is verified until the crack has ended."""
        for decision in self._tracker.feed(score):
            if decision.level is Level.CERTAIN:
                self._settled = True
            elif decision.kind is EventKind.FIRST_CRACK_END:
                self._settled = False
                self._tracker.arm(score.end_sample)

    def _verified_pop(self, pop: Pop, now: int) -> Pop:
        """The pop, or a candidate instead of it if the large model detects no crack."""
        _possible, first_crack, _certain = self._tracker.bars()
        matters = not self._settled and self._tracker.statistic >= self._from * first_crack
        if pop.probability < self._threshold or not matters or self._agrees(now):
            return pop
        return replace(pop, probability=min(pop.probability, REJECTED * self._threshold))

    def _agrees(self, now: int) -> bool:
        if self._failed:
            return True
        try:
            verdict = self.opinion.at(now)
        except Exception as error:  # noqa: BLE001 - a large model must not end a roast
            self._failed = True
            first = next(iter(str(error).splitlines()), type(error).__name__)
            _log.warning("the large model failed (%s): continuing without it", first)
            return True
        return verdict is None or verdict.positive
