"""Unit tests start no process: a test that needs one belongs to tests/process."""

import multiprocessing.process
import sys
from collections.abc import Iterator
from typing import Any

import pytest

STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"}

_started: list[str] = []


def _audit(
    event: str,
    arguments: tuple[Any, ...],
    starts: set[str] = STARTS,  # the names of a module are gone when Python exits
) -> None:
    # matplotlib looks for fonts once on a new machine, in whichever test comes first
    if event in starts and arguments[:1] != ("fc-list",):
        _started.append(f"{event} {arguments[:2]}")


sys.addaudithook(_audit)


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def start(process: object) -> None:
        raise AssertionError(f"{process} in tests/unit: move the test to tests/process")

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", start)
    _started.clear()
    yield
    assert not _started, f"{_started} in tests/unit: move the test to tests/process"
