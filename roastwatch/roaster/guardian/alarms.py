"""What the guardian notifies people of: once when it begins, and repeatedly if it is urgent.

No clock: the caller passes the time in seconds of a monotonic clock.
"""

from dataclasses import dataclass
from math import inf

from roastwatch.roaster.guardian.interlocks.temperature import NO_HEAT_PERCENT

AGAIN_S = 30.0
COOLED_C = 10.0
"""A rise without heat is over once it is cooler by this: a stuck relay may hold a temperature."""
REPEATED = frozenset({"rise_without_heat", "over_range", "heater_contradicts"})
"""Unrequested heat: notified even if disarmed, and every 30 s while it goes on."""
FAULTS = REPEATED | {
    "frozen_reading",
    "heat_missing",
    "heat_without_rise",
    "link_up",
    "not_restarted",
    "probe_follows",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know, sent to every client of the guardian."""

    kind: str
    """interlock, corrected, fault, lost, recovered, control, armed, disarmed, attendance."""
    message: str
    interlock: str | None = None


class Alarms:
    """The notices that wait to be sent, and what was notified already."""

    def __init__(self) -> None:
        self.waiting: list[Notice] = []
        self._standing: frozenset[str] = frozenset()
        self._since_s: dict[str, float] = {}
        self._alarmed_at_s: dict[str, float] = {}
        self._short_reported = False
        self._said: dict[str, str] = {}
        """The last text of each interlock, so that it does not change every second."""
        self._risen_to_c: float | None = None
        self.alarm: str | None = None
        """The alarm of unrequested heat that is active now, shown to every client."""

    def notify(self, kind: str, message: str, interlock: str | None = None) -> None:
        """Add a notice."""
        self.waiting.append(Notice(kind, message, interlock))

    def interlock(self, name: str, reason: str, now_s: float) -> None:
        """An interlock ended heat."""
        self._alarmed_at_s[name] = now_s
        self._said[name] = reason
        self.notify("fault" if name in FAULTS else "interlock", reason, name)

    def known(self, name: str) -> None:
        """Note that people know this already."""
        self._standing |= {name}

    def is_new(self, name: str) -> bool:
        """Whether an interlock was not active at the last look."""
        return name not in self._standing

    def is_loud(self, name: str, now_s: float) -> bool:
        """Whether an interlock is notified even if disarmed, and was not within 30 s."""
        return name in REPEATED and self._is_rested(name, now_s)

    def _is_rested(self, name: str, now_s: float) -> bool:
        return not 0 <= now_s - self._alarmed_at_s.get(name, -inf) < AGAIN_S

    def only_warn(self, standing: dict[str, str], now_s: float, hottest_c: float | None) -> None:
        """Notify of the dangers of a machine that is only read: nothing is written to it."""
        for name, reason in standing.items():
            if self.is_new(name) and self._is_rested(name, now_s):
                self._alarmed_at_s[name] = now_s
                self.notify("fault", reason, name)
        self.hold(standing, now_s, hottest_c)

    def hold(self, standing: dict[str, str], now_s: float, hottest_c: float | None) -> None:
        """Take the interlocks that are active now, with their reasons; urgent ones are repeated.

        `hottest_c` is the hottest probe by the last plausible reading, °C.
        """
        for name, reason in standing.items():
            if self.is_new(name):
                self._since_s[name] = now_s
            elif self.is_loud(name, now_s):
                for_s = now_s - self._since_s.get(name, now_s)
                self.interlock(name, f"For {for_s:.0f} s: {reason}", now_s)
        self._standing = frozenset(standing)
        self.alarm = self._alarm(standing, hottest_c)

    def clear(self) -> None:
        """A person has looked and armed again."""
        self.alarm = self._risen_to_c = None

    def _alarm(self, standing: dict[str, str], hottest_c: float | None) -> str | None:
        """The active alarm. A rise without heat is not over because it stops rising."""
        rises = "rise_without_heat" in standing
        if hottest_c is not None and (rises or self._risen_to_c is not None):
            self._risen_to_c = max(hottest_c, self._risen_to_c or hottest_c)
            if not rises and hottest_c < self._risen_to_c - COOLED_C:
                self._risen_to_c = None
        loud = [name for name in standing if name in REPEATED]
        if not loud and self._risen_to_c is not None:
            loud = ["rise_without_heat"]
        return next((self._said.get(name) or standing[name] for name in loud), None)

    def door(self, was_shut: bool, is_open: bool | None) -> None:
        """Report a door that opened by itself: the machine may have ejected."""
        if was_shut and is_open:
            self.notify(
                "corrected",
                "The door has opened, and roastwatch did not open it: the beans may have dropped. "
                "If nobody opened it, the roaster no longer receives commands: check its cable.",
                "door_shut",
            )

    def heat_short(self, short: bool, reported: float | None, set_to: float) -> None:
        """Notify once that the machine gives less heat than is set, but some."""
        if short and not self._short_reported and (reported or 0.0) > NO_HEAT_PERCENT:
            self.notify(
                "fault",
                f"The machine gives only {reported:.0f} % heat, not {set_to:.0f} % as set: "
                "check its own limits and its panel.",
                "heat_short",
            )
        self._short_reported = short
