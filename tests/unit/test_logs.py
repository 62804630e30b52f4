"""Log lines are printable, whatever they contain, and counted when they repeat."""

import io
import logging
from collections.abc import Iterator

import pytest

from roastwatch.printing.logs import CountingHandler, PrintableFormatter


class Log:
    """A logger with the service's handler, on the test's own clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.stream = io.StringIO()
        self.handler = CountingHandler(self.stream, lambda: self.now_s)
        self.handler.setFormatter(PrintableFormatter("%(levelname)s %(message)s"))
        self.logger = logging.Logger("test")
        self.logger.addHandler(self.handler)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    yield log
    log.handler.close()


def test_control_characters_are_shown_as_escapes(log: Log) -> None:
    log.logger.warning("the title is %s", "\x1b]0;x\x07\nERROR forged\r\u202e")
    assert log.stream.getvalue() == (
        "WARNING the title is \\x1b]0;x\\x07\\nERROR forged\\r\\u202e\n"
    )


def test_traceback_can_not_imitate_another_line(log: Log) -> None:
    other = logging.StreamHandler(io.StringIO())
    log.logger.handlers.insert(0, other)  # it leaves the raw traceback with the record
    try:
        raise ValueError("bad\nERROR forged\x1b[31m at mqtt://me:s3cret@host")
    except ValueError:
        log.logger.exception("it broke")
    assert "\x1b" not in log.stream.getvalue()
    assert "s3cret" not in log.stream.getvalue()
    assert log.lines[0] == "ERROR it broke"
    assert all(line.startswith("    ") for line in log.lines[1:])


def test_repeated_line_is_counted(log: Log) -> None:
    for number in range(317):
        log.logger.warning("no room for %s", number)
        log.logger.error("100 % another")
    log.now_s = 61.0
    log.logger.info("later")
    assert len([line for line in log.lines if line.startswith("WARNING no room")]) == 6
    assert "WARNING no room for 316 (repeated 312 times)" in log.lines
    assert "ERROR 100 % another (repeated 312 times)" in log.lines
    log.logger.warning("no room for 0")
    assert log.lines[-1] == "WARNING no room for 0"


def test_different_problem_from_the_same_place_is_shown(log: Log) -> None:
    for _ in range(50):
        log.logger.warning("%s: %s", "roaster", "The cable is out.")
    log.logger.warning("%s: %s", "roaster", "The emergency stop was not delivered.")
    assert log.lines[-1] == "WARNING roaster: The emergency stop was not delivered."


def test_flood_of_different_lines_is_bounded(log: Log) -> None:
    for number in range(20_000):
        log.logger.warning("refused %s", "".join(chr(97 + int(d)) for d in str(number)))
    log.handler.close()
    assert len(log.lines) < 120
    assert sum("repeated" in line for line in log.lines) >= 1
    assert "repeated" in log.lines[-1]


def test_counts_are_written_at_the_end(log: Log) -> None:
    for _ in range(7):
        log.logger.warning("again")
    log.handler.close()
    assert log.lines[-1] == "WARNING again (repeated 2 times)"


def test_log_call_with_wrong_arguments_still_writes_a_line(log: Log) -> None:
    log.logger.warning("%s and %s", "one")
    assert "one" in log.stream.getvalue()
