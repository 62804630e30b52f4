"""What the guard notifies people of: once when it begins, and again while it goes on where it must.

No clock: whoever calls says what time it is (seconds of a monotonic clock).
"""

from dataclasses import dataclass
from math import inf

from roastwatch.roaster.guardian.interlocks.temperature import NO_HEAT_PERCENT

AGAIN_S = 30.0
REPEATED = frozenset({"rise_without_heat", "over_range"})
"""Notified again every 30 s while they go on."""
LOUD = REPEATED | {"heater_contradicts"}
"""Notified whatever is armed: heat that nobody asked for."""
FAULTS = LOUD | {
    "frozen_reading",
    "heat_missing",
    "heat_without_rise",
    "link_up",
    "not_restarted",
    "probe_follows",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know, sent to everybody who listens to the guardian."""

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

    def notify(self, kind: str, message: str, interlock: str | None = None) -> None:
        """Add a notice."""
        self.waiting.append(Notice(kind, message, interlock))

    def interlock(self, name: str, reason: str, now_s: float) -> None:
        """An interlock ended heat."""
        self._alarmed_at_s[name] = now_s
        self.notify("fault" if name in FAULTS else "interlock", reason, name)

    def known(self, name: str) -> None:
        """Of this, people know already."""
        self._standing |= {name}

    def is_new(self, name: str) -> bool:
        """Whether an interlock did not hold at the last look."""
        return name not in self._standing

    def is_loud(self, name: str, now_s: float) -> bool:
        """Whether an interlock is notified whatever is armed, and was not of late."""
        return name in LOUD and not 0 <= now_s - self._alarmed_at_s.get(name, -inf) < AGAIN_S

    def hold(self, standing: dict[str, str], now_s: float) -> None:
        """The interlocks that hold now, with their reasons: the loud ones are notified again."""
        for name, reason in standing.items():
            if self.is_new(name):
                self._since_s[name] = now_s
            elif name in REPEATED and self.is_loud(name, now_s):
                for_s = now_s - self._since_s.get(name, now_s)
                self.interlock(name, f"For {for_s:.0f} s now: {reason}", now_s)
        self._standing = frozenset(standing)

    def door(self, was_shut: bool, is_open: bool | None) -> None:
        """The door of a machine that ejects by itself, which nothing of ours has opened."""
        if was_shut and is_open:
            self.notify(
                "corrected",
                "The door has opened, and roastwatch did not open it: the beans may have dropped. "
                "If nobody opened it, the roaster no longer hears roastwatch: check its cable.",
                "door_shut",
            )

    def heat_short(self, short: bool, reported: float | None, set_to: float) -> None:
        """Whether the machine gives less heat than is set, but gives some: notified once."""
        if short and not self._short_reported and (reported or 0.0) > NO_HEAT_PERCENT:
            self.notify(
                "fault",
                f"The machine gives only {reported:.0f} % heat, not the {set_to:.0f} % that are "
                "set: check its own limits and its panel.",
                "heat_short",
            )
        self._short_reported = short
