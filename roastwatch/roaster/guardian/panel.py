"""A machine with its own panel is only read until somebody takes control of it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from roastwatch.roaster.driver import ResumesFrames, RoasterDriver
from roastwatch.roaster.guardian.alarms import Alarms
from roastwatch.roaster.guardian.device_state import DeviceState
from roastwatch.roaster.guardian.interlocks import Interlock, bounds
from roastwatch.roaster.guardian.situation import Situation
from roastwatch.roaster.guardian.states import LinkState
from roastwatch.roaster.handover import Handover
from roastwatch.vocabulary import Actuator, Command, Origin

WARNED_OF = ("bean_temperature", "environment_temperature", "over_range", "rise_without_heat")
"""The interlocks for a machine that is only read: dangers, no matter who heats it."""


class PanelFirst(ABC):
    """The part of the safety state that leaves such a machine alone."""

    machine: DeviceState
    alarms: Alarms

    def __init__(self) -> None:
        self.control_asked = False
        """Somebody armed, commanded or stopped it, and the control has not ended since."""
        self._inherited: Handover | None = None

    @property
    def only_reads(self) -> bool:
        """Whether the machine is left to its own panel, because nobody took control."""
        return self.machine.capabilities.listens_first and not self.control_asked

    def take_control(self) -> None:
        """Somebody wants more than readings."""
        released = self.machine.capabilities.when_released
        if self.only_reads and released:
            self._notice("control", f"roastwatch has taken control. {released}")
        self.control_asked = True

    def warn_of(self, situation: Situation, rules: Mapping[str, Interlock], now_s: float) -> None:
        """Notify people of the dangers of a machine that is only read. Nothing is written."""
        judged = {name: rules[name] for name in WARNED_OF if name in rules}
        standing: dict[str, str] = {}
        for name, bound in bounds(situation, judged):
            what_to_do = "switch its heat off at its panel, or press emergency stop."
            reason = f"{bound.reason} roastwatch only reads this roaster: {what_to_do}"
            standing.setdefault(name, reason)
        self.alarms.only_warn(standing, now_s, situation.hottest_c)

    def leaves_alone(self, command: Command) -> str | None:
        """Why a command does not take control of a machine that is only read, or None.

        Taking control away from the panel, and giving it back, can drop the beans: only people and
        the plans that they armed may do that. While a person heats at the panel, they take it only
        to switch heat off or to let the beans out.
        """
        if not self.only_reads:
            return None
        if command.origin not in (Origin.PERSON, Origin.PLAN):
            return (
                f"The roaster is run from its own panel, so {command.origin} can't take control: "
                "arm it first."
            )
        ends_heat = command.actuator is Actuator.HEATER and command.target == 0
        if ends_heat or command.actuator is Actuator.DOOR:
            return None
        return self.panel_heats("Not set")

    def inherit(self, left: Handover) -> None:
        """The last guardian died while it had control: go on with control, heat off."""
        if Actuator.HEATER in self.machine.capabilities.actuators:
            self.machine.ever_heated = True  # unknown until a reading shows that it is cool
        if self.only_reads:
            self.control_asked, self._inherited = True, left
            self.ask_safe("The last guardian ended: heat is off until a person arms again.")

    def resume(self, driver: RoasterDriver, now_s: float) -> None:
        """Send frames at once if the last guardian's have only just stopped."""
        left = self._inherited
        if left is None or left.door_open is None or not left.is_fresh(now_s):
            return
        if isinstance(driver, ResumesFrames):
            driver.resume(left.door_open)

    def panel_heats(self, refused: str = "Not armed") -> str | None:
        """Why control is not taken now (a person roasts at the panel), or None."""
        newest = self.machine.history.newest
        if not self.only_reads or newest is None or not newest.heater_percent:
            return None
        return (
            f"{refused}: the roaster heats by its own panel ({newest.heater_percent:.0f} %). Set "
            "its heat to 0 there first."
        )

    def silent(self, why: str) -> None:
        """The machine sends nothing, but still gets what the driver writes."""
        if self.machine.link is not LinkState.SILENT:
            self.machine.link = LinkState.SILENT
            self._notice("lost", why, "link_up")
            self.ask_safe(why)

    def heard(self) -> None:
        """It sends readings (again)."""
        if self.machine.link is LinkState.SILENT:
            self.machine.link = LinkState.UP
            self._notice("recovered", "The roaster sends readings again; heat stays 0.")

    @property
    def lost_hot(self) -> bool:
        """Whether a machine that we controlled was lost hot."""
        drives = self.machine.capabilities.actuators and not self.only_reads
        return bool(drives) and self.machine.lost_hot

    def may_release(self, now_s: float) -> str | None:
        """Why control can't be given up now, or None."""
        return None if self.only_reads else self.machine.may_release(now_s)

    @abstractmethod
    def ask_safe(self, reason: str) -> None:
        """Make safe and disarm."""

    @abstractmethod
    def _notice(self, kind: str, message: str, interlock: str | None = None) -> None:
        """Notify every client."""
