"""Whole synthesised roasts as sound through the very pipeline: pops and decisions against truth."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from roastwatch.detection.model import CrackModel
from roastwatch.detection.onset import OnsetOptions
from roastwatch.synth.roasts import SynthRoast
from roastwatch.training.evaluate_recordings import BLOCK_S, WARM_UP_S, play
from roastwatch.training.evaluate_statistics import (
    RULES,
    Judged,
    PopCurve,
    match,
    pop_curve,
    summary,
)

RATE_HZ = 32_000
FIRST_SEED = 500_000
"""Far from the seeds that anything was trained or chosen on."""


@dataclass(slots=True)
class SoundResult:
    """What came of synthesised roasts."""

    judged: dict[str, list[Judged]] = field(default_factory=dict)
    beds: list[str] = field(default_factory=list)
    hits: list[float] = field(default_factory=list)
    """Probabilities of true reports."""
    false: list[float] = field(default_factory=list)
    truths: int = 0
    minutes: float = 0.0
    threshold: float = 0.5

    def curve(self) -> PopCurve:
        """Pops over thresholds."""
        return pop_curve(self.hits, self.false, self.truths, self.minutes)

    def as_json(self) -> dict[str, Any]:
        """Pops at the shipped threshold, decisions in sum and by roaster's noise."""
        hits = sum(p >= self.threshold for p in self.hits)
        false = sum(p >= self.threshold for p in self.false)
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
                "true": self.truths,
                "recall": round(hits / max(self.truths, 1), 4),
                "precision": round(hits / max(hits + false, 1), 4),
                "false_per_min": round(false / max(self.minutes, 1e-9), 3),
            },
            "decision": {name: summary(rows) for name, rows in self.judged.items()},
            "by_noise": by_bed,
        }


def judge_sound(
    model: CrackModel,
    roasts: int,
    onset: OnsetOptions | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> SoundResult:
    """Play seeded roasts, and hold pops and decisions against what was put in."""
    result = SoundResult(threshold=model.spec.pop_threshold)
    for index in range(roasts):
        progress(f"synthesised roast {index + 1} of {roasts}")
        roast = SynthRoast(FIRST_SEED + index, RATE_HZ)
        played = play(model, RATE_HZ, roast.blocks(BLOCK_S), onset=onset)
        truth = roast.truth
        onset_s = truth.first_crack_at_s or 0.0
        pops = sorted((at, p) for at, p in played.pops if at >= WARM_UP_S)
        hit, false = match(truth.pop_times_s, [at for at, _ in pops])
        reported = set(range(len(pops))) - set(false)
        result.truths += len(truth.pop_times_s)
        result.minutes += truth.duration_s / 60
        result.false += [pops[i][1] for i in false]
        result.hits += sorted((pops[i][1] for i in reported), reverse=True)[: len(hit)]
        result.beds.append(truth.description.split()[0])
        name = f"seed {FIRST_SEED + index}"
        found = played.told[0] if played.told else (None, None)
        result.judged.setdefault("roastwatch", []).append(Judged(name, onset_s, *found))
        sure = [at for at, p in pops if p >= result.threshold]
        for rule, decide in RULES.items():
            result.judged.setdefault(rule, []).append(
                Judged(name, onset_s, *(decide(sure) or (None, None)))
            )
    return result
