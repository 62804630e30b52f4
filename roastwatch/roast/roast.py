"""The phases of one station's roasts: a pure state machine fed with decisions and readings.

It owns `roast_id` and the events of a roast; it sends and stores nothing. A roast is started by a
person, by the start of the sound (`listen`, `demo`, `analyze`), or by the log after a crash.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from pydantic import Field

from roastwatch.options import Options
from roastwatch.roast.priors import TimePrior
from roastwatch.vocabulary import (
    EventKind,
    Evidence,
    EvidenceKind,
    Level,
    Origin,
    Phase,
    RoastEvent,
)


class RoastOptions(Options):
    """When a roast begins and what is expected of it."""

    begins: Literal["person", "sound", "charge"] = Field(
        "person",
        description="What starts a roast: person (a button, a command), sound (its first sample), "
        "or charge (its first sample, which is also when the beans go in).",
    )
    expected_first_crack_s: float | None = Field(
        None,
        gt=0,
        description="Seconds from charge to first crack; null: from earlier roasts, else 390-900.",
    )
    no_crack_after_s: float = Field(
        840.0,
        gt=0,
        description="Seconds from charge after which a missing first crack is reported.",
    )
    cooling_s: float = Field(
        240.0, gt=0, description="Seconds from drop to the end of cooling, if no probe shows it."
    )


_BEFORE = {Phase.CHARGED, Phase.DRYING, Phase.MAILLARD, Phase.ROASTING}
_AFTER_DROP = {Phase.DROPPED, Phase.COOLING}
EARLY_S = 390.0
"""First crack is unusual before this time, and rarer the nearer to the charge."""
_TOO_EARLY, _TOO_EARLY_PART = -3.0, 0.4
"""Log-likelihood ratio up to this fraction of it: only sample roasters and poppers are so fast."""
_LATE = 0.2
"""Log-likelihood ratio from two minutes after it."""
_DROPPED_FOR_S = 15.0
"""Seconds for which `dropped` is shown before `cooling`."""


@dataclass(slots=True)
class Roast:
    """The state of one station's roast. Methods return the events that they cause, in order."""

    station: str
    options: RoastOptions
    phase: Phase = Phase.IDLE
    roast_id: str | None = None
    charged_at: datetime | None = None
    dropped_at: datetime | None = None
    first_crack: RoastEvent | None = None
    ended: RoastEvent | None = None
    last_event: RoastEvent | None = None
    start_known: bool = True
    """Whether the charge is known, not only the start of the sound."""
    usual: TimePrior | None = None
    """The time of first crack in this person's earlier roasts; None if too few are known."""
    earlier: tuple[RoastEvent, ...] = ()
    """The events of this roast before the service was restarted."""
    _counts: dict[EventKind, int] = field(default_factory=dict)
    _said_late: bool = False
    _said_by_time: float = 0.0

    @property
    def active(self) -> bool:
        """Whether beans are being roasted."""
        return self.phase in _BEFORE | {Phase.FIRST_CRACK, Phase.DEVELOPMENT}

    def elapsed_s(self, now: datetime) -> float | None:
        """Seconds since charge; frozen at drop."""
        if self.charged_at is None or self.phase is Phase.IDLE:
            return None
        return ((self.dropped_at or now) - self.charged_at).total_seconds()

    def development_s(self, now: datetime) -> float | None:
        """Seconds since the onset of first crack; frozen at drop."""
        crack = self.first_crack
        if crack is None or crack.level is Level.POSSIBLE or self.phase is Phase.IDLE:
            return None
        return ((self.dropped_at or now) - crack.happened_at).total_seconds()

    def development_ratio_percent(self, now: datetime) -> float | None:
        """Development time in percent of the time since charge."""
        elapsed, development = self.elapsed_s(now), self.development_s(now)
        if not self.start_known or not elapsed or development is None:
            return None
        return 100.0 * development / elapsed

    def begin(
        self, at: datetime, origin: Origin, *, start_known: bool = True, sample: int | None = None
    ) -> list[RoastEvent]:
        """Start a new roast (charge), whatever the present state."""
        self.roast_id = f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}-{self.station}"
        self.charged_at, self.dropped_at = at, None
        self.first_crack = self.ended = None
        self.start_known = start_known
        self._counts.clear()
        self.earlier = ()
        self._said_late, self._said_by_time = False, 0.0
        self.phase = Phase.ROASTING
        if not start_known:
            return []
        return [self._event(EventKind.CHARGE, at, at, origin, happened_sample=sample)]

    def resume(self, roast_id: str, charged_at: datetime, events: list[RoastEvent]) -> None:
        """Continue a roast from the log.

        `events` is all of them: a revoked one does not count again, but keeps its id.
        """
        self.roast_id, self.charged_at, self.phase = roast_id, charged_at, Phase.ROASTING
        self.earlier = tuple(events)
        for event in events:
            self._counts[event.kind] = self._counts.get(event.kind, 0) + 1
            if not event.revoked:
                self._enter(event)
                self.last_event = event
        self._said_late = EventKind.NO_CRACK_YET in self._counts

    def crack(
        self,
        kind: EventKind,
        level: Level | None,
        happened_at: datetime,
        decided_at: datetime,
        *,
        origin: Origin = Origin.SOUND,
        confidence: float | None = None,
        happened_sample: int | None = None,
        decided_sample: int | None = None,
        bean_temp_c: float | None = None,
    ) -> list[RoastEvent]:
        """Add a crack by the onset decision or a person. A first crack grows in place."""
        growing = self.first_crack
        if kind is EventKind.FIRST_CRACK and growing is not None and not growing.revoked:
            if level is None or (growing.level and level.rank <= growing.level.rank):
                return []
            event = replace(
                growing,
                level=level,
                happened_at=happened_at,
                decided_at=decided_at,
                origin=origin,
                confidence=confidence,
                happened_sample=happened_sample,
                decided_sample=decided_sample,
            )
            self._enter(event)
            self.last_event = event
            return [event]
        return [
            self._event(
                kind,
                happened_at,
                decided_at,
                origin,
                level=level,
                confidence=confidence,
                happened_sample=happened_sample,
                decided_sample=decided_sample,
                bean_temp_c=bean_temp_c,
            )
        ]

    def not_a_crack(self, at: datetime, origin: Origin = Origin.PERSON) -> list[RoastEvent]:
        """Revoke the first crack, as `origin` says; the next one gets its own id."""
        if self.first_crack is None or self.first_crack.revoked:
            return []
        event = replace(
            self.first_crack, revoked=True, origin=origin, decided_at=at, confidence=0.0
        )
        self.first_crack = self.ended = None
        if self.active:
            self.phase = Phase.ROASTING
        self.last_event = event
        return [event]

    def drop(
        self, at: datetime, origin: Origin, bean_temp_c: float | None = None
    ) -> list[RoastEvent]:
        """Record that the beans leave the drum."""
        if not self.active:
            return []
        return [self._event(EventKind.DROP, at, at, origin, bean_temp_c=bean_temp_c)]

    def milestone(
        self,
        kind: EventKind,
        happened_at: datetime,
        decided_at: datetime,
        origin: Origin = Origin.TEMPERATURE,
        bean_temp_c: float | None = None,
    ) -> list[RoastEvent]:
        """Add a turning point, dry end or end of cooling from the curve; once per roast."""
        if self.roast_id is None or self._counts.get(kind):
            return []
        return [self._event(kind, happened_at, decided_at, origin, bean_temp_c=bean_temp_c)]

    def notice(
        self, kind: EventKind, at: datetime, message: str, origin: Origin = Origin.SOUND
    ) -> RoastEvent:
        """Make an event that changes no phase: a loss, a fault, an interlock, a question."""
        return self._event(kind, at, at, origin, message=message)

    def tick(self, now: datetime) -> list[RoastEvent]:
        """Add what follows from time alone: a late first crack, the end of cooling."""
        elapsed = self.elapsed_s(now)
        if self.phase in _BEFORE and self.start_known and not self._said_late:
            late = max(
                self.options.no_crack_after_s, 1.3 * (self.options.expected_first_crack_s or 0)
            )
            if elapsed is not None and elapsed > late and self.first_crack is None:
                self._said_late = True
                text = f"No first crack detected {elapsed / 60:.0f} minutes after charge."
                return [self.notice(EventKind.NO_CRACK_YET, now, text)]
        if self.phase in _AFTER_DROP and self.dropped_at is not None:
            since_drop_s = (now - self.dropped_at).total_seconds()
            if since_drop_s > self.options.cooling_s:
                return self.finish(now, Origin.ROASTER)
            if since_drop_s > _DROPPED_FOR_S:
                self.phase = Phase.COOLING
        return []

    def late(self, now: datetime, text: str) -> list[RoastEvent]:
        """Report a first crack that is overdue by other evidence; once per roast."""
        if self.phase not in _BEFORE or self._said_late or self.first_crack is not None:
            return []
        self._said_late = True
        return [self.notice(EventKind.NO_CRACK_YET, now, text, Origin.TEMPERATURE)]

    @property
    def due_s(self) -> float:
        """Seconds from charge from which first crack is to be expected, by all but this roast."""
        expected = self.options.expected_first_crack_s
        if self.usual is not None and expected is None:
            return self.usual.usual_s - self.usual.spread_s
        return expected or EARLY_S

    def hard_to_hear(self, now: datetime, text: str) -> list[RoastEvent]:
        """Warn that first crack may not be heard; once per roast, before first crack."""
        if self.phase not in _BEFORE or self._counts.get(EventKind.HARD_TO_HEAR):
            return []
        return [self.notice(EventKind.HARD_TO_HEAR, now, text)]

    def due_by_temperature(
        self, now: datetime, bean_temp_c: float | None, text: str
    ) -> list[RoastEvent]:
        """Report a first crack as possible that is due by bean temperature, but was not heard.

        Once per roast. It changes nothing: a crack that is heard is an event of its own.
        """
        if self.phase not in _BEFORE or self._counts.get(EventKind.FIRST_CRACK):
            return []
        origin, level = Origin.TEMPERATURE, Level.POSSIBLE
        return [
            self._event(
                EventKind.FIRST_CRACK,
                now,
                now,
                origin,
                level=level,
                bean_temp_c=bean_temp_c,
                message=text,
            )
        ]

    def finish(self, at: datetime, origin: Origin) -> list[RoastEvent]:
        """End cooling (or a roast that a person stops): idle again."""
        if self.phase is Phase.IDLE:
            return []
        kind = EventKind.COOL_END if self.phase in _AFTER_DROP else EventKind.STOPPED
        events = [self._event(kind, at, at, origin)]
        self.phase, self.roast_id = Phase.IDLE, None
        return events

    def sound_ended(self, at: datetime) -> list[RoastEvent]:
        """A recording or a demonstration has ended, and its roast with it: idle again.

        Of beans that were not dropped, nothing is reported: what became of them is unknown.
        """
        events = self.finish(at, Origin.ROASTER) if self.phase in _AFTER_DROP else []
        self.phase, self.roast_id = Phase.IDLE, None
        return events

    def prior_llr(self, now: datetime) -> float:
        """The log-likelihood ratio of a first crack by the time since charge.

        Natural logarithm, −3 to +1: early pops must be clearer, but can always count, because the
        button may have been pressed late. 0 without a known charge. The setting takes precedence
        over earlier roasts, and those over the default of 390 s.
        """
        elapsed = self.elapsed_s(now)
        if not self.start_known or elapsed is None:
            return 0.0
        expected = self.options.expected_first_crack_s
        if self.usual is not None and expected is None:
            return self.usual.llr(elapsed)
        earliest = 0.75 * expected if expected else EARLY_S
        if elapsed < earliest:
            left = (1.0 - elapsed / earliest) / (1.0 - _TOO_EARLY_PART)
            return _TOO_EARLY * min(1.0, left)
        return min(_LATE, _LATE * (elapsed - earliest) / 120.0)

    def evidence(self, now: datetime) -> list[Evidence]:
        """The evidence by time since charge, if it changed by half a nat."""
        llr = self.prior_llr(now) if self.phase in _BEFORE else 0.0
        if self.roast_id is None or abs(llr - self._said_by_time) < 0.5:
            return []
        self._said_by_time = llr
        return [Evidence(EvidenceKind.TIME, llr, now)]

    def _event(
        self,
        kind: EventKind,
        happened_at: datetime,
        decided_at: datetime,
        origin: Origin,
        *,
        level: Level | None = None,
        confidence: float | None = None,
        happened_sample: int | None = None,
        decided_sample: int | None = None,
        bean_temp_c: float | None = None,
        message: str = "",
    ) -> RoastEvent:
        number = self._counts[kind] = self._counts.get(kind, 0) + 1
        roast = self.roast_id or f"{self.station}-{decided_at:%Y%m%dT%H%M%S%f}"
        event = RoastEvent(
            event_id=f"{roast}-{kind.value}-{number}",
            station=self.station,
            roast_id=self.roast_id,
            kind=kind,
            happened_at=happened_at,
            decided_at=decided_at,
            origin=origin,
            level=level,
            happened_sample=happened_sample,
            decided_sample=decided_sample,
            confidence=confidence,
            bean_temp_c=bean_temp_c,
            message=message,
        )
        self._enter(event)
        self.last_event = event
        return event

    def _enter(self, event: RoastEvent) -> None:
        """Update the phase and the marks for an event."""
        match event.kind:
            case EventKind.TURNING_POINT if self.phase in _BEFORE:
                self.phase = Phase.DRYING
            case EventKind.DRY_END if self.phase in _BEFORE:
                self.phase = Phase.MAILLARD
            case EventKind.FIRST_CRACK if event.roast_id is not None and not event.by_temperature:
                if event.revoked:
                    self.first_crack = None
                    return
                self.first_crack = event
                if event.level is not Level.POSSIBLE and self.phase in _BEFORE:
                    self.phase = Phase.FIRST_CRACK
            case EventKind.FIRST_CRACK_END:
                self.ended = event
                if self.phase is Phase.FIRST_CRACK:
                    self.phase = Phase.DEVELOPMENT
            case EventKind.DROP:
                self.dropped_at = event.happened_at
                self.phase = Phase.DROPPED
            case EventKind.COOL_END | EventKind.STOPPED:
                self.phase = Phase.IDLE
