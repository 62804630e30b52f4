"""Turns overlapping positive windows into events. Pure; positions are samples."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WindowRule:
    """When windows of a model that does not localise form an event."""

    threshold: float = 0.5
    """Least probability of a positive window."""
    consecutive: int = 2
    """Consecutive positive windows that form an event."""
    least_s: float = 0.0
    """Least length of an event, in seconds."""


@dataclass(frozen=True, slots=True)
class WindowEvent:
    """Sound with consecutive positive windows."""

    start_sample: int
    end_sample: int
    windows: int
    confidence: float
    """Mean probability of its windows."""

    def duration_s(self, sample_rate_hz: int) -> float:
        """Its length in seconds."""
        return (self.end_sample - self.start_sample) / sample_rate_hz


@dataclass(slots=True)
class WindowRun:
    """The present run of consecutive positive windows.

    An event begins at the end of the negative window before it: the two windows overlap, so what
    made the second one positive lies in the hop that they do not share. The first window of a
    stream has no neighbour, so its event begins with the window.
    """

    rule: WindowRule
    start_sample: int | None = None
    end_sample: int = 0
    windows: int = 0
    _sum: float = 0.0
    _last_end: int | None = field(default=None)

    @property
    def confidence(self) -> float:
        """Mean probability of the windows of this run; 0 without a run."""
        return self._sum / self.windows if self.windows else 0.0

    def feed(self, start_sample: int, end_sample: int, probability: float) -> WindowEvent | None:
        """Take the next window; return the event that it ends, if any."""
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
        """Sound is missing: the next window has no neighbour."""
        self._last_end = None

    def progress(self, sample_rate_hz: int) -> float:
        """Progress of the run towards an event: at least 1 if it is one."""
        if self.start_sample is None:
            return 0.0
        parts = [self.windows / self.rule.consecutive]
        if self.rule.least_s > 0:
            length_s = (self.end_sample - self.start_sample) / sample_rate_hz
            parts.append(length_s / self.rule.least_s)
        return min(parts)

    def close(self) -> WindowEvent | None:
        """End the run and return it as an event, whether or not it satisfies the rule."""
        if self.start_sample is None:
            return None
        event = WindowEvent(self.start_sample, self.end_sample, self.windows, self.confidence)
        self.start_sample, self.windows, self._sum = None, 0, 0.0
        return event

    def keeps(self, event: WindowEvent | None, sample_rate_hz: int) -> bool:
        """Whether an ended run satisfies the rule."""
        return (
            event is not None
            and event.windows >= self.rule.consecutive
            and event.duration_s(sample_rate_hz) >= self.rule.least_s
        )
