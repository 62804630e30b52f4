"""Small text files that people write: settings, secrets. Any encoding that can be told apart."""

import codecs
import stat
from pathlib import Path

LARGEST_BYTES = 1024 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class TextFileError(ValueError):
    """A file that is no text; its words follow the file's name, such as `is not a regular file`."""


def read_text(path: Path, largest_bytes: int = LARGEST_BYTES) -> str:
    """The text of a file: UTF-8, or whatever Unicode its byte order mark says; without the mark.

    Raises:
        OSError: it can't be read.
        TextFileError: it is no regular file, too large, or not Unicode.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
        raise TextFileError("is not a regular file")
    with path.open("rb") as file:
        raw = file.read(largest_bytes + 1)
    if len(raw) > largest_bytes:
        raise TextFileError(f"is larger than {largest_bytes // 1024} KiB")
    return decoded(raw)


def decoded(raw: bytes) -> str:
    """The text in bytes.

    Raises:
        TextFileError: they are not Unicode text.
    """
    mark, encoding = next((found for found in _MARKS if raw.startswith(found[0])), (b"", "utf-8"))
    try:
        text = raw[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise TextFileError(f"is not UTF-8 text (line {line}): save it as UTF-8") from error
    if "\0" in text:
        raise TextFileError("is not text, or UTF-16 without its mark: save it as UTF-8")
    return text
