"""The real program hears a real sound server through the real PortAudio, and survives its loss.

PulseAudio runs as a process of its own; a pipe is its microphone. Unloading the pipe's module is
pulling the plug.
"""

import asyncio
import contextlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.until import until

RATE_HZ = 32_000
SOURCE = ["source_name=kitchen", "format=s16le", f"rate={RATE_HZ}", "channels=1"]


class Server:
    """PulseAudio with one microphone, `kitchen`, that is fed with noise at real pace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = f"unix:{folder}/native"
        self.env = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        self._stop = threading.Event()
        alsa = f'pcm.kitchen {{ type pulse  server "{self.socket}"  device "kitchen"\n'
        alsa += ' hint { show on description "Kitchen" } }\n'
        (folder / "asound.conf").write_text("</usr/share/alsa/alsa.conf>\n" + alsa)

    def start(self) -> "subprocess.Popen[bytes]":
        words = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
        listen = f"module-native-protocol-unix socket={self.folder}/native auth-anonymous=1"
        process = subprocess.Popen(
            [*words, "-L", listen],
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        asyncio.run(until((self.folder / "native").exists, 60.0))
        threading.Thread(target=self._feed, daemon=True).start()
        return process

    def stop(self) -> None:
        self._stop.set()

    def plug(self) -> None:
        self._ask("load-module", "module-pipe-source", *SOURCE, f"file={self.folder}/fifo")

    def unplug(self) -> None:
        self._ask("unload-module", "module-pipe-source")

    def _ask(self, *words: str) -> None:
        env = {**self.env, "PULSE_SERVER": self.socket}
        subprocess.run(["pactl", *words], env=env, check=True, capture_output=True, timeout=60)

    def _feed(self) -> None:
        noise = np.random.default_rng(1).standard_normal(RATE_HZ // 10) * 1000
        raw = noise.astype("<i2").tobytes()
        while not self._stop.wait(0.1):
            with contextlib.suppress(OSError):
                pipe = os.open(self.folder / "fifo", os.O_WRONLY | os.O_NONBLOCK)
                try:
                    os.write(pipe, raw)
                finally:
                    os.close(pipe)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    for program in ("pulseaudio", "pactl"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (python3 dev verify installs it)")
    server = Server(tmp_path)
    process = server.start()
    try:
        server.plug()
        yield server
    finally:
        server.stop()
        process.terminate()
        process.wait(timeout=30)


@contextlib.contextmanager
def listening(server: Server) -> Iterator["queue.Queue[str]"]:
    """`roastwatch listen` and the lines that it logs."""
    lines: queue.Queue[str] = queue.Queue()
    words = [sys.executable, "-m", "roastwatch", "listen", "--device", "kitchen"]
    with subprocess.Popen(
        words,
        env={**os.environ, "ALSA_CONFIG_PATH": str(server.folder / "asound.conf")},
        cwd=server.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        stream = process.stderr
        reader = threading.Thread(target=lambda: list(map(lines.put, stream)))
        reader.start()
        try:
            yield lines
            assert process.poll() is None, "it ended by itself"
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
            reader.join(timeout=10)


def hear(lines: "queue.Queue[str]", words: str) -> None:
    heard = []
    end_s = time.monotonic() + 90
    while time.monotonic() < end_s:
        with contextlib.suppress(queue.Empty):
            heard.append(lines.get(timeout=1))
            if words in heard[-1]:
                return
    pytest.fail(f"never heard of {words!r}: {''.join(heard)}")


@pytest.mark.verify
def test_a_pulled_plug_is_survived_by_the_whole_program(server: Server) -> None:
    with listening(server) as lines:
        hear(lines, "listening to 'kitchen' at")
        server.unplug()
        hear(lines, "stopped sending sound")
        server.plug()
        hear(lines, "listening to 'kitchen' at")
        hear(lines, "recovered")
