"""Replace a file whole or not at all: the one way in which files that count are written."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from roastwatch.files.private import make_file, make_folder


@contextlib.contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """A new, empty file beside `path` that takes its place when the block ends.

    The new content is on the disk before it gets the name, so a crash or a full disk leaves the
    old file or the new one. If the block raises, the new file is deleted.

    Args:
        path: the file to replace; missing folders above it are made.
        private: whether only its owner may read it; False: as the umask says.

    Raises:
        OSError: the disk refuses; `path` is as it was.
    """
    fresh = path.with_name(path.name + ".part")
    if private:
        make_folder(path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh.unlink(missing_ok=True)
    make_file(fresh) if private else fresh.touch()
    try:
        yield fresh
        _sync(fresh)
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write a file (text as UTF-8) whole or not at all.

    Raises:
        OSError: the disk refuses; `path` is as it was.
    """
    with replacing(path, private=private) as fresh:
        fresh.write_bytes(content.encode() if isinstance(content, str) else content)


def _sync(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
