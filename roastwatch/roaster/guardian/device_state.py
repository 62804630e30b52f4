"""What is known of one machine: its link, its setpoints, its readings, whether it is hot.

No I/O and no clock: the caller passes the time in seconds of a monotonic clock.
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
"""A readback may differ from its setpoint by one step of the coarsest machine (1 of 9)."""
RECOVERS_C = 30.0
"""Stored heat rewarms air that cold beans cooled by less than this."""
DOOR_ECHO_S = 1.0
"""A readback of a shut door counts only this long after a command to the door."""
SETTLES_S = 3.0
"""A heater is set within this; its readback takes two more readings."""
SHOWS_S = 1.5
"""Heat that was set shows in a reading after this, or after two slow readings."""


class DeviceState:
    """One machine, as far as it is known."""

    def __init__(self, capabilities: Capabilities, limits: Limits) -> None:
        self.setpoints = Setpoints()
        """What was last written and is believed to hold."""
        self.history = History(capabilities, limits)
        self.link = LinkState.NEVER
        self.zero_confirmed = False
        """The heater's readback has been 0 since the link came up."""
        self.left_safe = False
        """It was made safe, and no heat has been written since."""
        self.ever_heated = False
        """Heat has been on since it was last known to be cool."""
        self.heat_0_refused = False
        """It refused heat 0 when the link came up, and has not taken it since."""
        self.heat_off_since_s: float | None = None
        self.cools_for_safety = False
        """`make_safe` switched cooling on, and nobody has set it since."""
        self._capabilities = capabilities
        self._limits = limits
        self._linked_at_s = float("-inf")
        self._door_set_at_s = float("-inf")
        self._contradicted_since_s: dict[Actuator, float] = {}
        self._short_since_s: float | None = None
        self._none_since_s: float | None = None
        self._heat_seen = False
        """The heater has reported its present setpoint."""
        self._heat_shown = False
        """The heater has reported some heat since heat was set, even if the setpoint changed."""
        self._heated_at_s = float("-inf")
        """When heat went from off to on."""
        self._gaps = ReadingGaps()
        self._peak_c: float | None = None
        """The hottest that stored heat can make it while heat is off, °C."""
        self.restarted: str | None = None
        """Why it is known to have restarted, until it is made safe or armed."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; certain once its wire has answered."""
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
        """Whether heat is set."""
        return (self.setpoints.heater or 0.0) > 0.0

    # --- what happens -----------------------------------------------------------------------

    def link_up(self, now_s: float, *, heat_0_refused: bool = False) -> None:
        """The driver is connected, and heat 0 was written unless the machine refused it."""
        self.link = LinkState.UP
        self._linked_at_s = now_s
        self.setpoints = Setpoints() if heat_0_refused else Setpoints(heater=0.0)
        self.heat_0_refused = heat_0_refused
        self.ever_heated = self.ever_heated or heat_0_refused  # for all that is known
        if self.heat_off_since_s is None:
            self._heat_went_off(now_s)
        self._forget_reports()

    def has_restarted(self, reason: str, now_s: float) -> None:
        """The machine restarted under an open link: no setpoint is known to hold."""
        self.restarted = reason
        self.setpoints = Setpoints()
        if self.heat_off_since_s is None:
            self._heat_went_off(now_s)
        self._forget_reports()

    def link_lost(self) -> None:
        """The link is gone: no setpoint is known to hold."""
        if self.link.is_open:
            self.link = LinkState.LOST
        self.zero_confirmed = False
        self.restarted = None
        self.setpoints = Setpoints()
        self._gaps.forget()
        self.history.lost()

    def read(self, reading: Reading, now_s: float) -> None:
        """A reading arrived. One from before this link's heat 0 proves nothing."""
        if reading.taken_at_s < self._linked_at_s:
            return
        if self._gaps.unseen(reading, self.setpoints, self.capabilities.echoes, self.limits, now_s):
            self.has_restarted(UNSEEN, now_s)
        self.history.add(reading, self.setpoints.heater or 0.0)
        hottest_c = None if self.history.implausible else self.history.hottest_c
        cool = hottest_c is not None and hottest_c < self.limits.hot_above_c
        if cool and not self.heats and not self._reports_heat(reading):
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
        believed = reading.door_open or reading.taken_at_s >= self._door_set_at_s + DOOR_ECHO_S
        has_readback = reading.door_open is not None and Actuator.DOOR in self.capabilities.echoes
        if has_readback and believed:
            self.setpoints = self.setpoints.but(Actuator.DOOR, 100.0 if reading.door_open else 0.0)

    def wrote(self, actuator: Actuator, percent: float, now_s: float) -> None:
        """A write went out."""
        heated, changed = self.heats, self.setpoints.of(actuator) != percent
        stale = (self.reading_age_s(now_s) or 0.0) > self.limits.stale_after_s
        self._gaps.wrote(actuator, percent, stale=stale)
        self.setpoints = self.setpoints.but(actuator, percent)
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
            self._door_set_at_s = now_s

    def heats_by_its_panel(self, percent: float, now_s: float) -> None:
        """Take the heat of a machine that is only read: only its readings show when it is off."""
        if percent > 0:
            self.heat_off_since_s = None
        elif self.heat_off_since_s is None:
            self._heat_went_off(now_s)

    def made_safe(self, now_s: float) -> None:
        """`make_safe` went out: what it sets are the setpoints now."""
        self.left_safe, self.restarted = True, None
        for actuator, least in self.capabilities.safe.items():
            if actuator in self.capabilities.actuators:
                is_heat = actuator is Actuator.HEATER
                percent = least if is_heat else max(least, self.setpoints.of(actuator) or 0.0)
                self.wrote(actuator, percent, now_s)
        self.cools_for_safety = Actuator.COOLING in self.capabilities.actuators

    # --- what is known ------------------------------------------------------------------------

    def heat_off_s(self, now_s: float) -> float | None:
        """For how long heat has been off, seconds; None: it is on."""
        return None if self.heat_off_since_s is None else now_s - self.heat_off_since_s

    def reading_age_s(self, now_s: float) -> float | None:
        """The age of the newest reading; None: there is none since the link came up."""
        newest = self.history.newest
        return None if newest is None else now_s - newest.taken_at_s

    def hot(self, now_s: float) -> bool | None:
        """Whether the machine is hot; None: unknown."""
        hottest_c, implausible = self.history.hottest_c, self.history.implausible
        if self.history.over_range:
            return True
        if hottest_c is None:
            return True if self.ever_heated else None
        if implausible and self._shows_hot():
            return True  # implausible, but a machine that may be hot is kept
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
        """Whether the link was lost while the machine was hot or may have been heated."""
        hottest_c = self.history.hottest_c
        hot = hottest_c is not None and hottest_c >= self.limits.hot_above_c
        may_be_hot = hot or self.ever_heated or self.history.over_range is not None
        return self.link is LinkState.LOST and may_be_hot

    def rising(self, now_s: float) -> bool | None:
        """Whether it gets hotter; None: it was hot, and there is no reading now."""
        age_s = self.reading_age_s(now_s)
        seen = self.connected and age_s is not None and age_s <= self.limits.stale_after_s
        if not seen or (self.history.implausible and not self.history.rising):
            return False if self.hot(now_s) is False else None
        return self.history.rising

    def risen_without_heat_c(self, now_s: float) -> float:
        """By how much it is hotter than stored heat can explain, °C."""
        hottest_c, since_s = self.history.hottest_c, self.heat_off_since_s
        if self._peak_c is None or hottest_c is None or since_s is None or self.history.implausible:
            return 0.0
        return hottest_c - self._peak_c if now_s - since_s > self._settling_s else 0.0

    def heat_short_s(self, now_s: float) -> float:
        """For how long the heater has reported less than its setpoint, after settling; else 0."""
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
        """Whether heat is set, but the newest reading shows none where it did or should.

        One reading may be wrong: it ends nothing, but heat is not set again on top of it.
        """
        newest = self.history.newest
        if not self._reports_none or newest is None:
            return False
        shows_after_s = max(SHOWS_S, 2 * self.capabilities.read_period_s)
        return self._heat_shown or newest.taken_at_s - self._heated_at_s > shows_after_s

    @property
    def heat_is_lost(self) -> bool:
        """Whether set heat was reported before, and the newest reading shows none."""
        return self._heat_shown and self._reports_none

    @property
    def _reports_none(self) -> bool:
        """Whether heat is set, but the newest reading shows none."""
        newest, setpoint = self.history.newest, self.setpoints.heater or 0.0
        readback = newest.heater_percent if newest else None
        has_readback = Actuator.HEATER in self.capabilities.echoes
        return has_readback and readback is not None and readback <= NO_HEAT_PERCENT < setpoint

    def contradicts(self, actuator: Actuator) -> bool:
        """Whether a readback contradicts its setpoint."""
        return actuator in self._contradicted_since_s

    def contradicted_s(self, now_s: float) -> dict[Actuator, float]:
        """For how long each readback has contradicted its setpoint, seconds."""
        return {actuator: now_s - since for actuator, since in self._contradicted_since_s.items()}

    def again(self, now_s: float) -> list[tuple[Actuator, float]]:
        """What is written once more, heat first, because a write without readback may be lost.

        Heat 0 that is not read back as 0; and, while it heats or may be hot, drum, fan and cooling
        that are not read back, or as less; cooling that ended with heat.
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
            percent = self.setpoints.of(actuator)
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
            gone = "The roaster is disconnected and was hot."
            return gone if self.ever_heated or self.lost_hot else None
        if self.heats:
            return "Heat is on."
        if self.heat_0_refused:
            return "The roaster refuses heat 0."
        if self.history.newest and self._reports_heat(self.history.newest):
            return "The roaster still reports heat."  # stepping it down takes a second
        if (hot := self.hot(now_s)) is None:
            return "It is not known yet whether the roaster is hot."
        return "The roaster is hot: the drum must turn." if hot else None

    def _reports_heat(self, reading: Reading) -> bool:
        return bool(Actuator.HEATER in self.capabilities.echoes and reading.heater_percent)

    def _compare(self, actuator: Actuator, reading: Reading, now_s: float) -> None:
        if self._contradicts_more(actuator, reading):
            self._contradicted_since_s.setdefault(actuator, now_s)
        else:
            self._contradicted_since_s.pop(actuator, None)

    def _contradicts_more(self, actuator: Actuator, reading: Reading) -> bool:
        """Whether a readback is on the dangerous side: more heat than set, less of the rest.

        Cooling that should be off is dangerous under heat, because it hides the heat.
        """
        setpoint = self.setpoints.of(actuator)
        readback = getattr(reading, f"{actuator.value}_percent", None)  # a door has none
        if setpoint is None or readback is None:
            return False
        heater = actuator is Actuator.HEATER
        tolerance = NO_HEAT_PERCENT if heater and setpoint == 0 else ECHO_TOLERANCE_PERCENT
        high = heater or (actuator is Actuator.COOLING and setpoint == 0 and self.heats)
        worse: float = readback - setpoint if high else setpoint - readback
        return worse > tolerance

    def _compare_heat(self, reading: Reading, now_s: float) -> None:
        """Follow whether the heater reports less than its setpoint, or none at all.

        The time runs on when heat is set again, as a controller does each second.
        """
        setpoint, readback = self.setpoints.heater or 0.0, reading.heater_percent
        if setpoint <= 0 or readback is None or Actuator.HEATER not in self.capabilities.echoes:
            self._short_since_s = self._none_since_s = None
            return
        out = readback <= NO_HEAT_PERCENT < setpoint
        self._heat_shown = self._heat_shown or readback > NO_HEAT_PERCENT
        if not out:
            self._none_since_s = None
        elif self._none_since_s is None:
            self._none_since_s = now_s
        if out or setpoint - readback > ECHO_TOLERANCE_PERCENT:
            if self._short_since_s is None:
                self._short_since_s = now_s
        else:
            self._short_since_s, self._heat_seen = None, True

    def _heat_went_off(self, now_s: float) -> None:
        self.heat_off_since_s, self._peak_c = now_s, self.history.hottest_c

    @property
    def _settling_s(self) -> float:
        """For how long after heat went off a machine may still get hotter, seconds."""
        return TOO_HOT_AFTER_S if self.history.too_hot else self.limits.runaway_after_s

    def _forget_reports(self) -> None:
        self.zero_confirmed = Actuator.HEATER not in self.capabilities.echoes
        self.cools_for_safety = self._heat_seen = self._heat_shown = False
        self._gaps.forget()
        self._contradicted_since_s.clear()
        self._short_since_s = self._none_since_s = None
