"""Files that only their owner reads: the roast log, recordings, drive logs."""

import contextlib
import os
import stat
from pathlib import Path

_OTHERS = 0o077


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone.

    Raises:
        OSError: it can't be made.
    """
    missing = []
    while not path.exists():
        missing.append(path)
        if path == path.parent:
            break
        path = path.parent
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)


def make_file(path: Path) -> None:
    """Make an empty file for its owner alone where there is none; tighten one that is there.

    Raises:
        OSError: it can't be made.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    tighten(path)


def tighten(*paths: Path) -> None:
    """Take everybody else's rights on our own files away; what is not ours stays as it is."""
    for path in paths:
        with contextlib.suppress(OSError):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & _OTHERS:
                path.chmod(mode & ~_OTHERS)
