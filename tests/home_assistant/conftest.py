"""A real Home Assistant with a real Mosquitto, shared by the tests of this folder."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.home_assistant import build
from tests.home_assistant.running import HomeAssistant, Talk
from tests.support import debian_root
from tests.support.mosquitto import Broker
from tests.support.mqtt import listener
from tests.support.until import until

collect_ignore = ["inside"]  # runs inside Home Assistant: see test_integration.py
FOLDER = Path(__file__).parents[2] / "integrations" / "home_assistant"
PACKAGES = FOLDER / "packages"
INTEGRATION = FOLDER / "custom_components" / "roastwatch"


@dataclass
class Home:
    """What a person has at home."""

    assistant: HomeAssistant
    broker: Broker


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    if os.environ.get("ROASTWATCH_TEST_HOME_ASSISTANT") != "1":
        pytest.skip("a real Home Assistant is tested where ROASTWATCH_TEST_HOME_ASSISTANT=1")
    try:
        root = build.root()
    except debian_root.CannotBuildError as error:
        pytest.skip(f"no Home Assistant here: {error}")
    folder = tmp_path_factory.mktemp("home")
    running = Home(HomeAssistant(root, folder / "config"), Broker(folder).start())
    for package in PACKAGES.glob("*.yaml"):  # the user's own way: they are read at the start
        shutil.copy(package, folder / "config" / "packages")
    shutil.copytree(
        INTEGRATION,
        folder / "config" / "custom_components" / INTEGRATION.name,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    try:
        asyncio.run(_set_up(running))
        yield running
    finally:
        running.assistant.stop()
        running.broker.kill()


async def _set_up(home: Home) -> None:
    await home.assistant.start()
    async with (
        home.assistant.talk() as talk,
        listener(home.broker.port, "homeassistant/status") as (heard, _),
    ):
        await talk.add_mqtt(home.broker.port)
        # Events before its birth message are sent again after it: tests begin then.
        await until(lambda: heard.newest("homeassistant/status") == "online")


@pytest.fixture
async def talk(home: Home) -> AsyncIterator[Talk]:
    async with home.assistant.talk() as found:
        yield found
