"""Checkpoints that survive a killed process and a full disk."""

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
        BadInputError: the disk is full or can't be written; the former file is kept.
    """
    try:
        atomic.write_whole(path, content)
    except OSError as error:
        raise BadInputError(
            f"{path} can't be written ({error.strerror}); the file before it is unchanged. Free "
            "some space and run the same command again: it resumes from the last checkpoint."
        ) from error


def save(out: Path, stand: dict[str, Any], epoch: int, *, best: bool, keep: int) -> None:
    """Write the checkpoint of an epoch, and best.pt if it is the best; delete all but `keep`."""
    content = io.BytesIO()
    torch.save(stand, content)
    write_whole(out / f"epoch-{epoch + 1:04d}.pt", content.getvalue())
    if best:
        write_whole(out / "best.pt", content.getvalue())
    for old in _all(out)[:-keep]:
        old.unlink()


def newest(out: Path, plan: Options) -> dict[str, Any] | None:
    """The newest readable checkpoint, or None.

    Raises:
        BadInputError: the folder holds a run with another plan.
    """
    for path in reversed(_all(out)):
        stand = load(path)
        if stand is None:
            continue
        if stand["plan"] != plan.model_dump(mode="json"):
            raise BadInputError(
                f"{out} holds a run with another plan: choose another --out, or empty it."
            )
        return stand
    return None


def load(path: Path) -> dict[str, Any] | None:
    """Load a checkpoint; None if the file is missing or damaged."""
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
