"""Roasts and quiet hours simulated at the level of scores: pops with probabilities, no sound.

A detector is represented by its recall, its false pops and its distractors. The ranges of random
values are defined here and printed with every table; seeds count from 0. A crack begins where its
rate curve leaves zero, which is not yet audible: delays count from there. The dated onset is
compared with the first of five cracks within 20 s.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from roastwatch.detection.decision.crack_decision import CrackDecision
from roastwatch.detection.decision.onset import Onset, OnsetOptions
from roastwatch.detection.model import ModelSpec
from roastwatch.evaluation.statistics import RULES, Judged, alarms, judged
from roastwatch.roast.roast import Roast, RoastOptions
from roastwatch.synth.rates import RateRanges, RoastRates, draw_rates
from roastwatch.vocabulary import CrackScore, EventKind, Level, Origin, Pop

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Condition:
    """A detector in one environment."""

    name: str
    false_pops_per_min: float
    bursts_per_h: float
    """Clatter: many pops in a few seconds."""
    trains_per_h: float
    """Periodic sounds (typing, knocking, a clock): pops at even intervals."""
    recall: float = 0.6
    """Share of cracks above the model's threshold."""
    burst_pops: tuple[int, int] = (3, 25)
    burst_s: tuple[float, float] = (0.3, 5.0)
    train_pops: tuple[int, int] = (4, 60)
    train_interval_s: tuple[float, float] = (0.12, 2.0)
    train_jitter: float = 0.06
    """Standard deviation of the intervals, relative to them."""
    turning_pops_per_min: float = 0.0
    """Pops in step with the drum, though not in every turn: a scrape, a squeak."""
    turn_s: tuple[float, float] = (0.4, 2.4)
    turn_spread: float = 0.02
    """Standard deviation of the phase, in turns."""


CRACK_SPREAD, FALSE_SCALE, FAINT_SCALE = 0.85, 0.45, 1.0
"""Distribution of pops above the threshold in logits, as measured for the shipped net on synthesis
and the development fold: normal for cracks; exponential for false pops, 1/e for each scale."""
FAINT_FROM, FAINTEST = -1.35, -2.7
"""Below the first, false pops increase with `FAINT_SCALE`; below the second none are reported."""

QUIET = Condition("quiet", false_pops_per_min=0.2, bursts_per_h=2.0, trains_per_h=0.0)
NOISY = Condition("noise", false_pops_per_min=1.0, bursts_per_h=10.0, trains_per_h=0.0)
TRAINS = Condition("trains", false_pops_per_min=1.0, bursts_per_h=10.0, trains_per_h=6.0)
CONDITIONS = (QUIET, NOISY, TRAINS)


@dataclass(frozen=True, slots=True)
class DetectedPops:
    """A detector's pops in one stretch of time. All arrays have one row per pop, sorted."""

    duration_s: float
    at_s: Float64Array
    probability: Float64Array
    true: npt.NDArray[np.bool_]
    rates: RoastRates | None = None

    def sure_s(self) -> list[float]:
        """Times of the pops above the threshold, which plain rules use."""
        times: list[float] = self.at_s[self.probability >= SPEC.pop_threshold].tolist()
        return times


def hear(
    rng: np.random.Generator,
    condition: Condition,
    rates: RoastRates | None,
    duration_s: float | None = None,
) -> DetectedPops:
    """The pops that a detector reports in one roast, or in `duration_s` without any crack."""
    length_s = rates.duration_s if rates else float(duration_s or 0.0)
    real: Float64Array = np.empty(0)
    if rates:
        first, second, strays = rates.pops(rng)
        real = np.concatenate([first, second, strays])
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
    if condition.turning_pops_per_min:
        false.append(_with_the_turn(rng, condition, length_s))
    wrong = np.concatenate(false)
    wrong = wrong[wrong < length_s]
    faint = np.concatenate(list(_faint(rng, condition, length_s)))
    at_s = np.concatenate([real, wrong, faint[:, 0]])
    true = np.arange(len(at_s)) < len(real)
    over = np.concatenate(
        [
            crack_level(condition.recall) + CRACK_SPREAD * rng.standard_normal(len(real)),
            rng.exponential(FALSE_SCALE, len(wrong)),
            faint[:, 1],
        ]
    )
    probability = 1 / (1 + np.exp(-over))
    order = np.argsort(at_s, kind="stable")
    order = order[over[order] >= FAINTEST]
    return DetectedPops(length_s, at_s[order], probability[order], true[order], rates)


def _with_the_turn(rng: np.random.Generator, condition: Condition, length_s: float) -> Float64Array:
    """Times of the pops in step with one roast's drum."""
    turn_s = float(np.exp(rng.uniform(*np.log(condition.turn_s))))
    turns = np.arange(length_s // turn_s)
    heard = rng.uniform(size=len(turns)) < condition.turning_pops_per_min * turn_s / 60
    phase = rng.uniform() + condition.turn_spread * rng.standard_normal(len(turns))
    times: Float64Array = np.maximum(((turns + phase) * turn_s)[heard], 0.0)
    return times


def crack_level(recall: float) -> float:
    """Mean level of cracks at which `recall` of them exceed the threshold."""
    return CRACK_SPREAD * NormalDist().inv_cdf(recall)


def false_density(condition: Condition, over: Float64Array) -> Float64Array:
    """Stray false pops per second and logit at levels of shape (n,); shape (n,)."""
    clear = condition.false_pops_per_min / 60 / FALSE_SCALE
    knee = clear * np.exp(-FAINT_FROM / FALSE_SCALE)
    density: Float64Array = np.where(
        over >= FAINT_FROM,
        clear * np.exp(-over / FALSE_SCALE),
        knee * np.exp(-(over - FAINT_FROM) / FAINT_SCALE),
    )
    return density


def _faint(
    rng: np.random.Generator, condition: Condition, length_s: float
) -> Iterator[Float64Array]:
    """Stray false pops below the threshold: times and levels, shape (n, 2)."""
    clear = condition.false_pops_per_min / 60 * length_s
    ends = ((FAINT_FROM, 0.0, FALSE_SCALE), (FAINTEST, FAINT_FROM, FAINT_SCALE))
    for low, high, scale in ends:
        density = float(false_density(condition, np.array([high - 1e-9]))[0])
        reach = (high - low) / scale
        count = rng.poisson(density * length_s * scale * np.expm1(reach)) if clear else 0
        # a truncated exponential that increases downwards
        depth = scale * np.log1p(rng.uniform(size=count) * np.expm1(reach))
        yield np.stack([rng.uniform(0, length_s, count), high - depth], axis=1)


def simulated_roast(
    seed: int, condition: Condition, ranges: RateRanges | None = None
) -> DetectedPops:
    """A roast with first crack; a seed gives the same roast in every condition."""
    rates = draw_rates(np.random.default_rng([seed, 1]), ranges)
    return hear(np.random.default_rng([seed, 2]), condition, rates)


def simulated_hour(seed: int, condition: Condition) -> DetectedPops:
    """An hour without cracks."""
    return hear(np.random.default_rng([seed, 3]), condition, None, 3600.0)


RATE_HZ = 1000
HOP_S = 0.5
SPEC = ModelSpec("simulated", 1, HOP_S, 0.0, True, 0.5, candidates=True, evidence_over=0.4)
"""As the shipped model, whose manifest has the same `evidence_over`."""
CHARGED_AT = datetime(1970, 1, 1, tzinfo=UTC)
REARM_S = 60.0
CHARGE_UNKNOWN = "roastwatch, charge unknown"
AT_ONCE = 240
"""Scores that are offered to the decision at once."""


def decide(
    heard: DetectedPops, options: OnsetOptions, *, charged: bool = True
) -> tuple[float, float] | None:
    """The decision on simulated pops: (decided, happened) in seconds, or None.

    `charged`: the charge at 0 s is known, from a person or a probe.
    """
    for decision in _decisions(heard, options, charged=charged):
        if decision.level is Level.FIRST_CRACK:
            return decision.decided_sample / RATE_HZ, decision.happened_sample / RATE_HZ
    return None


def count_alarms(heard: DetectedPops, options: OnsetOptions, *, charged: bool = False) -> int:
    """How often first crack is reported if re-armed 60 s after each report.

    `charged`: use the pop threshold that applies after a known charge.
    """
    spec = replace(SPEC, evidence_over=0.0) if charged else SPEC
    found = _decisions(heard, options, rearm_s=REARM_S, spec=spec)
    return sum(decision.level is Level.FIRST_CRACK for decision in found)


def _decisions(
    heard: DetectedPops,
    options: OnsetOptions,
    *,
    charged: bool = False,
    rearm_s: float | None = None,
    spec: ModelSpec = SPEC,
) -> Iterator[CrackDecision]:
    """Feed scores of half a second, or of a second if only alarms are counted."""
    hop_s = HOP_S if rearm_s is None else 2 * HOP_S
    onset = Onset(options, RATE_HZ, spec)
    roast = Roast("simulated", RoastOptions())
    if charged:
        roast.begin(CHARGED_AT, Origin.PERSON)
    onset.arm(0, charged=charged)
    scores = _scores(heard, round(hop_s * RATE_HZ))
    again = len(scores)
    done = 0
    while done < len(scores):
        if done >= again:
            onset.arm(scores[done].end_sample)
            again = len(scores)
        if skipped := onset.skip(scores[done : min(done + AT_ONCE, again)]):
            done += skipped
            continue
        now_s = scores[done].end_sample / RATE_HZ
        onset.weigh(roast.prior_llr(CHARGED_AT + timedelta(seconds=now_s)))
        for decision in onset.feed(scores[done]):
            yield decision
            if decision.level is Level.FIRST_CRACK and rearm_s is not None:
                again = done + round(rearm_s / hop_s)
        done += 1


def _scores(heard: DetectedPops, hop: int) -> list[CrackScore]:
    pops: dict[int, list[Pop]] = {}
    for at_s, probability in zip(heard.at_s.tolist(), heard.probability.tolist(), strict=True):
        sample = int(at_s * RATE_HZ)
        pops.setdefault(sample // hop, []).append(Pop(sample, probability))
    return [
        CrackScore((index + 1) * hop, 0.0, 0.5, "simulated", tuple(pops.get(index, ())))
        for index in range(int(heard.duration_s * RATE_HZ) // hop)
    ]


def judge_roast(seed: int, condition: Condition, onset: OnsetOptions) -> dict[str, Judged]:
    """One simulated roast with the decision and the baselines."""
    heard = simulated_roast(seed, condition)
    assert heard.rates is not None
    assert heard.rates.first is not None
    first = heard.rates.first
    onset_s = first.onset_s
    inside = heard.true & (heard.at_s >= onset_s) & (heard.at_s <= first.end_s)
    cracks_s: list[float] = heard.at_s[inside].tolist()
    sure = heard.sure_s()
    found = {
        "roastwatch": decide(heard, onset),
        CHARGE_UNKNOWN: decide(heard, onset, charged=False),
    }
    found |= {name: rule(sure) for name, rule in RULES.items()}
    return {
        name: judged(f"{condition.name} {seed}", onset_s, cracks_s, result)
        for name, result in found.items()
    }


def judge_second(seed: int, condition: Condition, onset: OnsetOptions) -> tuple[bool, float | None]:
    """Whether a roast has a second crack, and the delay of its report in seconds.

    Without a second crack, the time counts from the end of the first.
    """
    heard = simulated_roast(seed, condition)
    assert heard.rates is not None
    assert heard.rates.first is not None
    second = heard.rates.second
    options = onset.model_copy(update={"second_crack": True})
    for decision in _decisions(heard, options, charged=True):
        if decision.kind is EventKind.SECOND_CRACK:
            began_s = second.onset_s if second else heard.rates.first.end_s
            return second is not None, decision.decided_sample / RATE_HZ - began_s
    return second is not None, None


def judge_hours(seeds: Sequence[int], condition: Condition, onset: OnsetOptions) -> dict[str, int]:
    """False alarms of the decision and of the baselines in simulated hours."""
    hours = [simulated_hour(seed, condition) for seed in seeds]
    found = {
        "roastwatch": sum(count_alarms(hour, onset, charged=True) for hour in hours),
        CHARGE_UNKNOWN: sum(count_alarms(hour, onset) for hour in hours),
    }
    for name in RULES:
        found[name] = sum(alarms(name, hour.sure_s()) for hour in hours)
    return found
