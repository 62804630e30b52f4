"""What is printed for people: text from outside never steers the terminal that shows it.

Titles, file names and messages may hold escape sequences. `Console` is rich's, whose own sequences
pass and whose text is made printable; `printable_output` does the same for all else that the
program prints.
"""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, cast

from roastwatch.printing.printable import printable_lines


class _PrintableStream:
    """A text stream that writes what is printable; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # rich writes to this instead: what it says has passed `Console`.
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        """Write text, with what would steer a terminal as escapes."""
        self._stream.write(printable_lines(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def printable_output() -> Iterator[None]:
    """Standard output and error print nothing that steers a terminal.

    Left by an error they stay so, for the interpreter prints its traceback afterwards.
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
