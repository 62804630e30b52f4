"""Roasts and quiet hours simulated at the level of scores: pops with probabilities, no sound.

A detector is stood for by its recall, its false pops and what fools it. What is drawn, and from
which ranges, is written here and printed with every table; seeds are counted from 0. A crack
begins where its rate curve leaves zero, which no ear can hear: delays are counted from there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from roastwatch.detection.crack_rate import TICK_S, highest_evidence
from roastwatch.detection.decision import CrackDecision
from roastwatch.detection.evidence import pop_weight
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.onset import Onset, OnsetOptions
from roastwatch.synth.rates import RateRanges, RoastRates, draw_rates
from roastwatch.training.evaluate_statistics import RULES, Judged, alarms
from roastwatch.vocabulary import CrackScore, Level, Pop

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Condition:
    """What a detector is like in one surrounding."""

    name: str
    false_pops_per_min: float
    bursts_per_h: float
    """Clatters: many pops in a few seconds."""
    trains_per_h: float
    """Regular sounds (typing, knocking, a clock): one pop after another at even distances."""
    recall: float = 0.6
    burst_pops: tuple[int, int] = (3, 25)
    burst_s: tuple[float, float] = (0.3, 5.0)
    train_pops: tuple[int, int] = (4, 60)
    train_interval_s: tuple[float, float] = (0.12, 2.0)
    train_jitter: float = 0.06
    """Standard deviation of the distances, as a part of them."""


QUIET = Condition("quiet", false_pops_per_min=0.2, bursts_per_h=2.0, trains_per_h=0.0)
NOISY = Condition("noise", false_pops_per_min=1.0, bursts_per_h=10.0, trains_per_h=0.0)
TRAINS = Condition("trains", false_pops_per_min=1.0, bursts_per_h=10.0, trains_per_h=6.0)
CONDITIONS = (QUIET, NOISY, TRAINS)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a detector gives for one stretch of time. All arrays have one row a pop, sorted."""

    duration_s: float
    at_s: Float64Array
    probability: Float64Array
    true: npt.NDArray[np.bool_]
    rates: RoastRates | None = None


def hear(
    rng: np.random.Generator,
    condition: Condition,
    rates: RoastRates | None,
    duration_s: float | None = None,
) -> Heard:
    """The pops that a detector reports in one roast, or in `duration_s` without any crack."""
    length_s = rates.duration_s if rates else float(duration_s or 0.0)
    real: Float64Array = np.empty(0)
    if rates:
        first, second, strays = rates.pops(rng)
        real = np.concatenate([first, second, strays])
        real = real[rng.uniform(size=len(real)) < condition.recall]
    false = [rng.uniform(0, length_s, rng.poisson(condition.false_pops_per_min * length_s / 60))]
    for _ in range(rng.poisson(condition.bursts_per_h * length_s / 3600)):
        spread_s = rng.uniform(*condition.burst_s)
        pops = rng.integers(*condition.burst_pops, endpoint=True)
        false.append(rng.uniform(0, length_s) + rng.uniform(0, spread_s, pops))
    for _ in range(rng.poisson(condition.trains_per_h * length_s / 3600)):
        pops = rng.integers(*condition.train_pops, endpoint=True)
        interval_s = np.exp(rng.uniform(*np.log(condition.train_interval_s)))
        steps = interval_s * (1 + condition.train_jitter * rng.standard_normal(pops))
        false.append(rng.uniform(0, length_s) + np.cumsum(np.maximum(steps, 0.05)))
    wrong = np.concatenate(false)
    wrong = wrong[wrong < length_s]
    at_s = np.concatenate([real, wrong])
    true = np.arange(len(at_s)) < len(real)
    # How far over the threshold pops lie, in logits: as the shipped net's do on synthesis (true)
    # and on the sounds of the development fold (false).
    over = np.where(
        true,
        np.abs(rng.standard_normal(len(at_s))) * 0.85,
        rng.exponential(0.45, len(at_s)),
    )
    probability = 1 / (1 + np.exp(-over))
    order = np.argsort(at_s, kind="stable")
    return Heard(length_s, at_s[order], probability[order], true[order], rates)


def simulated_roast(seed: int, condition: Condition, ranges: RateRanges | None = None) -> Heard:
    """One roast with first crack; the same seed gives the same roast in every condition."""
    rates = draw_rates(np.random.default_rng([seed, 1]), ranges)
    return hear(np.random.default_rng([seed, 2]), condition, rates)


def simulated_hour(seed: int, condition: Condition) -> Heard:
    """One hour in which nothing cracks."""
    return hear(np.random.default_rng([seed, 3]), condition, None, 3600.0)


RATE_HZ = 1000
HOP_S = 0.5
SPEC = ModelSpec("simulated", 1, HOP_S, 0.0, True, 0.5)
REARM_S = 60.0
SCREEN_NATS = 1.0


def decide(heard: Heard, options: OnsetOptions) -> tuple[float, float] | None:
    """The onset decision on what was heard: (decided, happened) in seconds, or None."""
    for decision in _decisions(heard, options):
        if decision.level is Level.FIRST_CRACK:
            return decision.decided_sample / RATE_HZ, decision.happened_sample / RATE_HZ
    return None


def count_alarms(heard: Heard, options: OnsetOptions) -> int:
    """How often first crack is told, armed anew 60 s after each time."""
    return sum(d.level is Level.FIRST_CRACK for d in _decisions(heard, options, REARM_S))


def _decisions(
    heard: Heard, options: OnsetOptions, rearm_s: float | None = None
) -> Iterator[CrackDecision]:
    """Feed scores of half a second each; of a second where only alarms are counted."""
    hop_s = HOP_S if rearm_s is None else 2 * HOP_S
    onset = Onset(options, RATE_HZ, SPEC)
    onset.arm(0)
    again: int | None = None
    pops = [
        Pop(int(at_s * RATE_HZ), float(p))
        for at_s, p in zip(heard.at_s, heard.probability, strict=True)
    ]
    first = 0
    for tick in range(1, int(heard.duration_s / hop_s) + 1):
        end = int(tick * hop_s * RATE_HZ)
        last = first
        while last < len(pops) and pops[last].sample < end:
            last += 1
        if again is not None and end >= again:
            onset.arm(again)
            again = None
        score = CrackScore(end, 0.0, 0.5, "simulated", tuple(pops[first:last]))
        first = last
        for decision in onset.feed(score):
            yield decision
            if decision.level is Level.FIRST_CRACK and rearm_s is not None:
                again = decision.decided_sample + round(rearm_s * RATE_HZ)


def judge_roast(seed: int, condition: Condition, onset: OnsetOptions) -> dict[str, Judged]:
    """One simulated roast, judged by the decision and by the baselines."""
    heard = simulated_roast(seed, condition)
    assert heard.rates is not None
    assert heard.rates.first is not None
    onset_s = heard.rates.first.onset_s
    sure = heard.at_s.tolist()
    found = {"roastwatch": decide(heard, onset)}
    found |= {name: rule(sure) for name, rule in RULES.items()}
    return {
        name: Judged(f"{condition.name} {seed}", onset_s, *(result or (None, None)))
        for name, result in found.items()
    }


def judge_hours(seeds: Sequence[int], condition: Condition, onset: OnsetOptions) -> dict[str, int]:
    """False alarms in simulated hours, of the decision and of the baselines.

    The decision runs only where the bare filter, which takes back no train and knows no floor,
    comes within `SCREEN_NATS` of the bar; the other hours have no alarm.
    """
    hours = [simulated_hour(seed, condition) for seed in seeds]
    pops = np.zeros((len(hours), round(3600 / TICK_S)), np.float32)
    for row, heard in zip(pops, hours, strict=True):
        for at_s, probability in zip(heard.at_s, heard.probability, strict=True):
            tick = min(int(at_s / TICK_S), len(row) - 1)
            weight = pop_weight(float(probability), SPEC.pop_threshold, onset.sureness)[1]
            row[tick] = max(row[tick], weight)
    bar = Onset(onset, RATE_HZ, SPEC).bars()[1]
    near = highest_evidence(pops, onset.quiet_rate) >= bar - SCREEN_NATS
    found = {"roastwatch": sum(count_alarms(hours[i], onset) for i in np.flatnonzero(near))}
    for name in RULES:
        found[name] = sum(alarms(name, heard.at_s.tolist()) for heard in hours)
    return found
