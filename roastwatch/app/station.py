"""One station: a source, a model stream, a roast, and perhaps a roaster to drive."""

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from roastwatch import plugins
from roastwatch.app.instructions import confirms, instruct
from roastwatch.app.station_clock import StationClock
from roastwatch.app.waiting import WaitingInstructions
from roastwatch.audio.level import LevelMeter
from roastwatch.audio.recorder import Recorder
from roastwatch.audio.recorder_disk import RecordedClip
from roastwatch.audio.source import AudioSource, began_before_s
from roastwatch.detection import calibration
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.inference_pool import InferencePool
from roastwatch.detection.model import CrackModel
from roastwatch.errors import EndedError
from roastwatch.inbound import Mishaps
from roastwatch.pipeline import BlockResult, Pipeline
from roastwatch.roast.curve.curve import Found
from roastwatch.roast.curve.watch import BeanWatch, utc
from roastwatch.roast.priors import TimePrior
from roastwatch.roaster.simulation.thermal import TimedRoast
from roastwatch.roastlog.resume import OpenRoast
from roastwatch.settings.model import StationSettings
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    AudioBlock,
    ComponentState,
    CrackScore,
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    Phase,
    Reading,
    RoasterState,
    RoastEvent,
    Snapshot,
)

_log = logging.getLogger("roastwatch.app.station")
_LATE_S = 2.0
_OLD_READING_S = 60.0
"""A reading that claims to be older has another clock."""
_JUMP_S = 2.0
"""A clock that was set by more makes older times worthless."""
_OWN_PROBE = "%s: the demonstration's temperatures are left out, the roaster has its own probe."
_REANCHOR_S = 0.25
"""A sound card's clock drifts from UTC by some 50 ppm: set right between roasts beyond this."""


class Station:
    """What one `stations:` entry becomes. Its tasks live in the service's TaskGroup."""

    def __init__(
        self,
        settings: StationSettings,
        publish: Callable[[RoastEvent], None],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = lambda: time.monotonic(),
        recordings: Path | None = None,
    ) -> None:
        """`recordings` is the folder of recorded sound and of what was learnt from it.

        Raises:
            SettingsError: what was learnt can't be read.
        """
        self.settings = settings
        self.name = settings.name
        self.ear = ComponentHealth(f"{settings.name}-microphone")
        self.judge = ComponentHealth(f"{settings.name}-model")
        model = plugins.load("models", settings.model.type)
        self.model: CrackModel
        self.detector = settings.model.type
        self.detector_problem = ""
        """Why the chosen detector does not listen, and another does; empty: it listens."""
        self._next_model: CrackModel | None = None
        self._former: tuple[OnsetOptions, CrackModel, str] | None = None
        """What listened before a choice that has heard no sound yet."""
        self.pipeline: Pipeline | None = None
        self.reading: Reading | None = None
        self.beans = BeanWatch(settings.curve, settings.roast.cooling_s)
        self.heard: Callable[[BlockResult], None] | None = None
        self.clip_kept: Callable[[RecordedClip, datetime], None] | None = None
        """Told of each clip and of the UTC at which it begins, from the recorder's thread."""
        self.taken: Callable[[Reading, datetime], None] | None = None
        """Called with each reading as it arrives, and the UTC at which it was taken."""
        self.clock_set: Callable[[], None] | None = None
        """Called when the clock has jumped between roasts: earlier times count no more."""
        self.roaster_state: Callable[[], RoasterState | None] = lambda: None
        self._resumed: OpenRoast | None = None
        self.resumed_id: str | None = None
        """The roast that an earlier run of the service began."""
        self._usual: TimePrior | None = None
        self._beans_of_demo: TimedRoast | None = None
        self._publish = publish
        self._clock = clock
        self._now = StationClock(now, clock)
        self._recordings = recordings
        self._onset, self.model = self._calibrated(model(settings.model.options))
        self._recorder: Recorder | None = None
        self._tape = (
            ComponentHealth(f"{settings.name}-recorder") if settings.recording.wanted else None
        )
        self._meter: LevelMeter | None = None
        self._lag_s: float | None = None
        self._waiting = WaitingInstructions(self.name, clock)
        self._mishaps = Mishaps(_log, self.judge.count, "instructions_failed")
        self._lost_in: str | None = None
        """The roast in which the loss of sound that lasts was reported."""
        self._live = True

    async def listen(self, scoring: InferencePool) -> None:
        """Pull what has arrived, judge it, decide. Returns when a file or a demonstration ends.

        Raises:
            EndedError: live sound has ended.
        """
        factory = plugins.load("sources", self.settings.source.type)
        async with AsyncExitStack() as opened:
            source: AudioSource = await opened.enter_async_context(
                factory(self.settings.source.options, self.ear)
            )
            async for block in self._blocks(source):
                if self._recorder is None and self._tape is not None:
                    self._recorder = await opened.enter_async_context(self._new_recorder(source))
                pipeline = self.pipeline or self._begin(source, block)
                if self._next_model is not None:  # between two blocks: none is being judged now
                    self._change_model(pipeline, self._next_model)
                self._on_time(source, block)
                pipeline.gap(block)
                scores = await scoring.run(partial(self._judged, pipeline, block))
                if self._lag_s is None or self._lag_s < _LATE_S / 2:
                    self.judge.running()
                self._accompany(source, block)
                with self._timed("decision", block):
                    heard = pipeline.decide(scores)
                self._deal_with(heard)
                if self._recorder is not None:
                    roast = pipeline.roast
                    self._recorder.hear(block, roast.roast_id if roast.active else None)
            if self.pipeline is not None:
                self._deal_with(self.pipeline.finish())
        self.ear.state = ComponentState.STOPPED

    async def _blocks(self, source: AudioSource) -> AsyncIterator[AudioBlock]:
        """The source's sound; if live sound ends, the last of it is judged and that is reported."""
        try:
            async for block in source.blocks():
                yield block
        except EndedError as ended:
            self.ear.trouble(ComponentState.FAILED, str(ended))
            if self.pipeline is not None:
                self._deal_with(self.pipeline.finish())
                self._report_lost_sound(str(ended))
            raise

    def _accompany(self, source: AudioSource, block: AudioBlock) -> None:
        """A demonstration's beans get warm as they sound: one reading a second."""
        second = block.end_sample // source.sample_rate_hz
        if not getattr(source, "temperatures", False):
            return
        if self.settings.roaster is not None:  # its probe is the one; two would be mixed
            if block.first_sample == 0:
                _log.warning(_OWN_PROBE, self.name)
            return
        if second == block.first_sample // source.sample_rate_hz:
            return
        if self._beans_of_demo is None:
            crack_s = source.truth.first_crack_at_s  # type: ignore[attr-defined]
            self._beans_of_demo = TimedRoast(crack_s or 540.0)
        at_s = time.monotonic()
        self.read(self._beans_of_demo.reading(float(second), self.name, at_s), self.now())

    def _judged(self, pipeline: Pipeline, block: AudioBlock) -> list[CrackScore]:
        """In the executor: the block through the model."""
        with self._timed("model", block):
            return pipeline.hear(block)

    @contextmanager
    def _timed(self, stage: str, block: AudioBlock) -> Iterator[None]:
        """What a stage costs, shown in the diagnostics."""
        began_s = time.perf_counter()
        yield
        rate_hz = self.pipeline.sample_rate_hz if self.pipeline else 0
        if rate_hz and len(block.samples):
            self.judge.cost(stage, time.perf_counter() - began_s, len(block.samples) / rate_hz)

    def _calibrated(self, model: CrackModel) -> tuple[OnsetOptions, CrackModel]:
        """Decision and model as set, or as learnt from this station's own roasts."""
        path = self.settings.calibration
        if path is None and self._recordings is not None:
            path = calibration.path_for(self._recordings, self.name)
        if path is None:
            return self.settings.onset, model
        return calibration.applied(self.settings.onset, model, path)

    def _new_recorder(self, source: AudioSource) -> Recorder:
        assert self._tape is not None
        return Recorder(
            self.settings.recording,
            self._recordings or Path("recordings"),
            self.name,
            source.sample_rate_hz,
            self.model.spec.model_id,
            self._tape,
            kept=self._clip_kept,
        )

    def _clip_kept(self, clip: RecordedClip) -> None:
        if self.clip_kept is not None and self.pipeline is not None:
            self.clip_kept(clip, self.pipeline.clock.at(clip.first_sample))

    def learn(self, usual: TimePrior | None) -> None:
        """When first crack came in this person's earlier roasts."""
        self._usual = usual
        if self.pipeline is not None:
            self.pipeline.roast.usual = usual

    def judge_by(self, model: CrackModel, name: str) -> None:
        """Listen with another model from the next sound on; for between roasts.

        One that can't be opened for the sound that comes is left again; `detector_problem` says so.

        Raises:
            BadInputError: the model can't judge sound of this station's rate.
            SettingsError: what was learnt can't be read.
        """
        if self.pipeline is not None:
            model.open(self.pipeline.sample_rate_hz)
        former = (self._onset, self.model, self.detector)
        self._onset, self.model = self._calibrated(model)
        self._former = self._former or former
        self.detector, self.detector_problem = name, ""
        if self.pipeline is not None:
            self._next_model = self.model
        if self._recorder is not None:
            self._recorder.judged_by(model.spec.model_id)

    def _change_model(self, pipeline: Pipeline, model: CrackModel) -> None:
        self._next_model = None
        try:
            pipeline.judge_by(model, self._onset)
        except Exception as error:  # noqa: BLE001 - shown; a choice must not end the listening
            self._listen_as_before(error)
        self._former = None

    def _listen_as_before(self, error: Exception) -> None:
        """The chosen model can't be opened: go back to the one that listened before it."""
        assert self._former is not None
        self.detector_problem = f"The detector {self.detector} can't be used here: {error}"
        _log.warning("%s: %s", self.name, self.detector_problem, exc_info=error)
        self._onset, self.model, self.detector = self._former
        if self._recorder is not None:
            self._recorder.judged_by(self.model.spec.model_id)

    def resume(self, roast: OpenRoast) -> None:
        """Go on with a roast that the log holds, as soon as there is sound again."""
        self._resumed = roast

    def _deal_with(self, heard: BlockResult) -> None:
        if self.heard is not None:
            self.heard(heard)
        self.publish(heard.events)

    def publish(self, events: Iterable[RoastEvent]) -> None:
        """Hand events on, with what the roaster's probe says of the bean."""
        bean_temp_c = self.reading.bean_temp_c if self.reading else None
        for event in events:
            self.beans.told(event)
            if self._recorder is not None:
                self._recorder.note(event)
            if event.bean_temp_c is None:
                event = replace(event, bean_temp_c=bean_temp_c)
            self._publish(replace(event, known_s=time.monotonic() - (self._lag_s or 0.0)))

    def instruct(self, instruction: Instruction) -> None:
        """What a person asks; kept until there is sound to relate it to."""
        if self.pipeline is None:
            age_s = (self._now() - self._now.of_wall(instruction.at)).total_seconds()
            self._waiting.add(instruction, age_s)
            return
        at = self._now.of_wall(instruction.at) if self._live else self.now()
        self._carry_out(self.pipeline, replace(instruction, at=at))

    def _carry_out(self, pipeline: Pipeline, instruction: Instruction) -> None:
        """Do what was requested; its time goes by the station's clock."""
        _log.info("%s: %s (%s)", self.name, instruction.kind, instruction.by or instruction.origin)
        roast = pipeline.roast
        told = roast.first_crack if roast.active else None
        self.publish(instruct(pipeline, instruction))
        crack = roast.first_crack
        if told and crack and self._recorder and confirms(instruction, told):
            self._recorder.note(replace(crack, origin=instruction.origin))

    def read(self, reading: Reading, at: datetime | None = None) -> None:
        """A fresh reading of the roaster, taken at `at` (UTC; None: as its own time says)."""
        self.reading = reading
        if self.pipeline is None:
            return
        at = at or self._taken_at(reading)
        if self.taken is not None:
            self.taken(reading, at)
        for found in self.beans.read(reading, at):
            self.publish(self._found(found, at))
        if self.beans.is_late:
            text = "The beans are hotter than first crack ever was, and none was heard."
            self.publish(self.pipeline.roast.late(at, text))

    def _taken_at(self, reading: Reading) -> datetime:
        """UTC of a reading: curve, decision and log all count from when it was taken."""
        age_s = self._clock() - reading.taken_at_s
        if not self._live or not 0.0 <= age_s <= _OLD_READING_S:
            return self.now()
        return self.now() - timedelta(seconds=age_s)

    def _found(self, found: Found, at: datetime) -> list[RoastEvent]:
        """What the bean curve shows, as events."""
        assert self.pipeline is not None
        roast, happened_at = self.pipeline.roast, utc(found.happened_s)
        match found.kind:
            case EventKind.CHARGE if not roast.active:
                charge = Instruction(
                    self.name, InstructionKind.CHARGE, Origin.TEMPERATURE, happened_at
                )
                return instruct(self.pipeline, charge)
            case EventKind.DROP:
                return roast.drop(happened_at, Origin.TEMPERATURE, found.bean_temp_c)
            case EventKind.TURNING_POINT | EventKind.DRY_END if roast.active:
                return roast.milestone(found.kind, happened_at, at, bean_temp_c=found.bean_temp_c)
        return []

    def tick(self) -> None:
        """Once a second: what follows from time alone."""
        if self.pipeline is None:
            self._set_clock()
            return
        roast = self.pipeline.roast
        if roast.phase is Phase.IDLE:
            self._set_clock()
        if roast.start_known or roast.dropped_at is not None:
            self.publish(roast.tick(self.now()))
        if self.ear.state is ComponentState.RETRYING:
            self._report_lost_sound(self.ear.problem or "The microphone was lost.")
        else:
            self._lost_in = None

    def _report_lost_sound(self, text: str) -> None:
        """One event for each loss in a roast, also where the sound was lost before it began."""
        assert self.pipeline is not None
        roast = self.pipeline.roast
        if roast.active and self._lost_in != roast.roast_id:
            self._lost_in = roast.roast_id
            self.publish([roast.told(EventKind.SOUND_LOST, self.now(), text)])

    def snapshot(self) -> Snapshot:
        """All that is shown of this station now."""
        now = self.now()
        parts = tuple(part.status() for part in (self.ear, self.judge, self._tape) if part)
        if self.pipeline is None:
            return Snapshot(
                self.name,
                now,
                listening=False,
                reading=self.reading,
                roaster=self.roaster_state(),
                parts=parts,
            )
        pipeline, roast, onset = self.pipeline, self.pipeline.roast, self.pipeline.onset
        crack = roast.first_crack
        return Snapshot(
            station=self.name,
            at=now,
            phase=roast.phase,
            roast_id=roast.roast_id,
            started_at=roast.charged_at,
            elapsed_s=roast.elapsed_s(now),
            development_s=roast.development_s(now),
            development_ratio_percent=roast.development_ratio_percent(now),
            reading=self.reading,
            rate_of_rise_c_per_min=self.beans.curve.rate_of_rise_c_per_min,
            predicted=self.beans.predicted(now, crack) if roast.active else (),
            pops_per_minute=onset.pops_per_minute,
            probability=pipeline.probability,
            decision=1.0 if crack and crack.level is not Level.POSSIBLE else onset.progress,
            first_crack=crack,
            last_event=roast.last_event,
            listening=pipeline.listening,
            armed=roast.active and pipeline.listening,
            sensitivity=onset.sensitivity,
            level=self._meter.last_second if self._meter else None,
            lag_s=self._lag_s,
            roaster=self.roaster_state(),
            parts=parts,
        )

    def _set_clock(self) -> None:
        """Between roasts: go by the computer's clock, and forget times of before a jump."""
        if self._resumed is not None:  # a roast goes on: its times count on from where it was
            return
        moved_s = self._now.settle()
        if abs(moved_s) > _JUMP_S:
            _log.warning("%s: the computer's clock was set by %+.0f s", self.name, moved_s)
            self.beans.forget_times()
            if self.clock_set is not None:
                self.clock_set()

    def now(self) -> datetime:
        """The present, by a clock that never jumps during a roast.

        In a replay, whatever its speed, it is the end of what was heard.
        """
        if self.pipeline is None or self._live:
            return self._now()
        return self.pipeline.heard_until

    def _begin(self, source: AudioSource, block: AudioBlock) -> Pipeline:
        self._live = source.live
        self._set_clock()
        heard_s = block.end_sample / source.sample_rate_hz
        started_at = self._now() - timedelta(seconds=began_before_s(source, heard_s))
        try:
            self.pipeline = self._opened(source.sample_rate_hz, started_at)
        except Exception as error:
            if self._former is None:
                raise
            self._listen_as_before(error)
            self.pipeline = self._opened(source.sample_rate_hz, started_at)
        self._former = self._next_model = None
        self.pipeline.roast.usual = self._usual
        self._meter = LevelMeter(source.sample_rate_hz)
        self._go_on(self.pipeline)
        self._take_what_waits()
        return self.pipeline

    def _opened(self, sample_rate_hz: int, started_at: datetime) -> Pipeline:
        return Pipeline(
            self.name,
            self.model,
            sample_rate_hz,
            started_at=started_at,
            onset=self._onset,
            roast=self.settings.roast,
            witness=self.beans.llr,
        )

    def _take_what_waits(self) -> None:
        """Carry out what was asked before there was sound, unless it is too old."""
        assert self.pipeline is not None
        for waited_s, instruction in self._waiting.take():
            ago = timedelta(seconds=waited_s if self._live else 0.0)
            with self._mishaps.contained(instruction.kind.value):
                self._carry_out(self.pipeline, replace(instruction, at=self.now() - ago))

    def _go_on(self, pipeline: Pipeline) -> None:
        roast, self._resumed = self._resumed, None
        if roast is None:
            return
        charge = roast.event(EventKind.CHARGE)
        charged_at = charge.happened_at if charge else roast.started_at
        pipeline.resume(roast.roast_id, charged_at, list(roast.events))
        pipeline.roast.start_known = charge is not None
        self.beans.curve.charge(charged_at.timestamp())
        for at_s, bean_temp_c, environment_temp_c in roast.readings:
            at = roast.started_at + timedelta(seconds=at_s)
            past = Reading(self.name, at_s, bean_temp_c, environment_temp_c)
            self.beans.read(past, at)
        for event in roast.events:
            self.beans.told(event)
        self.resumed_id = roast.roast_id
        _log.info("%s: the roast %s goes on", self.name, roast.roast_id)

    def _on_time(self, source: AudioSource, block: AudioBlock) -> None:
        assert self.pipeline is not None
        assert self._meter is not None
        with self._timed("level", block):
            self._meter.push(block.samples)
        if not source.live:
            return
        self._lag_s = max(0.0, time.monotonic() - block.captured_at_s)
        if self._lag_s > _LATE_S:
            self.judge.trouble(ComponentState.DEGRADED, "The model falls behind the microphone.")
        clock = self.pipeline.clock
        real = self._now() - timedelta(seconds=self._lag_s)
        drift = real - clock.at(block.end_sample)
        if not self.pipeline.roast.active and abs(drift.total_seconds()) > _REANCHOR_S:
            clock.started_at += drift
