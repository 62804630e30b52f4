"""The real service in a process of its own, hearing a synthesised roast."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass
class Service:
    """A `roastwatch run` that a test may end as it likes."""

    process: subprocess.Popen[bytes]
    log: Path

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal and wait for the end."""
        self.process.send_signal(how)
        self.process.wait(60)


@asynccontextmanager
async def service(
    folder: Path,
    instance: str,
    *ports: int,
    speed: float = 8.0,
    first_crack_at_s: float = 60.0,
    sinks: Sequence[dict[str, Any]] = (),
    environment: Mapping[str, str] | None = None,
    **more: Any,
) -> AsyncIterator[Service]:
    """Run until the end of the block; each port is one of a broker, `more` options of the station.

    A folder that was used before goes on with its roast.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = {
        "type": "demo",
        "speed": speed,
        "first_crack_at_s": first_crack_at_s,
        "seed": 1,
        "sample_rate_hz": 16000,
        "fooling_per_h": 0,
    }
    # The model-free detector: these tests are about delivery, not about detection.
    station = {
        "name": "roaster",
        "source": source,
        "model": "transients",
        "roast": {"begins": "sound"},
    } | more
    settings = {
        "instance": instance,
        "data_dir": str(folder / "data"),
        "stations": [station],
        "sinks": [
            *({"type": "mqtt", "host": "127.0.0.1", "port": port} for port in ports),
            *sinks,
        ],
    }
    path = folder / "roastwatch.yaml"
    path.write_text(yaml.safe_dump(settings))
    log = folder / "service.log"
    running = Service(_start(path, log, environment or {}), log)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(running.process.wait, 60)


def _start(settings: Path, log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "roastwatch", "run", "--settings", str(settings)]
    with log.open("ab") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | dict(environment))
