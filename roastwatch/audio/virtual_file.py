"""A part of a file, or a file with changed bytes, as a virtual file for libsndfile."""

import os
from collections.abc import Mapping
from typing import BinaryIO


class VirtualFile:
    """The bytes of a file from `start` to `end`, after `before` and with `patches`.

    `patches` maps an offset (from the start of this virtual file) to the bytes to read there.
    """

    def __init__(
        self,
        file: BinaryIO,
        start: int = 0,
        end: int | None = None,
        patches: Mapping[int, bytes] | None = None,
        before: bytes = b"",
    ) -> None:
        self._file = file
        self._start = start
        self._end = file.seek(0, os.SEEK_END) if end is None else end
        self._patches = dict(patches or {})
        self._before = before
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As a file's."""
        size = len(self._before) + self._end - self._start
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: size}
        self._at = max(0, base[whence] + offset)
        return self._at

    def tell(self) -> int:
        """Offset from the start of this virtual file."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """As a file's."""
        raw = self._before[self._at :] if size < 0 else self._before[self._at : self._at + size]
        place = self._start + max(0, self._at - len(self._before))
        left = max(0, self._end - place)
        self._file.seek(min(place, self._end))
        raw += self._file.read(left if size < 0 else min(size - len(raw), left))
        at = self._at
        self._at += len(raw)
        for first, new in self._patches.items():
            begin, stop = max(first, at), min(first + len(new), at + len(raw))
            if begin < stop:
                raw = raw[: begin - at] + new[begin - first : stop - first] + raw[stop - at :]
        return raw

    def write(self, _raw: bytes) -> int:
        """Ignored: it is read-only."""
        return 0
