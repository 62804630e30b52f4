"""Fine-tune an Audio Spectrogram Transformer on a corpus.

    roastwatch train --config config/models/ast.yaml --out runs/ast
    torchrun --nproc-per-node 2 -m roastwatch train --config ... --out ...

The checkpoint's front end is kept, with AudioSet's mean and deviation; the first layers may be
frozen. A run that was killed resumes from its last epoch and ends with the same result.
"""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

from roastwatch.detection.large import backends_torch, checkpoint, hub
from roastwatch.errors import BadInputError
from roastwatch.options import Options
from roastwatch.training import checkpoints
from roastwatch.training.large import finetune_windows
from roastwatch.training.large.finetune_windows import Windows, WindowSettings
from roastwatch.training.run import Place, Run, place_in_run

LABELS = ("no_first_crack", "first_crack")


class FineTuneSettings(Options):
    """How it learns."""

    epochs: int = Field(10, description="Most passes over the windows.", ge=1)
    batch_windows: int = Field(8, description="Windows per step, of all processes together.", ge=1)
    learning_rate: float = Field(5e-5, description="Peak of the schedule.", gt=0)
    warm_up: float = Field(
        0.1, description="Share of the steps in which the learning rate rises.", ge=0, lt=1
    )
    weight_decay: float = Field(0.01, description="Weight decay of AdamW.", ge=0)
    frozen_layers: int = Field(
        8, description="Number of first layers that are frozen, along with the patches.", ge=0
    )
    patience_epochs: int = Field(
        3, description="Epochs without improvement after which training stops.", ge=1
    )
    keep_checkpoints: int = Field(2, description="Number of checkpoints to keep.", ge=1)


class FineTunePlan(Options):
    """A fine-tuning run."""

    name: str = Field(description="Name of the model.", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    seed: int = Field(0, description="Seed of the head and the batches.", ge=0)
    base: str = Field(description="The checkpoint to start from: a folder or a hub name.")
    manifest: Path = Field(description="The corpus (`roastwatch data manifest`, `data split`).")
    windows: WindowSettings = Field(WindowSettings(), description="What it learns from.")
    training: FineTuneSettings = Field(FineTuneSettings(), description="How it learns.")


def finetune(plan: FineTunePlan, out: Path) -> dict[str, Any]:
    """Fine-tune a model by a plan; return its card, which is also written to `out`/card.json.

    The best model is written to `out`/model in the format of transformers, ready to use.

    Raises:
        BadInputError: the checkpoint is no AST, the corpus is wrong, or the disk is full.
    """
    out.mkdir(parents=True, exist_ok=True)
    with place_in_run() as place:
        return _finetune(plan, out, place)


def _finetune(plan: FineTunePlan, out: Path, place: Place) -> dict[str, Any]:
    began_s = time.monotonic()
    learning = plan.training
    place.shares("batch_windows", learning.batch_windows)

    # 1. The data: each recording is in one split only
    base = checkpoint.read(hub.locate(plan.base))
    if base.log_mel is None or base.longest_s is None:
        raise BadInputError(f"{plan.base} is {base.kind}: only AST can be fine-tuned here.")
    if plan.windows.window_s > base.longest_s + 0.01:
        raise BadInputError(
            f"windows.window_s is {plan.windows.window_s:g}, but {plan.base} takes at most "
            f"{int(base.longest_s * 100) / 100} s: lower it."
        )
    corpus = finetune_windows.read_corpus(plan.manifest)
    spec = base.log_mel

    def windows(split: str) -> Windows:
        store = out / "windows" / f"{split}-{place.rank}.f32"
        return finetune_windows.cut(corpus, plan.manifest.parent, split, spec, plan.windows, store)

    learned, held_back = windows("train"), windows("validation")
    weights = torch.from_numpy(learned.class_weights()).to(place.device)

    # 2. The network: the first layers frozen, a head for our two labels
    torch.manual_seed(plan.seed)
    network = backends_torch.load_for_tuning(base.folder, LABELS).to(place.device)
    frozen = freeze(network, learning.frozen_layers)
    steps_per_epoch = max(len(learned) // learning.batch_windows, 1)
    run = Run(out, plan, learning, network, steps_per_epoch, place)

    # 3. Epochs
    for epoch in run.epochs():
        rng = np.random.default_rng([plan.seed, epoch])
        order = np.resize(rng.permutation(len(learned)), steps_per_epoch * learning.batch_windows)
        batches = order.reshape(steps_per_epoch, learning.batch_windows)
        loss_sum = 0.0
        for batch in run.bar(batches, epoch):
            mine = np.sort(batch[place.rank :: place.processes])
            inputs = torch.from_numpy(np.array(learned.inputs[mine])).to(place.device)
            labels = torch.from_numpy(learned.labels[mine]).to(place.device)
            with torch.autocast(place.device.type, torch.bfloat16, place.device.type == "cuda"):
                logits = run.trained(inputs).logits
            loss = torch.nn.functional.cross_entropy(logits.float(), labels, weights)
            run.step(loss, longest_gradient=1.0)
            loss_sum += float(loss.detach())

        # 4. The scores on recordings that it was not trained on
        figures: dict[str, float] = {}
        if place.leads:
            figures = measured(network, held_back, place.device, learning.batch_windows)
            figures["loss"] = loss_sum / steps_per_epoch
        figures = place.from_leader(figures)  # all processes must stop together
        run.end_epoch(epoch, figures, figures["area_under_roc"])

    # 5. Write the best model, and its card
    if not place.leads:
        return run.card()  # the first process has written the best model, and continues alone
    kept = checkpoints.load(out / "best.pt")
    if kept is not None:
        network.load_state_dict(kept["network"], strict=False)
    card: dict[str, Any] = {
        "name": plan.name,
        "plan": plan.model_dump(mode="json"),
        "base": base.model_id,
        "recordings": {"train": learned.recordings, "validation": held_back.recordings},
        "windows": {"train": _counts(learned), "validation": _counts(held_back)},
        "class_weights": [round(float(weight), 4) for weight in weights],
        "frozen_parameters": frozen,
        **run.card(),
    }
    if any(item.split == "test" for item in corpus):
        card["test"] = measured(network, windows("test"), place.device, learning.batch_windows)
    card["seconds"] = round(time.monotonic() - began_s, 1)
    _save_model(network, base.folder, out / "model", plan.name)
    text = json.dumps(card, indent=2, allow_nan=False)
    checkpoints.write_whole(out / "card.json", text.encode())
    shutil.rmtree(out / "windows", ignore_errors=True)
    return card


def freeze(network: Any, layers: int) -> int:
    """Freeze the patches and the first layers; return the number of frozen parameters.

    Raises:
        BadInputError: the network has fewer layers.
    """
    body = network.audio_spectrogram_transformer
    blocks = body.encoder.layer if hasattr(body, "encoder") else body.layers
    if layers > len(blocks):
        raise BadInputError(
            f"training.frozen_layers is {layers}, but the network has {len(blocks)} layers: set it "
            f"to {len(blocks)} or less."
        )
    if layers == 0:
        return 0
    count = 0
    for part in (body.embeddings, *blocks[:layers]):
        for parameter in part.parameters():
            parameter.requires_grad_(False)
            count += parameter.numel()
    return count


def measured(
    network: Callable[[torch.Tensor], Any], windows: Windows, device: torch.device, batch: int
) -> dict[str, float]:
    """Precision, recall, F1 and accuracy at 0.5, and the area under the ROC curve."""
    network.eval()  # type: ignore[attr-defined]
    chances = []
    with torch.inference_mode():
        for first in range(0, len(windows), batch):
            inputs = torch.from_numpy(np.array(windows.inputs[first : first + batch])).to(device)
            chances.append(network(inputs).logits.float().softmax(1)[:, 1].cpu().numpy())
    chance, truth = np.concatenate(chances), windows.labels == finetune_windows.CRACK
    said = chance >= 0.5
    hits = float((said & truth).sum())
    precision, recall = hits / max(1, said.sum()), hits / max(1, truth.sum())
    return {
        "accuracy": float((said == truth).mean()),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(2 * precision * recall / max(1e-9, precision + recall)),
        "area_under_roc": _area(chance[truth], chance[~truth]),
    }


def _area(cracks: np.ndarray[Any, Any], rest: np.ndarray[Any, Any]) -> float:
    """The share of pairs in which a crack scores higher (Mann-Whitney); 0.5 without any pair."""
    if len(cracks) == 0 or len(rest) == 0:
        return 0.5
    ordered = np.sort(rest)
    below = np.searchsorted(ordered, cracks, side="left")
    equal = np.searchsorted(ordered, cracks, side="right") - below
    return float((below + 0.5 * equal).mean() / len(rest))


def _counts(windows: Windows) -> dict[str, int]:
    return {name: int((windows.labels == index).sum()) for index, name in enumerate(LABELS)}


def _save_model(network: Any, base: Path, folder: Path, name: str) -> None:
    try:
        network.save_pretrained(folder)
        front = json.loads((base / "preprocessor_config.json").read_text(encoding="utf-8"))
        front["roastwatch_model_id"] = name
        text = json.dumps(front, indent=2)
        (folder / "preprocessor_config.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInputError(
            f"{folder} can't be written ({error}): free some space and run the same command again. "
            "It resumes from the last checkpoint."
        ) from error
