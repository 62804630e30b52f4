"""The bean curve while it grows: rate of rise, turning point, dry end, and two-signal guesses.

    curve = Curve(CurveOptions(dry_end_c=150.0))
    curve.charge(0.0)                                   # when a person or the roaster says so
    for found in curve.feed(at_s, bean_c, environment_c, heater_percent):
        ...                                             # what became known with this reading
    curve.rate_of_rise_c_per_min, curve.bean_temp_c     # for the snapshot, None while unknown

Times are seconds on any one clock that never runs backwards. Nothing here acts on a roaster. A
charge or drop that only the curve shows is reported after two signals agree, so that a step of a
whole-degree probe (a known cause of false drops) can't end a roast.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from pydantic import Field

from roastwatch.options import Options
from roastwatch.records.record import Column
from roastwatch.roast.curve import rate_of_rise as curve_ror
from roastwatch.vocabulary import EventKind

HISTORY_S = 1800.0
PLAUSIBLE_C = (-20.0, 400.0)
EARLIEST_TURN_S = 20.0
BETWEEN_ROASTS_S = 240.0
"""After a drop a cooling probe also falls and turns: look for no charge for this long."""
COLDEST_CHARGE_C = 70.0
"""Beans are not charged into a colder machine."""


class CurveOptions(Options):
    """Options of the bean curve."""

    window_s: float = Field(
        45.0, gt=5, description="Length of the rate of rise's window, in seconds."
    )
    dry_end_c: float = Field(150.0, description="Bean temperature that ends drying, in °C.")
    usual_first_crack_c: float | None = Field(
        None,
        description="Bean temperature at first crack, in °C; null: learned from the roast log.",
    )
    wished_development_percent: float | None = Field(
        None, gt=0, lt=60, description="Development ratio to count down to, in percent."
    )
    wished_development_s: float | None = Field(
        None,
        gt=0,
        description="Development time to count down to, in seconds; takes precedence over percent.",
    )
    detect_charge: bool = Field(
        True, description="Detect a charge from two signals of the curve, if it is not reported."
    )
    detect_drop: bool = Field(
        True, description="Detect a drop from two signals of the curve, if it is not reported."
    )


@dataclass(frozen=True, slots=True)
class Found:
    """An event that the curve shows."""

    kind: EventKind
    happened_s: float
    decided_s: float
    bean_temp_c: float | None
    signals: tuple[str, ...] = ()
    """The signals that agreed, for charge and drop."""


@dataclass(slots=True)
class Curve:
    """See the module. Roasts may follow one another; `charge` begins a new one."""

    options: CurveOptions = field(default_factory=CurveOptions)
    rate_of_rise_c_per_min: float | None = None
    bean_temp_c: float | None = None
    """Smoothed."""
    charged_s: float | None = None
    turned_s: float | None = None
    dry_s: float | None = None
    dropped_s: float | None = None
    _times: deque[float] = field(default_factory=deque)
    _beans: deque[float] = field(default_factory=deque)
    _around: deque[float] = field(default_factory=deque)
    _heater: deque[float] = field(default_factory=deque)
    _reported: set[EventKind] = field(default_factory=set)
    _lowest: tuple[float, float] | None = None
    _sought_from_s: float = -np.inf

    def charge(self, at_s: float) -> None:
        """Begin a roast. This may come late: the readings since then are evaluated again."""
        self.charged_s, self.turned_s, self.dry_s, self.dropped_s = at_s, None, None, None
        self._reported = {EventKind.CHARGE}
        self._lowest = None
        for then_s, bean_c in zip(self._times, self._beans, strict=True):
            if then_s >= at_s:
                self._lower(then_s, bean_c)

    def drop(self, at_s: float) -> None:
        """End the search at the drop, until the next charge."""
        self.dropped_s = at_s
        self._reported.add(EventKind.DROP)

    def forget(self, at_s: float) -> None:
        """End the roast; look for the next charge in the readings from `at_s` on."""
        self._sought_from_s = at_s
        self.charged_s = self.turned_s = self.dry_s = self.dropped_s = None
        self._reported = set()

    def feed(
        self,
        at_s: float,
        bean_c: float | None,
        environment_c: float | None = None,
        heater_percent: float | None = None,
    ) -> list[Found]:
        """Add a reading; return the events that it shows.

        Implausible values (below −20 or above 400 °C) count as dropouts. A time that runs
        backwards is ignored.
        """
        if self._times and at_s <= self._times[-1]:
            return []
        bean = _plausible(bean_c)
        self._times.append(at_s)
        self._beans.append(bean)
        self._around.append(_plausible(environment_c))
        self._heater.append(np.nan if heater_percent is None else heater_percent)
        while self._times[0] < at_s - HISTORY_S:
            for column in (self._times, self._beans, self._around, self._heater):
                column.popleft()
        self._smooth(at_s)
        found = []
        if self.charged_s is None or self.dropped_s is not None:
            found += self._find_charge(at_s)
        else:
            self._lower(at_s, bean)
            found += self._find_turn(at_s) + self._find_dry_end(at_s) + self._find_drop(at_s)
        return found

    def history(self, since_s: float = -np.inf) -> tuple[Column, Column]:
        """Times and bean temperatures (NaN = dropout) of the last half hour at most."""
        times = np.array(self._times)
        chosen = times >= since_s
        return times[chosen], np.array(self._beans)[chosen]

    def _recent(self, column: deque[float], window_s: float) -> tuple[Column, Column]:
        """The last stretch of a column; walks back only as far as it must."""
        times: list[float] = []
        values: list[float] = []
        until = self._times[-1] - window_s
        for then_s, value in zip(reversed(self._times), reversed(column), strict=True):
            if then_s < until:
                break
            times.append(then_s)
            values.append(value)
        return np.array(times[::-1]), np.array(values[::-1])

    def _smooth(self, at_s: float) -> None:
        times, beans = self._recent(self._beans, self.options.window_s)
        slope = curve_ror.slope_c_per_min(times, beans, self.options.window_s)
        # Right after the charge, the slope of the empty drum says nothing about the beans.
        settled = self.charged_s is None or at_s - self.charged_s >= self.options.window_s
        self.rate_of_rise_c_per_min = slope if settled else None
        fresh = np.isfinite(beans) & (times > at_s - 10.0)
        if slope is None or not settled:
            self.bean_temp_c = float(np.median(beans[fresh])) if np.any(fresh) else None
        else:
            self.bean_temp_c = curve_ror.level_c(times, beans, slope) if np.any(fresh) else None

    def _lower(self, at_s: float, bean_c: float) -> None:
        if self.charged_s is None or at_s < self.charged_s:
            return
        if self.turned_s is not None or bean_c != bean_c:
            return
        # The last of the lowest, as Artisan defines it.
        if self._lowest is None or bean_c <= self._lowest[1]:
            self._lowest = (at_s, bean_c)

    def _find_turn(self, at_s: float) -> list[Found]:
        if self.turned_s is not None or self._lowest is None or self.charged_s is None:
            return []
        lowest_s, lowest_c = self._lowest
        _, beans = self._recent(self._beans, at_s - lowest_s)
        risen = beans[np.isfinite(beans)][1:]
        if lowest_s <= self.charged_s or len(risen) < 3 or np.median(risen[-3:]) < lowest_c + 2.0:
            return []
        self.turned_s = lowest_s
        return [Found(EventKind.TURNING_POINT, lowest_s, at_s, lowest_c)]

    def _find_dry_end(self, at_s: float) -> list[Found]:
        wanted_c = self.options.dry_end_c
        if self.dry_s is not None or self.turned_s is None or self.bean_temp_c is None:
            return []
        rising = self.rate_of_rise_c_per_min
        if self.bean_temp_c < wanted_c or rising is None or rising <= 0:
            return []
        # Date it back along the slope: a whole-degree probe shows it up to a degree late.
        late_s = min(30.0, (self.bean_temp_c - wanted_c) / rising * 60.0)
        self.dry_s = at_s - late_s
        return [Found(EventKind.DRY_END, self.dry_s, at_s, wanted_c)]

    def _find_charge(self, at_s: float) -> list[Found]:
        if not self.options.detect_charge or EventKind.CHARGE in self._reported - _again(self):
            return []
        window_s = min(120.0, at_s - self._sought_from_s)
        times, beans = self._recent(self._beans, window_s)
        charged_s = find_charge(times, beans)
        if charged_s is None:
            return []
        if self.dropped_s is not None and charged_s < self.dropped_s + BETWEEN_ROASTS_S:
            return []
        signals = ["bean temperature fell"]
        _, around = self._recent(self._around, window_s)
        if _fell_since(times, around, charged_s, 3.0):
            signals.append("environment temperature fell")
        later = (times > charged_s) & np.isfinite(beans)
        after = beans[later]
        risen = len(after) >= 5 and np.median(after[-3:]) > np.min(after) + 2.0
        # Beans take at least half a minute to turn; a dip of the empty drum is shorter.
        if risen and times[later][np.argmin(after)] >= charged_s + EARLIEST_TURN_S:
            signals.append("it turned")
        if len(signals) < 2:
            return []
        self.charge(charged_s)
        before = beans[(times <= charged_s) & np.isfinite(beans)]
        bean_c = float(before[-1]) if len(before) else None
        return [Found(EventKind.CHARGE, charged_s, at_s, bean_c, tuple(signals))]

    def _find_drop(self, at_s: float) -> list[Found]:
        if not self.options.detect_drop or self.turned_s is None or self.charged_s is None:
            return []
        if at_s - self.charged_s < 240.0:
            return []
        times, beans = self._recent(self._beans, 60.0)
        known = np.isfinite(beans)
        if known.sum() < 6:
            return []
        hottest = int(np.flatnonzero(known & (beans == np.max(beans[known])))[-1])
        top_s, top_c = float(times[hottest]), float(beans[hottest])
        fallen = beans[known][-3:]
        if top_c < 150.0 or np.max(fallen) > top_c - 5.0:
            return []
        signals = ["bean temperature fell"]
        _, around = self._recent(self._around, 60.0)
        if _fell_since(times, around, top_s, 3.0):
            signals.append("environment temperature fell")
        _, heater = self._recent(self._heater, 60.0)
        if np.isfinite(heater[-1]) and heater[-1] == 0:
            signals.append("the heater is off")
        if np.max(fallen) < top_c - 20.0:
            signals.append("it went on falling")
        if len(signals) < 2:
            return []
        self.drop(top_s)
        return [Found(EventKind.DROP, top_s, at_s, top_c, tuple(signals))]


def _again(curve: Curve) -> set[EventKind]:
    """After a drop a new charge may be found."""
    return {EventKind.CHARGE} if curve.dropped_s is not None or curve.charged_s is None else set()


def _plausible(value: float | None) -> float:
    if value is None or not PLAUSIBLE_C[0] <= value <= PLAUSIBLE_C[1]:
        return float("nan")
    return float(value)


def _fell_since(times: Column, values: Column, since_s: float, by_c: float) -> bool:
    before = values[(times <= since_s + 2.0) & np.isfinite(values)]
    after = values[(times > since_s + 2.0) & np.isfinite(values)]
    return len(before) > 0 and len(after) > 1 and float(np.max(after[-2:])) <= before[-1] - by_c


def find_charge(times: Column, beans: Column, fall_c: float = 12.0) -> float | None:
    """When cold beans reached a hot probe: the last reading before a fall of 12 °C in 25 s.

    Args:
        times: seconds, ascending.
        beans: bean temperatures in °C, NaN = dropout.
        fall_c: how far it must fall.

    Returns:
        The time of the charge; None if the curve shows none.
    """
    known = np.isfinite(beans)
    times, beans = times[known], beans[known]
    if len(times) < 4:
        return None
    after = np.searchsorted(times, times + 25.0, "right") - 1
    falls = beans - beans[after]
    falls[beans < COLDEST_CHARGE_C] = 0.0
    if not len(falls) or np.max(falls) < fall_c:
        return None
    first = int(np.flatnonzero(falls >= min(fall_c, np.max(falls)))[0])
    # From there to where it really begins to fall: a plateau before it belongs to the empty drum.
    limit = beans[first] - max(1.0, 0.05 * falls[first])
    later = np.flatnonzero(beans[first : after[first] + 1] < limit)
    return float(times[first + max(0, int(later[0]) - 1)]) if len(later) else float(times[first])
