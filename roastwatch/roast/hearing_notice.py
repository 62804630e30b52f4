"""Warns that first crack is due, but hard to hear; then bean temperature is used instead. Pure."""

from datetime import datetime

from roastwatch.roast.curve.watch import BeanWatch
from roastwatch.roast.roast import Roast
from roastwatch.vocabulary import EventKind, Hearing, HearingState, RoastEvent

AHEAD_S = 180.0
"""The warning comes this long before first crack is due, or later if hearing gets worse later."""
LASTS_S = 20.0
"""Hearing must have been bad for this long."""
_UNHEARD = "First crack may not be heard. {reason}"
_DUE = (
    "The beans have reached {bean_c:.0f} °C, where first crack {source} begins. It may not be "
    "heard: listen yourself."
)


class HearingNotice:
    """Of one station. Methods return the events that they cause."""

    def __init__(self, roast: Roast, beans: BeanWatch) -> None:
        self._roast = roast
        self._beans = beans
        self._since: datetime | None = None

    def look(self, now: datetime, hearing: HearingState) -> list[RoastEvent]:
        """Take how well first crack can be heard at a time."""
        if hearing.hearing is Hearing.GOOD or not self._roast.active:
            self._since = None
            return []
        self._since = self._since or now
        if (now - self._since).total_seconds() < LASTS_S:
            return []
        events = []
        if self._is_due(now):
            events += self._roast.hard_to_hear(now, _UNHEARD.format(reason=hearing.reason))
        return events + self._by_temperature(now)

    def _is_due(self, now: datetime) -> bool:
        """Whether first crack may begin soon; always, if the charge is unknown."""
        roast, elapsed_s = self._roast, self._roast.elapsed_s(now)
        if not roast.start_known or elapsed_s is None:
            return True
        predicted = self._beans.predicted(now, roast.first_crack)
        due_s = [at_s - half_s for kind, at_s, half_s in predicted if kind is EventKind.FIRST_CRACK]
        return elapsed_s >= (due_s[0] if due_s else roast.due_s) - AHEAD_S

    def _by_temperature(self, now: datetime) -> list[RoastEvent]:
        usual_c, learned = self._beans.usual_first_crack_c
        bean_c = self._beans.rising_c(now)
        if bean_c is None or bean_c < usual_c:
            return []
        source = "usually" if learned else "often"
        return self._roast.due_by_temperature(
            now, bean_c, _DUE.format(bean_c=bean_c, source=source)
        )
