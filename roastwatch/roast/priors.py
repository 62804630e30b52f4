"""Priors for first crack besides sound: bean temperature, a roaster's counter, the time. Pure.

Each gives its own `Evidence`, recorded separately; `Priors.llr` sums them for the onset
decision. They can advance or delay a decision by sound by the weight of a few pops, but never
decide alone: temperature shows when a crack is plausible, not that there was one.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import median

from roastwatch.vocabulary import Evidence, EvidenceKind

LOWEST_LLR = -4.0
HIGHEST_LLR = 2.0
LEAST_TIMES = 3
"""The least number of confirmed first cracks for their time since charge to count."""
LEAST_SPREAD_S = 20.0
"""People disagree by 15 to 30 s about when first crack begins."""


@dataclass(slots=True)
class TemperaturePrior:
    """First crack by temperature: the person's usual range, and the rate of rise's dip.

    Within two spreads of the usual temperature it is worth up to +1, four spreads below down to
    −4 (the beans are too cool). A rate of rise that falls by a fifth within a minute there, as
    steam leaves the beans and cools the probe, is worth another +1.
    """

    usual_c: float
    spread_c: float = 4.0
    _slopes: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=120))

    def feed(self, at_s: float, bean_c: float | None, ror: float | None) -> float:
        """Add a smoothed reading; return the present log-likelihood ratio, −4 to +2."""
        if bean_c is None:
            return 0.0
        if ror is not None:
            self._slopes.append((at_s, ror))
        distance = (bean_c - self.usual_c) / self.spread_c
        if distance < -2.0:
            return max(LOWEST_LLR, 2.0 * (distance + 2.0))
        llr = 1.0 - 0.5 * max(0.0, -distance - 1.0) if distance < 0 else 1.0
        return min(HIGHEST_LLR, llr + (1.0 if self._dipped(at_s) else 0.0))

    def is_late(self, bean_c: float | None) -> bool:
        """Whether the beans are hotter than they ever were before first crack (three spreads)."""
        return bean_c is not None and bean_c > self.usual_c + 3.0 * self.spread_c

    def _dipped(self, at_s: float) -> bool:
        recent = [ror for then, ror in self._slopes if then >= at_s - 60.0]
        return len(recent) >= 5 and recent[-1] < 0.8 * max(recent) and max(recent) > 3.0


@dataclass(slots=True)
class CounterPrior:
    """First crack by a roaster's own counter: three counts within 30 s are worth +2."""

    _counts: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=600))

    def feed(self, at_s: float, crack_count: int | None) -> float:
        """Add a count; return the present log-likelihood ratio, 0 to +2."""
        if crack_count is None:
            return 0.0
        if self._counts and crack_count < self._counts[-1][1]:
            self._counts.clear()  # a new roast
        self._counts.append((at_s, crack_count))
        while self._counts[0][0] < at_s - 30.0:
            self._counts.popleft()
        return min(HIGHEST_LLR, 2.0 / 3.0 * (crack_count - self._counts[0][1]))


@dataclass(frozen=True, slots=True)
class TimePrior:
    """First crack by the time since charge, learned from this person's earlier roasts.

    From one spread before the usual time on it is worth +1, two spreads before it 0, earlier down
    to −2: a pop must then be clearer, but can still count, because a roast may be fast. Later than
    three spreads it falls to +0.5 and stays there: a roast may be slow, and its crack still due.
    """

    usual_s: float
    spread_s: float

    @classmethod
    def of(cls, earlier_s: Sequence[float]) -> "TimePrior | None":
        """Median and spread (of the middle, made wider for few) of `LEAST_TIMES` or more roasts."""
        if len(earlier_s) < LEAST_TIMES:
            return None
        usual_s = median(earlier_s)
        spread_s = 1.48 * median(abs(at_s - usual_s) for at_s in earlier_s)
        return cls(usual_s, max(LEAST_SPREAD_S, spread_s * (1 + 2 / len(earlier_s))))

    def llr(self, elapsed_s: float) -> float:
        """The log-likelihood ratio at a time since charge, −2 to +1."""
        distance = (elapsed_s - self.usual_s) / self.spread_s
        if distance < -2.0:
            return max(-2.0, 0.75 * (distance + 2.0))
        if distance < -1.0:
            return distance + 2.0
        return 1.0 if distance < 3.0 else max(0.5, 1.0 - 0.25 * (distance - 3.0))


@dataclass(slots=True)
class Priors:
    """All evidence except sound, combined as a sum."""

    temperature: TemperaturePrior | None = None
    counter: CounterPrior = field(default_factory=CounterPrior)
    _said: dict[EvidenceKind, float] = field(default_factory=dict)
    _recorded: dict[EvidenceKind, float] = field(default_factory=dict)

    def feed(
        self, at_s: float, bean_c: float | None, ror: float | None, crack_count: int | None
    ) -> None:
        """Add a reading."""
        if self.temperature is not None:
            self._said[EvidenceKind.TEMPERATURE] = self.temperature.feed(at_s, bean_c, ror)
        self._said[EvidenceKind.COUNTER] = self.counter.feed(at_s, crack_count)

    def forget_times(self) -> None:
        """Forget the past after the clock was set: its distance from now is unknown."""
        self.counter = CounterPrior()
        if self.temperature is not None:
            self.temperature = replace(self.temperature, _slopes=deque(maxlen=120))
        self._said.clear()

    @property
    def llr(self) -> float:
        """The combined log-likelihood ratio, −4 to +4."""
        return sum(self._said.values())

    def news(self, now: datetime) -> list[Evidence]:
        """The evidence that changed by half a nat or more since it was last recorded."""
        fresh = []
        for kind, llr in self._said.items():
            if abs(llr - self._recorded.get(kind, 0.0)) >= 0.5:
                self._recorded[kind] = llr
                fresh.append(Evidence(kind, llr, now))
        return fresh
