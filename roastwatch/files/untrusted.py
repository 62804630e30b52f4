"""Read files that other people made, within bounds: regular files only, of a limited size.

Text may be UTF-8, or whatever Unicode its byte order mark names.
"""

import codecs
import errno
import os
import stat
from pathlib import Path

MOST_YAML_BYTES = 1024 * 1024
"""Of settings, plans, profiles and secrets; the documented settings have 15 kB."""
MOST_TABLE_BYTES = 32 * 1024 * 1024
"""Of labels and manifests."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class UnfitFileError(OSError):
    """The file is there, but is not read; `strerror` says why, such as `it is a folder`."""


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """A file's content.

    Args:
        path: the file.
        most_bytes: the largest size that is read.

    Raises:
        UnfitFileError: it is no regular file (a pipe or a device has no end), or is larger.
        OSError: it can't be read.
    """
    # Without waiting: a pipe without a writer would block its reader for ever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise UnfitFileError(errno.EISDIR, "it is a folder", str(path))
        if not stat.S_ISREG(status.st_mode):
            raise UnfitFileError(errno.EINVAL, "it is not a regular file", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(most_bytes + 1) if status.st_size <= most_bytes else b""
        if status.st_size > most_bytes or len(content) > most_bytes:
            raise UnfitFileError(errno.EFBIG, f"it is larger than {_size(most_bytes)}", str(path))
    finally:
        os.close(descriptor)
    return content


def read_text(path: Path, most_bytes: int = MOST_YAML_BYTES) -> str:
    """A text file's content, without a byte order mark.

    Raises:
        UnfitFileError: as `read_bytes`, or it is not Unicode text.
        OSError: it can't be read.
    """
    raw = read_bytes(path, most_bytes)
    mark, encoding = next((found for found in _MARKS if raw.startswith(found[0])), (b"", "utf-8"))
    try:
        text = raw[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        reason = f"it is not UTF-8 text (line {line}): save it as UTF-8"
        raise UnfitFileError(errno.EILSEQ, reason, str(path)) from error
    if "\0" in text:
        reason = "it is not text, or UTF-16 without its mark: save it as UTF-8"
        raise UnfitFileError(errno.EILSEQ, reason, str(path))
    return text


def _size(count: int) -> str:
    return f"{count // 1024} kB" if count < 1024 * 1024 else f"{count // (1024 * 1024)} MB"
