"""Searches a file from its start to its end in bounded memory."""

import os
from typing import BinaryIO

_WINDOW = 2**18
"""Bytes."""


class ByteScanner:
    """The bytes of a file, read through one window.

    Not mmap: its pages count as memory of this process until the file is closed, and a file that
    is cut off meanwhile would end the process (SIGBUS). Here the lost bytes are just not found.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        self._first = 0
        self._window = b""
        self._found: dict[bytes, tuple[int, int]] = {}

    def __len__(self) -> int:
        return self._size

    def read(self, at: int, count: int) -> bytes:
        """`count` bytes from `at` on; fewer at the end of the file."""
        if not self._first <= at <= at + count <= self._first + len(self._window):
            self._load(at)
        return self._window[at - self._first : at - self._first + count]

    def find(self, mark: bytes, start: int) -> int:
        """Where `mark` is at or after `start`, or -1. A search repeated from later on is free."""
        since, found = self._found.get(mark, (start + 1, -1))
        if start < since or 0 <= found < start:
            found = self._search(mark, start)
            self._found[mark] = (start, found)
        return found

    def _search(self, mark: bytes, start: int) -> int:
        at = start
        while at < self._size:
            if not self._first <= at <= self._first + len(self._window) - len(mark):
                self._load(at)
                if len(self._window) < len(mark):
                    return -1
            place = self._window.find(mark, at - self._first)
            if place >= 0:
                return self._first + place
            at = self._first + len(self._window) - len(mark) + 1
        return -1

    def _load(self, at: int) -> None:
        self._file.seek(at)
        self._first, self._window = at, self._file.read(_WINDOW)
