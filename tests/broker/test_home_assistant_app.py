"""The app's real start: a stand-in Supervisor, a real broker and service, ingress before it."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import aiomqtt

from roastwatch.app.home_assistant.start import Places, prepare
from tests.fakes.supervisor import GATEWAY, TOKEN, FakeSupervisor, supervising
from tests.support.mosquitto import Broker, free_port
from tests.support.until import until
from tests.unit.test_web_ingress import FORGED

USER = {"username": "addons", "password": "from the Supervisor"}


@contextlib.contextmanager
def guarded_broker(folder: Path) -> Iterator[Broker]:
    """A broker that only the Supervisor's password opens."""
    file = folder / "passwords"
    file.touch()
    words = ["mosquitto_passwd", "-b", str(file), USER["username"], USER["password"]]
    subprocess.run(words, check=True, capture_output=True)
    broker = Broker(folder, f"password_file {file}", anonymous=False).start()
    try:
        yield broker
    finally:
        broker.kill()


@contextlib.asynccontextmanager
async def app(folder: Path, supervisor: FakeSupervisor) -> AsyncIterator[str]:
    """The app as its container starts it; its address."""
    places = Places(
        folder / "data",
        folder / "config",
        folder / "dev",
        supervisor=supervisor.url,
        gateway=GATEWAY,
        port=free_port(),
    )
    for path in (places.data, places.config, places.dev):
        path.mkdir()
    options = {"instance": "kitchen", "people": "operator", "mqtt": True, "demo": True}
    (places.data / "options.json").write_text(json.dumps(options))
    await asyncio.to_thread(prepare, places, TOKEN, 0.0)
    words = [sys.executable, "-m", "roastwatch", "run", "--settings", str(places.settings)]
    running = await asyncio.create_subprocess_exec(*words, stderr=subprocess.PIPE)
    supervisor.app = f"http://127.0.0.1:{places.port}"
    said = asyncio.create_task(running.stderr.read())
    try:
        yield supervisor.app
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.terminate()
        await running.wait()
        text = (await said).decode()
        assert "Traceback" not in text, text


async def healthy(session: aiohttp.ClientSession, url: str) -> bool:
    """What the watchdog asks."""
    try:
        async with session.get(f"{url}/health") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def test_app_starts_with_what_the_supervisor_gives(tmp_path: Path) -> None:
    with guarded_broker(tmp_path) as broker:
        service = USER | {"host": "127.0.0.1", "port": str(broker.port), "ssl": False}
        async with (
            supervising(mqtt=service) as supervisor,
            app(tmp_path, supervisor) as url,
            aiohttp.ClientSession() as session,
            aiomqtt.Client(
                "127.0.0.1", broker.port, username=USER["username"], password=USER["password"]
            ) as home_assistant,
        ):
            await until(lambda: healthy(session, url), 60.0, 0.1)

            # The device, through the broker.
            await home_assistant.subscribe("homeassistant/device/+/config")
            async with asyncio.timeout(60.0):
                message = await anext(aiter(home_assistant.messages))
            assert message.topic.value == "homeassistant/device/roastwatch_kitchen_roaster/config"
            assert isinstance(message.payload, bytes)
            components = json.loads(message.payload)["components"]
            assert components["first_crack_now"]["name"] == "First Crack jetzt"

            # The page, through ingress.
            base = f"{supervisor.url}{supervisor.prefix}/api/v1"
            async with session.get(f"{base}/me") as answer:
                assert await answer.json() == {"role": "operator", "session": False}
            async with session.ws_connect(f"{base}/live") as socket:
                first = json.loads(await socket.receive_str(timeout=20.0))
                assert (first["type"], list(first["stations"])) == ("snapshot", ["roaster"])
            async with session.post(
                f"{base}/stations/roaster/instruct", json={"kind": "emergency_stop"}
            ) as answer:
                assert answer.status == 202

            # Nobody else.
            async with session.get(f"{url}/api/v1/me", headers=FORGED) as answer:
                assert answer.status == 401

            # The integration, with what was found of the app: it gets a token of its own.
            [found] = supervisor.discovered
            asked = {"name": "Home Assistant", "code": found["config"]["code"]}
            async with session.post(f"{url}/api/v1/pair", json=asked) as answer:
                paired = await answer.json()
                assert (answer.status, paired["role"]) == (201, "operator")
                assert paired["id"] == found["config"]["id"]
            bearer = {"Authorization": f"Bearer {paired['token']}"}
            async with session.get(f"{url}/api/v1/stations", headers=bearer) as answer:
                assert list(await answer.json()) == ["roaster"]
