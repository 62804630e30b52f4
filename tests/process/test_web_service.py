"""The API of the whole service: interlocks, live pops, and a client from outside (curl)."""

import asyncio
import contextlib
import json
import re
import shutil
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from roastwatch.app.service import Service
from roastwatch.settings import model as settings
from roastwatch.vocabulary import ComponentState
from roastwatch.web import accounts
from tests.support.guarded import guarded
from tests.support.http import free_port
from tests.support.until import until
from tests.unit.test_web_live import Follower
from tests.unit.test_web_sign_in import shown, sign_in

DEMO = {"type": "demo", "seed": 3, "speed": 20, "first_crack_at_s": 40, "fooling_per_h": 0}


@contextlib.asynccontextmanager
async def running(
    folder: Path, station: dict[str, Any], *, log: str = "log.db", **rest: Any
) -> AsyncIterator[Service]:
    """The service with an API, until its sound ends or the test does."""
    raw = {
        "data_dir": str(folder),
        "stations": [{"name": "kitchen"} | station],
        "sinks": [{"type": "rest"} | rest],
    }
    service = Service(settings.parse(raw), (), folder / log)
    task = asyncio.create_task(service.run())
    try:
        await until(lambda: service.outlets[0].part.state is ComponentState.RUNNING, 60.0)
        yield service
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def browser(port: int) -> aiohttp.ClientSession:
    jar = aiohttp.CookieJar(unsafe=True)
    base = f"http://127.0.0.1:{port}/api/v1/"
    each = aiohttp.TCPConnector(force_close=True)  # a kept connection may end while a test waits
    return aiohttp.ClientSession(base, cookie_jar=jar, connector=each)


async def post(session: aiohttp.ClientSession, path: str, **body: object) -> tuple[int, Any]:
    async with session.post(path, json=body) as answer:
        return answer.status, await answer.json()


async def test_heat_over_the_api_needs_the_operator_and_passes_the_interlocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_P", 1)
    port = free_port()
    station = {
        "source": {"type": "demo", "speed": 1, "seed": 3},
        "roast": {"begins": "person"},
        "roaster": {"type": "simulated", "drum_c": 120},
    }
    async with guarded() as place:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        async with (
            running(tmp_path, station, port=port, sign_in=True) as service,
            browser(port) as operator,
            browser(port) as viewer,
        ):
            passwords = shown(tmp_path, port)
            assert await sign_in(operator, passwords["operator"]) == 200
            assert await sign_in(viewer, passwords["viewer"]) == 200
            heat = {"actuator": "heater", "percent": 50}
            command, instruct = "stations/kitchen/command", "stations/kitchen/instruct"
            made = service.stations["kitchen"]
            await until(lambda: made.reading is not None, 60.0)

            assert (await post(viewer, command, **heat))[0] == 403
            status, result = await post(operator, command, **heat)
            assert (status, result["outcome"], result["interlock"]) == (409, "refused", "armed")
            assert result["reason"]
            assert (await post(viewer, instruct, kind="arm", value=600))[0] == 403
            assert (await post(operator, instruct, kind="arm", value=600))[0] == 202
            await until(lambda: made.snapshot().roaster.armed, 30.0)
            assert (await post(viewer, command, **heat))[0] == 403
            assert made.reading.heater_percent == 0
            status, result = await post(operator, command, **heat)
            assert (status, result["outcome"]) == (200, "applied")
            await until(lambda: made.reading.heater_percent == 50, 30.0)

            # Live clients see it, and that the stop has turned it off.
            async with viewer.ws_connect("live") as socket:
                follower = Follower(socket)
                while follower.state.get("heater") != 50:
                    await follower.next()
                assert (await post(operator, instruct, kind="emergency_stop"))[0] == 202
                while follower.state["heater"] != 0:
                    await follower.next()
            status, result = await post(operator, command, **heat)
            assert (status, result["interlock"]) == (409, "emergency_stop")


async def test_pops_and_first_crack_arrive_live(tmp_path: Path) -> None:
    """A pop within 250 ms of its score (the median, on a busy machine)."""
    port = free_port()
    lags_s: list[float] = []
    events: list[str] = []
    scored_at_s: dict[str, float] = {}
    station = {"source": DEMO, "model": {"type": "transients"}, "roast": {"begins": "sound"}}
    async with running(tmp_path, station, port=port) as service, browser(port) as session:

        async def note() -> None:
            with service.pops.listen(4096) as detected:
                async for pop in detected:
                    scored_at_s[pop.at.isoformat()] = time.monotonic()

        noting = asyncio.create_task(note())
        async with session.ws_connect("live") as socket:
            follower = Follower(socket)
            await follower.next()
            while "first_crack" not in events or len(lags_s) < 20:
                message = await follower.next()
                if message["type"] == "event":
                    events.append(message["event"]["event_type"])
                elif message["type"] == "pops":
                    now_s = time.monotonic()
                    lags_s += [
                        now_s - scored_at_s[pop["at"]]
                        for pop in message["pops"]
                        if pop["at"] in scored_at_s
                    ]
        noting.cancel()
    assert statistics.median(lags_s) < 0.25
    assert follower.snapshots == 1


async def test_the_spectrogram_and_the_level_of_the_real_sound_arrive(tmp_path: Path) -> None:
    """Columns without a gap, at the times of the sound, and only while they are wanted."""
    port, station = free_port(), {"source": DEMO, "model": {"type": "transients"}}
    async with running(tmp_path, station, port=port) as service, browser(port) as session:
        assert not service.spectrogram.wanted
        async with session.ws_connect("live") as socket, asyncio.timeout(30):
            await socket.send_str('{"type": "subscribe", "spectrogram": true}')
            levels, frames = 0, list[bytes]()
            while len(frames) < 5 or not levels:
                message = await socket.receive()
                if isinstance(message.data, bytes):
                    frames.append(message.data)
                else:
                    levels += json.loads(message.data)["type"] == "level"
            heads = [struct.unpack("<BBHdf", frame[:16]) for frame in frames]
            assert {head[:3] for head in heads} == {(1, 48, 0)}
            until_s = heads[0][3]
            for frame, (_, bands, _, from_s, column_s) in zip(frames, heads, strict=True):
                assert from_s == pytest.approx(until_s, abs=1e-3)
                until_s = from_s + column_s * (len(frame) - 16) / bands
            assert max(frames[-1][16:]) > 50
            assert service.stations["kitchen"].now().timestamp() > until_s - 5
        await until(lambda: not service.spectrogram.wanted)


_CURL = shutil.which("curl")


@pytest.mark.skipif(_CURL is None, reason="there is no curl")
def test_curl_signs_in_and_acts_on_the_real_program(tmp_path: Path) -> None:
    port, jar = free_port(), tmp_path / "jar"
    file = tmp_path / "roastwatch.yaml"
    file.write_text(
        f"data_dir: {tmp_path / 'data'}\n"
        "stations: [{name: kitchen, source: {type: demo, speed: 1}}]\n"
        f"sinks: [{{type: rest, port: {port}, sign_in: true}}]\n"
    )

    def curl(path: str, *words: str) -> tuple[int, str]:
        done = subprocess.run(
            [
                *("curl", "--silent", "--show-error", "--compressed", "--max-time", "30"),
                *("--write-out", "\n%{http_code}", "--cookie", str(jar), "--cookie-jar", str(jar)),
                *(("--json", *words) if words else ()),
                f"http://127.0.0.1:{port}/api/v1/{path}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    with _program(file) as (process, log):
        passwords = _shown(process, log)
        assert set(passwords) == {"operator", "viewer"}
        assert curl("stations")[0] == 401
        assert curl("sign-in", json.dumps({"password": "guess"}))[0] == 403
        assert curl("sign-in", json.dumps({"password": passwords["operator"]}))[0] == 200
        status, body = curl("stations")
        assert (status, json.loads(body)["kitchen"]["phase"]) == (200, "idle")
        assert curl("stations/kitchen/instruct", '{"kind": "charge"}')[0] == 202
        assert json.loads(curl("openapi.json")[1])["servers"] == [
            {"url": "../v1", "description": "Relative to this document."}
        ]
    with _program(file) as (process, log):
        assert _shown(process, log) == {}
        assert json.loads(curl("me")[1]) == {"role": "operator", "session": True}


@contextlib.contextmanager
def _program(file: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    log = file.with_suffix(".log")
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "roastwatch", "run", "--settings", str(file)], stderr=out
        )
    try:
        yield process, log
    finally:
        process.terminate()
        process.wait(30)


def _shown(process: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    """The new passwords, as soon as the API answers."""
    port = int(re.findall(r"port: (\d+)", log.with_suffix(".yaml").read_text())[0])
    url = f"http://127.0.0.1:{port}/health"
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        if subprocess.run(["curl", "--silent", url], capture_output=True).returncode == 0:
            passwords = shown(log.parent / "data", port)
            assert not any(one in log.read_text() for one in passwords.values())
            return passwords
        time.sleep(0.1)
    raise TimeoutError(log.read_text())
