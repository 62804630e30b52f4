"""Files that only their owner can read: the roast log, recordings, drive logs."""

import contextlib
import os
import stat
from pathlib import Path

_OTHERS = 0o077


def make_folder(path: Path) -> None:
    """Make a folder and its missing parents, for their owner alone.

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
    """Make an empty file for its owner alone, or tighten an existing one.

    Raises:
        OSError: it can't be made.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    tighten(path)


def tighten(*paths: Path) -> None:
    """Remove everybody else's rights on our own files; other users' files stay as they are."""
    for path in paths:
        with contextlib.suppress(OSError):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & _OTHERS:
                path.chmod(mode & ~_OTHERS)
