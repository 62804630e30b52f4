"""The newest log lines of this process, kept in memory for the page and the support bundle."""

import io
import logging
import time
from collections import deque
from collections.abc import Collection
from typing import TextIO, cast

from roastwatch.printing.logs import CountingHandler, PrintableFormatter

MOST_LINES = 500
_LONGEST = 2000
"""Characters of a record: 1 MB in all."""
_SHORTEST_SECRET = 4
"""Replacing a shorter one would destroy the text, and tell what it is."""
HIDDEN = "***"


def without(text: str, secrets: Collection[str]) -> str:
    """The text without secrets of four characters or more."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    return text


class RecentLog(io.TextIOBase):
    """A stream that keeps the last lines written to it; the oldest are forgotten."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        """Keep lines without `secrets`."""
        super().__init__()
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._secrets = tuple(secrets)

    def write(self, text: str) -> int:
        """Keep one record: a line, and those of its traceback."""
        if text.strip():
            self._lines.append(without(text.rstrip("\n"), self._secrets)[:_LONGEST])
        return len(text)

    @property
    def lines(self) -> list[str]:
        """Records with their UTC time and level, the oldest first."""
        return list(self._lines)

    def listen(self) -> None:
        """Keep every record of the process that its loggers let through, from now on."""
        handler = CountingHandler(cast(TextIO, self))
        formatter = PrintableFormatter(
            "%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%SZ"
        )
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
        logging.getLogger().addHandler(handler)
