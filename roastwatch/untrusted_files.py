"""Files that other people made, read within bounds: regular files only, of a size, YAML of a size.

A refusal is an `OSError` whose `strerror` says why, or a `yaml.YAMLError` whose `problem` does: a
caller that handles a missing file handles it too.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Any

import yaml

MOST_YAML_BYTES = 256 * 1024
"""Of settings, plans and profiles; the documented settings have 15 kB."""
MOST_TABLE_BYTES = 32 * 1024 * 1024
"""Of labels and manifests."""
MOST_YAML_NODES = 50_000
"""Keys and values with every alias written out: a few aliases of aliases make a billion."""
DEEPEST_YAML = 40


class TooMuchYamlError(yaml.YAMLError):
    """YAML that is too long, too deep, or grows beyond all bounds when its aliases are followed."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


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
        return read_bytes(path, most_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OSError(errno.EILSEQ, "it is not UTF-8 text: save it as UTF-8", str(path)) from error


def load_yaml(text: str) -> Any:
    """The plain value in a YAML document; None for an empty one.

    Raises:
        yaml.YAMLError: it is not YAML, or too much of it.
    """
    if len(text) > MOST_YAML_BYTES:
        raise TooMuchYamlError(f"it is longer than {_size(MOST_YAML_BYTES)}")
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _nodes(node, {}, 0) > MOST_YAML_NODES:
            raise TooMuchYamlError("its aliases stand for too much")
        return loader.construct_document(node)
    except RecursionError as error:
        raise TooMuchYamlError("it is nested too deeply") from error
    except (ValueError, OverflowError) as error:
        # Such as a day that no calendar has.
        raise TooMuchYamlError(f"it holds what is no value ({error})") from error
    finally:
        loader.dispose()


def _nodes(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """How many nodes a node is, aliases followed; each is looked at once."""
    if depth > DEEPEST_YAML:
        raise TooMuchYamlError("it is nested too deeply")
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in known:
        if known[id(node)] < 0:
            raise TooMuchYamlError("an alias stands for what it is part of")
        return known[id(node)]
    known[id(node)] = -1
    inside = (
        node.value if isinstance(node, yaml.SequenceNode) else [n for p in node.value for n in p]
    )
    known[id(node)] = 1 + sum(_nodes(child, known, depth + 1) for child in inside)
    return known[id(node)]


def _size(count: int) -> str:
    return f"{count // 1024} kB" if count < 1024 * 1024 else f"{count // (1024 * 1024)} MB"


def shown(text: str) -> str:
    """A text that other people wrote, for a line on a terminal or in a log.

    Line breaks, escape sequences and halves of characters can't do anything there any more.
    """
    whole = text.encode("utf-8", "surrogateescape" if _escaped(text) else "replace")
    return "".join(
        letter if letter.isprintable() or letter in _HARMLESS else "\N{REPLACEMENT CHARACTER}"
        for letter in whole.decode("utf-8", "replace")
    )


# Joiners of emoji, and spaces that Python does not call printable.
_HARMLESS = "\u200c\u200d\u00a0\u2002\u2003\u2007\u2009\u202f\u3000"


def _escaped(text: str) -> bool:
    """Whether a file name's undecodable bytes are the only halves of characters in a text."""
    return all(not 0xD800 <= ord(letter) <= 0xDFFF or 0xDC80 <= ord(letter) <= 0xDCFF
               for letter in text)  # fmt: skip
