"""What the last readings show together: rates, plausibility, the effect of heat."""

from collections import deque
from math import isfinite

from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.guardian.heat import HeatRun
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.probes import MUCH_HEAT_PERCENT, ProbeWatch
from roastwatch.vocabulary import Reading

RATE_SPAN_S = 10.0
LEAST_RATE_SPAN_S = 4.0
RISING_SPAN_S = 20.0
RISE_C = 2.0
HEAT_THAT_SHOWS_PERCENT = 30.0
ANY_HEAT_PERCENT = 0.5
AGREEING = 3
"""This many readings in a row must agree before a new level is believed after a jump."""
PROBES = ("bean_temp_c", "environment_temp_c")
NAMES = {"bean_temp_c": "bean probe", "environment_temp_c": "environment probe"}


class History:
    """The last readings of one machine since the link came up. Temperatures in °C."""

    def __init__(self, capabilities: Capabilities, limits: Limits) -> None:
        self.capabilities = capabilities
        self.limits = limits
        self.newest: Reading | None = None
        self.implausible: str | None = None
        self.over_range: str | None = None
        """Why the machine counts as hotter than can be measured."""
        self.hottest_c: float | None = None
        self.probes = ProbeWatch()
        self._good: deque[Reading] = deque()
        self._doubtful: deque[Reading] = deque(maxlen=AGREEING)
        self._heat_since_s: float | None = None
        self._heat_sum = self._heated_s = 0.0
        """Heat since then, percent times seconds."""
        self._heat = HeatRun(HEAT_THAT_SHOWS_PERCENT)
        self._any_heat = HeatRun(ANY_HEAT_PERCENT)
        self._unmoved: tuple[float, tuple[float | None, float | None]] | None = None
        """Since when heat has been on and the probes have shown this."""
        self._heater_percent = 0.0
        self._lowest: dict[str, float] = {}
        self._last_c: dict[str, float] = {}
        """The last believed value of each probe, also of an earlier link."""

    def lost(self) -> None:
        """The link was lost: earlier readings prove nothing, but the last temperatures are kept."""
        self.newest, self.implausible = None, None
        self._good.clear()
        self._doubtful.clear()
        self._unmoved = None
        self._any_heat.forget()
        self.probes.forget()
        self.probes.air_seen_s = None

    def charged(self) -> None:
        """Beans went in: the probes will fall, and rates start again."""
        self._good = deque(list(self._good)[-1:])
        self._heat_since_s = None
        self._heat.forget()
        self.probes.forget()

    def add(self, reading: Reading, heater_percent: float) -> None:
        """Take a reading; `heater_percent` is the heater's setpoint when it was taken."""
        self.newest = reading
        self.over_range = self._too_hot_to_measure(reading)
        self.implausible = None if self.over_range else self._judge(reading)
        if self.implausible:
            return
        temperatures = {
            probe: value
            for probe in PROBES
            if (value := getattr(reading, probe)) is not None and isfinite(value)
        }
        self._last_c |= temperatures
        if self.over_range:
            known = (*temperatures.values(), *self._last_c.values())
            self.hottest_c = max(known, default=self.limits.plausible_max_c)
            self._doubtful.clear()
            return
        self.hottest_c = max(temperatures.values(), default=None)
        self._good.append(reading)
        self._watch_still(reading, heater_percent)
        self.probes.add(reading, heater_percent)
        kept_s = max(RISING_SPAN_S, 3 * self.capabilities.read_period_s)
        while self._good[-1].taken_at_s - self._good[0].taken_at_s > kept_s:
            self._good.popleft()
        self._watch_rise(reading, heater_percent)

    def rate_c_per_min(self, probe: str) -> float | None:
        """Least-squares slope of `bean_temp_c` or `environment_temp_c`, °C/min.

        Over the last 10 s, or the last four readings of a machine that is read less often.
        """
        if not self._good:
            return None
        since_s = self._good[-1].taken_at_s
        since_s -= max(RATE_SPAN_S, 3 * self.capabilities.read_period_s)
        points = [
            (r.taken_at_s, value)
            for r in self._good
            if r.taken_at_s >= since_s and (value := getattr(r, probe)) is not None
        ]
        if len(points) < 3 or points[-1][0] - points[0][0] < LEAST_RATE_SPAN_S:
            return None
        mean_t = sum(t for t, _ in points) / len(points)
        mean_v = sum(v for _, v in points) / len(points)
        spread = sum((t - mean_t) ** 2 for t, _ in points)
        slope: float = sum((t - mean_t) * (v - mean_v) for t, v in points) / spread
        return 60 * slope

    @property
    def rising(self) -> bool:
        """Whether a believed probe rose by more than 2 °C within the last 20 s."""
        if self.over_range:
            return True
        for probe in PROBES:
            values = [v for r in self._good if (v := getattr(r, probe)) is not None]
            if values and values[-1] - min(values) > RISE_C:
                return True
        return False

    @property
    def hotter(self) -> bool:
        """The same for the hottest probe: beans that only follow hotter air are no danger.

        Without heat the hottest part of a machine cools and gives its heat to the beans.
        """
        hottest = [
            max(known)
            for r in self._good
            if (known := [v for probe in PROBES if (v := getattr(r, probe)) is not None])
        ]
        risen = bool(hottest) and hottest[-1] - min(hottest) > RISE_C
        return risen or self.over_range is not None

    def heat_without_rise_s(self, now_s: float) -> float:
        """For how long heat has been on without any probe rising, below `no_rise_below_c`."""
        if self._heat_since_s is None or not self._heat.now:
            return 0.0
        if self.hottest_c is not None and self.hottest_c >= self.limits.no_rise_below_c:
            return 0.0
        for_s = max(0.0, now_s - self._heat_since_s)
        return for_s if self._heat_sum >= HEAT_THAT_SHOWS_PERCENT * self._heated_s else 0.0

    def unmoved_s(self, now_s: float) -> float:
        """For how long heat has been on in a hot machine while no probe changed at all.

        Below `no_rise_below_c` the probes of a cold machine may well stand still, and
        `heat_without_rise_s` watches. Whole degrees may stand still where little heat holds the
        temperature: that time counts one fifth.
        """
        hot = self.hottest_c is not None and self.hottest_c >= self.limits.no_rise_below_c
        if not hot or self._unmoved is None or not self._any_heat.now:
            return 0.0
        held = not self.probes.fine and self._heater_percent < MUCH_HEAT_PERCENT
        return max(0.0, now_s - self._unmoved[0]) / (5.0 if held else 1.0)

    def _watch_still(self, reading: Reading, heater_percent: float) -> None:
        shown = (reading.bean_temp_c, reading.environment_temp_c)
        found = self.unmoved_s(reading.taken_at_s) >= self.limits.frozen_s
        self._heater_percent = heater_percent
        on = self._any_heat.add(reading.taken_at_s, heater_percent)
        if not on or (found and not self._any_heat.now):
            self._unmoved = None
        elif self._unmoved is None or self._unmoved[1] != shown:
            self._unmoved = (reading.taken_at_s, shown)

    def _watch_rise(self, reading: Reading, heater_percent: float) -> None:
        values = {probe: v for probe in PROBES if (v := getattr(reading, probe)) is not None}
        at_s = reading.taken_at_s
        found = self.heat_without_rise_s(at_s) >= self.limits.no_rise_s
        on = self._heat.add(at_s, heater_percent)
        if not on or (found and not self._heat.now):
            self._heat_since_s = None
            return
        if self._heat_since_s is None:
            if self._heat.now:
                self._heat_shows_from(at_s, values)
            return
        self._heat_sum += heater_percent * (at_s - self._heat_since_s - self._heated_s)
        self._heated_s = at_s - self._heat_since_s
        for name, value in values.items():
            low = self._lowest.setdefault(name, value)
            if value >= low + RISE_C:
                self._heat_shows_from(at_s, values)
                return
            self._lowest[name] = min(low, value)

    def _heat_shows_from(self, at_s: float, values: dict[str, float]) -> None:
        self._heat_since_s, self._lowest = at_s, dict(values)
        self._heat_sum = self._heated_s = 0.0

    @property
    def too_hot(self) -> bool:
        """Whether a probe is at its limit or beyond, by what it showed last."""
        return any(value >= self._most_c(probe) for probe, value in self._last_c.items())

    def _most_c(self, probe: str) -> float:
        limits = self.limits
        return limits.bean_temp_max_c if probe == "bean_temp_c" else limits.environment_temp_max_c

    def _reads(self, probe: str) -> bool:
        reads_beans = self.capabilities.reads_bean_temp
        if probe == "bean_temp_c":
            return reads_beans
        return self.capabilities.reads_environment_temp and not reads_beans

    def _too_hot_to_measure(self, reading: Reading) -> str | None:
        """Why a missing value, or one beyond the range, means *too hot* and not a broken probe.

        A broken probe jumps; heat rises. So the probe's last value decides, even if an earlier
        link gave it.
        """
        if reading.over_range:
            return "The machine is hotter than its probe can measure."
        for probe in PROBES:
            value, last_c = getattr(reading, probe), self._last_c.get(probe)
            if last_c is None:
                continue
            was_too_hot = last_c >= self._most_c(probe)
            if value is None:
                if was_too_hot and self._reads(probe):
                    return (
                        f"The {NAMES[probe]} has given no value since {last_c:.0f} °C: too hot to "
                        "measure."
                    )
            elif value > self.limits.plausible_max_c or (not isfinite(value) and was_too_hot):
                longest_c = self.limits.jump_max_c_per_s * self._longest_s()
                if was_too_hot or value - last_c <= longest_c:
                    return (
                        f"The {NAMES[probe]} has risen beyond "
                        f"{self.limits.plausible_max_c:.0f} °C: too hot to be measured."
                    )
        return None

    def _judge(self, reading: Reading) -> str | None:
        low, high = self.limits.plausible_min_c, self.limits.plausible_max_c
        for field in PROBES:
            value, name = getattr(reading, field), NAMES[field]
            if value is None:
                if self._reads(field):
                    return f"The {name} gives no value: check its plug."
                continue
            if not isfinite(value) or not low <= value <= high:
                return f"The {name} shows {value:.0f} °C, which is impossible: check its plug."
        if not self._good or not self._jumps(self._good[-1], reading):
            self._doubtful.clear()
            return None
        if self._doubtful and self._jumps(self._doubtful[-1], reading):
            self._doubtful.clear()
        self._doubtful.append(reading)
        if len(self._doubtful) == AGREEING:
            self._good.clear()  # the new level is the truth
            self._doubtful.clear()
            return None
        return "A probe jumped faster than beans can: its reading is ignored for now."

    def _longest_s(self) -> float:
        return max(1.0, 2 * self.capabilities.read_period_s)

    def _jumps(self, before: Reading, after: Reading) -> bool:
        apart_s = min(max(after.taken_at_s - before.taken_at_s, 0.5), self._longest_s())
        for field in PROBES:
            a, b = getattr(before, field), getattr(after, field)
            if (
                a is not None
                and b is not None
                and abs(b - a) > self.limits.jump_max_c_per_s * apart_s
            ):
                return True
        return False
