"""What a machine refuses to do: reported once, tried again each second; the link stays open.

No clock: the caller passes the time in seconds of a monotonic clock.
"""

from collections.abc import Callable
from math import inf

from roastwatch.errors import BadInputError
from roastwatch.roaster.guardian.safety_state import Demand
from roastwatch.vocabulary import Actuator

AGAIN_S = 1.0
MAKE_SAFE = "make_safe"


class Refusals:
    """What was refused and not carried out since: an actuator, or `MAKE_SAFE`."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._at_s: dict[str, float] = {}

    def add(self, what: Actuator | str, why: BadInputError, now_s: float) -> None:
        """The machine refused; only the first of repeated refusals is reported."""
        if what not in self._at_s:
            self._report(
                f"{why} roastwatch goes on with the rest; if the roaster is hot, look at it."
            )
        self._at_s[what] = now_s

    def done(self, what: Actuator | str) -> None:
        """It was carried out."""
        self._at_s.pop(what, None)

    def patient(self, demand: Demand, now_s: float) -> Demand:
        """Leave out what was refused within the last second."""
        if not self._at_s:
            return demand
        writes = tuple(write for write in demand.writes if not self._new(write[0], now_s))
        return Demand(demand.make_safe and not self._new(MAKE_SAFE, now_s), writes)

    def _new(self, what: Actuator | str, now_s: float) -> bool:
        return 0 <= now_s - self._at_s.get(what, -inf) < AGAIN_S
