"""Splits a stream of bytes into lines of text."""

import contextlib

LONGEST_LINE = 200


class LineSplitter:
    """Splits lines; drops any that is not ASCII or too long, as noise makes it."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """The lines that these bytes complete, without line ends; none is empty."""
        self._buffer += data
        *whole, rest = self._buffer.split(b"\n")
        self._buffer = bytearray(rest[-LONGEST_LINE - 1 :])
        found = []
        for raw in whole:
            with contextlib.suppress(UnicodeDecodeError):
                text = raw.decode("ascii").strip("\r \t\0")
                if text and len(text) <= LONGEST_LINE:
                    found.append(text)
        return found
