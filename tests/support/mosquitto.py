"""A real Mosquitto on a free port, which a test may kill and start again."""

import contextlib
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], timeout_s: float = 30) -> None:
    """Wait until something listens at a port; a process that ended instead is an error."""
    end_s = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None or time.monotonic() > end_s:
            raise RuntimeError(f"nothing listens at port {port}, exit code {process.poll()}")
        time.sleep(0.02)


class Broker:
    """Mosquitto with a configuration of its own in `folder`."""

    def __init__(self, folder: Path, *lines: str, anonymous: bool = True) -> None:
        if PROGRAM is None:
            pytest.skip("mosquitto is not installed (python3 dev test installs it)")
        self.port = free_port()
        self.folder = folder
        self._file = folder / "mosquitto.conf"
        self._file.write_text(
            "\n".join(
                (
                    f"listener {self.port} 127.0.0.1",
                    f"allow_anonymous {str(anonymous).lower()}",
                    "user root",
                    *lines,
                    "",
                )
            )
        )
        self._plain = self._file.read_text()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Broker":
        """Start it, if it doesn't run, and wait until it takes connections."""
        if self._process is not None:
            return self
        log = (self.folder / "mosquitto.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [str(PROGRAM), "-c", str(self._file)], stdout=log, stderr=log
            )
        wait_for_port(self.port, self._process)
        return self

    def restart(self, *lines: str) -> None:
        """End it in good order, and start it with these lines added to its configuration."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait()
        self._process = None
        self._file.write_text("\n".join((self._plain, *lines, "")))
        self.start()

    def kill(self) -> None:
        """End it without a farewell."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
