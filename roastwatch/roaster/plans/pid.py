"""Heat that follows a bean temperature: a PID controller with limits and bumpless transfer.

The standard form with derivative on the measurement and integration stopped at the limits
(Åström and Hägglund, "Advanced PID Control", 2006, chapters 3.3 to 3.5). Its output is a request:
every value still passes the interlocks.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from roastwatch.options import Options

SLOPE_OVER_S = 12.0
"""Smoothing time of the derivative: probes of whole degrees step."""


class PidOptions(Options):
    """Gains and limits. The defaults come from `roastwatch roaster simulate --tune`."""

    gain_percent_per_c: float = Field(
        2.0, gt=0, le=50, description="Heat in percent per °C of deviation."
    )
    integral_s: float = Field(180.0, gt=0, description="Integral time, seconds.")
    derivative_s: float = Field(30.0, ge=0, description="Derivative time, seconds.")
    heater_min_percent: float = Field(0.0, ge=0, le=100, description="Minimum heat, percent.")
    heater_max_percent: float = Field(100.0, ge=0, le=100, description="Maximum heat, percent.")
    period_s: float = Field(2.0, gt=0, le=30, description="Time between changes of heat, seconds.")


class Pid:
    """One controller. It starts from the present heat, so that taking over causes no jump."""

    def __init__(self, options: PidOptions, heater_percent: float) -> None:
        self._options = options
        self._integral = heater_percent
        self._last_c: float | None = None
        self._slope = 0.0
        self._first = True

    def lower(self, by_percent: float) -> None:
        """Continue from less heat, with all else unchanged."""
        self._integral -= max(0.0, by_percent)

    def next(
        self, target_c: float, bean_c: float, passed_s: float, ceiling: float | None = None
    ) -> float:
        """Heat in percent, within the limits and at most `ceiling`."""
        options = self._options
        error = target_c - bean_c
        if self._first:
            self._first = False
            self._integral -= options.gain_percent_per_c * error
        if self._last_c is not None:
            slope = (bean_c - self._last_c) / max(passed_s, 1e-3)
            share = passed_s / (passed_s + SLOPE_OVER_S)
            self._slope += (slope - self._slope) * share
        self._last_c = bean_c
        damped = options.gain_percent_per_c * (error - options.derivative_s * self._slope)
        step = options.gain_percent_per_c * error * passed_s / options.integral_s
        wanted = self._integral + step + damped
        low, high = options.heater_min_percent, options.heater_max_percent
        if ceiling is not None:
            low, high = min(low, ceiling), min(high, ceiling)
        outwards = (wanted > high and step > 0) or (wanted < low and step < 0)
        if not outwards:
            self._integral += step
        return min(high, max(low, self._integral + damped))


@dataclass(frozen=True, slots=True)
class SetpointProfile:
    """Bean temperature over time: pairs of seconds and °C, ascending in time."""

    points: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, points: Sequence[tuple[float, float]]) -> "SetpointProfile":
        """A profile from pairs in any order."""
        return cls(tuple(sorted((float(s), float(c)) for s, c in points)))

    @property
    def begins_s(self) -> float:
        """Time of the first point, seconds."""
        return self.points[0][0]

    @property
    def ends_s(self) -> float:
        """Time of the last point, seconds."""
        return self.points[-1][0]

    def at(self, seconds: float) -> float | None:
        """The temperature at that time, °C; None before the first and after the last point."""
        if not self.points or not self.begins_s <= seconds <= self.ends_s:
            return None
        right = bisect_right(self.points, (seconds, float("inf")))
        if right == len(self.points):
            return self.points[-1][1]
        (s0, c0), (s1, c1) = self.points[right - 1], self.points[right]
        return c0 + (c1 - c0) * (seconds - s0) / (s1 - s0) if s1 > s0 else c1


TAKEN_OVER = (
    "Heat was changed from outside: the profile is no longer followed until the plan's next step "
    "that sets heat."
)


class Follower:
    """Requests the heat that follows a profile, every `period_s`.

    When a person or an interlock changes the heat, they have taken over. The follower then
    requests nothing until a step of the plan sets heat (`begin`), and continues from there without
    a jump.
    """

    def __init__(self, profile: SetpointProfile, options: PidOptions) -> None:
        self.profile = profile
        self._options = options
        self._pid: Pid | None = None
        self._last_s: float | None = None
        self._asked: float | None = None
        """The heat after our last request; None: there was none since `begin`."""
        self.taken_over = False

    def begin(self, heater_percent: float | None = None) -> None:
        """Follow from the heat that a step of the plan has set."""
        self._pid, self._last_s, self._asked, self.taken_over = None, None, heater_percent, False

    def lowered(self, to_percent: float) -> None:
        """Continue from the heat that a step which waits for sound has lowered."""
        if self._pid is not None and self._asked is not None:
            self._pid.lower(self._asked - to_percent)
        self._asked = to_percent

    def watch(self, heater_percent: float) -> bool:
        """Whether heat was taken over just now. `heater_percent` is the setpoint."""
        if self._asked is None or abs(heater_percent - self._asked) <= 0.5:
            return False
        before, self.taken_over = self.taken_over, True
        return not before

    def next(
        self,
        elapsed_s: float,
        bean_c: float | None,
        heater_percent: float,
        ceiling: float | None = None,
    ) -> float | None:
        """Heat to request now, or None for no change. `heater_percent` is the setpoint.

        `ceiling`: the limit on the requested heat, percent.
        """
        self.watch(heater_percent)
        target_c = self.profile.at(elapsed_s)
        if self.taken_over or target_c is None or bean_c is None:
            return None
        if self._last_s is not None and elapsed_s - self._last_s < self._options.period_s:
            return None
        passed_s = self._options.period_s if self._last_s is None else elapsed_s - self._last_s
        self._last_s = elapsed_s
        if self._pid is None:
            self._pid, self._asked = Pid(self._options, heater_percent), heater_percent
        wanted = float(round(self._pid.next(target_c, bean_c, passed_s, ceiling)))
        if ceiling is not None:
            wanted = min(wanted, ceiling)  # the limit may not be a whole number
        return wanted if abs(wanted - heater_percent) >= 1.0 else None

    def applied(self, percent: float | None) -> None:
        """Note the heat that was applied; None: it was refused and stays unchanged."""
        if percent is not None:
            self._asked = percent

    def deviation_c(self, elapsed_s: float, bean_c: float | None) -> float | None:
        """How far the beans are above the profile, °C."""
        target_c = self.profile.at(elapsed_s)
        return None if target_c is None or bean_c is None else bean_c - target_c
