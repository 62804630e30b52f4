"""The probability that beans are cracking, from the times of pops: a filter over crack rates.

A hidden Markov model, stepped four times a second. Its states are quiet (a stray pop now and then),
clatter (many pops within seconds), and a crack whose rate rises through three steps to one of
several heights, holds, and dies away. The filter carries the probability of each state and the mean
time at which the crack was entered. Clatter competes as an explanation: only pops that outlast it
become first crack. Forward recursion: Rabiner, "A tutorial on hidden Markov models",
Proc. IEEE 77, 1989.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

TICK_S = 0.25
PEAKS_PER_S = (0.12, 0.3, 0.7, 1.6)
"""Heights that a crack may reach, in detected pops per second."""
STEPS = (0.2, 0.5, 0.8)
"""Shares of its height that a crack passes through as it rises."""
RISE_S = 30.0
HOLD_S = 80.0
"""Mean time at full height, s. A falling rate shows by its silence."""
GIVE_UP_S = 200.0
CRACK_EVERY_S = 600.0
CLATTERS = ((600.0, 2.5, 0.6), (600.0, 4.0, 0.25))
"""Mean seconds between them, mean length in seconds, probability of a pop in a tick: clatter, and
a few knocks in succession."""
QUIETS = 1 + len(CLATTERS)
"""Number of states without a crack."""


LONGEST_SILENCE = round(10 / TICK_S)
"""The most ticks without a pop that can be processed at once."""

_STATES = QUIETS + len(PEAKS_PER_S) * (len(STEPS) + 1)
_CRACKING = (np.arange(_STATES) >= QUIETS).astype(np.float64)
_CHANCES = np.array([chance for _, _, chance in CLATTERS])
_LEAST = 1e-12


class FilterState(NamedTuple):
    """The state of the filter."""

    belief: Float64Array
    """Shape (2, states): probability of each state, and that times its mean tick of entry."""
    tick: int


class RateFilter:
    """The filter. Pure; a step costs a few microseconds, and so does a long silence."""

    def __init__(self, quiet_rate_per_s: float) -> None:
        """Start at tick 0; `quiet_rate_per_s` stray pops come while nothing cracks."""
        self._rates, self._moves = _model()
        self._entry = self._moves[0].copy()
        self._entry[:QUIETS] = 0.0
        self._runs = _runs(quiet_rate_per_s)
        self._silence = _silence(self._rates, quiet_rate_per_s)
        self._over_quiet = self._rates / quiet_rate_per_s
        self._clatter = _CHANCES / (quiet_rate_per_s * TICK_S)
        self.begin()
        for _ in range(round(300 / TICK_S / LONGEST_SILENCE)):
            self.silence(LONGEST_SILENCE)
        self.rest = self._log_odds()  # log odds of a crack after long silence
        self.begin()

    def begin(self) -> None:
        """Forget everything; the next tick is tick 0."""
        belief = np.zeros((2, len(self._rates)))
        belief[0, 0] = 1.0
        self.state = FilterState(belief, 0)

    def step(self, pop: float | None) -> None:
        """Process one tick.

        Args:
            pop: likelihood ratio of the pop in this tick (crack to anything else); 0: no pop;
                None: unknown.
        """
        before, tick = self.state
        belief = before @ self._moves
        belief[1] *= _CRACKING  # no time of entry outside a crack
        belief[1] += (before[0, 0] * tick) * self._entry
        if pop:
            seen = 1.0 + self._over_quiet * pop
            # a faint pop counts as little for clatter as for a crack
            seen[1:QUIETS] = 1.0 + self._clatter * min(pop, 1.0)
            belief *= seen
        elif pop is not None:
            belief *= self._silence
        belief /= np.add.reduce(belief[0])
        self.state = FilterState(belief, tick + 1)

    def silence(self, ticks: int, below: float = math.inf) -> int:
        """Process several ticks without a pop: `step(0.0)` for each, in closed form.

        Args:
            ticks: 1 to `LONGEST_SILENCE`.
            below: stop after the first tick at whose end the evidence reaches this.

        Returns:
            How many ticks were processed.
        """
        runs = self._runs
        before, tick = self.state
        walk = (before[0] @ runs.chance[:, : ticks * _STATES]).reshape(ticks, _STATES)
        total = np.add.reduce(walk, axis=1)
        if below < math.inf:
            other = np.add.reduce(walk[:, :QUIETS], axis=1) / total
            reached = np.maximum(1.0 - other, _LEAST) >= math.exp(below + self.rest) * other
            ticks = int(reached.argmax()) + 1 if reached.any() else ticks
        # entries in each tick, times that tick, propagated to the end
        entered = np.concatenate((before[0, :1], walk[: ticks - 1, 0]))
        entered *= np.arange(tick, tick + ticks)
        began = before[1] @ runs.stay[ticks - 1] + entered @ runs.entry[ticks - 1 :: -1][:ticks]
        belief = np.stack((walk[ticks - 1], began)) / total[ticks - 1]
        self.state = FilterState(belief, tick + ticks)
        return ticks

    @property
    def evidence(self) -> float:
        """Log odds of a crack above those at rest, in nats; at least 0."""
        return max(0.0, self._log_odds() - self.rest) if self.state.tick else 0.0

    @property
    def onset_tick(self) -> float:
        """Mean tick at which the crack began, provided that it did."""
        chance, began = self.state.belief
        return float(began[QUIETS:].sum() / chance[QUIETS:].sum())

    def _log_odds(self) -> float:
        chance = self.state.belief[0]
        other = float(chance[:QUIETS].sum())
        return math.log(max(1.0 - other, _LEAST) / other)


class _Runs(NamedTuple):
    """Effect of 1, 2, … ticks of silence."""

    chance: Float64Array
    """On the probabilities of all states, side by side: (states, ticks · states)."""
    stay: Float64Array
    """On the states within a crack: (ticks, states, states)."""
    entry: Float64Array
    """Distribution 0, 1, … ticks after entering a crack: (ticks, states)."""


@lru_cache(maxsize=16)
def _runs(quiet_rate_per_s: float) -> _Runs:
    rates, moves = _model()
    silence = _silence(rates, quiet_rate_per_s)
    once = moves * silence
    stay = once * _CRACKING
    entry = moves[0] * _CRACKING * silence
    chances, stays, entries = [once], [stay], [entry]
    for _ in range(LONGEST_SILENCE - 1):
        chances.append(chances[-1] @ once)
        stays.append(stays[-1] @ stay)
        entries.append(entries[-1] @ stay)
    return _Runs(np.concatenate(chances, axis=1), np.stack(stays), np.stack(entries))


def _silence(rates: Float64Array, quiet_rate_per_s: float) -> Float64Array:
    """Likelihood of a tick without a pop in each state, relative to the quiet one: (states,)."""
    silence: Float64Array = np.exp(-rates * TICK_S)
    silence[1:QUIETS] = (1 - _CHANCES) / np.exp(-quiet_rate_per_s * TICK_S)
    return silence


def _model() -> tuple[Float64Array, Float64Array]:
    """Crack rate of each state (states,) and transition probabilities per tick (states, states).

    State 0 is quiet, followed by the clatters, then the steps and the hold of each height.
    """
    stages, states = len(STEPS) + 1, _STATES
    rates, flow = np.zeros(states), np.zeros((states, states))
    for index, (every_s, lasts_s, _) in enumerate(CLATTERS, 1):
        flow[0, index], flow[index, 0] = 1 / every_s, 1 / lasts_s
    for index, peak in enumerate(PEAKS_PER_S):
        first = QUIETS + index * stages
        flow[0, first] = 1 / (CRACK_EVERY_S * len(PEAKS_PER_S))
        for stage, part in enumerate(STEPS):
            rates[first + stage] = part * peak
            flow[first + stage, first + stage + 1] = len(STEPS) / RISE_S
            flow[first + stage, 0] = 1 / GIVE_UP_S
        rates[first + stages - 1] = peak
        flow[first + stages - 1, 0] = 1 / HOLD_S
    flow[np.diag_indices(states)] -= flow.sum(axis=1)
    moves = np.eye(states) + flow * TICK_S / 1024
    for _ in range(10):
        moves = moves @ moves
    return rates, moves
