"""A part of a file, or one with some bytes changed, as libsndfile's virtual file."""

import os
from collections.abc import Mapping
from typing import BinaryIO


class VirtualFile:
    """The bytes of a file from `start` to `end`, with a few of them replaced.

    `patches` maps a byte (counted from `start`) to what stands there instead.
    """

    def __init__(
        self,
        file: BinaryIO,
        start: int = 0,
        end: int | None = None,
        patches: Mapping[int, bytes] | None = None,
    ) -> None:
        self._file = file
        self._start = start
        self._end = file.seek(0, os.SEEK_END) if end is None else end
        self._patches = dict(patches or {})
        self._file.seek(start)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As a file's."""
        base = {os.SEEK_SET: self._start, os.SEEK_CUR: self._file.tell(), os.SEEK_END: self._end}
        self._file.seek(max(self._start, base[whence] + offset))
        return self.tell()

    def tell(self) -> int:
        """Counted from the part's beginning."""
        return self._file.tell() - self._start

    def read(self, size: int = -1) -> bytes:
        """As a file's."""
        at = self.tell()
        left = max(0, self._end - self._file.tell())
        raw = self._file.read(left if size < 0 else min(size, left))
        for first, new in self._patches.items():
            begin, stop = max(first, at), min(first + len(new), at + len(raw))
            if begin < stop:
                raw = raw[: begin - at] + new[begin - first : stop - first] + raw[stop - at :]
        return raw

    def write(self, _raw: bytes) -> int:
        """Nothing is ever written."""
        return 0
