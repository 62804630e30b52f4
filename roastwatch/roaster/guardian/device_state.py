"""What is known of one machine: its link, what it was told, what it says itself, whether it is hot.

No I/O and no clock: whoever calls says what time it is (seconds of a monotonic clock).
"""

from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.guardian.gaps import UNSEEN, ReadingGaps
from roastwatch.roaster.guardian.history import History
from roastwatch.roaster.guardian.interlocks.temperature import NO_HEAT_PERCENT, TOO_HOT_AFTER_S
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.situation import Setpoints
from roastwatch.roaster.guardian.states import LinkState
from roastwatch.vocabulary import Actuator, Reading

ECHO_TOLERANCE_PERCENT = 12.0
"""A report may differ by one step of the coarsest machine (1 of 9) from what was told."""
RECOVERS_C = 30.0
"""Air that cold beans cooled grows warmer again by less than this from stored heat."""
DOOR_ECHO_S = 1.0
"""A report of a shut door that is older than this after a command is from before it."""
SETTLES_S = 3.0
"""A heater is set within this; its report takes two readings more."""
SHOWS_S = 1.5
"""Heat that was set shows in a reading after this, or two of a machine that is read more seldom."""


class DeviceState:
    """One machine, as far as it is known."""

    def __init__(self, capabilities: Capabilities, limits: Limits) -> None:
        self.told = Setpoints()
        """What was last written and is believed to hold."""
        self.history = History(capabilities, limits)
        self.link = LinkState.NEVER
        self.zero_confirmed = False
        """An echoed heater has been read as 0 since the link came up."""
        self.left_safe = False
        """It was made safe, and no heat was written since."""
        self.ever_heated = False
        """Heat was on since it was last known to be cool."""
        self.heat_0_refused = False
        """It refused heat 0 when the link came up, and has not taken it since."""
        self.heat_off_since_s: float | None = None
        self.cools_for_safety = False
        """Its cooling is on since it was made safe, and nobody has chosen it since."""
        self._capabilities = capabilities
        self._limits = limits
        self._linked_at_s = float("-inf")
        self._door_told_s = float("-inf")
        self._contradicted_since_s: dict[Actuator, float] = {}
        self._short_since_s: float | None = None
        self._none_since_s: float | None = None
        self._heat_seen = False
        """The heater has reported the heat that it is set to now."""
        self._heat_shown = False
        """The heater has reported heat since heat was set; what it is set to may have changed."""
        self._heated_at_s = float("-inf")
        """When heat was set after it had been off."""
        self._gaps = ReadingGaps()
        self._peak_c: float | None = None
        """The hottest that it may become while heat is off."""
        self.restarted: str | None = None
        """Why it is known to have restarted, until it was made safe or armed."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; known for certain once its wire has answered."""
        return self._capabilities

    @capabilities.setter
    def capabilities(self, found: Capabilities) -> None:
        self._capabilities = self.history.capabilities = found

    @property
    def limits(self) -> Limits:
        """What is hot, stale and implausible."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._limits = self.history.limits = limits

    @property
    def connected(self) -> bool:
        """Whether the link is open."""
        return self.link.is_open

    @property
    def ever_connected(self) -> bool:
        """Whether the link has been open since the guardian began."""
        return self.link is not LinkState.NEVER

    @property
    def heats(self) -> bool:
        """Whether it was told to heat."""
        return (self.told.heater or 0.0) > 0.0

    # --- what happens -----------------------------------------------------------------------

    def link_up(self, now_s: float, *, heat_0_refused: bool = False) -> None:
        """The driver is connected, and heat 0 was written unless the machine refused it."""
        self.link = LinkState.UP
        self._linked_at_s = now_s
        self.told = Setpoints() if heat_0_refused else Setpoints(heater=0.0)
        self.heat_0_refused = heat_0_refused
        self.ever_heated = self.ever_heated or heat_0_refused  # it may, as far as is known
        if self.heat_off_since_s is None:
            self._heat_went_off(now_s)
        self._forget_reports()

    def has_restarted(self, reason: str, now_s: float) -> None:
        """The machine began anew under an open link: nothing that was set is known to hold."""
        self.restarted = reason
        self.told = Setpoints()
        if self.heat_off_since_s is None:
            self._heat_went_off(now_s)
        self._forget_reports()

    def link_lost(self) -> None:
        """The driver is gone: nothing of what was told is known to hold."""
        if self.link.is_open:
            self.link = LinkState.LOST
        self.zero_confirmed = False
        self.restarted = None
        self.told = Setpoints()
        self._gaps.forget()
        self.history.lost()

    def read(self, reading: Reading, now_s: float) -> None:
        """A reading arrived. One from before heat 0 went out on this link proves nothing of now."""
        if reading.taken_at_s < self._linked_at_s:
            return
        if self._gaps.unseen(reading, self.told, self.capabilities.echoes, self.limits, now_s):
            self.has_restarted(UNSEEN, now_s)
        self.history.add(reading, self.told.heater or 0.0)
        hottest_c = None if self.history.implausible else self.history.hottest_c
        if hottest_c is not None and hottest_c < self.limits.hot_above_c and not self.heats:
            self.ever_heated = False
        off_s = None if self.heat_off_since_s is None else now_s - self.heat_off_since_s
        if hottest_c is not None and off_s is not None:
            if off_s <= self._settling_s:
                self._peak_c = max(hottest_c, self._peak_c or hottest_c)
            elif reading.environment_temp_c is not None and self._peak_c is not None:
                self._peak_c = min(self._peak_c, hottest_c + RECOVERS_C)
        if reading.heater_percent is not None and reading.heater_percent <= 0.0:
            self.zero_confirmed = True
        for actuator in self.capabilities.echoes:
            self._compare(actuator, reading, now_s)
        self._compare_heat(reading, now_s)
        believed = reading.door_open or reading.taken_at_s >= self._door_told_s + DOOR_ECHO_S
        echoed = reading.door_open is not None and Actuator.DOOR in self.capabilities.echoes
        if echoed and believed:
            self.told = self.told.but(Actuator.DOOR, 100.0 if reading.door_open else 0.0)

    def wrote(self, actuator: Actuator, percent: float, now_s: float) -> None:
        """A write went out."""
        heated, changed = self.heats, self.told.of(actuator) != percent
        stale = (self.reading_age_s(now_s) or 0.0) > self.limits.stale_after_s
        self._gaps.wrote(actuator, percent, stale=stale)
        self.told = self.told.but(actuator, percent)
        newest = self.history.newest
        if changed and not (newest is not None and self._contradicts_more(actuator, newest)):
            self._contradicted_since_s.pop(actuator, None)
        if actuator is Actuator.HEATER:
            self.heat_0_refused = self.heat_0_refused and percent > 0
            if changed:
                self._heat_seen = False
            if percent > 0 and not heated:
                self._heat_shown, self._heated_at_s = False, now_s
            if percent > 0:
                self.ever_heated, self.heat_off_since_s, self.left_safe = True, None, False
            elif heated or self.heat_off_since_s is None:
                self._heat_went_off(now_s)
        if actuator is Actuator.COOLING:
            self.cools_for_safety = False
        if actuator is Actuator.DOOR:
            self._door_told_s = now_s

    def heats_by_its_panel(self, percent: float, now_s: float) -> None:
        """What a machine that is only read reports: nothing else says when its heat is off."""
        if percent > 0:
            self.heat_off_since_s = None
        elif self.heat_off_since_s is None:
            self._heat_went_off(now_s)

    def made_safe(self, now_s: float) -> None:
        """`make_safe` went out: what it left set is what the machine is set to now."""
        self.left_safe, self.restarted = True, None
        for actuator, least in self.capabilities.safe.items():
            if actuator in self.capabilities.actuators:
                is_heat = actuator is Actuator.HEATER
                percent = least if is_heat else max(least, self.told.of(actuator) or 0.0)
                self.wrote(actuator, percent, now_s)
        self.cools_for_safety = Actuator.COOLING in self.capabilities.actuators

    # --- what is known ------------------------------------------------------------------------

    def heat_off_s(self, now_s: float) -> float | None:
        """Since when heat is off, seconds; None: it is on."""
        return None if self.heat_off_since_s is None else now_s - self.heat_off_since_s

    def reading_age_s(self, now_s: float) -> float | None:
        """Of the newest reading; None: there has been none since the link came up."""
        newest = self.history.newest
        return None if newest is None else now_s - newest.taken_at_s

    def hot(self, now_s: float) -> bool | None:
        """Whether the machine is hot; None: nobody knows."""
        hottest_c, implausible = self.history.hottest_c, self.history.implausible
        if self.history.over_range:
            return True
        if hottest_c is None:
            return True if self.ever_heated else None
        if implausible and self._shows_hot():
            return True  # not believed, but nobody lets go of what may be hot
        age_s = self.reading_age_s(now_s)
        stale = age_s is None or age_s > self.limits.stale_after_s
        if (stale or implausible) and self.ever_heated:
            return True
        return hottest_c >= self.limits.hot_above_c

    def _shows_hot(self) -> bool:
        newest = self.history.newest
        probes = (newest.bean_temp_c, newest.environment_temp_c) if newest else ()
        return any(t is not None and t >= self.limits.hot_above_c for t in probes)

    @property
    def lost_hot(self) -> bool:
        """Whether the link is gone and the machine was hot, or heated, when it was last seen."""
        hottest_c = self.history.hottest_c
        hot = hottest_c is not None and hottest_c >= self.limits.hot_above_c
        may_be_hot = hot or self.ever_heated or self.history.over_range is not None
        return self.link is LinkState.LOST and may_be_hot

    def rising(self, now_s: float) -> bool | None:
        """Whether it grows hotter; None: it was hot, and nobody sees it now."""
        age_s = self.reading_age_s(now_s)
        seen = self.connected and age_s is not None and age_s <= self.limits.stale_after_s
        if not seen or (self.history.implausible and not self.history.rising):
            return False if self.hot(now_s) is False else None
        return self.history.rising

    def risen_without_heat_c(self, now_s: float) -> float:
        """By how much it is hotter than it can have become since heat went off, °C."""
        hottest_c, since_s = self.history.hottest_c, self.heat_off_since_s
        if self._peak_c is None or hottest_c is None or since_s is None or self.history.implausible:
            return 0.0
        return hottest_c - self._peak_c if now_s - since_s > self._settling_s else 0.0

    def heat_short_s(self, now_s: float) -> float:
        """For how long the heater has reported less than it is set to, beyond settling; else 0."""
        none = self._reports_none
        since_s = self._none_since_s if none else self._short_since_s
        if since_s is None:
            return 0.0
        period_s, stale_s = self.capabilities.read_period_s, self.limits.stale_after_s
        settles_s = max(1.5 * period_s, stale_s / 2)
        if not (self._heat_shown if none else self._heat_seen):
            settles_s = SETTLES_S + max(2 * period_s, stale_s)
        short_s = now_s - since_s
        return short_s if short_s >= settles_s else 0.0

    @property
    def heat_gone(self) -> bool:
        """Whether heat is set and the newest reading shows none, after it showed some or should.

        One reading may be wrong: nothing ends by it alone, but nothing may be heated over it.
        """
        newest = self.history.newest
        if not self._reports_none or newest is None:
            return False
        shows_after_s = max(SHOWS_S, 2 * self.capabilities.read_period_s)
        return self._heat_shown or newest.taken_at_s - self._heated_at_s > shows_after_s

    @property
    def heat_is_lost(self) -> bool:
        """Whether the heat that is set was reported, and the newest reading shows none."""
        return self._heat_shown and self._reports_none

    @property
    def _reports_none(self) -> bool:
        """Whether the newest reading says that there is no heat, though some is set."""
        newest, told = self.history.newest, self.told.heater or 0.0
        echo = newest.heater_percent if newest else None
        echoed = Actuator.HEATER in self.capabilities.echoes
        return echoed and echo is not None and echo <= NO_HEAT_PERCENT < told

    def contradicts(self, actuator: Actuator) -> bool:
        """Whether the machine's own report contradicts what it was told."""
        return actuator in self._contradicted_since_s

    def contradicted_s(self, now_s: float) -> dict[Actuator, float]:
        """For how long it has, of each actuator."""
        return {actuator: now_s - since for actuator, since in self._contradicted_since_s.items()}

    def again(self, now_s: float) -> list[tuple[Actuator, float]]:
        """What is told once more, heat first: no line without an answer is trusted.

        Heat 0 that the machine doesn't report as 0; and while it heats or may be hot, drum, fan
        and cooling that it doesn't report, or reports as less; cooling that ended with heat.
        """
        able, echoes = self.capabilities.actuators, self.capabilities.echoes
        found = []
        unseen = Actuator.HEATER not in echoes and self.ever_heated
        doubted = unseen or self.contradicts(Actuator.HEATER) or not self.zero_confirmed
        if self.connected and Actuator.HEATER in able and not self.heats and doubted:
            found.append((Actuator.HEATER, 0.0))
        if not self.connected or not (self.heats or self.hot(now_s) is not False):
            return found
        for actuator in (Actuator.DRUM, Actuator.FAN, Actuator.COOLING):
            percent = self.told.of(actuator)
            ends_with_heat = actuator is Actuator.COOLING and self.heats
            if actuator not in able or percent is None or (percent > 0) is ends_with_heat:
                continue
            if actuator not in echoes or self.contradicts(actuator):
                found.append((actuator, percent))
        return found

    def may_release(self, now_s: float) -> str | None:
        """Why control can't be given up now, or None.

        Source: Artisan releases a Hottop only when cool.
        """
        if not self.capabilities.actuators:
            return None
        if not self.connected:
            gone = "The roaster is gone and was hot."
            return gone if self.ever_heated or self.lost_hot else None
        if self.heats:
            return "Heat is on."
        if self.heat_0_refused:
            return "The roaster refuses heat 0."
        newest = self.history.newest
        if newest and Actuator.HEATER in self.capabilities.echoes and newest.heater_percent:
            return "The roaster still reports heat."  # one that is stepped takes a second
        hot = self.hot(now_s)
        if hot:
            return "The roaster is hot: the drum must turn."
        if hot is None:
            return "Nobody knows yet whether the roaster is hot."
        return None

    def _compare(self, actuator: Actuator, reading: Reading, now_s: float) -> None:
        if self._contradicts_more(actuator, reading):
            self._contradicted_since_s.setdefault(actuator, now_s)
        else:
            self._contradicted_since_s.pop(actuator, None)

    def _contradicts_more(self, actuator: Actuator, reading: Reading) -> bool:
        """Whether a report is on the dangerous side of what was set: more heat, less of the rest.

        Cooling that should be off is dangerous under heat, which it hides.
        """
        told = self.told.of(actuator)
        echo = None if actuator is Actuator.DOOR else getattr(reading, f"{actuator.value}_percent")
        if told is None or echo is None:
            return False
        heater = actuator is Actuator.HEATER
        tolerance = NO_HEAT_PERCENT if heater and told == 0 else ECHO_TOLERANCE_PERCENT
        high = heater or (actuator is Actuator.COOLING and told == 0 and self.heats)
        worse: float = echo - told if high else told - echo
        return worse > tolerance

    def _compare_heat(self, reading: Reading, now_s: float) -> None:
        """Whether the heater reports less than it is set to: any heat where it reports none.

        The time runs on when heat is set anew, as a controller does each second.
        """
        told, echo = self.told.heater or 0.0, reading.heater_percent
        if told <= 0 or echo is None or Actuator.HEATER not in self.capabilities.echoes:
            self._short_since_s = self._none_since_s = None
            return
        out = echo <= NO_HEAT_PERCENT < told
        self._heat_shown = self._heat_shown or echo > NO_HEAT_PERCENT
        if not out:
            self._none_since_s = None
        elif self._none_since_s is None:
            self._none_since_s = now_s
        if out or told - echo > ECHO_TOLERANCE_PERCENT:
            if self._short_since_s is None:
                self._short_since_s = now_s
        else:
            self._short_since_s, self._heat_seen = None, True

    def _heat_went_off(self, now_s: float) -> None:
        self.heat_off_since_s, self._peak_c = now_s, self.history.hottest_c

    @property
    def _settling_s(self) -> float:
        """For how long after heat went off a machine may still grow hotter."""
        return TOO_HOT_AFTER_S if self.history.too_hot else self.limits.runaway_after_s

    def _forget_reports(self) -> None:
        self.zero_confirmed = Actuator.HEATER not in self.capabilities.echoes
        self.cools_for_safety = self._heat_seen = self._heat_shown = False
        self._gaps.forget()
        self._contradicted_since_s.clear()
        self._short_since_s = self._none_since_s = None
