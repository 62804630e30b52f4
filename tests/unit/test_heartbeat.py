"""The running event loop is reported to systemd and to the health check of a container."""

import asyncio
import configparser
import socket
from pathlib import Path

import pytest
import yaml

from roastwatch.cli.heartbeat import heartbeat

INTEGRATIONS = Path(__file__).resolve().parents[2] / "integrations"


async def test_a_running_loop_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("ROASTWATCH_HEARTBEAT", str(tmp_path / "alive"))
        async with heartbeat():
            async with asyncio.timeout(30):
                while not (tmp_path / "alive").exists():
                    await asyncio.sleep(0)
        heard: list[bytes] = []
        while len(heard) < 3:
            heard.append(listener.recv(100))
    assert heard == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


async def test_without_a_supervisor_nothing_is_reported_or_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("ROASTWATCH_HEARTBEAT", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("a socket was opened"))
    async with heartbeat():
        await asyncio.sleep(0)
    assert list(tmp_path.iterdir()) == []


def test_the_systemd_unit_waits_for_the_notifications() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(INTEGRATIONS / "systemd" / "roastwatch.service")
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 10
    assert service["RestartPreventExitStatus"] == "2"


def test_compose_uses_commands_of_the_image() -> None:
    compose = yaml.safe_load((INTEGRATIONS / "compose" / "compose.yaml").read_text())
    roastwatch = compose["services"]["roastwatch"]
    assert (INTEGRATIONS / "compose" / roastwatch["build"] / "Dockerfile").exists()
    assert roastwatch["command"][0] == "run"
