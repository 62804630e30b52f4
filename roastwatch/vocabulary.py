"""The nouns that travel between rooms. Units are in the names; unknown is None.

Samples count at the source's own rate unless a name says otherwise. Times that end in `_s` are
seconds of a monotonic clock; `_at` without a unit is an aware UTC datetime.
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
else:  # a guardian hears nothing, and starts sooner without numpy
    Float32Array = object


class Phase(StrEnum):
    """Where a roast is. `roasting` stands for drying and maillard without a bean probe."""

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
    NO_CRACK_YET = "no_crack_yet"
    SOUND_LOST = "sound_lost"
    ROASTER_LOST = "roaster_lost"
    INTERLOCK = "interlock"
    FAULT = "fault"


class Level(StrEnum):
    """How sure a first crack is: `possible` is shown, `first_crack` told, `certain` acted on."""

    POSSIBLE = "possible"
    FIRST_CRACK = "first_crack"
    CERTAIN = "certain"

    @property
    def rank(self) -> int:
        """0, 1 or 2, to compare levels by."""
        return ("possible", "first_crack", "certain").index(self.value)


class Urgency(StrEnum):
    """How much an event matters to a person who is elsewhere."""

    INFORMATION = "information"
    """Worth knowing, nothing to do: an interlock corrected a value, say."""
    NEEDS_YOU = "needs_you"
    """Somebody should look or answer."""
    DANGER = "danger"
    """Somebody must come at once."""


class Origin(StrEnum):
    """Who says so."""

    SOUND = "sound"
    TEMPERATURE = "temperature"
    COUNTER = "counter"
    ROASTER = "roaster"
    PERSON = "person"
    INTERLOCK = "interlock"
    PLAN = "plan"
    RULE = "rule"


class EvidenceKind(StrEnum):
    """The witnesses of a first crack."""

    SOUND = "sound"
    TEMPERATURE = "temperature"
    COUNTER = "counter"
    PERSON = "person"
    TIME = "time"


class InstructionKind(StrEnum):
    """What a person (or a rule) may ask of a station. None of them raises heat."""

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
    """What of a roaster can be set. `door` open drops the beans."""

    HEATER = "heater"
    FAN = "fan"
    DRUM = "drum"
    COOLING = "cooling"
    DOOR = "door"


class Outcome(StrEnum):
    """What became of a command."""

    APPLIED = "applied"
    LIMITED = "limited"
    REFUSED = "refused"
    EXPIRED = "expired"
    FAILED = "failed"


class StopState(StrEnum):
    """Whether an emergency stop has reached the machine: heat 0 written, and read back if it can.

    Pending means that the machine may still heat.
    """

    NONE = "none"
    PENDING = "pending"
    DELIVERED = "delivered"


class ComponentState(StrEnum):
    """How a part of the service is."""

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

    @property
    def end_sample(self) -> int:
        """One past the last sample."""
        return self.first_sample + len(self.samples)


@dataclass(frozen=True, slots=True)
class Pop:
    """One sound that a model localised."""

    sample: int
    probability: float


@dataclass(frozen=True, slots=True)
class CrackScore:
    """What a model says of the sound up to `end_sample` (one hop of it, or one window)."""

    end_sample: int
    log_likelihood_ratio: float
    """Crack against not, natural logarithm."""
    probability: float
    model_id: str
    pops: tuple[Pop, ...] = ()
    """Pops that became known with this score, in order; empty for models that don't localise."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one witness says of first crack."""

    kind: EvidenceKind
    log_likelihood_ratio: float
    happened_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class RoastEvent:
    """Something that happened in a roast. A first crack grows under one `event_id`."""

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
    """One sentence for a person, where the kind alone doesn't say it (interlocks, faults)."""
    bean_temp_c: float | None = None
    revoked: bool = False
    """A person said that it was none."""
    urgency: Urgency | None = None
    """Where it differs from what its kind usually has."""
    unlogged: bool = False
    """Told although the log could not take it in time."""
    known_s: float | None = field(default=None, compare=False)
    """Monotonic time of the decision in this process: how old it is, whatever the clock does."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the roaster's probes and actuators say. None = no such probe, or no value now."""

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
    """A probe shows more than it can measure, or than the machine can report: too hot."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a person asks of a station."""

    station: str
    kind: InstructionKind
    origin: Origin
    at: datetime
    value: float | str | None = None
    """Sensitivity (0 to 1), a note, the name of a choice, the id of the event that is meant, or
    seconds for which it holds."""
    by: str = ""
    """Whose device or name, where known: an answer counts once."""


@dataclass(frozen=True, slots=True)
class Command:
    """A wish to set one actuator of a roaster. It passes the interlocks or is refused."""

    command_id: str
    station: str
    actuator: Actuator
    target: float
    """Percent, 0 to 100; for the door 0 closed and 100 open."""
    origin: Origin
    requested_at_s: float
    valid_for_s: float = 2.0

    @classmethod
    def new(cls, station: str, actuator: Actuator, percent: float, origin: Origin) -> "Command":
        """A command that is requested now, with an id of its own."""
        return cls(uuid.uuid4().hex, station, actuator, percent, origin, time.monotonic())


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What became of a command, for whoever asked."""

    command_id: str
    outcome: Outcome
    applied: float | None = None
    interlock: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AudioLevel:
    """The level of the last second of sound."""

    peak_dbfs: float
    rms_dbfs: float
    clipped_percent: float
    problem: str | None = None
    """One sentence: clipping, silent, gain control, noise suppression, lost."""


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """How one part of the service is, for diagnostics and problem entities."""

    name: str
    state: ComponentState
    problem: str | None = None
    """One sentence, None when all is well."""
    counters: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class RoasterState:
    """What the door to the heater says of itself."""

    connected: bool
    armed: bool
    armed_for_s: float | None = None
    """Seconds until arming ends."""
    emergency: bool = False
    stop: StopState = StopState.NONE
    """Of the last emergency stop, until the roaster is armed again."""
    stop_problem: str = ""
    """While it is pending: that it was not delivered, why, and what to do; one text for people."""
    alarm: str = ""
    """The loud alarm that stands (it heats though heat is off), in a sentence; empty: none."""
    actuators: tuple[Actuator, ...] = ()
    """What this machine lets be set."""
    last_refusal: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is shown of a station at one moment."""

    station: str
    at: datetime
    phase: Phase = Phase.IDLE
    roast_id: str | None = None
    started_at: datetime | None = None
    """UTC of the charge, or of the start of the sound where nobody charged."""
    elapsed_s: float | None = None
    """Since charge."""
    development_s: float | None = None
    """Since the onset of first crack."""
    development_ratio_percent: float | None = None
    reading: Reading | None = None
    rate_of_rise_c_per_min: float | None = None
    deviation_c: float | None = None
    """How far the beans are above the plan's profile."""
    pops_per_minute: float | None = None
    probability: float | None = None
    decision: float = 0.0
    """Progress towards `first_crack`: 0 nothing, 1 decided."""
    first_crack: RoastEvent | None = None
    """The roast's first crack as it stands now."""
    last_event: RoastEvent | None = None
    listening: bool = True
    armed: bool = False
    """Whether a crack heard now would be decided upon."""
    sensitivity: float = 0.5
    level: AudioLevel | None = None
    lag_s: float | None = None
    """How far judging is behind the microphone."""
    roaster: RoasterState | None = None
    parts: tuple[ComponentStatus, ...] = ()
    predicted: tuple[tuple[EventKind, float, float], ...] = ()
    """Event, seconds from charge, half width of the interval in seconds."""
    detector: str | None = None
    """Which model listens."""
    detectors: tuple[str, ...] = ()
    """Which a person may choose while no roast runs."""
    profile: str | None = None
    """What the roast is compared with or follows."""
    profiles: tuple[str, ...] = ()
    acknowledged_at: datetime | None = None
    """When somebody last said: seen."""
    refusal: str = ""
    """Why the last choice was refused, in a sentence."""
