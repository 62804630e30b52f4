"""Checkpoints that survive a kill and a full disk: written beside, flushed, then renamed."""

import io
from pathlib import Path
from typing import Any

import torch

from roastwatch.errors import BadInputError
from roastwatch.files import atomic
from roastwatch.options import Options


def write_whole(path: Path, content: bytes) -> None:
    """Write a checkpoint whole or not at all.

    Raises:
        BadInputError: the disk is full or can't be written; nothing is lost.
    """
    try:
        atomic.write_whole(path, content)
    except OSError as error:
        raise BadInputError(
            f"{path} can't be written ({error.strerror}): what stood there is untouched; make "
            "room and start the same command again, it goes on from the last checkpoint."
        ) from error


def save(out: Path, stand: dict[str, Any], epoch: int, *, best: bool, keep: int) -> None:
    """Write the checkpoint of an epoch (and the best), then let go of the oldest."""
    content = io.BytesIO()
    torch.save(stand, content)
    write_whole(out / f"epoch-{epoch + 1:04d}.pt", content.getvalue())
    if best:
        write_whole(out / "best.pt", content.getvalue())
    for old in _all(out)[:-keep]:
        old.unlink()


def newest(out: Path, plan: Options) -> dict[str, Any] | None:
    """The newest checkpoint that can be read, None where there is none.

    Raises:
        BadInputError: the folder holds a run of another plan.
    """
    for path in reversed(_all(out)):
        stand = load(path)
        if stand is None:
            continue
        if stand["plan"] != plan.model_dump(mode="json"):
            raise BadInputError(
                f"{out} holds a run of another plan: choose another --out or empty it."
            )
        return stand
    return None


def load(path: Path) -> dict[str, Any] | None:
    """A checkpoint, None if the file is broken."""
    try:
        stand: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as _:
        return None
    except Exception as error:
        if "pickle" in type(error).__module__:
            return None
        raise
    return stand if "network" in stand else None


def _all(out: Path) -> list[Path]:
    return sorted(out.glob("epoch-????.pt"))
