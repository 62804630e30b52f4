"""Common parts of training runs: processes, schedule, checkpoints."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from roastwatch.errors import BadInputError
from roastwatch.options import Options
from roastwatch.training import checkpoints


@dataclass(frozen=True, slots=True)
class Place:
    """This process among those of a run."""

    rank: int
    processes: int
    device: torch.device
    talk: torch.distributed.ProcessGroup | None = None
    """The group by which processes communicate; None for a single process."""

    @property
    def leads(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def from_leader(self, mine: dict[str, float]) -> dict[str, float]:
        """The leading process's figures; the others wait for them."""
        if self.talk is None:
            return mine
        text = [mine]
        torch.distributed.broadcast_object_list(text, group=self.talk)
        return text[0]

    def wait(self) -> None:
        """Wait for all processes."""
        if self.talk is not None:
            torch.distributed.barrier(self.talk)

    def shares(self, name: str, batch: int) -> None:
        """Make sure that processes can share a batch evenly.

        Raises:
            BadInputError: they can't.
        """
        if batch % self.processes:
            raise BadInputError(
                f"training.{name} ({batch}) can't be shared by {self.processes} processes: choose "
                "a multiple of their number."
            )


class Learning(Protocol):
    """The settings that every run has."""

    @property
    def epochs(self) -> int:
        """At most."""
        ...

    @property
    def learning_rate(self) -> float:
        """Peak of the schedule."""
        ...

    @property
    def warm_up(self) -> float:
        """Share of the steps that raise the rate."""
        ...

    @property
    def weight_decay(self) -> float:
        """AdamW's."""
        ...

    @property
    def patience_epochs(self) -> int:
        """Epochs without improvement after which training stops."""
        ...

    @property
    def keep_checkpoints(self) -> int:
        """How many of the last stay."""
        ...


class Run:
    """A training run, which resumes after an interruption.

    Frozen parameters are not trained, and are saved only if asked.
    """

    def __init__(
        self,
        out: Path,
        plan: Options,
        learning: Learning,
        network: nn.Module,
        steps_per_epoch: int,
        place: Place,
        *,
        saves_frozen: bool = False,
    ) -> None:
        """Create optimiser and schedule, or restore them from the newest checkpoint in `out`.

        Raises:
            BadInputError: the folder holds a run with another plan.
        """
        self._out, self._plan, self._learning, self._place = out, plan, learning, place
        self._network = network
        frozen = {n for n, part in network.named_parameters() if not part.requires_grad}
        self._left_out = set() if saves_frozen else frozen
        self._tuned = [part for part in network.parameters() if part.requires_grad]
        self.trained = network if place.processes == 1 else DistributedDataParallel(network)
        """What to call in training: shares gradients with the other processes."""
        self._optimiser = torch.optim.AdamW(
            self._tuned, learning.learning_rate, weight_decay=learning.weight_decay
        )
        total_steps = steps_per_epoch * learning.epochs
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimiser, lambda step: learning_rate(step, total_steps, learning.warm_up)
        )
        self.history: list[dict[str, float]] = []
        self._best, self.best_epoch = -math.inf, -1
        stand = checkpoints.newest(out, plan)
        if stand is not None:
            network.load_state_dict(stand["network"], strict=not self._left_out)
            self._optimiser.load_state_dict(stand["optimiser"])
            self._schedule.load_state_dict(stand["schedule"])
            self.history = stand["history"]
            self._best, self.best_epoch = stand["best"], stand["best_epoch"]
        self._board = SummaryWriter(str(out / "tensorboard")) if place.leads else None

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self._schedule.get_last_lr()[0])

    def epochs(self) -> Iterator[int]:
        """Those still to come, until the last one or until patience is over."""
        for epoch in range(len(self.history), self._learning.epochs):
            if 0 <= self.best_epoch < epoch - self._learning.patience_epochs:
                break
            self.trained.train()
            yield epoch
        if self._board is not None:
            self._board.close()

    def bar(self, batches: Any, epoch: int) -> Any:
        """The batches of an epoch, with a progress bar where one speaks."""
        text = f"epoch {epoch + 1}/{self._learning.epochs}"
        return tqdm(batches, text, disable=not self._place.leads)

    def step(self, loss: torch.Tensor, longest_gradient: float) -> None:
        """One step down, its gradient cut to a length."""
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._tuned, longest_gradient)
        self._optimiser.step()
        self._schedule.step()

    def end_epoch(self, epoch: int, figures: dict[str, float], score: float) -> None:
        """Record and print an epoch's figures, and save its checkpoint.

        Raises:
            BadInputError: the disk is full; the former checkpoint is kept.
        """
        self.history.append(figures)
        better = score > self._best
        if better:
            self._best, self.best_epoch = score, epoch
        if not self._place.leads:
            return
        if self._board is not None:
            for name, value in figures.items():
                self._board.add_scalar(name, value, epoch)
            self._board.flush()
        text = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        tqdm.write(f"epoch {epoch + 1}: {text}{' (best)' if better else ''}")
        kept = {n: v for n, v in self._network.state_dict().items() if n not in self._left_out}
        stand = {
            "plan": self._plan.model_dump(mode="json"),
            "network": kept,
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "history": self.history,
            "best": self._best,
            "best_epoch": self.best_epoch,
        }
        keep = self._learning.keep_checkpoints
        checkpoints.save(self._out, stand, epoch, best=better, keep=keep)

    def card(self) -> dict[str, Any]:
        """The part of the card that is common to all runs."""
        return {
            "parameters": sum(parameter.numel() for parameter in self._network.parameters()),
            "epochs": len(self.history),
            "best_epoch": self.best_epoch + 1,
            "best": self.history[self.best_epoch] if self.history else {},
            "history": self.history,
            "processes": self._place.processes,
            "device": str(self._place.device),
        }


def rank_in_run() -> int:
    """Which of torchrun's processes this is; 0 leads, and is the only one without torchrun."""
    return int(os.environ.get("RANK", "0"))


@contextmanager
def place_in_run() -> Iterator[Place]:
    """One process, or one of those that torchrun started, until the run ends."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    rank = rank_in_run()
    cuda = torch.cuda.is_available()
    talk = None
    if processes > 1:
        torch.distributed.init_process_group("nccl" if cuda else "gloo")
        # A group that DistributedDataParallel has held is never freed (torch 2.13), so gloo's
        # threads still run when Python exits. One that then releases a tensor of Python's aborts
        # the process. Figures therefore use their own group, whose threads end with it.
        talk = torch.distributed.new_group()
    try:
        local = int(os.environ.get("LOCAL_RANK", "0"))
        device = torch.device("cpu")
        if cuda:
            torch.cuda.set_device(local)
            device = torch.device("cuda", local)
        yield Place(rank, processes, device, talk)
    finally:
        if processes > 1:
            torch.distributed.destroy_process_group()


def learning_rate(step: int, total: int, warm_up: float) -> float:
    """Rise linearly, fall along a cosine."""
    rising = max(int(total * warm_up), 1)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(total - rising, 1))) + 1e-3
