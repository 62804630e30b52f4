"""What a command needs beyond the installed core: an extra, or the source code of training."""

import contextlib
from collections.abc import Iterator

from roastwatch.errors import MissingExtraError, RoastwatchError

_LEFT_OUT = "roastwatch.training"
"""The package that the wheel leaves out (see pyproject.toml)."""


@contextlib.contextmanager
def needs(feature: str, extra: str) -> Iterator[None]:
    """Import libraries inside; one that is missing becomes a sentence for the user.

    Args:
        feature: what the libraries are for; begins the sentence.
        extra: the extra, or extras with commas, that installs them.

    Raises:
        MissingExtraError: a library is not installed.
        RoastwatchError: the installed package does not contain the training code.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        name = missing.name or ""
        if name == _LEFT_OUT or name.startswith(f"{_LEFT_OUT}."):
            raise RoastwatchError(
                f"{feature} needs a checkout of roastwatch, because the installed package leaves "
                "out the training code: clone the repository and run "
                f"`pip install -e '.[{extra}]'` in it."
            ) from missing
        if name.partition(".")[0] == "roastwatch":
            raise
        raise MissingExtraError(feature, extra) from missing
