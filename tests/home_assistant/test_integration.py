"""The integration: its own tests inside Home Assistant's Python, and with the real service."""

import asyncio
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.home_assistant import build
from tests.home_assistant.conftest import Home
from tests.home_assistant.described import described
from tests.home_assistant.phone import phone
from tests.home_assistant.running import Talk
from tests.home_assistant.service import service
from tests.home_assistant.test_blueprints import automate, imported
from tests.support import debian_root
from tests.support.mosquitto import free_port

pytestmark = [pytest.mark.home_assistant, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
INTEGRATION = HERE.parents[1] / "integrations" / "home_assistant"


def test_the_integration_passes_its_tests_inside_home_assistant(home: Home, tmp_path: Path) -> None:
    (tmp_path / "described.json").write_text(json.dumps(described()))
    words = ["-m", "pytest", "/mnt/tests", "-q", "-c", "/dev/null", "--rootdir", "/mnt/tests"]
    words += ["--confcutdir", "/mnt/tests", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"]
    done = _inside(home, words, tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.verify
def test_the_integration_is_strictly_typed(home: Home, tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\nfollow_imports = silent\n")
    words = ["-m", "mypy", "--config-file", "/mnt/data/mypy.ini", "--cache-dir", "/dev/null"]
    words += ["--explicit-package-bases", "/mnt/integration/custom_components/roastwatch"]
    done = _inside(home, words, tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def _inside(home: Home, words: list[str], data: Path) -> subprocess.CompletedProcess[str]:
    """Run Home Assistant's Python with the integration, its tests and a folder of data."""
    root = build.with_tools(home.assistant.root)
    binds = {INTEGRATION: "/mnt/integration", HERE / "inside": "/mnt/tests", data: "/mnt/data"}
    for folder in binds.values():
        (root / folder[1:]).mkdir(exist_ok=True)
    environment = debian_root.environment() | {
        "PYTHONPATH": f"{build.TOOLS}:/mnt/integration",
        "MYPYPATH": "/mnt/integration",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ROASTWATCH_DESCRIBED": "/mnt/data/described.json",
    }
    command = debian_root.inside(root, "/srv/bin/python", *words, binds=binds)
    return subprocess.run(command, env=environment, capture_output=True, text=True)


async def test_the_real_service_is_added_followed_and_removed(
    home: Home, talk: Talk, tmp_path: Path
) -> None:
    port = free_port()
    rest = {"type": "rest", "port": port, "sign_in": True}
    phase, shown = "sensor.oven_roaster_phase", "event.oven_roaster_event"
    async with service(tmp_path, "oven", sinks=[rest], speed=6, first_crack_at_s=30) as first:
        password = await talk.until(lambda: _password(tmp_path, port))
        entry_id = await _add(talk, port, password)
        await talk.until(lambda: talk.shows(phase))
        listed = await _listed(port, password)
        registry = await talk.call("config/entity_registry/list")
        found = {one["entity_id"]: one for one in registry if one["config_entry_id"] == entry_id}
        assert found.keys() == {
            f"{one['platform']}.oven_roaster_{one['key']}" for one in listed["entities"]
        }
        assert {one["translation_key"] for one in found.values()} == {
            one["key"] for one in listed["entities"]
        }
        await talk.service("button.press", "button.oven_roaster_start")
        await talk.until(lambda: talk.shows("binary_sensor.oven_roaster_first_crack", "on"))
        event = (await talk.states())[shown]
        assert event["attributes"]["event_type"] in ("first_crack", "first_crack_certain")
        assert event["attributes"]["roast_id"]
        first.end(signal.SIGKILL)
        async with asyncio.timeout(2):
            await talk.until(lambda: talk.shows(phase, "unavailable"))
        assert await talk.shows("button.oven_roaster_drop", "unavailable")
    async with service(tmp_path, "oven", sinks=[rest], speed=6, first_crack_at_s=30):
        await talk.until(lambda: talk.shows(phase))
        path = f"/api/config/config_entries/entry/{entry_id}"
        async with talk.session.delete(path) as answer:
            assert answer.status == 200
        assert await talk.state(phase) is None
        registry = await talk.call("config/entity_registry/list")
        assert not [one for one in registry if one["entity_id"] in found]
        devices = await talk.call("config/device_registry/list")
        assert not [one for one in devices if entry_id in one["config_entries"]]


def _password(folder: Path, port: int) -> str | None:
    """The operator's, which the service stores as there is no terminal."""
    file = folder / "data" / f"web-{port}.passwords"
    return file.read_text().split()[1] if file.exists() else None


async def _add(talk: Talk, port: int, password: str) -> str:
    """Add the service as in the settings dialogue; the id of its entry."""
    flow = await talk.post("/api/config/config_entries/flow", {"handler": "roastwatch"})
    form = {"host": "127.0.0.1", "port": port, "ssl": False, "verify_ssl": True}

    async def added() -> dict[str, Any] | None:
        path = f"/api/config/config_entries/flow/{flow['flow_id']}"
        done: dict[str, Any] = await talk.post(path, {**form, "password": password})
        if done["type"] == "create_entry":
            return done
        assert done["errors"] == {"base": "cannot_connect"}, done  # the service is starting
        return None

    done = await talk.until(added, period_s=0.5)
    return str(done["result"]["entry_id"])


async def test_an_alert_of_the_integration_is_answered_on_the_phone(
    home: Home, talk: Talk, tmp_path: Path
) -> None:
    port = free_port()
    rest = {"type": "rest", "port": port, "sign_in": True}
    async with (
        imported(talk, "alert") as path,
        phone(talk, "purse") as purse,
        service(tmp_path, "stove", sinks=[rest], speed=6, first_crack_at_s=30),
    ):
        entry_id = await _add(talk, port, await talk.until(lambda: _password(tmp_path, port)))
        event, phone_id = "event.stove_roaster_event", await purse.device_id()
        await talk.until(lambda: talk.shows("sensor.stove_roaster_phase"))
        await automate(talk, "stove", path, event_entity=event, phone=phone_id)
        await talk.service("button.press", "button.stove_roaster_start")
        (alert,) = await talk.until(lambda: purse.pushed)
        assert alert["title"] == "First crack"
        buttons = {one["title"]: one["action"] for one in alert["data"]["actions"]}
        assert list(buttons) == ["Not a crack", "Drop", "I hear it"]
        await purse.press(buttons["Drop"])
        await talk.until(lambda: talk.shows("sensor.stove_roaster_phase", "dropped"))
        async with talk.session.delete(f"/api/config/config_entries/entry/{entry_id}") as answer:
            assert answer.status == 200


async def _listed(port: int, password: str) -> dict[str, Any]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        body = {"name": "test", "password": password}
        async with session.post("/api/v1/pair", json=body) as answer:
            headers = {"Authorization": f"Bearer {(await answer.json())['token']}"}
        async with session.get("/api/v1/entities", headers=headers) as answer:
            found: dict[str, Any] = (await answer.json())["stations"]["roaster"]
            return found
