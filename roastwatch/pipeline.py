"""Samples → scores → pops → roast events for one station.

The same object runs live, in `analyze` and in `evaluate`, so that evaluation measures what runs.
`hear` is the heavy, synchronous half (the model) and may run in an executor; `decide` is the light
half (onset, roast) and runs on the event loop. Everything is decided score by score at sample
positions, so any block size and any replay speed give the same events.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from roastwatch.detection.decision.crack_decision import CrackDecision
from roastwatch.detection.decision.onset import STILL_S, Onset, OnsetOptions
from roastwatch.detection.decision.prompt import RoastPrompt
from roastwatch.detection.model import CrackModel
from roastwatch.detection.reference.reference import Reference
from roastwatch.roast.roast import Roast, RoastOptions
from roastwatch.vocabulary import (
    AudioBlock,
    AudioLevel,
    CrackScore,
    EventKind,
    Hearing,
    HearingState,
    Level,
    Origin,
    Phase,
    Pop,
    RoastEvent,
)

_WEIGH_EVERY_S = 1.0
_LEAST_SKIP = 5
"""Scores; fewer are fed one by one just as fast."""


@dataclass(slots=True)
class BlockResult:
    """What one block of sound added."""

    scores: list[CrackScore] = field(default_factory=list)
    pops: list[Pop] = field(default_factory=list)
    """At or above the model's threshold."""
    events: list[RoastEvent] = field(default_factory=list)
    hearing: list[tuple[int, HearingState]] = field(default_factory=list)
    """From which sample on first crack can be heard how well; only changes."""


@dataclass(slots=True)
class SampleClock:
    """The one place where a sample gets its UTC time."""

    sample_rate_hz: int
    started_at: datetime
    """UTC of sample 0."""

    def at(self, sample: int) -> datetime:
        """UTC of a sample."""
        return self.started_at + timedelta(seconds=sample / self.sample_rate_hz)

    def sample(self, at: datetime) -> int:
        """The sample of a UTC time."""
        return round((at - self.started_at).total_seconds() * self.sample_rate_hz)


class Pipeline:
    """One station's model, decision and roast."""

    def __init__(
        self,
        station: str,
        model: CrackModel,
        sample_rate_hz: int,
        *,
        started_at: datetime,
        onset: OnsetOptions | None = None,
        roast: Roast | RoastOptions | None = None,
        armed_from_s: float = 0.0,
        rearm_after_s: float | None = None,
        witness: Callable[[datetime], float] | None = None,
        reference: Reference | None = None,
    ) -> None:
        """Open the model for this rate.

        Args:
            station: its name in every event.
            model: what scores the sound.
            sample_rate_hz: of all sound to come.
            started_at: UTC of sample 0.
            onset: how pops become a decision.
            roast: the station's roast, or when a new one begins.
            armed_from_s: when a roast begins that the sound or the charge begins, in s; nothing is
                decided before. A charge may be before the sound (negative).
            rearm_after_s: re-arm this long after each decision, to count false alarms, s.
            witness: log-likelihood ratio of all other evidence at a time (temperature, counter).
            reference: a microphone away from the roaster; it rejects pops before the decision.

        Raises:
            BadInputError: the model can't judge sound of this rate.
        """
        self.sample_rate_hz = sample_rate_hz
        self.clock = SampleClock(sample_rate_hz, started_at)
        self.roast = roast if isinstance(roast, Roast) else Roast(station, roast or RoastOptions())
        self.onset = Onset(onset or OnsetOptions(), sample_rate_hz, model.spec)
        self.spec = self.onset.spec
        self.listening = True
        self.probability: float | None = None
        self._stream = model.open(sample_rate_hz)
        self.reference = reference
        self._witness = witness
        self._next_sample = 0
        self._weigh_at = 0
        self._rearm_samples = (
            None if rearm_after_s is None else round(rearm_after_s * sample_rate_hz)
        )
        self._arm_at: int | None = None
        self.question = RoastPrompt(sample_rate_hz)
        if self.roast.options.begins != "person":
            self._arm_at = round(armed_from_s * sample_rate_hz)
        else:
            self.onset.arm(0)  # idle: it only asks, and only if it is certain

    def use(self, model: CrackModel, onset: OnsetOptions) -> None:
        """Use another model from the next sound on; the state of the former is lost.

        Call it while no block is in `hear`.

        Raises:
            BadInputError: the model can't judge sound of this rate.
        """
        stream = model.open(self.sample_rate_hz)
        if self._next_sample:
            stream.reset(self._next_sample)
        self._stream = stream
        self.onset = Onset(onset, self.sample_rate_hz, model.spec)
        self.spec = self.onset.spec
        self.onset.arm(self._next_sample)

    def push(self, block: AudioBlock) -> BlockResult:
        """`hear` and `decide` in one, for recordings."""
        return self.decide(self.hear(block))

    def hear(self, block: AudioBlock) -> list[CrackScore]:
        """The heavy half: the block through the model, which resets at a gap."""
        gap = block.first_sample - self._next_sample
        if gap > 0:
            self._stream.reset(gap)
        self._next_sample = block.end_sample
        if self.reference is not None:
            self.reference.hear(block.first_sample, block.samples)
            if block.reference is not None:
                self.reference.push(block.first_sample, block.reference)
        return self._from_roaster(self._stream.push(block.samples))

    def gap(self, block: AudioBlock) -> None:
        """Report sound that was lost before a block to the decision; call it before `decide`."""
        if block.samples_lost_before:
            self.onset.gap(block.samples_lost_before, block.first_sample)

    def signal(self, at_sample: int, level: AudioLevel) -> None:
        """Report the level of the sound up to a sample: a problem with it limits hearing."""
        reason = "" if level.hearing is Hearing.GOOD else level.problem or ""
        self.onset.signal(at_sample, HearingState(level.hearing, reason))

    def finish(self) -> BlockResult:
        """The sound has ended: decide on the rest in the model's look-ahead."""
        return self.decide(self._from_roaster(self._stream.finish()))

    def decide(self, scores: list[CrackScore]) -> BlockResult:
        """The light half: scores → pops and events, one score at a time."""
        heard = BlockResult(scores)
        done = 0
        while done < len(scores):
            if len(scores) - done >= _LEAST_SKIP and (skipped := self._skip(scores, done, heard)):
                done += skipped
                continue
            score = scores[done]
            done += 1
            self._arm_when_due(score.end_sample, heard)
            if score.end_sample >= self._weigh_at:
                self._weigh(score.end_sample)
            self.probability = score.probability
            heard.pops += self._clear(score)
            if not self.listening:
                continue
            for decision in self.onset.feed(score):
                heard.events += self._event(decision)
        heard.hearing = self.onset.hearing_changes()
        return heard

    @property
    def heard_until(self) -> datetime:
        """UTC of the end of the newest sound."""
        return self.clock.at(self._next_sample)

    def resume(self, roast_id: str, charged_at: datetime, events: list[RoastEvent]) -> None:
        """Continue a roast that was interrupted; earlier decisions stand."""
        self.roast.resume(roast_id, charged_at, events)
        self._arm_at = None  # if the sound begins a roast, this one has begun
        self.onset.arm(0)

    def _skip(self, scores: list[CrackScore], first: int, heard: BlockResult) -> int:
        """Take in scores from `first` on that decide nothing, at once; returns their number."""
        last = len(scores)
        if self._arm_at is not None:
            last = bisect_left(scores, self._arm_at, first, key=lambda score: score.end_sample)
        if not self.listening:
            return 0
        skipped = self.onset.skip(scores[first:last])
        for score in scores[first : first + skipped]:
            if score.end_sample >= self._weigh_at:
                self._weigh(score.end_sample)
            self.probability = score.probability
            heard.pops += self._clear(score)
        return skipped

    def _from_roaster(self, scores: list[CrackScore]) -> list[CrackScore]:
        """The scores without the pops that are louder at the reference microphone."""
        return scores if self.reference is None else self.reference.judge(scores)

    def _clear(self, score: CrackScore) -> list[Pop]:
        """The pops of a score at or above the model's threshold."""
        return [pop for pop in score.pops if pop.probability >= self.spec.pop_threshold]

    def _arm_when_due(self, sample: int, heard: BlockResult) -> None:
        if self._arm_at is None or sample < self._arm_at:
            return
        at, again = self._arm_at, self.roast.active
        self._arm_at = None
        charged = self.roast.options.begins == "charge" and not again
        # if the charge was long before the sound, the first sound may be a crack
        just = at > -STILL_S * self.sample_rate_hz
        self.onset.arm(max(at, 0), charged=charged and just, same_noise=again)
        origin = Origin.PERSON if charged else Origin.SOUND
        heard.events += self.roast.begin(self.clock.at(at), origin, start_known=charged, sample=at)

    def _weigh(self, sample: int) -> None:
        self._weigh_at = sample + round(_WEIGH_EVERY_S * self.sample_rate_hz)
        now = self.clock.at(sample)
        other = self._witness(now) if self._witness else 0.0
        self.onset.weigh(self.roast.prior_llr(now) + other)

    def _event(self, decision: CrackDecision) -> list[RoastEvent]:
        happened_at = self.clock.at(decision.happened_sample)
        decided_at = self.clock.at(decision.decided_sample)
        if not self.roast.active:
            return self._ask(decision, decided_at)
        if self._rearm_samples is not None and decision.level is Level.FIRST_CRACK:
            self._arm_at = decision.decided_sample + self._rearm_samples
        return self.roast.crack(
            decision.kind,
            decision.level,
            happened_at,
            decided_at,
            confidence=decision.confidence,
            happened_sample=decision.happened_sample,
            decided_sample=decision.decided_sample,
        )

    def _ask(self, decision: CrackDecision, at: datetime) -> list[RoastEvent]:
        """Nobody started a roast: ask, but only if certain, and not often."""
        if decision.level is not Level.CERTAIN or self.roast.phase is not Phase.IDLE:
            return []
        self.onset.arm(decision.decided_sample, same_noise=True)
        if not self.question.put(decision):
            return []
        text = "This sounds like first crack, but no roast was started. Is one in progress?"
        question = self.roast.notice(EventKind.FIRST_CRACK, at, text)
        began_at = self.clock.at(decision.happened_sample)
        return [replace(question, level=Level.POSSIBLE, happened_at=began_at)]
