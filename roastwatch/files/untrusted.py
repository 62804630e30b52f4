"""Files that other people made, read within bounds: regular files only, of a size.

A refusal is an `OSError` whose `strerror` says why: a caller that handles a missing file handles it
too.
"""

import errno
import os
import stat
from pathlib import Path

from roastwatch.files.text_file import TextFileError, decoded

MOST_YAML_BYTES = 256 * 1024
"""Of settings, plans and profiles; the documented settings have 15 kB."""
MOST_TABLE_BYTES = 32 * 1024 * 1024
"""Of labels and manifests."""


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """A file's content.

    Args:
        path: the file.
        most_bytes: the largest size that is read.

    Raises:
        OSError: it can't be read, is no regular file (a pipe or a device has no end), or is larger.
    """
    # Without waiting: a pipe without a writer would hold up its reader for ever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        content = file.read(most_bytes + 1) if status.st_size <= most_bytes else b""
        if status.st_size > most_bytes or len(content) > most_bytes:
            raise OSError(errno.EFBIG, f"it is larger than {_size(most_bytes)}", str(path))
    return content


def read_text(path: Path, most_bytes: int = MOST_YAML_BYTES) -> str:
    """A text file's content, without a byte order mark.

    Raises:
        OSError: as `read_bytes`, or it is not UTF-8.
    """
    try:
        return decoded(read_bytes(path, most_bytes))
    except TextFileError as error:
        raise OSError(errno.EILSEQ, f"it {error}", str(path)) from error


def _size(count: int) -> str:
    return f"{count // 1024} kB" if count < 1024 * 1024 else f"{count // (1024 * 1024)} MB"
