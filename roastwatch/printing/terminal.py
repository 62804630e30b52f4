"""Output for people: text from outside can't control the terminal.

Titles, file names and messages may contain escape sequences. `rich_console.Console` passes rich's
own sequences and makes its text printable; `printable_output` does the same for everything else
that the program prints.
"""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, cast

from roastwatch.printing.printable import printable_lines


class _PrintableStream:
    """A text stream that writes printable text only; otherwise it behaves like its stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # rich writes to this stream instead, because its output has passed `Console`.
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        """Write text with control characters as escapes."""
        self._stream.write(printable_lines(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def printable_output() -> Iterator[None]:
    """Make standard output and error print no control characters.

    After an error they stay so, because the interpreter prints its traceback afterwards.
    """
    before = sys.stdout, sys.stderr
    sys.stdout = cast("TextIO", _PrintableStream(sys.stdout))
    sys.stderr = cast("TextIO", _PrintableStream(sys.stderr))
    try:
        yield
    except SystemExit:
        sys.stdout, sys.stderr = before
        raise
    sys.stdout, sys.stderr = before
