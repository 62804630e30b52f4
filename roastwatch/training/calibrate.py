"""Calibrate the logits of a net: choose the pop threshold, fit log-likelihood ratios.

Only development data is used: synthesised clips of other seeds, and real everyday sounds that the
net was not trained on (ESC-10 fold 4), alone and mixed with roasters. The evaluation recordings
are never used.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from roastwatch.detection.odds import logit
from roastwatch.detection.pops.features import ROW_S, ROWS_PER_STEP
from roastwatch.synth.clips import Recipe
from roastwatch.training import measure
from roastwatch.training.bank import CRACK, NOTHING, Bank, BankPlan, build, fires_in, is_fire
from roastwatch.training.network import PopNet
from roastwatch.training.pair import Pair
from roastwatch.training.plan import TrainingPlan

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LogitCalibration:
    """How to interpret logits, and the scores measured along the way."""

    pop_threshold: float
    llr_scale: float
    llr_offset: float
    scores: dict[str, Any]


def calibrate(
    network: PopNet | Pair,
    plan: TrainingPlan,
    folder: Path,
    recordings: tuple[tuple[str, str], ...],
    *,
    false_per_min: float,
    threshold: float | None = None,
    workers: int = 2,
) -> LogitCalibration:
    """Choose the threshold at which development negatives give `false_per_min` pops a minute.

    Args:
        recordings: real negatives (kind, path) that the net was not trained on; without any,
            synthesised ones are used. Fire is not counted as a negative, because it sounds almost
            the same as cracks. Instead, `recall_on_crackles` in the scores is the share of its
            crackles that the net finds when they are mixed with roasters.
        threshold: use this threshold, and only measure its scores.
    """
    late = plan.network.look_ahead_rows
    device = torch.device("cpu")
    synthesised = build(folder / "validation", plan.validation.plan(()), workers)
    sets: dict[str, Bank] = {"synthesised": synthesised}
    real = tuple(row for row in recordings if not is_fire(row[0]))
    for name, bare in (("real_bare", 1.0), ("real_mixed", 0.0)):
        if real:
            recipe = Recipe(cracks=0.0, bare=bare, real=1.0, rooms=0.0, fooling_without=1.0)
            meant = BankPlan(240, 8.0, 777, recipe, real)
            sets[name] = build(folder / name, meant, workers)
    found: list[float] = []
    false: list[float] = []
    minutes = 0.0
    steps: dict[str, tuple[Float64Array, npt.NDArray[np.bool_]]] = {}
    curves: dict[str, Any] = {}
    for name, bank in sets.items():
        logits = measure.logits_of(network, bank.rows, late, device)
        hits, errors, rows = measure.candidates(logits, bank.labels)
        steps[name] = _steps(logits, bank.labels)
        length_min = rows * ROW_S / 60
        if name == "synthesised":
            found = hits
        if name != "synthesised" or not real:
            false += errors
            minutes += length_min
        curves[name] = {
            f"{chance:g}": {
                "recall": round(float(np.mean(np.array(hits) > logit(chance))), 4)
                if hits
                else None,
                "false_per_min": round(
                    float(np.sum(np.array(errors) > logit(chance)) / length_min), 3
                ),
            }
            for chance in (0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
        }
    worst = np.sort(np.array(false))[::-1]
    allowed = int(false_per_min * minutes)
    bar = float(worst[allowed]) if allowed < len(worst) else 0.0
    if threshold is None:
        threshold = float(np.clip(1 / (1 + np.exp(-bar)), 0.3, 0.97))
    strays = float(np.sum(worst > logit(threshold)) / minutes)
    highest = np.concatenate([step[0] for step in steps.values()])
    cracks = np.concatenate([step[1] for step in steps.values()])
    scale, offset = _logistic(highest, cracks)
    scores = {
        "recall_on_synthesis": round(float(np.mean(np.array(found) > logit(threshold))), 4),
        "false_pops_per_min_on_development_sounds": round(strays, 2),
        "by_threshold": curves,
    }
    if fires_in(recordings):
        recipe = Recipe(cracks=1.0, fire=1.0, fooling_with_cracks=0.0)
        bank = build(folder / "crackles", BankPlan(60, 8.0, 778, recipe, recordings), workers)
        logits = measure.logits_of(network, bank.rows, late, device)
        hits, errors, rows = measure.candidates(logits, bank.labels)
        heard = float(np.mean(np.array(hits) > logit(threshold)))
        false_a_min = float(np.sum(np.array(errors) > logit(threshold))) / (rows * ROW_S / 60)
        scores["recall_on_crackles"] = round(heard, 4)
        scores["false_pops_per_min_among_crackles"] = round(false_a_min, 2)
    return LogitCalibration(round(threshold, 3), scale, offset, scores)


def _steps(
    logits: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]
) -> tuple[Float64Array, npt.NDArray[np.bool_]]:
    """The highest logit of each step, and whether it holds a crack; unsure steps are left out."""
    count = logits.shape[1] // ROWS_PER_STEP * ROWS_PER_STEP
    tops = logits[:, :count].reshape(len(logits), -1, ROWS_PER_STEP).max(axis=2)
    marks = labels[:, :count].reshape(len(labels), -1, ROWS_PER_STEP)
    crack = (marks == CRACK).any(axis=2)
    sure = (crack | (marks == NOTHING).all(axis=2))[:, 3:].reshape(-1)
    return tops[:, 3:].reshape(-1)[sure].astype(np.float64), crack[:, 3:].reshape(-1)[sure]


def _logistic(x: Float64Array, y: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Fit a logistic regression by Newton's method: scale and offset.

    Both classes have the same total weight, so its logit is the log-likelihood ratio whatever
    their shares in the data.
    """
    design = np.stack((x, np.ones_like(x)), axis=1)
    weight = np.where(y, 0.5 / max(int(y.sum()), 1), 0.5 / max(int((~y).sum()), 1))
    theta = np.array([0.5, 0.0])
    for _ in range(40):
        chance = 1 / (1 + np.exp(-np.clip(design @ theta, -30, 30)))
        gradient = design.T @ (weight * (chance - y))
        curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design
        theta -= np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
    return round(float(theta[0]), 4), round(float(theta[1]), 4)
