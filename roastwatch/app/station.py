"""One station: a source, a model, a roast. It waits for its first sound, then it listens."""

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from roastwatch import plugins
from roastwatch.app.detector import Detector
from roastwatch.app.instructions import confirms
from roastwatch.app.listening import Listening
from roastwatch.app.live_sound import LiveSound
from roastwatch.app.reference import StationReference
from roastwatch.app.sound_probe import SoundProbe
from roastwatch.app.station_clock import StationClock
from roastwatch.app.waiting import WaitingForSound
from roastwatch.audio.recorder import Recorder
from roastwatch.audio.recorder_disk import RecordedClip
from roastwatch.audio.source import AudioSource, began_before_s
from roastwatch.channel import Feed
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.inference_pool import InferencePool
from roastwatch.detection.model import CrackModel
from roastwatch.errors import EndedError
from roastwatch.inbound import Mishaps
from roastwatch.pipeline import BlockResult, Pipeline
from roastwatch.roast.curve.watch import BeanWatch
from roastwatch.roast.priors import TimePrior
from roastwatch.roast.roast import Roast
from roastwatch.roastlog.resume import OpenRoast
from roastwatch.settings.model import StationSettings
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    AudioBlock,
    ComponentState,
    EventKind,
    HeardPop,
    Hearing,
    HearingState,
    Instruction,
    LevelNow,
    Phase,
    Reading,
    RoasterState,
    RoastEvent,
    Snapshot,
    SpectrogramColumns,
)

_log = logging.getLogger(__name__)
_LOST = "The microphone was lost: check its plug and its cable."
_JUMP_S = 2.0
"""A clock that was set by more makes older times worthless."""


@dataclass(slots=True)
class Followers:
    """Callbacks of the roast log; they do nothing until they are set."""

    heard: Callable[[Pipeline, BlockResult], None] = lambda _pipeline, _heard: None
    """Called with what each block of sound meant."""
    clip_kept: Callable[[RecordedClip, datetime], None] = lambda _clip, _at: None
    """Called with each clip and the UTC at which it begins, from the recorder's thread."""
    taken: Callable[[Reading, datetime], None] = lambda _reading, _at: None
    """Called with each reading as it arrives, and the UTC at which it was taken."""
    clock_set: Callable[[], None] = lambda: None
    """Called when the clock has jumped between roasts: earlier times count no more."""


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
        """`recordings` is the folder of recorded sound and of what was learned from it.

        Raises:
            SettingsError: the calibration can't be read.
        """
        self.settings = settings
        self.name = settings.name
        self.source_health = ComponentHealth(f"{settings.name}-microphone")
        self.model_health = ComponentHealth(f"{settings.name}-model")
        self.detector = Detector(settings, recordings, self._model_changed)
        self.roast = Roast(settings.name, settings.roast)
        """Idle while the station waits for sound, also where an earlier one is to be resumed."""
        self.reading: Reading | None = None
        self.beans = BeanWatch(settings.curve, settings.roast.cooling_s)
        self.probe = SoundProbe.of_station(settings)
        """The bean probe that goes with a replay; readings of a machine come by `read`."""
        self._reference = StationReference.of_station(settings)
        self.followers = Followers()
        self.popped: Callable[[HeardPop], None] = lambda _pop: None
        """Called with each pop as it is detected."""
        self.levels: Feed[LevelNow] = Feed()
        self.spectrogram: Feed[SpectrogramColumns] = Feed()
        self.roaster_state: Callable[[], RoasterState | None] = lambda: None
        self.resumed_id: str | None = None
        """The roast that an earlier run of the service began."""
        self._resumed: OpenRoast | None = None
        self._publish = publish
        self._monotonic = clock
        self._clock = StationClock(now, clock)
        self._waiting = WaitingForSound(self.name, self._clock, clock)
        self._sound: WaitingForSound | Listening = self._waiting
        self._recordings = recordings
        self._recorder: Recorder | None = None
        records = settings.recording.wanted
        self._recorder_health = ComponentHealth(f"{settings.name}-recorder") if records else None
        self._mishaps = Mishaps(_log, self.model_health.count, "instructions_failed")
        self._lost_in: str | None = None
        """The roast in which the present loss of sound was reported."""

    @property
    def has_sound(self) -> bool:
        """Whether the first sound has arrived."""
        return self._sound is not self._waiting

    @property
    def listens_with(self) -> str | None:
        """The id of the model that judges the sound now; None without sound."""
        sound = self._sound
        return sound.pipeline.spec.model_id if isinstance(sound, Listening) else None

    def now(self) -> datetime:
        """The present, by a clock that never jumps during a roast."""
        return self._sound.now()

    async def listen(self, scoring: InferencePool) -> None:
        """Judge sound as it arrives and decide. Returns when a file or a demonstration ends.

        Raises:
            EndedError: live sound has ended.
        """
        factory = plugins.load("sources", self.settings.source.type)
        async with AsyncExitStack() as opened:
            source: AudioSource = await opened.enter_async_context(
                factory(self.settings.source.options, self.source_health)
            )
            if self.probe is not None:
                await opened.enter_async_context(self.probe)
            if self._reference is not None:
                await opened.enter_async_context(self._reference)
            async for block in self._blocks(source):
                if self._recorder is None and self._recorder_health is not None:
                    recorder = self._new_recorder(source, self._recorder_health)
                    self._recorder = await opened.enter_async_context(recorder)
                sound = self._listening(source, block)
                if self._reference is not None:
                    await self._reference.supply(block, source)
                await self._hear(sound, block, scoring)
            self._finish()
        self.source_health.state = ComponentState.STOPPED

    async def _hear(self, sound: Listening, block: AudioBlock, scoring: InferencePool) -> None:
        self.detector.change(sound.pipeline)  # between two blocks: none is being judged now
        sound.arrived(block)
        scores = await scoring.run(partial(sound.judge, block))
        if self.probe is not None:
            await self._read_probe(self.probe, sound, block)
        self._deal_with(sound.pipeline, sound.decide(block, scores))
        if self._recorder is not None:
            self._recorder.hear(block, self.roast.roast_id if self.roast.active else None)
        unseen = sound.gather(block)
        if unseen is not None and (columns := sound.look(unseen)):
            self.spectrogram.put(columns)

    async def _read_probe(self, probe: SoundProbe, sound: Listening, block: AudioBlock) -> None:
        reading = await probe.read(block, sound.pipeline.sample_rate_hz, time.monotonic())
        if reading is not None:
            self.read(reading, self.now())

    async def _blocks(self, source: AudioSource) -> AsyncIterator[AudioBlock]:
        """The source's sound; if live sound ends, the last of it is judged and that is reported."""
        try:
            async for block in source.blocks():
                yield block
        except EndedError as ended:
            self.source_health.trouble(ComponentState.FAILED, str(ended))
            self._finish()
            self._report_lost_sound(str(ended))
            raise

    def _finish(self) -> None:
        """The sound has ended: decide on what the model still held back."""
        if isinstance(self._sound, Listening):
            pipeline = self._sound.pipeline
            self._deal_with(pipeline, pipeline.finish())

    def sound_ended(self) -> None:
        """A file or a demonstration has ended, and nothing follows: so has its roast."""
        if isinstance(self._sound, Listening):
            self.publish(self.roast.sound_ended(self.now()))

    def _listening(self, source: AudioSource, block: AudioBlock) -> Listening:
        return self._sound if isinstance(self._sound, Listening) else self.begin(source, block)

    def begin(self, source: AudioSource, block: AudioBlock) -> Listening:
        """The first block has arrived: listen from now on, and do what waited for it.

        Raises:
            RoastwatchError: no model can judge this sound.
        """
        self._set_clock()
        heard_s = block.end_sample / source.sample_rate_hz
        started_at = self._clock() - timedelta(seconds=began_before_s(source, heard_s))

        def made(model: CrackModel, onset: OnsetOptions) -> Pipeline:
            return Pipeline(
                self.name,
                model,
                source.sample_rate_hz,
                started_at=started_at,
                onset=onset,
                roast=self.roast,
                witness=self.beans.llr,
                reference=self._reference.open(source.sample_rate_hz) if self._reference else None,
            )

        sound = Listening(
            self.detector.open(made),
            self.beans,
            self.model_health,
            self._clock,
            LiveSound(self.name, self.levels, self.spectrogram),
            live=source.live,
            monotonic=self._monotonic,
        )
        self._sound = sound
        if self._resumed is not None:
            sound.resume(self._resumed, self.name)
            self.resumed_id, self._resumed = self._resumed.roast_id, None
            _log.info("%s: the roast %s is resumed", self.name, self.resumed_id)
        for age_s, instruction in self._waiting.take():
            ago = timedelta(seconds=age_s if sound.live else 0.0)
            with self._mishaps.contained(instruction.kind.value):
                self._carry_out(sound, replace(instruction, at=self.now() - ago))
        return sound

    def _new_recorder(self, source: AudioSource, health: ComponentHealth) -> Recorder:
        return Recorder(
            self.settings.recording,
            self._recordings or Path("recordings"),
            self.name,
            source.sample_rate_hz,
            self.detector.model.spec.model_id,
            health,
            kept=self._clip_kept,
        )

    def _clip_kept(self, clip: RecordedClip) -> None:
        if isinstance(self._sound, Listening):
            at = self._sound.pipeline.clock.at(clip.first_sample)
            self.followers.clip_kept(clip, at)

    def _model_changed(self, model_id: str) -> None:
        if self._recorder is not None:
            self._recorder.judged_by(model_id)

    def learn(self, usual: TimePrior | None) -> None:
        """When first crack came in this person's earlier roasts."""
        self.roast.usual = usual

    def select_model(self, model: CrackModel, name: str) -> None:
        """Listen with another model from the next sound on; for between roasts.

        If it can't be opened for that sound, the one before it goes on; `detector.problem` says so.

        Raises:
            BadInputError: the model can't judge sound of this station's rate.
            SettingsError: the calibration can't be read.
        """
        self._sound.check(model)
        self.detector.select(model, name)

    def resume(self, roast: OpenRoast) -> None:
        """Go on with a roast that the log holds, as soon as there is sound again."""
        self._resumed = roast

    def _deal_with(self, pipeline: Pipeline, heard: BlockResult) -> None:
        self.followers.heard(pipeline, heard)
        for pop in heard.pops:
            self.popped(HeardPop(self.name, pipeline.clock.at(pop.sample), pop.probability))
        self.publish(heard.events)

    def publish(self, events: Iterable[RoastEvent]) -> None:
        """Hand events on, with the bean temperature of the newest reading."""
        bean_temp_c = self.reading.bean_temp_c if self.reading else None
        lag_s = self._sound.lag_s
        for event in events:
            self.beans.observe(event)
            if self._recorder is not None:
                self._recorder.note(event)
            if event.bean_temp_c is None:
                event = replace(event, bean_temp_c=bean_temp_c)
            self._publish(replace(event, known_s=time.monotonic() - lag_s))

    def instruct(self, instruction: Instruction) -> None:
        """Apply an instruction to the roast; kept until there is sound to relate it to."""
        if not isinstance(self._sound, Listening):
            self._waiting.keep(instruction)
            return
        at = self._clock.of_wall(instruction.at) if self._sound.live else self.now()
        self._carry_out(self._sound, replace(instruction, at=at))

    def _carry_out(self, sound: Listening, instruction: Instruction) -> None:
        """Do what was requested; its time goes by the station's clock."""
        _log.info("%s: %s (%s)", self.name, instruction.kind, instruction.by or instruction.origin)
        reported = self.roast.first_crack if self.roast.active else None
        self.publish(sound.instruct(instruction))
        crack = self.roast.first_crack
        if reported and crack and self._recorder and confirms(instruction, reported):
            self._recorder.note(replace(crack, origin=instruction.origin))

    def read(self, reading: Reading, at: datetime | None = None) -> None:
        """A fresh reading of the roaster, taken at `at` (UTC; None: as its own time says)."""
        self.reading = reading
        sound = self._sound
        if not isinstance(sound, Listening):
            return  # without sound a roast has no clock that a reading could be related to
        at = at or sound.taken_at(reading)
        self.followers.taken(reading, at)
        for events in sound.read(reading, at):
            self.publish(events)

    def tick(self) -> None:
        """Once a second: what follows from time alone."""
        if self.roast.phase is Phase.IDLE:
            self._set_clock()
        if self.roast.start_known or self.roast.dropped_at is not None:
            self.publish(self.roast.tick(self.now()))
        if self.source_health.state is ComponentState.RETRYING:
            self._report_lost_sound(self.source_health.problem or _LOST)
        else:
            self._lost_in = None
        lost, sound = self._lost_hearing(), self._sound
        if lost is not None and isinstance(sound, Listening):
            self.publish(sound.warn(self.now(), lost))

    def _lost_hearing(self) -> HearingState | None:
        """Nothing is heard without a microphone; None if there is one."""
        if self.source_health.state not in (ComponentState.RETRYING, ComponentState.FAILED):
            return None
        return HearingState(Hearing.BLOCKED, self.source_health.problem or _LOST)

    def _report_lost_sound(self, text: str) -> None:
        """One event for each loss in a roast, also where the sound was lost before it began."""
        if self.roast.active and self._lost_in != self.roast.roast_id:
            self._lost_in = self.roast.roast_id
            self.publish([self.roast.notice(EventKind.SOUND_LOST, self.now(), text)])

    def snapshot(self) -> Snapshot:
        """All that is shown of this station now."""
        now, roast = self.now(), self.roast
        lost = self._lost_hearing()
        reference_health = self._reference and self._reference.health
        health = (self.source_health, self.model_health, reference_health, self._recorder_health)
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
            predicted=self.beans.predicted(now, roast.first_crack) if roast.active else (),
            first_crack=roast.first_crack,
            last_event=roast.last_event,
            roaster=self.roaster_state(),
            parts=tuple(part.status() for part in health if part),
            **(self._sound.shown() | ({"hearing": lost} if lost else {})),
        )

    def _set_clock(self) -> None:
        """Between roasts: go by the computer's clock, and forget times of before a jump."""
        if self._resumed is not None:  # a roast is resumed: its times count on from where it was
            return
        moved_s = self._clock.settle()
        if abs(moved_s) > _JUMP_S:
            _log.warning("%s: the computer's clock was set by %+.0f s", self.name, moved_s)
            self.beans.forget_times()
            self.followers.clock_set()
