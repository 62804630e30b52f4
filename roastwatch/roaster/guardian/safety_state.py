"""Whether heat is allowed: lease, arming, attendance and latches, and the judgement of commands.

The guardian owns one of these. No I/O and no clock: the caller passes the time in seconds of a
monotonic clock, and does what `tick` and `request` return. `device_state` holds the machine's side.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.guardian.alarms import Alarms, Notice
from roastwatch.roaster.guardian.batch import Batch
from roastwatch.roaster.guardian.device_state import DeviceState
from roastwatch.roaster.guardian.interlocks import (
    INTERLOCKS,
    Decision,
    Interlock,
    bounds,
    decide,
    demands,
)
from roastwatch.roaster.guardian.lease import Lease
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.panel import PanelFirst
from roastwatch.roaster.guardian.situation import Effect, Setpoints, Situation
from roastwatch.roaster.guardian.states import ArmingState, LeaseState
from roastwatch.vocabulary import Actuator, Command, Origin, Outcome, Reading

RESTARTED = "The roaster restarted: heat stays off until a person arms again."


@dataclass(frozen=True, slots=True)
class Demand:
    """What must be done now: make safe, or these writes in this order."""

    make_safe: bool
    writes: tuple[tuple[Actuator, float], ...]


class SafetyState(PanelFirst):
    """One machine's safety state."""

    def __init__(
        self,
        capabilities: Capabilities,
        limits: Limits,
        *,
        cutoff_confirmed: bool = False,
        rules: Mapping[str, Interlock] = INTERLOCKS,
    ) -> None:
        super().__init__()
        self.limits = limits
        self.cutoff_confirmed = cutoff_confirmed
        self.rules = rules
        self.machine = DeviceState(capabilities, limits)
        self.emergency: str | None = None
        self.log_works = True
        self.armed_until_s: float | None = None
        self.attended_at_s: float | None = None
        self._lease = Lease()
        self.alarms = Alarms()
        self.batch = Batch(self.machine)
        self._unarmed_reason = ""
        self._safe_pending = False
        self._unsettled = True
        self._heating_since_s: float | None = None
        self._asked_attendance = False

    # --- what happens -----------------------------------------------------------------------

    def link_up(self, now_s: float, *, heat_0_refused: bool = False) -> None:
        """The driver is connected, and heat 0 was written unless the machine refused it."""
        if self.machine.ever_connected:
            heat = "but refuses heat 0." if heat_0_refused else "heat stays 0."
            self._notice("recovered", f"The roaster is connected again; {heat}")
        self._unsettled = True
        self.machine.link_up(now_s, heat_0_refused=heat_0_refused)
        self._safe_pending = self._safe_pending or heat_0_refused
        if self.only_reads:
            self.machine.setpoints = Setpoints()

    def restarted(self, now_s: float) -> None:
        """The machine restarted under an open link: no setpoint is restored."""
        if self.armed_until_s is None:
            self._notice("recovered", "The roaster restarted; heat stays 0.")
        self._unsettled = True
        self.machine.has_restarted(RESTARTED, now_s)

    def link_lost(self, why: str) -> None:
        """The link is gone."""
        was_up = self.machine.connected
        if was_up:
            self._notice("lost", f"The roaster is disconnected: {why}", "link_up")
        self.machine.link_lost()
        disarmed = self.arming is ArmingState.DISARMED
        if was_up and disarmed and not self.machine.lost_hot:
            self.control_asked = False  # it ended control by itself: back to its panel

    def read(self, reading: Reading, now_s: float) -> None:
        """A reading arrived."""
        machine, before = self.machine, self.machine.history.newest
        if machine.capabilities.when_host_is_gone == "ejects" and not machine.setpoints.door:
            self.alarms.door(before is not None and before.door_open is False, reading.door_open)
        machine.read(reading, now_s)
        if self.only_reads and reading.heater_percent is not None:
            machine.heats_by_its_panel(reading.heater_percent, now_s)

    def wrote(self, actuator: Actuator, percent: float, now_s: float) -> None:
        """A write went out."""
        gone = actuator is Actuator.HEATER and percent == 0 and self.machine.heat_is_lost
        self.machine.wrote(actuator, percent, now_s)
        if gone and self.armed_until_s is not None:  # no later reading can show that
            self.machine.has_restarted(RESTARTED, now_s)
        if actuator is Actuator.HEATER and percent > 0:
            self._unsettled = False  # its state before us no longer matters
            if self._heating_since_s is None:
                self._heating_since_s = now_s
        if actuator is Actuator.DOOR and percent > 0:
            self.batch.dropped()

    def made_safe(self, now_s: float) -> None:
        """`make_safe` went out."""
        self._safe_pending = False
        self.machine.made_safe(now_s)

    def renew(self, now_s: float, said_at_s: float | None = None) -> None:
        """The service is alive, or was at `said_at_s` (by the clock that both share).

        A message that waited in a socket extends nothing; and a gap between two messages ends
        arming even if no `tick` noticed it.
        """
        if not self._lease.renew(now_s if said_at_s is None else min(said_at_s, now_s)):
            self._silence()

    def lease_ended(self) -> None:
        """The service has left: the next one starts again, however soon it comes."""
        if self._lease.end():
            self._silence()

    def _silence(self) -> None:
        if self.armed_until_s is not None or self.machine.heats:
            self.ask_safe("roastwatch stopped answering: heat is off until a person arms again.")

    # --- what people request ----------------------------------------------------------------------

    def present(self, now_s: float) -> None:
        """A person is there."""
        self.attended_at_s, self._asked_attendance = now_s, False

    def arm(self, for_s: float, now_s: float) -> str | None:
        """Arm for `for_s` seconds, at most `arm_max_s`. Returns why not, or None.

        Arming is the deliberate act that ends an emergency stop. It is judged on the situation that
        it would create; until then nothing changes.
        """
        if refused := self.panel_heats():
            return refused
        if self.machine.heat_0_refused:
            return "Not armed: the roaster refuses heat 0. Look at it, and at its panel."
        anew = not self.machine.heats
        cool = not self.machine.history.hottest_c or self.machine.hot(now_s) is False
        then = self.situation(now_s)
        then = replace(
            then,
            armed=True,
            emergency=None,
            restarted=None,
            unattended_s=0.0,
            heating_s=None if anew else then.heating_s,
            roast_s=None if anew and cool else then.roast_s,
        )
        standing = [b for _, b in bounds(then, self.rules) if b.effect is not Effect.LIMIT]
        if standing:
            return f"Not armed: {standing[0].reason}"
        for_s = max(0.0, min(for_s, self.limits.arm_max_s))
        self.emergency = self.machine.restarted = None
        self.armed_until_s, self._unarmed_reason = now_s + for_s, ""
        self.alarms.clear()
        self.present(now_s)
        if anew:
            self._heating_since_s = None
        if anew and cool:
            self.batch.dropped()
        self.take_control()
        self._notice("armed", f"Armed for {for_s / 60:.0f} minutes.")
        return None

    def disarm(self, reason: str = "Disarmed.") -> None:
        """End arming: heat goes off at the next tick."""
        if self.armed_until_s is not None:
            self._notice("disarmed", reason)
        self.armed_until_s, self._unarmed_reason = None, reason

    def emergency_stop(self, reason: str) -> None:
        """Latch an emergency stop. Nothing can refuse it."""
        self.emergency = reason
        self.take_control()
        self._safe_pending = True
        self._notice("interlock", reason, "emergency_stop")
        self.armed_until_s, self._unarmed_reason = None, reason
        self.alarms.known("emergency_stop")

    def ask_safe(self, reason: str) -> None:
        """A graceful end: make safe and disarm, without a latch."""
        self._safe_pending = True
        self.disarm(reason)

    def set_limits(self, limits: Limits) -> None:
        """Take the limits of the service that controls the machine from now on, and disarm."""
        if limits != self.limits:
            self.limits = self.machine.limits = limits
            self.disarm("The limits have changed: arm again.")

    def request(self, command: Command, now_s: float) -> Decision:
        """Judge a command. Nothing changes here: the caller reports its writes by `wrote`."""
        if command.actuator not in self.machine.capabilities.actuators:
            can = ", ".join(sorted(self.machine.capabilities.actuators)) or "nothing"
            return Decision(
                Outcome.REFUSED,
                None,
                interlock="capabilities",
                reason=f"{self.machine.capabilities.machine} can't set {command.actuator}: "
                f"it can set {can}.",
            )
        if not 0.0 <= command.target <= 100.0:  # NaN too
            return Decision(
                Outcome.REFUSED,
                self.machine.setpoints.of(command.actuator),
                interlock="range",
                reason=f"{command.actuator} takes 0 to 100 percent, not {command.target:g}.",
            )
        if not self.machine.connected:
            return Decision(
                Outcome.REFUSED, None, interlock="link_up", reason="The roaster is not connected."
            )
        if refused := self.leaves_alone(command):
            return Decision(Outcome.REFUSED, None, interlock="panel", reason=refused)
        if command.origin is Origin.PERSON:
            self.present(now_s)
        target = self.machine.capabilities.level(command.actuator, command.target)
        return decide(self.situation(now_s, command.origin), command.actuator, target, self.rules)

    # --- what must be done ----------------------------------------------------------------------

    def tick(self, now_s: float) -> Demand:
        """What the interlocks demand now. Their notices are appended."""
        situation = self.situation(now_s)
        if self.armed_until_s is not None and not situation.armed:
            self.disarm("Arming has ended: heat is off. Arm again to go on.")
            situation = self.situation(now_s)
        if self.only_reads:
            self._safe_pending = False  # nothing that we set is on
            self.warn_of(situation, self.rules, now_s)
            return Demand(False, ())
        self._trip(situation, now_s)
        newest = self.machine.history.newest
        self.alarms.heat_short(
            self.machine.heat_short_s(now_s) > 0,
            newest.heater_percent if newest else None,
            self.machine.setpoints.heater or 0.0,
        )
        self.batch.look(situation)
        situation = self.situation(now_s)
        known = situation.reading_age_s is not None and situation.hot is not None
        if self._unsettled and situation.link.is_open and known:
            self._unsettled = False
            if situation.hot:  # found hot: it must turn and cool
                self._safe_pending = True
        self._ask_attendance(situation)
        if not self.machine.connected:
            return Demand(False, ())
        moves = demands(situation, self.rules)
        for move in moves:
            announced = move.effect is not Effect.LIMIT or move.interlock == "armed"
            if self.machine.setpoints.of(move.actuator) is not None and not announced:
                heat_ends = move.actuator is Actuator.HEATER and move.percent == 0
                kind = "interlock" if heat_ends else "corrected"
                self._notice(kind, move.reason, move.interlock)
        writes = tuple((move.actuator, move.percent) for move in moves)
        able = self.machine.capabilities.actuators
        if self.machine.setpoints.heater is None and Actuator.HEATER in able:
            writes = ((Actuator.HEATER, 0.0), *writes)  # control has just been taken
        return Demand(self._safe_pending, writes)

    def note(self, reason: str, interlock: str) -> None:
        """Report what an interlock did in addition to a command."""
        self._notice("corrected", reason, interlock)

    @property
    def notices(self) -> list[Notice]:
        """What waits to be sent; the sender empties it."""
        return self.alarms.waiting

    @property
    def unsafe_pending(self) -> bool:
        """Whether a make_safe is still owed to the machine."""
        return self._safe_pending

    @property
    def arming(self) -> ArmingState:
        """Whether a person allows heat. Arming that has run out is ended by the next `tick`."""
        if self.emergency is not None:
            return ArmingState.STOPPED
        return ArmingState.DISARMED if self.armed_until_s is None else ArmingState.ARMED

    def lease(self, now_s: float) -> LeaseState:
        """Whether the service holds the machine now."""
        return self._lease.state(now_s)

    def situation(self, now_s: float, origin: Origin | None = None) -> Situation:
        """All that the interlocks may look at."""
        machine = self.machine
        return Situation(
            limits=self.limits,
            capabilities=machine.capabilities,
            setpoints=machine.setpoints,
            wanted=machine.setpoints,
            origin=origin,
            reading=machine.history.newest,
            reading_age_s=machine.reading_age_s(now_s),
            implausible=machine.history.implausible,
            over_range=machine.history.over_range,
            restarted=machine.restarted,
            too_hot=machine.history.too_hot,
            risen_without_heat_c=machine.risen_without_heat_c(now_s),
            heat_short_s=machine.heat_short_s(now_s),
            heat_gone=machine.heat_gone,
            probe_fault=machine.history.probes.fault(self.limits) if machine.heats else None,
            link=machine.link,
            zero_confirmed=machine.zero_confirmed,
            lease=self.lease(now_s),
            armed=self.armed_until_s is not None
            and self.armed_until_s - self.limits.arm_max_s - 1.0 <= now_s < self.armed_until_s,
            unarmed_reason=self._unarmed_reason,
            emergency=self.emergency,
            unattended_s=0.0 if self.attended_at_s is None else now_s - self.attended_at_s,
            cutoff_confirmed=self.cutoff_confirmed,
            log_works=self.log_works,
            hottest_c=machine.history.hottest_c,
            hot=machine.hot(now_s),
            cools_for_safety=machine.cools_for_safety,
            bean_rate_c_per_min=machine.history.rate_c_per_min("bean_temp_c"),
            environment_rate_c_per_min=machine.history.rate_c_per_min("environment_temp_c"),
            heating_s=None if self._heating_since_s is None else now_s - self._heating_since_s,
            roast_s=self.batch.roast_s(now_s),
            heat_off_s=machine.heat_off_s(now_s),
            heat_without_rise_s=machine.history.heat_without_rise_s(now_s),
            unmoved_s=machine.history.unmoved_s(now_s),
            contradicted_s=machine.contradicted_s(now_s),
        )

    def _trip(self, situation: Situation, now_s: float) -> None:
        """Every latching bound that is new ends arming, and makes safe where it demands that."""
        standing: dict[str, str] = {}
        heating = self.machine.heats
        for name, bound in bounds(situation, self.rules):
            if bound.effect is Effect.LIMIT:
                continue
            standing.setdefault(name, bound.reason)
            if not self.alarms.is_new(name):
                continue
            if heating or self.armed_until_s is not None or self.alarms.is_loud(name, now_s):
                self.alarms.interlock(name, bound.reason, now_s)
                self.disarm(bound.reason)
            worth = heating or self.machine.ever_heated or situation.hot
            if name in ("link_up", "service_alive") and self.machine.left_safe:
                worth = False  # it was made safe last: nothing is owed to it
            if bound.effect is Effect.MAKE_SAFE and self.machine.ever_connected and worth:
                self._safe_pending = True
        self.alarms.hold(standing, now_s, situation.hottest_c)

    def _ask_attendance(self, situation: Situation) -> None:
        if not self.machine.heats or situation.unattended_s <= self.limits.attendance_s:
            return
        if not self._asked_attendance:
            self._asked_attendance = True
            self._notice(
                "attendance",
                f"Is somebody at the roaster? Heat goes off in "
                f"{self.limits.attendance_grace_s:.0f} s unless somebody answers.",
                "attendance",
            )

    def _notice(self, kind: str, message: str, interlock: str | None = None) -> None:
        self.alarms.notify(kind, message, interlock)
