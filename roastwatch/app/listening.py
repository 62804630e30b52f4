"""A station from its first sound on: the pipeline, and how the roast uses time and readings."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from roastwatch.app.instructions import charge, instruct
from roastwatch.app.live_sound import LiveSound
from roastwatch.app.station_clock import StationClock
from roastwatch.detection.model import CrackModel
from roastwatch.pipeline import BlockResult, Pipeline
from roastwatch.roast.curve.curve import Found
from roastwatch.roast.curve.watch import BeanWatch, utc
from roastwatch.roast.hearing_notice import HearingNotice
from roastwatch.roastlog.resume import OpenRoast
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    AudioBlock,
    ComponentState,
    CrackScore,
    EventKind,
    HearingState,
    Instruction,
    Level,
    Origin,
    Reading,
    RoastEvent,
    SpectrogramColumns,
)

_LATE_S = 2.0
_OLD_READING_S = 60.0
"""A reading that claims to be older has another clock."""
_REANCHOR_S = 0.25
"""A sound card's clock drifts from UTC by some 50 ppm: corrected between roasts beyond this."""
_OVERDUE = "The beans are hotter than at any first crack so far, but no crack was detected."


class Listening:
    """The sound of one station. Methods return the events that they cause; nothing is published."""

    def __init__(
        self,
        pipeline: Pipeline,
        beans: BeanWatch,
        model_health: ComponentHealth,
        clock: StationClock,
        sound: LiveSound,
        *,
        live: bool,
        monotonic: Callable[[], float] = lambda: time.monotonic(),
    ) -> None:
        self.pipeline = pipeline
        self.lag_s = 0.0
        """How far judging is behind a live microphone, s; 0 in a replay."""
        self.live = live
        self._beans = beans
        self._health = model_health
        self._clock = clock
        self._monotonic = monotonic
        self._sound = sound
        self._meter = sound.open(pipeline.sample_rate_hz)
        self._measured = 0
        """The sample up to which the level was last reported to the decision."""
        self._notice = HearingNotice(pipeline.roast, beans)

    def now(self) -> datetime:
        """The present; in a replay of any speed, the end of the newest sound."""
        return self._clock() if self.live else self.pipeline.heard_until

    def check(self, model: CrackModel) -> None:
        """Whether a model can judge this sound.

        Raises:
            BadInputError: it can't.
        """
        model.open(self.pipeline.sample_rate_hz)

    def arrived(self, block: AudioBlock) -> None:
        """Before the model: the level of a block, how late it is, and the drift of its clock."""
        pipeline = self.pipeline
        with self._timed("level", block):
            self._meter.push(block.samples)
            if block.end_sample - self._measured >= pipeline.sample_rate_hz:
                self._measured = block.end_sample
                level = self._meter.last_second
                pipeline.signal(block.end_sample, level)
                self._sound.judge(level, pipeline.onset.hearing)
            self._sound.measured(pipeline.clock.at(block.end_sample))
        if self.live:
            self.lag_s = max(0.0, time.monotonic() - block.captured_at_s)
            if self.lag_s > _LATE_S:
                self._health.trouble(
                    ComponentState.DEGRADED, "The model falls behind the microphone."
                )
            real = self._clock() - timedelta(seconds=self.lag_s)
            drift = real - pipeline.clock.at(block.end_sample)
            if not pipeline.roast.active and abs(drift.total_seconds()) > _REANCHOR_S:
                pipeline.clock.started_at += drift
        pipeline.gap(block)

    def judge(self, block: AudioBlock) -> list[CrackScore]:
        """In the executor: the block through the model."""
        with self._timed("model", block):
            return self.pipeline.hear(block)

    def decide(self, block: AudioBlock, scores: list[CrackScore]) -> BlockResult:
        """What the scores of a block mean."""
        if self.lag_s < _LATE_S / 2:
            self._health.running()
        with self._timed("decision", block):
            heard = self.pipeline.decide(scores)
            if self.pipeline.listening:
                now = self.pipeline.clock.at(block.end_sample)
                heard.events += self.warn(now, self.pipeline.onset.hearing)
            return heard

    def gather(self, block: AudioBlock) -> AudioBlock | None:
        """The sound to `look` at now, if somebody watches the spectrogram."""
        return self._sound.gather(block)

    def look(self, sound: AudioBlock) -> SpectrogramColumns | None:
        """What the detector saw in sound that is decided on; a thread would cost more than this."""
        with self._timed("spectrogram", sound):
            return self._sound.look(sound, self.pipeline.clock)

    def warn(self, now: datetime, hearing: HearingState) -> list[RoastEvent]:
        """What follows if first crack is due, but hard to hear."""
        return self._notice.look(now, hearing)

    def instruct(self, instruction: Instruction) -> list[RoastEvent]:
        """Carry it out; its time goes by the station's clock."""
        return instruct(self.pipeline, instruction)

    def taken_at(self, reading: Reading) -> datetime:
        """UTC of a reading: curve, decision and log all count from when it was taken."""
        age_s = self._monotonic() - reading.taken_at_s
        if not self.live or not 0.0 <= age_s <= _OLD_READING_S:
            return self.now()
        return self.now() - timedelta(seconds=age_s)

    def read(self, reading: Reading, at: datetime) -> Iterator[list[RoastEvent]]:
        """What a reading that was taken at `at` shows of the roast, group by group."""
        for found in self._beans.read(reading, at):
            yield self._found(found, at)
        if self._beans.is_late:
            yield self.pipeline.roast.late(at, _OVERDUE)

    def _found(self, found: Found, at: datetime) -> list[RoastEvent]:
        """What the bean curve shows, as events."""
        roast, happened_at = self.pipeline.roast, utc(found.happened_s)
        match found.kind:
            case EventKind.CHARGE if not roast.active:
                return charge(self.pipeline, happened_at, Origin.TEMPERATURE)
            case EventKind.DROP:
                return roast.drop(happened_at, Origin.TEMPERATURE, found.bean_temp_c)
            case EventKind.TURNING_POINT | EventKind.DRY_END if roast.active:
                return roast.milestone(found.kind, happened_at, at, bean_temp_c=found.bean_temp_c)
        return []

    def resume(self, roast: OpenRoast, station: str) -> None:
        """Go on with a roast that the log holds."""
        charged = roast.event(EventKind.CHARGE)
        charged_at = charged.happened_at if charged else roast.started_at
        self.pipeline.resume(roast.roast_id, charged_at, list(roast.events))
        self.pipeline.roast.start_known = charged is not None
        self._beans.curve.charge(charged_at.timestamp())
        for at_s, bean_temp_c, environment_temp_c in roast.readings:
            at = roast.started_at + timedelta(seconds=at_s)
            self._beans.read(Reading(station, at_s, bean_temp_c, environment_temp_c), at)
        for event in roast.events:
            self._beans.observe(event)

    def shown(self) -> dict[str, Any]:
        """What a snapshot shows of the sound, as fields of a `Snapshot`."""
        pipeline, onset = self.pipeline, self.pipeline.onset
        crack = pipeline.roast.first_crack
        return {
            "pops_per_minute": onset.pops_per_minute,
            "probability": pipeline.probability,
            "decision": 1.0 if crack and crack.level is not Level.POSSIBLE else onset.progress,
            "listening": pipeline.listening,
            "armed": pipeline.roast.active and pipeline.listening,
            "sensitivity": onset.sensitivity,
            "level": self._meter.last_second,
            "hearing": onset.hearing if pipeline.listening else None,
            "lag_s": self.lag_s if self.live else None,
        }

    @contextmanager
    def _timed(self, stage: str, block: AudioBlock) -> Iterator[None]:
        """What a stage costs, shown in the diagnostics."""
        began_s = time.perf_counter()
        yield
        if len(block.samples):
            sound_s = len(block.samples) / self.pipeline.sample_rate_hz
            self._health.cost(stage, time.perf_counter() - began_s, sound_s)
