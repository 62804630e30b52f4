"""All that the interlocks may look at, at one moment: plain values, no clock."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.states import LeaseState, LinkState
from roastwatch.vocabulary import Actuator, Origin, Reading


@dataclass(frozen=True, slots=True)
class Setpoints:
    """What each actuator is set to, percent. None: unknown."""

    heater: float | None = None
    fan: float | None = None
    drum: float | None = None
    cooling: float | None = None
    door: float | None = None

    def of(self, actuator: Actuator) -> float | None:
        """The value of one actuator."""
        value: float | None = getattr(self, actuator.value)
        return value

    def but(self, actuator: Actuator, percent: float | None) -> "Setpoints":
        """The same with one actuator changed."""
        return replace(self, **{actuator.value: percent})


class Effect(StrEnum):
    """What a bound does in addition when it moves an actuator."""

    LIMIT = "limit"
    """Only moves the actuator."""
    DISARM = "disarm"
    """Also ends arming: heat stays off until a person arms again."""
    MAKE_SAFE = "make_safe"
    """Also ends arming and makes the machine safe: drum and cooling on."""


@dataclass(frozen=True, slots=True)
class Bound:
    """An actuator must be at least or at most this, percent, with the reason in a sentence."""

    actuator: Actuator
    reason: str
    at_least: float | None = None
    at_most: float | None = None
    to: float | None = None
    """What to set when below `at_least`, where that isn't `at_least` itself."""
    effect: Effect = Effect.LIMIT


@dataclass(frozen=True, slots=True)
class Situation:
    """One moment. `wanted` is `setpoints` with the command under judgement, if any, applied."""

    limits: Limits
    capabilities: Capabilities
    setpoints: Setpoints
    wanted: Setpoints
    asked: Actuator | None = None
    """Which actuator the command under judgement sets; None: there is no command."""
    origin: Origin | None = None
    """Who sent the command."""
    reading: Reading | None = None
    reading_age_s: float | None = None
    """None: there has been none since the link came up."""
    implausible: str | None = None
    """Why the newest reading can't be true."""
    over_range: str | None = None
    """Why the machine counts as hotter than can be measured."""
    restarted: str | None = None
    """Why the machine is known to have restarted under its link."""
    link: LinkState = LinkState.LOST
    zero_confirmed: bool = False
    """The heater's readback has been 0 since the link came up (True if it has none)."""
    lease: LeaseState = LeaseState.ENDED
    armed: bool = False
    """Judged apart from an emergency stop, so that each alone keeps heat off."""
    unarmed_reason: str = ""
    emergency: str | None = None
    unattended_s: float = 0.0
    cutoff_confirmed: bool = False
    log_works: bool = True
    hottest_c: float | None = None
    """Of the last plausible reading of any age, °C; None: there has been none."""
    hot: bool | None = None
    """Whether the machine is hot; None: unknown."""
    cools_for_safety: bool = False
    """`make_safe` switched cooling on, and nobody has set it since."""
    bean_rate_c_per_min: float | None = None
    environment_rate_c_per_min: float | None = None
    heating_s: float | None = None
    """Seconds since heat first went on after arming."""
    roast_s: float | None = None
    """Seconds since the charge, until the drop."""
    heat_off_s: float | None = None
    """Seconds since heat went off; None: it is on."""
    heat_without_rise_s: float = 0.0
    too_hot: bool = False
    """A probe's last value is at its limit or beyond."""
    risen_without_heat_c: float = 0.0
    """By how much it is hotter than stored heat can explain, °C."""
    heat_short_s: float = 0.0
    """For how long the heater has reported less than its setpoint, after settling; else 0."""
    heat_gone: bool = False
    """The newest reading shows no heat, but heat is set and was shown, or should be by now."""
    probe_fault: str | None = None
    """Which probe does not follow the heat, in words."""
    unmoved_s: float = 0.0
    """For how long heat has been on while no probe changed at all, seconds."""
    contradicted_s: dict[Actuator, float] = field(default_factory=dict)
    """For how long each readback has contradicted its setpoint, seconds."""

    @property
    def heat_wanted(self) -> bool:
        """Whether heat would be on."""
        return (self.wanted.heater or 0.0) > 0.0

    @property
    def door_wanted_open(self) -> bool:
        """Whether the door would be open, by command or by its readback."""
        if self.wanted.door is not None:
            return self.wanted.door > 0.0
        return bool(self.reading is not None and self.reading.door_open)

    @property
    def drum(self) -> Actuator:
        """What moves the beans: the drum, or the fan of a fluid bed."""
        return Actuator.FAN if self.capabilities.fan_is_drum else Actuator.DRUM

    def has(self, actuator: Actuator) -> bool:
        """Whether this machine lets it be set."""
        return actuator in self.capabilities.actuators
