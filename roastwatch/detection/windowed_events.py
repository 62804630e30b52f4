"""Overlapping positive windows become events: pure, counts samples and nothing else."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WindowRule:
    """When windows of a model that does not localise make an event."""

    threshold: float = 0.5
    """Probability from which a window is positive."""
    consecutive: int = 2
    """Positive windows in a row that make an event."""
    least_s: float = 0.0
    """Shorter events than this are none, seconds."""


@dataclass(frozen=True, slots=True)
class WindowEvent:
    """A stretch of sound in which windows were positive in a row."""

    start_sample: int
    end_sample: int
    windows: int
    confidence: float
    """Mean probability of its windows."""

    def duration_s(self, sample_rate_hz: int) -> float:
        """How long it was."""
        return (self.end_sample - self.start_sample) / sample_rate_hz


@dataclass(slots=True)
class WindowRun:
    """The positive windows in a row that are going on now, counted as they come.

    An event begins where the news of its first window began: that window overlaps the negative
    one before it, and what made it positive is in the hop that the two do not share. The first
    window of a stream has no such neighbour: its event begins with the window.
    """

    rule: WindowRule
    start_sample: int | None = None
    end_sample: int = 0
    windows: int = 0
    _sum: float = 0.0
    _last_end: int | None = field(default=None)

    @property
    def confidence(self) -> float:
        """Mean probability of the windows of this run, 0 when there is none."""
        return self._sum / self.windows if self.windows else 0.0

    def feed(self, start_sample: int, end_sample: int, probability: float) -> WindowEvent | None:
        """Take the next window; return the event that it ends, if one ends here."""
        previous_end = self._last_end
        self._last_end = end_sample
        if probability < self.rule.threshold:
            return self.close()
        if self.start_sample is None:
            overlaps = previous_end is not None and previous_end > start_sample
            self.start_sample = previous_end if overlaps and previous_end else start_sample
        self.end_sample = end_sample
        self.windows += 1
        self._sum += probability
        return None

    def reset(self) -> None:
        """Sound is missing here: what follows has no neighbour."""
        self._last_end = None

    def progress(self, sample_rate_hz: int) -> float:
        """How near the run is to an event: 1 = it is one, more = beyond."""
        if self.start_sample is None:
            return 0.0
        parts = [self.windows / self.rule.consecutive]
        if self.rule.least_s > 0:
            length_s = (self.end_sample - self.start_sample) / sample_rate_hz
            parts.append(length_s / self.rule.least_s)
        return min(parts)

    def close(self) -> WindowEvent | None:
        """End the run; the run as an event, whether or not the rule makes it one."""
        if self.start_sample is None:
            return None
        event = WindowEvent(self.start_sample, self.end_sample, self.windows, self.confidence)
        self.start_sample, self.windows, self._sum = None, 0, 0.0
        return event

    def keeps(self, event: WindowEvent | None, sample_rate_hz: int) -> bool:
        """Whether the rule makes a run that ended an event."""
        return (
            event is not None
            and event.windows >= self.rule.consecutive
            and event.duration_s(sample_rate_hz) >= self.rule.least_s
        )
