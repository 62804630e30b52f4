"""The first-run wizard over HTTP: microphones and a broker are tried before there are settings."""

import asyncio
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from roastwatch.audio.network.discovery import NetworkMicrophone
from roastwatch.printing.recent_log import RecentLog
from roastwatch.sinks.sink import HostProcess
from roastwatch.upkeep.trials import WizardTrials
from roastwatch.vocabulary import Float32Array
from tests.fakes.push import serving as push_service
from tests.fakes.sound_card import FakeCard, usb
from tests.support.checked_client import TOKEN, Client
from tests.support.http import free_port, serving
from tests.support.until import until

RATE_HZ = 48_000
SOURCE = {"type": "microphone", "device": "USB Microphone: Audio (hw:1,0)", "ring_s": 20}


def room(claps: int, level: float, seconds: float = 4.0) -> Float32Array:
    """A room of faint noise, and claps from 2 s on, half a second apart."""
    random = np.random.default_rng(1)
    sound = random.standard_normal(round(seconds * RATE_HZ)) * level
    decay = np.exp(-np.arange(480) / 80)
    for clap in range(claps):
        at = round((2.0 + 0.5 * clap) * RATE_HZ)
        sound[at : at + 480] += random.standard_normal(480) * decay * 0.3
    return sound.astype(np.float32)


async def found() -> list[NetworkMicrophone]:
    """The network: a camera and a satellite announce themselves."""
    return [
        NetworkMicrophone("stream", "Camera", "camera.local", 554),
        NetworkMicrophone("wyoming", "Satellite", "satellite.local", 10_700),
    ]


def wizard(folder: Path, card: FakeCard) -> HostProcess:
    return HostProcess(RecentLog(), folder / "new.yaml", lambda: None, WizardTrials(card, found))


async def test_a_microphone_is_found_and_its_claps_are_counted(tmp_path: Path) -> None:
    card = FakeCard([usb()])
    async with (
        serving(snapshots={}, process=wizard(tmp_path, card)) as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):
        ask = Client(session)
        assert (await ask("GET", "/me"))["setting_up"]
        there = await ask("GET", "/setup/microphones")
        (usual,) = there["devices"]
        assert (usual["source"]["device"], usual["default"]) == (SOURCE["device"], True)
        assert [one["source"] for one in there["network"]] == [
            {"type": "stream", "url": "rtsp://camera.local:554/"},
            {"type": "wyoming", "host": "satellite.local", "port": 10_700},
        ]
        for claps, level, advice in ((3, 1e-3, None), (0, 2e-4, "too_quiet"), (0, 0, "silent")):
            heard = await ask("POST", "/setup/listen", 202, json={"source": SOURCE})
            await until(lambda: any(not one.closed for one in card.recordings))
            card.recordings[-1].play(room(claps, level))
            async with asyncio.timeout(20):
                while heard["seconds"] < 3.8:
                    heard = await ask("GET", "/setup/listen?language=de")
            assert (heard["claps"], heard["advice"]) == (claps, advice)
        card.plugged.append(usb(2))
        twins = (await ask("GET", "/setup/microphones"))["devices"]
        assert [one["source"]["device"] for one in twins] == [1, 2]
        assert all(one.closed for one in card.recordings)


async def test_what_cannot_work_is_named(tmp_path: Path) -> None:
    card = FakeCard([usb()], busy=True)
    broker = {"type": "mqtt", "host": "127.0.0.1", "port": free_port()}
    async with (
        serving(snapshots={}, process=wizard(tmp_path, card)) as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):
        ask = Client(session)
        await ask("POST", "/setup/listen", 202, json={"source": SOURCE | {"wait": False}})
        async with asyncio.timeout(20):
            while (heard := await ask("GET", "/setup/listen"))["state"] != "failed":
                pass
        assert "can't be opened" in heard["problem"]
        (found,) = (await ask("POST", "/setup/try", json={"sink": broker}))["findings"]
        assert not found["good"]
        assert "can't be reached" in found["text"]
        for path, body in (
            ("listen", {"source": {"type": "file", "path": "/etc/passwd"}}),
            ("listen", {"source": {"type": "microphone", "ring_s": -1}}),
            ("listen", {"source": "microphone"}),
            ("try", {"sink": {"type": "rest"}}),
            ("try", {"sink": broker | {"port": 70_000}}),
        ):
            await ask("POST", f"/setup/{path}", 400, json=body)


async def test_a_phone_gets_a_test_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        push_service("ntfy", monkeypatch) as push,
        serving(snapshots={}, process=wizard(tmp_path, FakeCard())) as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):
        ask = Client(session)
        sink = {"sink": {"type": "phone", "people": [{"urls": [push.url]}]}}
        push.troubles = [500]
        (found,) = (await ask("POST", "/setup/try", json=sink))["findings"]
        assert not found["good"]
        assert "did not accept" in found["text"]
        (found,) = (await ask("POST", "/setup/try", json=sink))["findings"]
        assert found["good"]
        (taken,) = push.taken
        assert "test message" in taken.text


async def test_only_an_operator_without_settings_may_try_anything(tmp_path: Path) -> None:
    viewer = {"Authorization": "Bearer look"}
    process = wizard(tmp_path, FakeCard([usb()]))
    async with (
        serving(process=process, viewer_token="look") as api,
        serving() as running,
        aiohttp.ClientSession(api.url, headers=viewer) as looks,
        aiohttp.ClientSession(running.url, headers=TOKEN) as session,
    ):
        await Client(looks)("POST", "/setup/listen", 403, json={"source": SOURCE})
        ask = Client(session)
        assert "setting_up" not in await ask("GET", "/me")
        await ask("GET", "/setup/microphones", 404)
        await ask("POST", "/setup/listen", 404, json={"source": SOURCE})
        await ask("POST", "/setup/try", 404, json={"sink": {"type": "mqtt"}})
