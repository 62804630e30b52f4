"""The state that the interlocks are judged upon: arming, latches, what was told. No I/O, no clock.

The guardian owns one of these. Whoever calls says what time it is (seconds of a monotonic clock)
and does what `tick` and `request` return.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.history import History
from roastwatch.roaster.interlocks import INTERLOCKS, Decision, Interlock, bounds, decide, demands
from roastwatch.roaster.limits import Limits
from roastwatch.roaster.situation import Controls, Effect, Situation
from roastwatch.vocabulary import Actuator, Command, Origin, Outcome, Reading

ECHO_TOLERANCE_PERCENT = 12.0
LEASE_S = 0.5
DOOR_ECHO_S = 1.0
"""A report of a shut door that is older than this after a command is from before it."""
SAFE = Controls(heater=0.0, fan=None, drum=100.0, cooling=100.0, door=None)
"""What `make_safe` leaves behind, as far as every driver agrees."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know, told to whoever listens to the guardian."""

    kind: str
    """interlock, fault, lost, recovered, armed, disarmed, attendance."""
    message: str
    interlock: str | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """What must be done now: make safe, or these writes in this order."""

    make_safe: bool
    writes: tuple[tuple[Actuator, float], ...]


class Guard:
    """One machine's safety state."""

    def __init__(
        self,
        capabilities: Capabilities,
        limits: Limits,
        *,
        cutoff_confirmed: bool = False,
        rules: Mapping[str, Interlock] = INTERLOCKS,
    ) -> None:
        self.capabilities = capabilities
        self.limits = limits
        self.cutoff_confirmed = cutoff_confirmed
        self.rules = rules
        self.told = Controls()
        self.history = History(capabilities, limits)
        self.connected = False
        self.emergency: str | None = None
        self.log_works = True
        self.armed_until_s: float | None = None
        self.attended_at_s: float | None = None
        self.lease_until_s: float | None = None
        self.notices: list[Notice] = []
        self._unarmed_reason = ""
        self._zero_confirmed = False
        self._ever_connected = False
        self._linked_at_s = float("-inf")
        self._safe_pending = False
        self._left_safe = False
        self._was_served = False
        self._door_told_s = float("-inf")
        self._unsettled = True
        self._ever_heated = False
        self._heating_since_s: float | None = None
        self._heat_off_since_s: float | None = None
        self._charged_at_s: float | None = None
        self._contradicted_since_s: dict[Actuator, float] = {}
        self._standing: set[str] = set()
        self._asked_attendance = False

    # --- what happens -----------------------------------------------------------------------

    def link_up(self, now_s: float) -> None:
        """The driver is connected and has been told heat 0."""
        if self._ever_connected:
            self._notice("recovered", "The roaster is connected again; heat stays 0.")
        self.connected, self._ever_connected, self._unsettled = True, True, True
        self._linked_at_s = now_s
        self._zero_confirmed = Actuator.HEATER not in self.capabilities.echoes
        self.told = Controls(heater=0.0)
        self._heat_off_since_s = now_s
        self._contradicted_since_s.clear()

    def link_lost(self, why: str) -> None:
        """The driver is gone: nothing of what was told is known to hold."""
        if self.connected:
            self._notice("lost", f"The roaster is gone: {why}", "link_up")
        self.connected, self._zero_confirmed = False, False
        self.told = Controls()
        self.history.lost()

    def read(self, reading: Reading, now_s: float) -> None:
        """A reading arrived. One from before heat 0 went out on this link proves nothing of now."""
        if reading.taken_at_s < self._linked_at_s:
            return
        heater = self.told.heater or 0.0
        self.history.add(reading, heater)
        if self.history.implausible is None and self.history.hottest_c is not None:
            cool = self.history.hottest_c < self.limits.hot_above_c
            if cool and heater == 0.0:
                self._ever_heated = False
        if reading.heater_percent is not None and reading.heater_percent <= 0.0:
            self._zero_confirmed = True
        for actuator in self.capabilities.echoes:
            self._compare(actuator, reading, now_s)
        believed = reading.door_open or reading.taken_at_s >= self._door_told_s + DOOR_ECHO_S
        echoed = reading.door_open is not None and Actuator.DOOR in self.capabilities.echoes
        if echoed and believed:
            self.told = self.told.but(Actuator.DOOR, 100.0 if reading.door_open else 0.0)

    def wrote(self, actuator: Actuator, percent: float, now_s: float) -> None:
        """A write went out."""
        before = self.told.heater or 0.0
        if self.told.of(actuator) != percent:
            self._contradicted_since_s.pop(actuator, None)
        self.told = self.told.but(actuator, percent)
        if actuator is Actuator.HEATER:
            if percent > 0:
                self._ever_heated, self._heat_off_since_s = True, None
                self._left_safe = False
                if self._heating_since_s is None:
                    self._heating_since_s = now_s
            elif before > 0 or self._heat_off_since_s is None:
                self._heat_off_since_s = now_s
        if actuator is Actuator.DOOR:
            self._door_told_s = now_s
            if percent > 0:
                self._charged_at_s = None

    def made_safe(self, now_s: float) -> None:
        """`make_safe` went out."""
        self._safe_pending, self._left_safe = False, True
        for actuator in (Actuator.HEATER, Actuator.DRUM, Actuator.COOLING):
            percent = SAFE.of(actuator)
            if actuator in self.capabilities.actuators and percent is not None:
                self.wrote(actuator, percent, now_s)

    def renew(self, now_s: float) -> None:
        """The service lives."""
        self.lease_until_s, self._was_served = now_s + LEASE_S, True

    # --- what people ask ----------------------------------------------------------------------

    def present(self, now_s: float) -> None:
        """A person is there."""
        self.attended_at_s, self._asked_attendance = now_s, False

    def arm(self, for_s: float, now_s: float) -> str | None:
        """Arm for so many seconds (the limits' longest at most). Returns why not, or None.

        Arming ends an emergency stop: it is the deliberate act that a latch waits for.
        """
        was, self.emergency = self.emergency, None
        before = self.armed_until_s
        self.armed_until_s = now_s + max(0.0, min(for_s, self.limits.arm_max_s))
        attended, self.attended_at_s = self.attended_at_s, now_s
        heating, charged = self._heating_since_s, self._charged_at_s
        if not (self.told.heater or 0.0) > 0:
            self._heating_since_s = None
            if not self.history.hottest_c or self.hot(now_s) is False:
                self._charged_at_s = None
        standing = [
            bound
            for _, bound in bounds(self.situation(now_s), self.rules)
            if bound.effect is not Effect.LIMIT
        ]
        if standing:
            self.emergency, self.armed_until_s, self.attended_at_s = was, before, attended
            self._heating_since_s, self._charged_at_s = heating, charged
            return f"Not armed: {standing[0].reason}"
        self._unarmed_reason, self._asked_attendance = "", False
        minutes = (self.armed_until_s - now_s) / 60
        self._notice("armed", f"Armed for {minutes:.0f} minutes.")
        return None

    def disarm(self, reason: str = "Disarmed.") -> None:
        """End arming: heat goes off at the next tick."""
        if self.armed_until_s is not None:
            self._notice("disarmed", reason)
        self.armed_until_s, self._unarmed_reason = None, reason

    def emergency_stop(self, reason: str) -> None:
        """Latch. Nothing can refuse it."""
        self.emergency = reason
        self._safe_pending = True
        self._notice("interlock", reason, "emergency_stop")
        self.armed_until_s, self._unarmed_reason = None, reason
        self._standing = self._standing | {"emergency_stop"}  # it is told already

    def ask_safe(self, reason: str) -> None:
        """A graceful end: make safe and disarm, without a latch."""
        self._safe_pending = True
        self.disarm(reason)

    def set_limits(self, limits: Limits) -> None:
        """Limits of whoever controls the machine from now on; unarmed, so nothing is raised."""
        if limits != self.limits:
            self.limits = limits
            self.history.limits = limits
            self.disarm("The limits have changed: arm again.")

    def charge(self, now_s: float) -> str | None:
        """Beans go in. Returns why they should not, or None.

        Source of the check: Artisan #512, a door left open (protocols, §1).
        """
        reading = self.history.newest
        if (reading is not None and reading.door_open) or self.told.door:
            return "The door is open: the beans would fall through. Close it before you charge."
        self._charged_at_s = now_s
        self.history.charged()
        return None

    def request(self, command: Command, now_s: float) -> Decision:
        """Judge a command. Nothing is changed: who writes says `wrote`."""
        if command.actuator not in self.capabilities.actuators:
            can = ", ".join(sorted(self.capabilities.actuators)) or "nothing"
            return Decision(
                Outcome.REFUSED,
                None,
                interlock="capabilities",
                reason=f"{self.capabilities.machine} can't set {command.actuator}: "
                f"it can set {can}.",
            )
        if not 0.0 <= command.target <= 100.0:  # NaN too
            return Decision(
                Outcome.REFUSED,
                self.told.of(command.actuator),
                interlock="range",
                reason=f"{command.actuator} takes 0 to 100 percent, not {command.target:g}.",
            )
        if not self.connected:
            return Decision(
                Outcome.REFUSED, None, interlock="link_up", reason="The roaster is not connected."
            )
        if command.origin is Origin.PERSON:
            self.present(now_s)
        target = self._level(command.actuator, command.target)
        return decide(self.situation(now_s, command.origin), command.actuator, target, self.rules)

    # --- what must be done ----------------------------------------------------------------------

    def tick(self, now_s: float) -> Demand:
        """What the interlocks demand now. Notices of what they did are appended."""
        situation = self.situation(now_s)
        if self.armed_until_s is not None and not situation.armed:
            self.disarm("Arming has ended: heat is off. Arm again to go on.")
            situation = self.situation(now_s)
        self._trip(situation)
        situation = self.situation(now_s)
        if self._unsettled and self.connected and situation.reading_age_s is not None:
            self._unsettled = False
            if situation.hot:  # found hot: whatever was before us, it must turn and cool
                self._safe_pending = True
        self._ask_attendance(situation)
        if not self.connected:
            return Demand(False, ())
        moves = demands(situation, self.rules)
        for move in moves:
            told_already = move.effect is not Effect.LIMIT or move.interlock == "armed"
            if self.told.of(move.actuator) is not None and not told_already:
                self._notice("interlock", move.reason, move.interlock)
        writes = tuple((move.actuator, move.percent) for move in moves)
        return Demand(self._safe_pending, writes)

    def again(self, now_s: float) -> list[tuple[Actuator, float]]:
        """What is told once more, heat first: no line without an answer is trusted.

        Heat 0 that the machine doesn't report as 0; and while it heats or may be hot, drum, fan
        and cooling that it doesn't report, or reports as less.
        """
        able, echoes, told = self.capabilities.actuators, self.capabilities.echoes, self.told
        heats = (told.heater or 0.0) > 0
        found = []
        unseen = Actuator.HEATER not in echoes and self._ever_heated
        doubted = unseen or self.contradicts(Actuator.HEATER) or not self._zero_confirmed
        if self.connected and Actuator.HEATER in able and not heats and doubted:
            found.append((Actuator.HEATER, 0.0))
        if not self.connected or not (heats or self.hot(now_s) is not False):
            return found
        for actuator in (Actuator.DRUM, Actuator.FAN, Actuator.COOLING):
            percent = told.of(actuator)
            if actuator not in able or not percent or (heats and actuator is Actuator.COOLING):
                continue
            if actuator not in echoes or self.contradicts(actuator):
                found.append((actuator, percent))
        return found

    def may_release(self, now_s: float) -> str | None:
        """Why control can't be given up now, or None.

        Source: Artisan releases a Hottop only when cool (protocols, §1).
        """
        if not self.capabilities.actuators:
            return None
        if not self.connected:
            return None if not self._ever_heated else "The roaster is gone and was hot."
        if (self.told.heater or 0.0) > 0:
            return "Heat is on."
        newest = self.history.newest
        if newest and Actuator.HEATER in self.capabilities.echoes and newest.heater_percent:
            return "The roaster still reports heat."  # one that is stepped takes a second
        hot = self.hot(now_s)
        if hot:
            return "The roaster is hot: the drum must turn."
        if hot is None:
            return "Nobody knows yet whether the roaster is hot."
        return None

    def hot(self, now_s: float) -> bool | None:
        """Whether the machine is hot; None: nobody knows."""
        return self.situation(now_s).hot

    def note(self, reason: str, interlock: str) -> None:
        """What an interlock did besides a command."""
        self._notice("interlock", reason, interlock)

    def contradicts(self, actuator: Actuator) -> bool:
        """Whether the machine's own report contradicts what it was told."""
        return actuator in self._contradicted_since_s

    @property
    def ever_connected(self) -> bool:
        """Whether the machine has been reached at all."""
        return self._ever_connected

    @property
    def zero_confirmed(self) -> bool:
        """Whether an echoed heater has been read as 0 since the link came up."""
        return self._zero_confirmed

    @property
    def left_safe(self) -> bool:
        """Whether it was made safe, and no heat was commanded since."""
        return self._left_safe

    @property
    def unsafe_pending(self) -> bool:
        """Whether a make_safe is still owed to the machine."""
        return self._safe_pending

    def situation(self, now_s: float, origin: Origin | None = None) -> Situation:
        """All that the interlocks may look at."""
        newest = self.history.newest
        return Situation(
            limits=self.limits,
            capabilities=self.capabilities,
            told=self.told,
            wanted=self.told,
            origin=origin,
            reading=newest,
            reading_age_s=None if newest is None else now_s - newest.taken_at_s,
            implausible=self.history.implausible,
            connected=self.connected,
            zero_confirmed=self._zero_confirmed,
            lease=self.lease_until_s is not None
            and self.lease_until_s - LEASE_S - 0.001 <= now_s <= self.lease_until_s,
            was_served=self._was_served,
            armed=self.armed_until_s is not None
            and self.armed_until_s - self.limits.arm_max_s - 1.0 <= now_s < self.armed_until_s,
            unarmed_reason=self._unarmed_reason,
            emergency=self.emergency,
            unattended_s=0.0 if self.attended_at_s is None else now_s - self.attended_at_s,
            cutoff_confirmed=self.cutoff_confirmed,
            log_works=self.log_works,
            hottest_c=self.history.hottest_c,
            ever_heated=self._ever_heated,
            bean_rate_c_per_min=self.history.rate_c_per_min("bean_temp_c"),
            environment_rate_c_per_min=self.history.rate_c_per_min("environment_temp_c"),
            heating_s=None if self._heating_since_s is None else now_s - self._heating_since_s,
            roast_s=None if self._charged_at_s is None else now_s - self._charged_at_s,
            heat_off_s=None if self._heat_off_since_s is None else now_s - self._heat_off_since_s,
            heat_without_rise_s=self.history.heat_without_rise_s(now_s),
            contradicted_s={
                actuator: now_s - since for actuator, since in self._contradicted_since_s.items()
            },
        )

    def _trip(self, situation: Situation) -> None:
        """Let every latching bound that newly holds end arming, and make safe where it says so."""
        standing = set()
        heating = (self.told.heater or 0.0) > 0
        for name, bound in bounds(situation, self.rules):
            if bound.effect is Effect.LIMIT:
                continue
            standing.add(name)
            if name in self._standing:
                continue
            if heating or self.armed_until_s is not None:
                self._notice("fault" if name in _FAULTS else "interlock", bound.reason, name)
                self.disarm(bound.reason)
            worth = heating or self._ever_heated or situation.hot
            if name in ("link_up", "service_alive") and self._left_safe:
                worth = False  # it was last told to be safe: nothing is owed to it
            if bound.effect is Effect.MAKE_SAFE and self._ever_connected and worth:
                self._safe_pending = True
        self._standing = standing

    def _ask_attendance(self, situation: Situation) -> None:
        if (self.told.heater or 0.0) <= 0 or situation.unattended_s <= self.limits.attendance_s:
            return
        if not self._asked_attendance:
            self._asked_attendance = True
            self._notice(
                "attendance",
                f"Is somebody at the roaster? Heat goes off in "
                f"{self.limits.attendance_grace_s:.0f} s when nobody answers.",
                "attendance",
            )

    def _compare(self, actuator: Actuator, reading: Reading, now_s: float) -> None:
        told = self.told.of(actuator)
        echo = None if actuator is Actuator.DOOR else getattr(reading, f"{actuator.value}_percent")
        if told is None or echo is None:
            self._contradicted_since_s.pop(actuator, None)
            return
        worse = echo - told if actuator is Actuator.HEATER else told - echo
        if worse > ECHO_TOLERANCE_PERCENT:
            self._contradicted_since_s.setdefault(actuator, now_s)
        else:
            self._contradicted_since_s.pop(actuator, None)

    def _level(self, actuator: Actuator, target: float) -> float:
        levels = self.capabilities.levels.get(actuator)
        if not levels:
            return target
        if actuator is Actuator.HEATER:
            return max((level for level in levels if level <= target), default=0.0)
        return min(levels, key=lambda level: (abs(level - target), -level))

    def _notice(self, kind: str, message: str, interlock: str | None = None) -> None:
        self.notices.append(Notice(kind, message, interlock))


_FAULTS = frozenset({"heat_without_rise", "rise_without_heat", "heater_contradicts", "link_up"})
