"""The data types that packages exchange. Units are in the names; unknown is None.

Sample numbers count at the source's own rate unless a name says otherwise. Times that end in `_s`
are seconds of a monotonic clock; `_at` without a unit is an aware UTC datetime.
"""

import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Float32Array: TypeAlias = npt.NDArray[np.float32]
else:  # the guardian has no audio, and starts faster without numpy
    Float32Array = object


class Phase(StrEnum):
    """Phase of a roast. Without a bean probe `roasting` covers drying and Maillard."""

    IDLE = "idle"
    CHARGED = "charged"
    DRYING = "drying"
    MAILLARD = "maillard"
    ROASTING = "roasting"
    FIRST_CRACK = "first_crack"
    DEVELOPMENT = "development"
    DROPPED = "dropped"
    COOLING = "cooling"


class EventKind(StrEnum):
    """What can happen in a roast."""

    CHARGE = "charge"
    TURNING_POINT = "turning_point"
    DRY_END = "dry_end"
    FIRST_CRACK = "first_crack"
    FIRST_CRACK_END = "first_crack_end"
    SECOND_CRACK = "second_crack"
    DROP = "drop"
    COOL_END = "cool_end"
    STOPPED = "stopped"
    """A person ended the roast before the beans were dropped."""
    HARD_TO_HEAR = "hard_to_hear"
    NO_CRACK_YET = "no_crack_yet"
    SOUND_LOST = "sound_lost"
    ROASTER_LOST = "roaster_lost"
    INTERLOCK = "interlock"
    FAULT = "fault"


class Level(StrEnum):
    """Certainty of a first crack: `possible` is shown, `first_crack` sent, `certain` acted on."""

    POSSIBLE = "possible"
    FIRST_CRACK = "first_crack"
    CERTAIN = "certain"

    @property
    def rank(self) -> int:
        """0, 1 or 2, to compare levels by."""
        return ("possible", "first_crack", "certain").index(self.value)


class Urgency(StrEnum):
    """How urgent an event is for somebody who is not beside the roaster."""

    INFORMATION = "information"
    """Needs no action, such as a value that an interlock limited."""
    NEEDS_YOU = "needs_you"
    """Somebody should look or answer."""
    DANGER = "danger"
    """Somebody must come at once."""


class Origin(StrEnum):
    """Who or what reported an event or sent a command."""

    SOUND = "sound"
    TEMPERATURE = "temperature"
    COUNTER = "counter"
    ROASTER = "roaster"
    PERSON = "person"
    INTERLOCK = "interlock"
    PLAN = "plan"
    RULE = "rule"
    AGENT = "agent"
    """A program that acts by its own judgement, such as a language model."""


class EvidenceKind(StrEnum):
    """Kinds of evidence for first crack."""

    SOUND = "sound"
    TEMPERATURE = "temperature"
    COUNTER = "counter"
    PERSON = "person"
    TIME = "time"


class InstructionKind(StrEnum):
    """What a person or a rule can instruct a station to do. None of them raises heat."""

    START = "start"
    CHARGE = "charge"
    UNDER_WAY = "under_way"
    FIRST_CRACK_NOW = "first_crack_now"
    CONFIRM_CRACK = "confirm_crack"
    NOT_A_CRACK = "not_a_crack"
    DROP = "drop"
    STOP = "stop"
    LISTEN_ON = "listen_on"
    LISTEN_OFF = "listen_off"
    SENSITIVITY = "sensitivity"
    NOTE = "note"
    ACKNOWLEDGE = "acknowledge"
    PRESENT = "present"
    ARM = "arm"
    DISARM = "disarm"
    EMERGENCY_STOP = "emergency_stop"
    DETECTOR = "detector"
    PROFILE = "profile"


class Actuator(StrEnum):
    """What can be set on a roaster. Opening `door` drops the beans."""

    HEATER = "heater"
    FAN = "fan"
    DRUM = "drum"
    COOLING = "cooling"
    DOOR = "door"


class Outcome(StrEnum):
    """Result of a command."""

    APPLIED = "applied"
    LIMITED = "limited"
    REFUSED = "refused"
    EXPIRED = "expired"
    FAILED = "failed"


class StopState(StrEnum):
    """Whether an emergency stop has reached the machine: heat 0 is written, and read back if it
    can be. While it is pending, the machine may still heat.
    """

    NONE = "none"
    PENDING = "pending"
    DELIVERED = "delivered"


class ComponentState(StrEnum):
    """State of a component of the service."""

    STARTING = "starting"
    RUNNING = "running"
    RETRYING = "retrying"
    DEGRADED = "degraded"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, eq=False)
class AudioBlock:
    """Contiguous mono samples, float32 in ±1, shape (n,)."""

    first_sample: int
    samples: Float32Array
    captured_at_s: float
    samples_lost_before: int = 0
    reference: Float32Array | None = None
    """The reference channel of the same device, shape (n,) as `samples`; None: there is none."""

    @property
    def end_sample(self) -> int:
        """One past the last sample."""
        return self.first_sample + len(self.samples)


@dataclass(frozen=True, slots=True)
class Pop:
    """One sound that a model detected and localised."""

    sample: int
    probability: float


@dataclass(frozen=True, slots=True)
class HeardPop:
    """A pop that a station heard, at or above its model's threshold."""

    station: str
    at: datetime
    probability: float


@dataclass(frozen=True, slots=True)
class SpectrogramColumns:
    """What the detector of a station sees, for people to look at: consecutive columns."""

    station: str
    at: datetime
    """UTC at which the first column begins."""
    column_s: float
    levels: tuple[bytes, ...]
    """Of each column, the lowest band first: 0 is -100 dB, 255 is 0 dB."""


@dataclass(frozen=True, slots=True)
class CrackScore:
    """A model's score of the sound up to `end_sample` (one hop of it, or one window)."""

    end_sample: int
    log_likelihood_ratio: float
    """Crack against no crack, natural logarithm."""
    probability: float
    model_id: str
    pops: tuple[Pop, ...] = ()
    """Pops detected with this score, in order; empty for models that don't localise."""
    radio: tuple[float, float] | None = None
    """Probabilities that music or voices are louder than 6 dB below the roaster, and than 10 dB
    above it, both above 3.5 kHz; None: the model doesn't judge that."""


class Hearing(StrEnum):
    """How well first crack can be heard."""

    GOOD = "good"
    LIMITED = "limited"
    BLOCKED = "blocked"

    @property
    def rank(self) -> int:
        """0, 1 or 2: the higher, the worse."""
        return ("good", "limited", "blocked").index(self.value)


@dataclass(frozen=True, slots=True)
class HearingState:
    """How well first crack can be heard, and why not better, as one sentence."""

    hearing: Hearing = Hearing.GOOD
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence for first crack."""

    kind: EvidenceKind
    log_likelihood_ratio: float
    happened_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class RoastEvent:
    """Something that happened in a roast. Updates of a first crack keep its `event_id`."""

    event_id: str
    station: str
    roast_id: str | None
    kind: EventKind
    happened_at: datetime
    decided_at: datetime
    origin: Origin
    level: Level | None = None
    happened_sample: int | None = None
    decided_sample: int | None = None
    confidence: float | None = None
    """0 to 1."""
    message: str = ""
    """One sentence for people, if the kind alone is not enough (interlocks, faults)."""
    bean_temp_c: float | None = None
    revoked: bool = False
    """A person rejected it."""
    urgency: Urgency | None = None
    """If it differs from the usual urgency of its kind."""
    unlogged: bool = False
    """Sent although the roast log could not store it in time."""
    known_s: float | None = field(default=None, compare=False)
    """Monotonic time of the decision in this process: gives its age even if the clock is set."""

    @property
    def by_temperature(self) -> bool:
        """Whether it says only that first crack is due by bean temperature, and was not heard."""
        return self.origin is Origin.TEMPERATURE and self.level is Level.POSSIBLE


@dataclass(frozen=True, slots=True)
class Reading:
    """What the roaster's probes and actuators report. None: no such probe, or no value now."""

    station: str
    taken_at_s: float
    bean_temp_c: float | None = None
    environment_temp_c: float | None = None
    heater_percent: float | None = None
    fan_percent: float | None = None
    drum_percent: float | None = None
    cooling_percent: float | None = None
    door_open: bool | None = None
    crack_count: int | None = None
    """The roaster's own counter, where it has one."""
    over_range: bool = False
    """A probe reads more than it can measure or the machine can report: too hot."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction to a station, from a person or a rule."""

    station: str
    kind: InstructionKind
    origin: Origin
    at: datetime
    value: float | str | None = None
    """Sensitivity (0 to 1), a note, the name of a selection, the id of an event, or the seconds for
    which it is valid."""
    by: str = ""
    """Name or device of the person, if known: each person's answer counts once."""


@dataclass(frozen=True, slots=True)
class Command:
    """A request to set one actuator of a roaster. It passes the interlocks or is refused."""

    command_id: str
    station: str
    actuator: Actuator
    target: float
    """Percent, 0 to 100; the door is closed at 0 and open at 100."""
    origin: Origin
    requested_at_s: float
    valid_for_s: float = 2.0
    by: str = ""
    """Name of the sender, if known."""

    @classmethod
    def new(
        cls, station: str, actuator: Actuator, percent: float, origin: Origin, *, by: str = ""
    ) -> "Command":
        """A command that is requested now, with an id of its own."""
        name = uuid.uuid4().hex
        return cls(name, station, actuator, percent, origin, time.monotonic(), by=by)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """Result of a command, for the sender."""

    command_id: str
    outcome: Outcome
    applied: float | None = None
    interlock: str | None = None
    reason: str = ""


class SoundProblem(StrEnum):
    """What a person can improve about the sound."""

    SILENT = "silent"
    TOO_QUIET = "too_quiet"
    CLIPPING = "clipping"
    NOISE_GATE = "noise_gate"
    GAIN_CONTROL = "gain_control"
    CODEC = "codec"
    ROOM_LOUD = "room_loud"


@dataclass(frozen=True, slots=True)
class AudioLevel:
    """The level of the last second of sound."""

    peak_dbfs: float
    rms_dbfs: float
    clipped_percent: float
    problem: str | None = None
    """One sentence (clipping, silent, gain control, noise suppression, lost); None: no problem."""
    hearing: Hearing = Hearing.GOOD
    """How well first crack can be heard with that problem."""
    kind: SoundProblem | None = None
    """Of the problem."""
    limit: str | None = None
    """What the microphone does not pass on by its nature (16 kHz, no bass); no fault."""


@dataclass(frozen=True, slots=True)
class LevelNow:
    """The level of the last quarter of a second, for a meter that moves, with advice."""

    station: str
    at: datetime
    """UTC of its end."""
    peak_dbfs: float
    rms_dbfs: float
    problem: SoundProblem | None = None
    advice: str = ""
    """What the problem is and what to do, as a sentence; empty: no problem."""


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """Status of one component of the service, for diagnostics and problem entities."""

    name: str
    state: ComponentState
    problem: str | None = None
    """One sentence; None: no problem."""
    counters: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a person may want to know of the model in use."""

    model_id: str
    description: str
    """What it was trained on, or how it works, as far as known."""
    lowest_rate_hz: int
    hop_s: float
    look_ahead_s: float
    pop_threshold: float


@dataclass(frozen=True, slots=True)
class RoasterState:
    """State of the roaster's control and its interlocks."""

    connected: bool
    armed: bool
    armed_for_s: float | None = None
    """Seconds until arming ends."""
    emergency: bool = False
    stop: StopState = StopState.NONE
    """State of the last emergency stop, until the roaster is armed again."""
    stop_problem: str = ""
    """While a stop is pending: that it was not delivered, why, and what to do."""
    alarm: str = ""
    """The active alarm (such as: it heats although heat is off) as a sentence; empty: none."""
    actuators: tuple[Actuator, ...] = ()
    """The actuators that can be set."""
    last_refusal: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is shown of a station at one moment."""

    station: str
    at: datetime
    phase: Phase = Phase.IDLE
    roast_id: str | None = None
    started_at: datetime | None = None
    """UTC of the charge, or of the start of the sound if no charge was reported."""
    elapsed_s: float | None = None
    """Since charge."""
    development_s: float | None = None
    """Since the onset of first crack."""
    development_ratio_percent: float | None = None
    reading: Reading | None = None
    rate_of_rise_c_per_min: float | None = None
    deviation_c: float | None = None
    """How far the bean temperature is above the profile of the plan."""
    pops_per_minute: float | None = None
    probability: float | None = None
    decision: float = 0.0
    """Progress towards `first_crack`: 0 nothing, 1 decided."""
    first_crack: RoastEvent | None = None
    """The latest state of the roast's first crack."""
    last_event: RoastEvent | None = None
    listening: bool = True
    armed: bool = False
    """Whether a first crack would be detected now."""
    sensitivity: float = 0.5
    level: AudioLevel | None = None
    hearing: HearingState | None = None
    """How well first crack can be heard; None: unknown, as nothing was heard yet or listening is
    off."""
    lag_s: float | None = None
    """How far the model is behind the microphone."""
    roaster: RoasterState | None = None
    parts: tuple[ComponentStatus, ...] = ()
    predicted: tuple[tuple[EventKind, float, float], ...] = ()
    """Event, seconds from charge, half width of the interval in seconds."""
    detector: str | None = None
    """Name of the model in use."""
    model: ModelCard | None = None
    detectors: tuple[str, ...] = ()
    """Models that can be selected between roasts."""
    profile: str | None = None
    """Profile that the roast follows or is compared with."""
    profiles: tuple[str, ...] = ()
    acknowledged_at: datetime | None = None
    """When alerts were last acknowledged."""
    refusal: str = ""
    """Why the last selection was refused, as a sentence."""
