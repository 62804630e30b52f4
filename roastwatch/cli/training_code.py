"""Imports of the training code, which the wheel leaves out, and of its libraries."""

import contextlib
import importlib.util
from collections.abc import Iterator

from roastwatch.errors import MissingExtraError, RoastwatchError


@contextlib.contextmanager
def training_code(feature: str, extra: str) -> Iterator[None]:
    """Import `roastwatch.training` inside; what is missing becomes a sentence for the user.

    Args:
        feature: what it is for; the subject of the sentence.
        extra: the extra, or extras with commas, that installs the libraries.

    Raises:
        MissingExtraError: a library is not installed.
        RoastwatchError: the installed package does not contain the training code.
    """
    if importlib.util.find_spec("roastwatch.training") is None:
        raise RoastwatchError(
            f"{feature} needs a checkout of roastwatch, because the installed package does not "
            "contain the training code: clone the repository and run "
            f"`pip install -e '.[{extra}]'` in it."
        )
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "roastwatch":
            raise
        raise MissingExtraError(feature, extra) from missing
