"""Synthesised roasts as sound through the pipeline: pops and decisions against the truth."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from multiprocessing import get_context
from typing import Any, TypeAlias

from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.evaluation.recordings import BLOCK_S, WARM_UP_S, Played, play
from roastwatch.evaluation.simulated import CHARGE_UNKNOWN
from roastwatch.evaluation.statistics import (
    RULES,
    Judged,
    PopCurve,
    early_rate,
    judged,
    match,
    pop_curve,
    summary,
)
from roastwatch.synth.roasts import RoastTruth, SynthRoast

RATE_HZ = 32_000
FIRST_SEED = 500_000
"""Far from all seeds used for training or development."""


@dataclass(frozen=True, slots=True)
class PopCount:
    """The reported pops of one roast."""

    hits: tuple[float, ...]
    """Probabilities of true reports."""
    false: tuple[float, ...]
    truths: int
    minutes: float


@dataclass(slots=True)
class SoundResult:
    """Results of synthesised roasts."""

    judged: dict[str, list[Judged]] = field(default_factory=dict)
    beds: list[str] = field(default_factory=list)
    described: list[str] = field(default_factory=list)
    pops: list[PopCount] = field(default_factory=list)
    """Counts for each roast."""
    threshold: float = 0.5

    def add(self, index: int, truth: RoastTruth, played: Played, charge_unknown: Played) -> None:
        """Compare one roast with its truth; `charge_unknown` was played without its charge."""
        onset_s = truth.first_crack_at_s or 0.0
        end_s = truth.first_crack_end_s or truth.duration_s
        cracks_s = [at for at in truth.pop_times_s if onset_s <= at <= end_s]
        pops = sorted((at, p) for at, p in played.pops if at >= WARM_UP_S)
        hit, false = match(truth.pop_times_s, [at for at, _ in pops])
        reported = set(range(len(pops))) - set(false)
        best = sorted((pops[i][1] for i in reported), reverse=True)[: len(hit)]
        wrong = tuple(pops[i][1] for i in false)
        minutes = truth.duration_s / 60
        self.pops.append(PopCount(tuple(best), wrong, len(truth.pop_times_s), minutes))
        self.beds.append(truth.description.split()[0])
        self.described.append(truth.description)
        name = f"seed {FIRST_SEED + index}"
        for rule, one in (("roastwatch", played), (CHARGE_UNKNOWN, charge_unknown)):
            found = one.reported[0] if one.reported else None
            self.judged.setdefault(rule, []).append(judged(name, onset_s, cracks_s, found))
        sure = [at for at, p in pops if p >= self.threshold]
        for rule, decide in RULES.items():
            one_rule = judged(name, onset_s, cracks_s, decide(sure))
            self.judged.setdefault(rule, []).append(one_rule)

    def curve(self, bed: str | None = None) -> PopCurve:
        """Pops over thresholds, for all roasts or those with one noise."""
        pops = [p for p, b in zip(self.pops, self.beds, strict=True) if bed in (None, b)]
        return pop_curve(
            [chance for roast in pops for chance in roast.hits],
            [chance for roast in pops for chance in roast.false],
            sum(roast.truths for roast in pops),
            sum(roast.minutes for roast in pops),
        )

    def as_json(self) -> dict[str, Any]:
        """Pops at the shipped threshold, decisions in total and by roaster's noise."""
        hits = sum(p >= self.threshold for roast in self.pops for p in roast.hits)
        false = sum(p >= self.threshold for roast in self.pops for p in roast.false)
        truths = sum(roast.truths for roast in self.pops)
        minutes = sum(roast.minutes for roast in self.pops)
        by_bed: dict[str, Any] = {}
        for bed in sorted(set(self.beds)):
            rows = [
                j for j, b in zip(self.judged["roastwatch"], self.beds, strict=True) if b == bed
            ]
            by_bed[bed] = summary(rows)
        return {
            "roasts": len(self.beds),
            "first_seed": FIRST_SEED,
            "pops": {
                "true": truths,
                "recall": round(hits / max(truths, 1), 4),
                "precision": round(hits / max(hits + false, 1), 4),
                "false_per_min": round(false / max(minutes, 1e-9), 3),
            },
            "before_crack": early_rate(self.judged["roastwatch"]).as_json(),
            "wrong": [
                {"roast": what, "decided_s": j.decided_s, "onset_s": round(j.onset_s, 1)}
                for j, what in zip(self.judged["roastwatch"], self.described, strict=True)
                if j.missed or j.early
            ],
            "decision": {name: summary(rows) for name, rows in self.judged.items()},
            "by_noise": by_bed,
        }


def judge_sound(
    model: CrackModel,
    roasts: int,
    onset: OnsetOptions | None = None,
    progress: Callable[[str], None] = lambda _: None,
    *,
    load: Callable[[], CrackModel] | None = None,
    workers: int | None = None,
) -> SoundResult:
    """Play seeded roasts and compare pops and decisions with the truth.

    Synthesis costs ten times as much as detection, so roasts are distributed to `workers`
    processes (None: one per core), each with its own model from `load`, which is pickled. Without
    `load` everything runs in this process.
    """
    result = SoundResult(threshold=model.spec.pop_threshold)
    workers = min(workers or os.cpu_count() or 1, roasts)
    done = f"synthesised roasts: {{}} of {roasts}"
    if load is None or workers < 2:
        for index in range(roasts):
            progress(done.format(index))
            result.add(index, *_heard(model, index, onset))
        return result
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_own_model, initargs=(load,)
    ) as pool:
        heard = pool.map(_heard_alone, range(roasts), repeat(onset, roasts))
        for index, found in enumerate(heard):
            progress(done.format(index + 1))
            result.add(index, *found)
    return result


_own: list[CrackModel] = []
"""A worker process's model."""


def _own_model(load: Callable[[], CrackModel]) -> None:
    _own[:] = [load()]


_Heard: TypeAlias = tuple[RoastTruth, Played, Played]


def _heard_alone(index: int, onset: OnsetOptions | None) -> _Heard:
    return _heard(_own[0], index, onset)


def _heard(model: CrackModel, index: int, onset: OnsetOptions | None) -> _Heard:
    roast = SynthRoast(FIRST_SEED + index, RATE_HZ)
    blocks = list(roast.blocks(BLOCK_S))
    charge_known = play(model, RATE_HZ, blocks, onset=onset, charge_s=0.0)
    return roast.truth, charge_known, play(model, RATE_HZ, blocks, onset=onset)
