"""The page's clients: what they cost the service, and how soon they see a pop. Needs /proc."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import yaml

from roastwatch.app.service import Service
from roastwatch.bench.machine import resident_mb
from roastwatch.bench.process import PROGRAM, cpu_s
from roastwatch.bench.sound import noise_with_pops, write_file
from roastwatch.bench.timing import Figure
from roastwatch.settings import model as settings

_BLOCK_S = 0.1
_START_LIMIT_S = 60.0
_SETTLE_S = 2.0


def clients(
    settings_model: dict[str, Any], rate_hz: int, seconds: float, count: int
) -> list[Figure]:
    """`roastwatch run` fed with PCM at real pace, without a client, with one and with `count`.

    Each client watches the spectrogram. Processor time is that of the service alone.
    """
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "roastwatch.yaml"
        source = {"type": "stdin", "sample_rate_hz": rate_hz}
        station = {"source": source, "model": settings_model, "roast": {"begins": "sound"}}
        sinks = [{"type": "rest", "port": port}]
        path.write_text(yaml.safe_dump({"data_dir": folder, "stations": [station], "sinks": sinks}))
        with subprocess.Popen(
            [*PROGRAM, "run", "--settings", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            ended = threading.Event()
            feeder = threading.Thread(target=_feed, args=(process, rate_hz, ended), daemon=True)
            feeder.start()
            try:
                return asyncio.run(_measure(process.pid, port, seconds, count))
            finally:
                ended.set()
                feeder.join()
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=30)


def _feed(process: "subprocess.Popen[bytes]", rate_hz: int, ended: threading.Event) -> None:
    assert process.stdin is not None
    block = round(_BLOCK_S * rate_hz)
    raw = (noise_with_pops(10.0, rate_hz) * 32767).astype(np.int16).tobytes()
    start_s, number = time.monotonic(), 0
    with contextlib.suppress(BrokenPipeError):
        while not ended.wait(max(0.0, start_s + number * _BLOCK_S - time.monotonic())):
            at = number * 2 * block % (len(raw) - 2 * block)
            os.write(process.stdin.fileno(), raw[at : at + 2 * block])
            number += 1


async def _measure(pid: int, port: int, seconds: float, count: int) -> list[Figure]:
    async with aiohttp.ClientSession(_url(port), connector=_many()) as session:
        await _answers(session)
        found = []
        for number, target in ((0, 3.0), (1, 3.0), (count, 10.0)):
            async with _watching(session, number):
                await asyncio.sleep(_SETTLE_S)
                before_s, began_s = cpu_s(pid), time.monotonic()
                await asyncio.sleep(seconds)
                percent = 100 * (cpu_s(pid) - before_s) / (time.monotonic() - began_s)
            name, note = f"run_cpu_{number}_clients", "each watches the spectrogram"
            found.append(Figure(name, percent, "% of a core", target=target, note=note))
        memory = resident_mb(pid)
        found.append(Figure("run_memory", memory, "MB", target=130.0, note="after all clients"))
    return found


def pops(settings_model: dict[str, Any], rate_hz: int, seconds: float, count: int) -> list[Figure]:
    """How long after its score a pop reaches the last of `count` clients.

    Service and clients share this process, which makes it look slower than it is.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = write_file(Path(folder) / "pops.wav", seconds, rate_hz)
        source = {"type": "file", "path": str(path), "speed": 1.0}
        station = {"source": source, "model": settings_model, "roast": {"begins": "sound"}}
        port = _free_port()
        raw = {"stations": [station], "sinks": [{"type": "rest", "port": port}]}
        late_ms = sorted(asyncio.run(_late_ms(Service(settings.parse(raw)), port, count)))
    median = statistics.median(late_ms) if late_ms else None
    worst = late_ms[int(0.99 * (len(late_ms) - 1))] if late_ms else None
    note = f"from the score to the last of {count} clients"
    return [
        Figure("pop_shown_median", median, "ms", target=250.0, note=note),
        Figure("pop_shown_p99", worst, "ms", target=250.0, note=f"{len(late_ms)} pops"),
    ]


async def _late_ms(service: Service, port: int, count: int) -> list[float]:
    scored_s: dict[str, float] = {}
    seen_s: dict[str, float] = {}

    async def note() -> None:
        with service.pops.listen(4096) as detected:
            async for pop in detected:
                scored_s[pop.at.isoformat()] = time.monotonic()

    def see(message: dict[str, Any]) -> None:
        for pop in message["pops"] if message["type"] == "pops" else ():
            seen_s[pop["at"]] = time.monotonic()

    noting, running = asyncio.create_task(note()), asyncio.create_task(service.run())
    async with aiohttp.ClientSession(_url(port), connector=_many()) as session:
        await _answers(session)
        async with _watching(session, count, see):
            await asyncio.wait([running])
    noting.cancel()
    return [1e3 * (seen_s[at] - scored_s[at]) for at in seen_s if at in scored_s]


async def _answers(session: aiohttp.ClientSession) -> None:
    """Wait until the service has sound."""
    async with asyncio.timeout(_START_LIMIT_S):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get("health") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def _watching(
    session: aiohttp.ClientSession,
    count: int,
    see: Callable[[dict[str, Any]], None] = lambda _message: None,
) -> AsyncIterator[None]:
    """Clients that follow all; `see` is called with each of their messages."""

    async def follow() -> None:
        async with session.ws_connect("live") as live:
            await live.send_str('{"type": "subscribe", "spectrogram": true}')
            async for message in live:
                if message.type is aiohttp.WSMsgType.TEXT:
                    see(json.loads(message.data))

    tasks = [asyncio.create_task(follow()) for _ in range(count)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/api/v1/"


def _many() -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(limit=0)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
