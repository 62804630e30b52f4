"""What the roaster's guardian reports, as events of the station; and why a request was refused."""

import logging
import re
from dataclasses import replace

from roastwatch.app.station import Station
from roastwatch.roaster.client.control import GuardianNotice as Notice
from roastwatch.vocabulary import EventKind, Origin, Urgency

_log = logging.getLogger(__name__)
_NUMBER = re.compile(r"\d+")
_EVENTS = {
    "interlock": (EventKind.INTERLOCK, Urgency.DANGER),
    "corrected": (EventKind.INTERLOCK, Urgency.INFORMATION),
    "attendance": (EventKind.INTERLOCK, Urgency.NEEDS_YOU),
    "disarmed": (EventKind.INTERLOCK, Urgency.NEEDS_YOU),
    "fault": (EventKind.FAULT, Urgency.DANGER),
    "lost": (EventKind.ROASTER_LOST, Urgency.DANGER),
}
"""What a notice of the guardian becomes, and how urgent it is."""


class RoasterNotices:
    """Publishes what happens at one station's roaster, the same trouble once."""

    def __init__(self, station: Station) -> None:
        self.refusal = ""
        """Why the last request was refused, as it is shown; empty: it was not."""
        self._station = station
        self._last_message = ""
        self._plan_refusals: set[tuple[str | None, str]] = set()

    def refuse(self, reason: str | None) -> None:
        """Show and report why a request was refused; None: it was carried out."""
        self.refusal = reason or ""
        if reason:
            # The person who requested it knows; the others are notified once.
            self.publish(EventKind.INTERLOCK, reason, Urgency.NEEDS_YOU, Origin.PERSON)

    def plan_refused(self, reason: str, roast_id: str | None) -> None:
        """Report a step of the plan that was refused; the same refusal once in a roast."""
        same = (roast_id, _NUMBER.sub("", reason))
        if same in self._plan_refusals:
            _log.info("%s: %s", self._station.name, reason)
            return
        if roast_id not in {one for one, _ in self._plan_refusals}:
            self._plan_refusals.clear()
        self._plan_refusals.add(same)
        self.publish(EventKind.INTERLOCK, reason, Urgency.NEEDS_YOU)

    def happened(self, notice: Notice) -> None:
        """What the guardian did becomes an event that sinks report."""
        kind, urgency = _EVENTS.get(notice.kind, (None, Urgency.INFORMATION))
        pressed = notice.interlock == "emergency_stop" and kind is EventKind.INTERLOCK
        if pressed or notice.interlock == "heat_short":
            urgency = Urgency.NEEDS_YOU
        if notice.kind == "lost":
            self._station.reading = None
        quiet = notice.kind == "disarmed" and notice.message == "Disarmed."
        again = notice.message == self._last_message and notice.interlock != "emergency_stop"
        if kind is None:  # recovered: the same trouble after it is a new one
            self._last_message = ""
        if kind is None or quiet or again:
            _log.info("%s: %s", self._station.name, notice.message)
            return
        self._last_message = notice.message
        origin = Origin.PERSON if pressed else Origin.INTERLOCK
        self.publish(kind, notice.message, urgency, origin)

    def publish(
        self,
        kind: EventKind,
        message: str,
        urgency: Urgency = Urgency.DANGER,
        origin: Origin = Origin.INTERLOCK,
    ) -> None:
        """An event at the present time, of the roast if one is in progress."""
        station = self._station
        event = station.roast.notice(kind, station.now(), message, origin)
        station.publish([replace(event, urgency=urgency)])
