"""Whether a machine still is as it was set after a time without readings: it may have restarted."""

from collections.abc import Collection

from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.situation import Setpoints
from roastwatch.vocabulary import Actuator, Reading

UNSEEN = (
    "No reading came for too long while heat was on, and the first one does not show what was set: "
    "the roaster may have been restarted. Heat stays off until a person arms again."
)
TOLERANCE_PERCENT = 5.0
"""A machine may report what was set in steps of its own."""


class ReadingGaps:
    """What was set when readings stopped, and which of it was not written again since."""

    def __init__(self) -> None:
        self._last_s: float | None = None
        """When the newest reading came."""
        self._heated = False
        """Heat was set at that time, or since."""
        self._stale = False
        self._set = Setpoints()
        self._rewritten: set[Actuator] = set()

    def forget(self) -> None:
        """Nothing is set: no gap matters."""
        self._last_s, self._heated, self._set = None, False, Setpoints()
        self._stale = False
        self._rewritten.clear()

    def wrote(self, actuator: Actuator, percent: float, *, stale: bool) -> None:
        """What is written proves nothing afterwards, except heat that was written off.

        `stale`: the newest reading was too old then; what comes next ends a gap, late as it is.
        """
        self._stale = self._stale or (stale and self._heated)
        if actuator is not Actuator.HEATER or percent > 0:
            self._rewritten.add(actuator)
            self._heated = self._heated or actuator is Actuator.HEATER

    def unseen(
        self,
        reading: Reading,
        told: Setpoints,
        echoes: Collection[Actuator],
        limits: Limits,
        now_s: float,
    ) -> bool:
        """Whether this reading ends a gap under heat and shows nothing of what was set before.

        The gap is between arrivals: an answer is dated back to the oldest question that is open.
        """
        before_s, self._last_s = self._last_s, now_s
        gap = before_s is not None and now_s - before_s > limits.stale_after_s
        gap, self._stale = gap or self._stale, False
        heated, was_set, rewritten = self._heated, self._set, set(self._rewritten)
        self._heated, self._set = (told.heater or 0.0) > 0, told
        self._rewritten.clear()
        if not gap or not heated:
            return False
        if _shows(Actuator.HEATER, reading, was_set) and Actuator.HEATER in echoes:
            return False
        moved = (Actuator.FAN, Actuator.DRUM)
        witnesses = [a for a in moved if a in echoes and a not in rewritten and was_set.of(a)]
        return not witnesses or not all(_shows(a, reading, was_set) for a in witnesses)


def _shows(actuator: Actuator, reading: Reading, was_set: Setpoints) -> bool:
    """Whether an actuator that was set still is, by the machine's own report."""
    percent = was_set.of(actuator) or 0.0
    shown: float | None = getattr(reading, f"{actuator.value}_percent")
    return percent > 0 and bool(shown) and abs((shown or 0.0) - percent) <= TOLERANCE_PERCENT
