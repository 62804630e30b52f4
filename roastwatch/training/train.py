"""Train the pop net. Reads from top to bottom; torchrun starts it once for each device.

    roastwatch train --config config/models/pops.yaml --out runs/pops
    torchrun --nproc-per-node 2 -m roastwatch train --config ... --out ...

A run that was killed goes on from its last epoch and comes to the same result.
"""

import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.parallel import DistributedDataParallel
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from roastwatch.errors import BadInputError
from roastwatch.training import checkpoints, measure
from roastwatch.training.augment import augmented
from roastwatch.training.bank import CRACK, NOTHING, UNSURE, Bank, BankPlan, build
from roastwatch.training.network import PopNet
from roastwatch.training.plan import LearningSettings, TrainingPlan

_SETTLING_ROWS = 15  # after the start of a clip the floor is not yet known


@dataclass(frozen=True, slots=True)
class Place:
    """Where this process stands among those of a run."""

    rank: int
    processes: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0


def train(
    plan: TrainingPlan, out: Path, recordings: tuple[tuple[str, str], ...] = (), workers: int = 2
) -> dict[str, Any]:
    """Train by a plan into a folder; return the card, which stands there as card.json too."""
    out.mkdir(parents=True, exist_ok=True)
    place = find_place()
    try:
        return _train(plan, out, recordings, workers, place)
    finally:
        if place.processes > 1:
            torch.distributed.destroy_process_group()


def _train(
    plan: TrainingPlan,
    out: Path,
    recordings: tuple[tuple[str, str], ...],
    workers: int,
    place: Place,
) -> dict[str, Any]:
    began_s = time.monotonic()
    learning = plan.training
    if learning.batch_clips % place.processes:
        raise BadInputError(
            f"training.batch_clips ({learning.batch_clips}) can't be shared by "
            f"{place.processes} processes: choose a multiple."
        )

    # 1. What to learn from
    bank = _bank(out / "bank", plan.bank.plan(recordings), workers, place)
    held_back = _bank(out / "validation", plan.validation.plan(()), workers, place)
    weights = _clip_weights(bank, learning)

    # 2. The net, its optimiser and its schedule
    torch.manual_seed(plan.seed)
    network = PopNet(plan.network.channels, plan.network.dilations).to(place.device)
    trained: torch.nn.Module = network
    if place.processes > 1:
        trained = DistributedDataParallel(network)
    optimiser = torch.optim.AdamW(
        network.parameters(), learning.learning_rate, weight_decay=learning.weight_decay
    )
    steps_per_epoch = max(len(bank) // learning.batch_clips, 1)
    total_steps = steps_per_epoch * learning.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: learning_rate(step, total_steps, learning.warm_up)
    )

    # 3. Go on from where a run was broken off
    stand = checkpoints.newest(out, plan)
    history: list[dict[str, float]] = []
    best, best_epoch = -math.inf, -1
    if stand is not None:
        network.load_state_dict(stand["network"])
        optimiser.load_state_dict(stand["optimiser"])
        schedule.load_state_dict(stand["schedule"])
        history, best, best_epoch = stand["history"], stand["best"], stand["best_epoch"]
    board = SummaryWriter(str(out / "tensorboard")) if place.leads else None

    # 4. Epochs
    for epoch in range(len(history), learning.epochs):
        if epoch - best_epoch > learning.patience_epochs and best_epoch >= 0:
            break
        trained.train()
        rng = np.random.default_rng([plan.seed, epoch])
        order = rng.permutation(len(bank))[: steps_per_epoch * learning.batch_clips]
        batches = order.reshape(steps_per_epoch, learning.batch_clips)
        loss_sum = torch.zeros((), device=place.device)
        for step, batch in enumerate(
            tqdm(batches, f"epoch {epoch + 1}/{learning.epochs}", disable=not place.leads)
        ):
            mine = np.sort(batch[place.rank :: place.processes])
            own = np.random.default_rng([plan.seed, epoch, step, place.rank])
            first = int(own.integers(0, 100)) if own.random() < 0.5 else 0
            rows = torch.from_numpy(bank.rows[mine, first:].astype(np.float32)).to(place.device)
            labels = torch.from_numpy(bank.labels[mine, first:]).to(place.device)
            with torch.autocast(place.device.type, torch.bfloat16, place.device.type == "cuda"):
                rows, labels = augmented(rows, labels, own)
                logits = trained(rows)
                share = torch.from_numpy(weights[mine]).to(place.device)
                loss = _loss(logits.float(), labels, share, plan)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            loss_sum += loss.detach()

        # 5. How good is it on clips that it never saw?
        figures: dict[str, float] = {}
        if place.leads:
            network.eval()
            late = plan.network.look_ahead_rows
            figures = measure.measured(network, held_back, late, place.device)
            figures["loss"] = float(loss_sum) / steps_per_epoch
            figures["learning_rate"] = float(schedule.get_last_lr()[0])
        if place.processes > 1:  # all must agree on when to stop
            shared = [figures]
            torch.distributed.broadcast_object_list(shared)
            figures = shared[0]
        history.append(figures)
        # two bars together: one alone hangs on a handful of false pops
        score = 0.5 * (figures["recall_at_1_per_min"] + figures["recall_at_0_2_per_min"])
        better = score > best
        if better:
            best, best_epoch = score, epoch
        if not place.leads:
            continue
        if board is not None:
            for name, value in figures.items():
                board.add_scalar(name, value, epoch)
            board.flush()
        told = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        tqdm.write(f"epoch {epoch + 1}: {told}{' (best)' if better else ''}")
        checkpoints.save(
            out,
            {
                "plan": plan.model_dump(mode="json"),
                "network": network.state_dict(),
                "optimiser": optimiser.state_dict(),
                "schedule": schedule.state_dict(),
                "history": history,
                "best": best,
                "best_epoch": best_epoch,
            },
            epoch,
            best=better,
            keep=learning.keep_checkpoints,
        )

    # 6. The card
    if board is not None:
        board.close()
    card = {
        "name": plan.name,
        "plan": plan.model_dump(mode="json"),
        "recordings": len(recordings),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "epochs": len(history),
        "best_epoch": best_epoch + 1,
        "best": history[best_epoch] if history else {},
        "history": history,
        "processes": place.processes,
        "device": str(place.device),
        "seconds": round(time.monotonic() - began_s, 1),
    }
    if place.leads:
        checkpoints.write_whole(out / "card.json", json.dumps(card, indent=2).encode())
    return card


def find_place() -> Place:
    """One process, or one of those that torchrun started."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    cuda = torch.cuda.is_available()
    if processes > 1:
        torch.distributed.init_process_group("nccl" if cuda else "gloo")
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if cuda:
        torch.cuda.set_device(local)
    return Place(rank, processes, torch.device("cuda", local) if cuda else torch.device("cpu"))


def _bank(folder: Path, plan: BankPlan, workers: int, place: Place) -> Bank:
    """Make or open a bank: the first process makes it, the others wait."""
    if place.leads:
        with tqdm(total=plan.clips, desc=f"making {folder.name}", unit="clip") as bar:

            def told(made: int) -> None:
                bar.update(made)

            bank = build(folder, plan, workers, told)
    if place.processes > 1:
        torch.distributed.barrier()
    return bank if place.leads else build(folder, plan, 1)


def _clip_weights(bank: Bank, learning: LearningSettings) -> np.ndarray[Any, np.dtype[np.float32]]:
    """How much each clip's crackless rows count, (clips, 1)."""
    fire = [any("fire" in kind.lower() for kind in kinds) for kinds in bank.kinds]
    return np.where(fire, learning.fire_weight, 1.0).astype(np.float32)[:, None]


def learning_rate(step: int, total: int, warm_up: float) -> float:
    """Up in a straight line, down along a cosine."""
    rising = max(int(total * warm_up), 1)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(total - rising, 1))) + 1e-3


def _loss(
    logits: torch.Tensor, labels: torch.Tensor, clip_weights: torch.Tensor, plan: TrainingPlan
) -> torch.Tensor:
    """Focal cross-entropy of the rows whose answer is sure, the look-ahead taken off."""
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
