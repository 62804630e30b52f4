"""A restart that the page requested: the service ends, and starts again with the present file."""

import asyncio
import os
import sys

import pytest

from roastwatch.cli.live import Restart, begin_again, port_before
from roastwatch.errors import EndedError


async def test_the_request_ends_the_service() -> None:
    restart = Restart()
    restart.task = asyncio.get_running_loop().create_future()
    restart.request()
    assert restart.task.cancelled()
    assert restart.requested


def test_systemd_starts_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/none")
    with pytest.raises(EndedError, match="restart was requested"):
        begin_again()


def test_by_hand_the_same_command_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[list[str], int]] = []
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setattr(sys, "argv", ["roastwatch", "run", "--settings", "my.yaml"])

    def execve(_program: str, words: list[str], environment: dict[str, str]) -> None:
        monkeypatch.setattr(os, "environ", environment)
        begun.append((words, port_before()))

    monkeypatch.setattr(os, "execve", execve)
    assert port_before() == 0
    begin_again(8102)
    assert begun == [([sys.executable, "-m", "roastwatch", "run", "--settings", "my.yaml"], 8102)]
