"""Whether each probe follows the heat: a probe that stands still measures nothing.

Readings are averaged over slots of 5 s, so that noise neither hides a probe that stands still nor
makes a moving one seem to. The thresholds come from 42 logged roasts of two machines. While heat
was on and the air at least 15 °C hotter, no bean probe stayed within 1 °C for more than 48 s; while
the air rose by 10 °C, for more than 24 s. While the air stayed within 1 °C, the beans rose by
at most 24 °C in a soak below 130 °C and by 7 °C above that; within 3 °C, by 14 °C.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from roastwatch.roaster.guardian.heat import HeatRun
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.vocabulary import Reading

SLOT_S = 5.0
KEPT_S = 330.0
FAHRENHEIT_F = 0.1
"""A whole degree Fahrenheit that was rounded to 0.1 °C is this close to whole again."""
BAND_C = 1.0
"""A probe that stays within this stands still: readings in whole degrees flicker by one."""
HOTTER_C = 15.0
"""Air hotter than the beans by this heats them."""
AIR_RISE_C = 10.0
LEAST_HEAT_PERCENT = 30.0
"""Less heat may hold a machine where it is: nothing needs to move."""
MUCH_HEAT_PERCENT = 50.0
"""This much heat moves any machine."""
FULL_HEAT_PERCENT = 80.0
"""This much heat exceeds what a machine loses: its air rises with its beans."""
STANDS_S = 120.0
"""For beans that stand still where the air isn't hotter or has no probe."""
EXCESS_C, EXCESS_C_S = 20.0, 4500.0
"""For beans that stand still: how much the air is hotter, beyond the first, summed over time. At
100 °C that takes 56 s; the most in the logs is 2,091 °C·s."""
FALL_S = 240.0
FALL_EXCESS_C_S = 16_000.0
"""The same for beans that fall or stand, as after a charge. The most in the logs is 6,660 °C·s."""
SOAKED_C = 130.0
"""Below this the beans take up heat while the air, cooled by the charge, may stand still."""
STANDING_AIR = (
    (LEAST_HEAT_PERCENT, 0.0, BAND_C, 40.0),
    (FULL_HEAT_PERCENT, SOAKED_C, BAND_C, 20.0),
    (FULL_HEAT_PERCENT, SOAKED_C, 3.0, 25.0),
)
"""Air that stands still: least heat (percent), least bean temperature, band of the air, rise of the
beans (°C). With less heat, air and heat loss may balance."""
CREEP_S, CREEP_C, MUCH_CREEP_C = 120.0, 3.0, 4.0
"""Hot beans rise by at least `CREEP_C` in that time, under much heat by `MUCH_CREEP_C`. The least
in the logs, from two minutes after the charge, is 5.8 °C."""
TURNED_S = 120.0
"""From this time after a charge, the bean probe shows the beans."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The means of one slot: beans and air in °C, heat in percent."""

    ended_s: float
    bean_c: float | None
    air_c: float | None
    heater_percent: float
    exact: bool
    """Every bean reading in it was the same."""


class ProbeWatch:
    """The last minutes of one machine's probes while heat was on."""

    def __init__(self) -> None:
        self._open: list[tuple[Reading, float]] = []
        self._slots: deque[Slot] = deque()
        self._heat = HeatRun(LEAST_HEAT_PERCENT)
        self.fine = False
        """Whether a probe ever showed fractions of a degree, Celsius and Fahrenheit."""
        self.beans_in = False
        """Whether a charge is known, and no drop since."""
        self._charged_s: float | None = None
        self.air_seen_s: float | None = None
        """When the environment probe last gave a value, on this link."""
        self._air_is_gone = False
        """It stopped giving values."""
        self._last_s = 0.0
        self._judged_as: tuple[float, bool, Limits, str | None] | None = None
        """The last judgement and its input: there is a new one for every slot."""

    def forget(self) -> None:
        """Start again: heat went off, beans went in, or the link was lost."""
        self._heat.forget()
        self._charged_s = None
        self._clear()

    def _clear(self) -> None:
        self._open.clear()
        self._slots.clear()
        self._judged_as = None

    @property
    def _found(self) -> bool:
        return self._judged_as is not None and self._judged_as[3] is not None

    def add(self, reading: Reading, heater_percent: float) -> None:
        """Take a plausible reading; `heater_percent` is the heater's setpoint."""
        known = (reading.bean_temp_c, reading.environment_temp_c)
        self.fine = self.fine or any(c is not None and is_fine(c) for c in known)
        at_s = self._last_s = reading.taken_at_s
        if reading.environment_temp_c is not None:
            self.air_seen_s = at_s
        elif self._air_is_gone and heater_percent <= 0:
            self.air_seen_s = None  # a person who arms again knows it
        if self.air_seen_s is None or self.air_seen_s == at_s:
            self._air_is_gone = False
        if self.beans_in and self._charged_s is None:
            self._charged_s = at_s
        elif not self.beans_in:
            self._charged_s = None
        if not self._heat.add(at_s, heater_percent) or (self._found and not self._heat.now):
            self._clear()  # the fault ends with its heat: a person may arm again
            return
        self._open.append((reading, heater_percent))
        if at_s - self._open[0][0].taken_at_s < SLOT_S and self._slots:
            return
        beans = [r.bean_temp_c for r, _ in self._open if r.bean_temp_c is not None]
        air = [r.environment_temp_c for r, _ in self._open if r.environment_temp_c is not None]
        self._slots.append(
            Slot(
                at_s,
                sum(beans) / len(beans) if beans else None,
                sum(air) / len(air) if air else None,
                sum(heat for _, heat in self._open) / len(self._open),
                len(set(beans)) == 1,
            )
        )
        self._open.clear()
        while at_s - self._slots[0].ended_s > KEPT_S:
            self._slots.popleft()

    def fault(self, limits: Limits) -> str | None:
        """What is wrong with a probe, in words; None: each follows the heat."""
        gone_s = self._last_s - (self._last_s if self.air_seen_s is None else self.air_seen_s)
        if gone_s > limits.stale_after_s:
            self._air_is_gone = True
            return f"The environment probe has given no value for {gone_s:.0f} s: check its plug."
        if not self._slots or not self._heat.now:
            return None
        on = (self._slots[-1].ended_s, self.beans_in, limits)
        if self._judged_as is None or self._judged_as[:3] != on:
            self._judged_as = (*on, self._judge(limits))
        return self._judged_as[3]

    def _judge(self, limits: Limits) -> str | None:
        return (
            self._beans_stand(limits)
            or self._beans_do_not_follow()
            or self._air_stands()
            or self._all_stand(limits)
            or self._beans_creep(limits)
        )

    def _beans_stand(self, limits: Limits) -> str | None:
        run = heated(still(self._slots, "bean_c"))
        if not run:
            return None
        bean_c, lasted_s = run[-1].bean_c or 0.0, run[-1].ended_s - run[0].ended_s
        air = [slot.air_c for slot in run if slot.air_c is not None]
        words = f"The bean probe has stood at {bean_c:.0f} °C for {lasted_s:.0f} s"
        check = "check the probe and its wires."
        risen_c = air[-1] - air[0] if len(air) == len(run) else 0.0
        if risen_c >= AIR_RISE_C and lasted_s >= limits.probe_still_s:
            return f"{words} while the air rose by {risen_c:.0f} °C: {check}"
        hot = hotter(run)
        hot_s = hot[-1].ended_s - hot[0].ended_s if hot else 0.0
        stands = hot_s >= limits.probe_still_s or excess_c_s(hot) >= EXCESS_C_S
        if stands and self._judged(hot):
            return f"{words} in hotter air, with heat on: {check}"
        if lasted_s >= STANDS_S and bean_c >= limits.hot_above_c and self._judged(run):
            return f"{words}, with heat on: {check}"
        frozen = last_run(run, lambda slot: slot.exact and slot.bean_c == run[-1].bean_c)
        frozen_s = frozen[-1].ended_s - frozen[0].ended_s if frozen else 0.0
        if self.fine and air and frozen_s >= limits.frozen_s:
            return f"{words} and has not moved at all, with heat on: {check}"
        return None

    def _beans_do_not_follow(self) -> str | None:
        """Beans that fall or flicker: the probe slipped out of them."""
        run: list[Slot] = []
        lowest_c = float("inf")
        for slot in self._slots:
            if slot.bean_c is None or slot.air_c is None or slot.air_c < slot.bean_c + HOTTER_C:
                run, lowest_c = [], float("inf")
                continue
            if slot.bean_c >= lowest_c + 2 * BAND_C:
                run, lowest_c = [], slot.bean_c
            lowest_c = min(lowest_c, slot.bean_c)
            run.append(slot)
        run = heated(run)
        if not run or not self._judged(run):
            return None
        lasted_s = run[-1].ended_s - run[0].ended_s
        if lasted_s < FALL_S and excess_c_s(run) < FALL_EXCESS_C_S:
            return None
        return (
            f"The beans have not risen for {lasted_s:.0f} s in hotter air, with heat on: check "
            "whether the bean probe is in the beans."
        )

    def _air_stands(self) -> str | None:
        """Air that stays within a band, flickering or not, while the beans rise."""
        for least_percent, above_c, band_c, rise_c in STANDING_AIR:
            run = heated(still(self._slots, "air_c", band_c), least_percent)
            beans = [slot.bean_c for slot in run if slot.bean_c is not None]
            if not beans or beans[-1] - max(beans[0], above_c) < rise_c:
                continue
            return (
                f"The environment probe has stood at {run[-1].air_c:.0f} °C while the beans rose "
                f"by {beans[-1] - beans[0]:.0f} °C: check the probe and its wires."
            )
        return None

    def _all_stand(self, limits: Limits) -> str | None:
        """Every probe of a hot machine stands still under heat that would move any machine."""
        runs = [still(self._slots, name) for name in ("bean_c", "air_c")]
        runs = [run for run in runs if run]
        if not runs:
            return None
        shortest = min(runs, key=len)
        hottest_c = max(t for t in (shortest[-1].bean_c, shortest[-1].air_c) if t is not None)
        run = heated(shortest, MUCH_HEAT_PERCENT)
        heated_s = sum((b.ended_s - a.ended_s) * b.heater_percent / 100 for a, b in pairwise(run))
        if hottest_c < limits.hot_above_c or heated_s < limits.frozen_s:
            return None
        return (
            f"Heat is on and no probe has moved for {run[-1].ended_s - run[0].ended_s:.0f} s: "
            "switch the thermometer off and on, and check its wires."
        )

    def _beans_creep(self, limits: Limits) -> str | None:
        """Hot beans that hardly rise in two minutes of heat, no matter what the air does."""
        newest = self._slots[-1]
        run = last_run(self._slots, lambda slot: newest.ended_s - slot.ended_s <= CREEP_S + SLOT_S)
        beans = [slot.bean_c for slot in heated(run) if slot.bean_c is not None]
        if len(beans) < len(run) or newest.ended_s - run[0].ended_s < CREEP_S:
            return None
        much = mean_heat(run) >= MUCH_HEAT_PERCENT
        least_c = MUCH_CREEP_C if much else CREEP_C
        risen_c = beans[-1] - min(beans)
        if self._charged_s is not None:
            judged = run[0].ended_s >= self._charged_s + TURNED_S
            judged = judged and beans[-1] >= limits.hot_above_c
        else:  # an unreported charge may just have cooled the probe
            judged = much and max(beans) - min(beans) < least_c
            judged = judged and beans[-1] >= limits.no_rise_below_c
        if not judged or risen_c >= least_c:
            return None
        return (
            f"The bean probe has risen by {max(0.0, risen_c):.1f} °C in "
            f"{newest.ended_s - run[0].ended_s:.0f} s at {beans[-1]:.0f} °C, with heat on: check "
            "the probe and its wires."
        )

    def _judged(self, run: list[Slot]) -> bool:
        """Whether the beans must have moved by now: an empty, balanced machine need not."""
        return bool(run) and (self.beans_in or mean_heat(run) >= MUCH_HEAT_PERCENT)


def is_fine(temp_c: float) -> bool:
    """Whether this is neither a whole degree Celsius nor a whole degree Fahrenheit."""
    temp_f = temp_c * 1.8 + 32
    return temp_c != round(temp_c) and abs(temp_f - round(temp_f)) > FAHRENHEIT_F


def last_run(slots: Sequence[Slot], holds: Callable[[Slot], bool]) -> list[Slot]:
    """The newest slots in a row for which something holds, oldest first."""
    run: list[Slot] = []
    for slot in reversed(slots):
        if not holds(slot):
            break
        run.append(slot)
    return run[::-1]


def mean_heat(run: Sequence[Slot]) -> float:
    """The mean heat of some slots, percent; 0 without slots."""
    return sum(slot.heater_percent for slot in run) / max(1, len(run))


def heated(run: Sequence[Slot], least_percent: float = LEAST_HEAT_PERCENT) -> list[Slot]:
    """A run from where heat went on; empty if the mean heat since then is less than that."""
    on = next((i for i, slot in enumerate(run) if slot.heater_percent >= least_percent), len(run))
    found = list(run[on:])
    return found if mean_heat(found) >= least_percent else []


def still(slots: Sequence[Slot], name: str, band_c: float = BAND_C) -> list[Slot]:
    """The newest slots in a row in which a probe stayed within a band, oldest first."""
    low_c, high_c = float("inf"), float("-inf")

    def stays(slot: Slot) -> bool:
        nonlocal low_c, high_c
        value_c: float | None = getattr(slot, name)
        if value_c is None:
            return False
        low_c, high_c = min(low_c, value_c), max(high_c, value_c)
        return high_c - low_c <= band_c

    return last_run(slots, stays)


def under(slots: Sequence[Slot], least_percent: float) -> list[Slot]:
    """The newest slots in a row with at least this heat, oldest first."""
    return last_run(slots, lambda slot: slot.heater_percent >= least_percent)


def hotter(run: Sequence[Slot]) -> list[Slot]:
    """The newest slots in a row in which the air was hot enough to heat the beans."""
    return last_run(
        run,
        lambda slot: (
            slot.air_c is not None
            and slot.bean_c is not None
            and slot.air_c >= slot.bean_c + HOTTER_C
        ),
    )


def excess_c_s(run: Sequence[Slot]) -> float:
    """How much hotter the air was, beyond `EXCESS_C`, summed over time: °C·s."""
    return sum(
        max(0.0, (slot.air_c or 0.0) - (slot.bean_c or 0.0) - EXCESS_C)
        * (slot.ended_s - before.ended_s)
        for before, slot in pairwise(run)
    )
