"""A sink of the running service, with what waits for it and how it does."""

from collections.abc import Callable
from dataclasses import dataclass, field

from roastwatch.channel import Events
from roastwatch.sinks.sink import Sink
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import ComponentState, RoastEvent

_TOO_SLOW = "Events were lost: too slow."


@dataclass(slots=True)
class Outlet:
    """A sink with its own queue and its own status."""

    name: str
    sink: Sink
    part: ComponentHealth
    make: Callable[[], Sink] | None = None
    """Makes a new sink after a failure; None: the same object runs again."""
    events: Events[RoastEvent] = field(default_factory=Events)

    def put(self, event: RoastEvent) -> None:
        """Queue an event; a sink that is too slow loses its oldest, and reports it."""
        if len(self.events) == self.events.size:
            self.part.count("events_dropped")
            self.part.trouble(ComponentState.DEGRADED, _TOO_SLOW)
        self.events.put(event)

    def look(self) -> None:
        """Once a second: a sink that has emptied its queue is no longer too slow."""
        if self.part.problem == _TOO_SLOW and not len(self.events):
            self.part.running()
