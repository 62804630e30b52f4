"""Train the pop net. torchrun starts it once for each device.

    roastwatch train --config config/models/pops.yaml --out runs/pops
    torchrun --nproc-per-node 2 -m roastwatch train --config ... --out ...

A killed run resumes from its last epoch and gives the same result.
"""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from roastwatch.detection.pops import features
from roastwatch.evaluation.conditions import sources
from roastwatch.training import checkpoints, measure
from roastwatch.training.augment import augmented
from roastwatch.training.bank import CRACK, NOTHING, RADIO, UNSURE, Bank, BankPlan, build, is_fire
from roastwatch.training.network import RADIO_OVER_DB, PopNet
from roastwatch.training.plan import LearningSettings, TrainingPlan
from roastwatch.training.run import Place, Run, place_in_run
from roastwatch.training.start import fingerprint, started, teacher_loss, teacher_of

_SETTLING_ROWS = 15  # the floor is unknown at the start of a clip
_HEARD_ROWS = 100  # a radio cannot be known at once
_NEAR_DB = 4.0


def train(
    plan: TrainingPlan,
    out: Path,
    recordings: tuple[tuple[str, str], ...] = (),
    workers: int = 2,
    start: Path | None = None,
) -> dict[str, Any]:
    """Train by a plan into a folder; return the card, which is written to card.json there, too.

    Args:
        start: manifest of an exported net to start from, which is also the teacher.

    Raises:
        BadInputError: a manifest keeps one of the recordings for development or evaluation, or
            the net to start from is unusable.
    """
    if start is not None:
        plan = plan.model_copy(update={"started_from": fingerprint(start)})
    sources.refuse_untrainable([Path(path) for _, path in recordings])
    out.mkdir(parents=True, exist_ok=True)
    with place_in_run() as place:
        return _train(plan, out, recordings, workers, place, start)


def _train(
    plan: TrainingPlan,
    out: Path,
    recordings: tuple[tuple[str, str], ...],
    workers: int,
    place: Place,
    start: Path | None,
) -> dict[str, Any]:
    began_s = time.monotonic()
    learning = plan.training
    place.shares("batch_clips", learning.batch_clips)

    # 1. The clips
    bank = _bank(out / "bank", plan.bank.plan(recordings), workers, place)
    held_back = _bank(out / "validation", plan.validation.plan(()), workers, place)
    weights = _clip_weights(bank, learning)

    # 2. The net, its optimiser and its schedule, or those of an interrupted run
    torch.manual_seed(plan.seed)
    teacher = teacher_of(start, plan.network.size).to(place.device) if start else None
    if start is None:
        network = PopNet(*plan.network.size).to(place.device)
    else:
        network = started(start, plan.network.size, only_new=learning.only_new).to(place.device)
    steps_per_epoch = max(len(bank) // learning.batch_clips, 1)
    run = Run(out, plan, learning, network, steps_per_epoch, place, saves_frozen=True)

    # 3. Epochs
    for epoch in run.epochs():
        rng = np.random.default_rng([plan.seed, epoch])
        order = rng.permutation(len(bank))[: steps_per_epoch * learning.batch_clips]
        batches = order.reshape(steps_per_epoch, learning.batch_clips)
        loss_sum = torch.zeros((), device=place.device)
        if teacher is not None:
            run.trained.eval()  # its norms only add: statistics of batches would change it
        for step, batch in enumerate(run.bar(batches, epoch)):
            mine = np.sort(batch[place.rank :: place.processes])
            own = np.random.default_rng([plan.seed, epoch, step, place.rank])
            first = int(own.integers(0, 100)) if own.random() < 0.5 else 0
            rows = torch.from_numpy(bank.rows[mine, first:].astype(np.float32)).to(place.device)
            labels = torch.from_numpy(bank.labels[mine, first:]).to(place.device)
            with torch.autocast(place.device.type, torch.bfloat16, place.device.type == "cuda"):
                rows, labels = augmented(rows, labels, own)
                logits, radio = run.trained(rows)
                share = torch.from_numpy(weights[mine]).to(place.device)
                loss = _loss(logits.float(), labels, share, plan)
                levels = torch.from_numpy(_levels(bank, mine, first)).to(place.device)
                loss = loss + plan.training.radio_weight * _radio_loss(radio.float(), levels, plan)
                if teacher is not None:
                    with torch.inference_mode():
                        taught = teacher(rows)[0].float()
                    alike = _alike(logits.float(), taught.clone(), levels, plan)
                    loss = loss + plan.training.teacher_weight * alike
            run.step(loss, longest_gradient=5.0)
            loss_sum += loss.detach()

        # 4. Figures on validation clips
        figures: dict[str, float] = {}
        if place.leads:
            network.eval()
            late = plan.network.look_ahead_rows
            figures = measure.measured(network, held_back, late, place.device)
            figures["loss"] = float(loss_sum) / steps_per_epoch
            figures["learning_rate"] = run.learning_rate
        figures = place.from_leader(figures)  # all must stop together
        # two thresholds together: one alone depends on a handful of false pops
        score = 0.5 * (figures["recall_at_1_per_min"] + figures["recall_at_0_2_per_min"])
        if teacher is not None:
            score = float(epoch)  # the last one: what it may forget, and a radio, count too
        run.end_epoch(epoch, figures, score)

    # 5. The card
    card = {
        "name": plan.name,
        "plan": plan.model_dump(mode="json"),
        "recordings": sum(kind not in RADIO for kind, _ in recordings),
        "radio_recordings": sum(kind in RADIO for kind, _ in recordings),
        "trained_on_files": sorted({sources.digest(Path(path)) for _, path in recordings}),
        **run.card(),
        "seconds": round(time.monotonic() - began_s, 1),
    }
    if place.leads:
        checkpoints.write_whole(out / "card.json", json.dumps(card, indent=2).encode())
    return card


def _bank(folder: Path, plan: BankPlan, workers: int, place: Place) -> Bank:
    """Make or open a bank: the first process makes it, the others wait."""
    if place.leads:
        with tqdm(total=plan.clips, desc=f"making {folder.name}", unit="clip") as bar:

            def progress(made: int) -> None:
                bar.update(made)

            bank = build(folder, plan, workers, progress)
    place.wait()
    return bank if place.leads else build(folder, plan, 1)


def _clip_weights(bank: Bank, learning: LearningSettings) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Weight of each clip's rows without cracks, (clips, 1)."""
    fire = [any(is_fire(kind) for kind in kinds) for kinds in bank.kinds]
    distracted = np.where([len(kinds) > 0 for kinds in bank.kinds], learning.fooling_weight, 1.0)
    return np.where(fire, learning.fire_weight, distracted).astype(np.float32)[:, None]


def _levels(bank: Bank, clips: npt.NDArray[np.int64], first: int) -> npt.NDArray[np.float32]:
    """The radio's level in each row from `first` on, (clips, rows)."""
    steps = bank.radio_db[clips].astype(np.float32)
    return np.repeat(steps, features.ROWS_PER_STEP, axis=1)[:, first:]


def _radio_loss(logits: torch.Tensor, levels_db: torch.Tensor, plan: TrainingPlan) -> torch.Tensor:
    """Cross-entropy of the radio's level against each bound; near a bound nothing is sure."""
    late = plan.network.look_ahead_rows
    logits = logits[:, :, late + _HEARD_ROWS :]
    levels_db = levels_db[:, None, _HEARD_ROWS : levels_db.shape[1] - late]
    over = levels_db - logits.new_tensor(RADIO_OVER_DB)[None, :, None]
    sure = (over.abs() > _NEAR_DB).float()
    losses = binary_cross_entropy_with_logits(logits, (over > 0).float(), reduction="none")
    return (losses * sure).sum() / sure.sum().clamp(min=1)


def _alike(
    logits: torch.Tensor, taught: torch.Tensor, levels_db: torch.Tensor, plan: TrainingPlan
) -> torch.Tensor:
    settled = slice(_SETTLING_ROWS, None)
    late = plan.network.look_ahead_rows
    return teacher_loss(logits[:, settled], taught[:, settled], levels_db[:, settled], late)


def _loss(
    logits: torch.Tensor, labels: torch.Tensor, clip_weights: torch.Tensor, plan: TrainingPlan
) -> torch.Tensor:
    """Focal cross-entropy of rows with a sure label, without the look-ahead."""
    late = plan.network.look_ahead_rows
    logits = logits[:, late + _SETTLING_ROWS :]
    labels = labels[:, _SETTLING_ROWS : labels.shape[1] - late]
    crack = (labels == CRACK).float()
    weight = crack * plan.training.crack_weight + (labels == NOTHING).float() * clip_weights
    weight = weight * (labels != UNSURE)
    wrong = torch.sigmoid(torch.where(crack > 0, -logits, logits)).detach()
    weight = weight * (wrong**plan.training.focus)
    losses = binary_cross_entropy_with_logits(logits, crack, reduction="none")
    return (losses * weight).sum() / (crack.sum() * plan.training.crack_weight + len(logits))
