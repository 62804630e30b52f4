"""The end of a drive: whether the temperature still rises with heat off. Pure."""

from collections import deque
from collections.abc import Sequence
from statistics import median

from roastwatch.vocabulary import Reading

SPAN_S = 20.0
"""Time without heat after which a probe shows whether it rises."""
LEAST_SPAN_S = 6.0
LEAST_OFF_S = 10.0
"""A fall counts only after this time: more fan at first cools even a machine that still heats."""
RISE_C = 1.2
"""A probe of whole degrees may step up once."""
FALL_C = 1.0
FAST_C = 4.0
"""A rise within SPAN_S that a hot drum does not explain."""
FRESH_S = 5.0
LOUD_S, LOUD_FAST_S = 60.0, 20.0
"""Beans in a hot drum get warmer for a while; a longer rise means that heat is on."""
UNKNOWN_S = 60.0
"""How long to wait for readings."""


class Afterheat:
    """The temperatures since heat was last set to 0. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.heated = False
        """Whether heat has been on at all."""
        self._off_since_s: float | None = None
        self._readings: deque[Reading] = deque()

    def read(self, reading: Reading, setpoint_percent: float | None) -> None:
        """Add a reading, and the heater's setpoint when it arrived."""
        if (setpoint_percent or 0.0) > 0.0:
            self.heated, self._off_since_s = True, None
            self._readings.clear()
            return
        if self._off_since_s is None:
            self._off_since_s = reading.taken_at_s
        self._readings.append(reading)
        while reading.taken_at_s - self._readings[0].taken_at_s > SPAN_S:
            self._readings.popleft()

    def off_s(self, now_s: float) -> float:
        """How long heat has been set to 0, seconds."""
        return 0.0 if self._off_since_s is None else now_s - self._off_since_s

    def rise_c(self, now_s: float) -> tuple[float, float] | None:
        """The largest recent rise of a probe, °C, and over how many seconds; None: unknown."""
        if not self._readings or now_s - self._readings[-1].taken_at_s > FRESH_S:
            return None
        span_s = self._readings[-1].taken_at_s - self._readings[0].taken_at_s
        columns = zip(*((r.bean_temp_c, r.environment_temp_c) for r in self._readings), strict=True)
        rises = [rise for column in columns if (rise := _rise_c(column)) is not None]
        return (max(rises), span_s) if rises else None

    @property
    def hottest_rise_c(self) -> float:
        """How much the hottest probe has risen lately, °C: beans that follow hotter air are not."""
        pairs = ((r.bean_temp_c, r.environment_temp_c) for r in self._readings)
        hottest = (max((c for c in pair if c is not None), default=None) for pair in pairs)
        return _rise_c(tuple(hottest)) or 0.0

    def rising(self, now_s: float) -> bool | None:
        """Whether the temperature rises although heat is off; None: unknown yet."""
        rise = self.rise_c(now_s)
        if rise is None or rise[1] < LEAST_SPAN_S:
            return None
        rise_c, span_s = rise
        if rise_c > RISE_C:
            return True
        falls = rise_c < -FALL_C and span_s >= LEAST_OFF_S
        return False if falls or span_s >= SPAN_S - 2.0 else None

    def verdict(self, now_s: float, reported: bool | None) -> bool | None:
        """The same, combined with the guardian's report; None: unknown yet.

        The guardian's window may include time with heat on, so its "not rising" counts only once
        heat has been off for as long as that window.
        """
        own = self.rising(now_s)
        if reported or own is not None:
            return bool(reported or own)
        return False if reported is False and self.off_s(now_s) >= SPAN_S else None

    def alarming(self, now_s: float, *, hotter: bool) -> bool:
        """Whether a rise is no longer what a hot drum does.

        `hotter` is whether the guardian reports that the hottest probe rises.
        """
        off_s, fast = self.off_s(now_s), hotter or self.hottest_rise_c > FAST_C
        return off_s >= LOUD_S or (fast and off_s >= LOUD_FAST_S)


def _rise_c(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    third = len(known) // 3
    return median(known[-third:]) - median(known[:third]) if third else None
