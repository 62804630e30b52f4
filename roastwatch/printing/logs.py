"""Log lines on a terminal or in a journal: printable, and counted when they repeat.

The service's only handler. Any line may contain text from outside (titles, file names, topics, a
client's input), so each is made printable here. A fault that occurs a thousand times a second
becomes one line with a number, not a full disk.
"""

import copy
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from roastwatch.printing.printable import printable, printable_lines, without_credentials

_LINES_SHOWN = 5
"""A line is written this often within a window; then it is counted."""
_PLACE_SHOWN = 100
"""All lines from one place in the code are written this often within a window."""
_NUMBER = re.compile(r"\d+")
_WINDOW_S = 60.0
_REMEMBERED = 500
_LONGEST_LINE = 2000
_LONGEST_TRACE = 8000


class PrintableFormatter(logging.Formatter):
    """One line per record; the lines of a traceback are indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text that can't control a terminal or imitate another record."""
        own = copy.copy(record)
        own.exc_text = None  # another handler's, not made printable
        return super().format(own)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line, made printable."""
        record.message = printable(without_credentials(record.message), _LONGEST_LINE)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        """The traceback, bounded and made printable: the error's text may contain anything."""
        trace = super().formatException(ei)
        if len(trace) > _LONGEST_TRACE:
            trace = f"{trace[: _LONGEST_TRACE // 2]}\n…\n{trace[-_LONGEST_TRACE // 2 :]}"
        shown = printable_lines(without_credentials(trace))
        return "\n".join(f"    {one}" for one in shown.split("\n"))


@dataclass(slots=True)
class _Seen:
    """How often a line occurred within its window."""

    since_s: float
    shown: int = 0
    left_out: int = 0
    last: logging.LogRecord | None = None


class _Window:
    """Passes each key a number of times per minute, and counts the rest."""

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._seen: OrderedDict[Hashable, _Seen] = OrderedDict()
        """The oldest first."""

    def lets_through(self, key: Hashable, record: logging.LogRecord, now_s: float) -> bool:
        """Whether a record may be written; if not, it is counted."""
        seen = self._seen.setdefault(key, _Seen(now_s))
        if seen.shown < self._allowed:
            seen.shown += 1
            return True
        seen.left_out += 1
        seen.last = record
        return False

    def over(self, now_s: float) -> Iterator[logging.LogRecord]:
        """The records about keys whose window is over, or that are too many to keep."""
        while self._seen:
            oldest = next(iter(self._seen.values()))
            if now_s - oldest.since_s < _WINDOW_S and len(self._seen) <= _REMEMBERED:
                return
            _, seen = self._seen.popitem(last=False)
            if seen.last is not None:
                sentence = f"{seen.last.getMessage()} (repeated {seen.left_out} times)"
                yield _plain(seen.last, sentence)


class CountingHandler(logging.StreamHandler[TextIO]):
    """Writes records; of a repeated line it writes the first ones, and then their number."""

    def __init__(self, stream: TextIO, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._now_s = now_s
        self._lines = _Window(_LINES_SHOWN)
        self._places = _Window(_PLACE_SHOWN)

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, or count it."""
        now_s = self._now_s()
        self._conclude(now_s)
        place = (record.name, record.levelno, str(record.msg)[:200])
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a defect in the call must not lose the line
            record = _plain(record, f"{record.msg} {record.args}")
            text = record.getMessage()
        # Lines that differ only in numbers; and all lines from one place in the code.
        line = (record.name, record.levelno, _NUMBER.sub("#", text[:500]))
        if self._lines.lets_through(line, record, now_s) and self._places.lets_through(
            place, record, now_s
        ):
            super().emit(record)

    def close(self) -> None:
        """Write what was only counted so far."""
        self._conclude(float("inf"))
        super().close()

    def _conclude(self, now_s: float) -> None:
        for window in (self._lines, self._places):
            for record in window.over(now_s):
                super().emit(record)


def _plain(record: logging.LogRecord, sentence: str) -> logging.LogRecord:
    """A record with another sentence from the same place in the code."""
    where = (record.name, record.levelno, record.pathname, record.lineno)
    return logging.LogRecord(*where, sentence, None, None)


def log_to(stream: TextIO, level: int) -> None:
    """Send every log line of the process to a stream, through the one handler."""
    handler = CountingHandler(stream)
    handler.setFormatter(
        PrintableFormatter("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    )
    logging.basicConfig(handlers=[handler], level=level)
