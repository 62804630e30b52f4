"""Runs inside the root directory of Home Assistant, not with the other tests.

`test_integration.py`, one folder up, starts it there with the service's own description. There is
no release of pytest-homeassistant-custom-component for this Home Assistant, so the little that is
needed of it is here.
"""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar
from aiohttp.test_utils import TestServer
from homeassistant import bootstrap, loader
from homeassistant.auth import auth_manager_from_config
from homeassistant.config_entries import ConfigEntries, ConfigEntry, ConfigEntryState
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.setup import async_setup_component
from stand_in import TOKEN, StandIn


@pytest.fixture
async def hass(tmp_path: Path) -> AsyncIterator[HomeAssistant]:
    """The real core with its registries, and as little else as possible."""
    found = HomeAssistant(str(tmp_path))
    found.config.skip_pip = True
    found.config.location_name = "Roastery"
    loader.async_setup(found)
    found.config_entries = ConfigEntries(found, {})
    await bootstrap.async_load_base_functionality(found)
    found.auth = await auth_manager_from_config(found, [], [])
    for name in ("homeassistant", "network"):
        assert await async_setup_component(found, name, {})
    found.set_state(CoreState.running)
    try:
        yield found
    finally:
        for entry in found.config_entries.async_entries():
            if entry.state is ConfigEntryState.LOADED:
                await found.config_entries.async_unload(entry.entry_id)
        await found.async_stop(force=True)


@pytest.fixture(scope="session")
def described() -> dict[str, Any]:
    """What the real service describes: its list of entities and a message with their values."""
    text = Path(os.environ["ROASTWATCH_DESCRIBED"]).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture
async def service(described: dict[str, Any]) -> AsyncIterator[StandIn]:
    """A peer that speaks the service's protocol and does what a test asks."""
    found = StandIn(described)
    await found.start()
    try:
        yield found
    finally:
        await found.stop()


def known(hass: HomeAssistant, domain: str, **more: Any) -> ConfigEntry:
    """An entry that Home Assistant has, not set up yet."""
    usual: dict[str, Any] = {"data": {}, "title": domain, "unique_id": None}
    entry = ConfigEntry(
        **usual | more,
        domain=domain,
        version=1,
        minor_version=1,
        options={},
        source="user",
        discovery_keys=MappingProxyType({}),
        subentries_data=(),
    )
    hass.config_entries._entries[entry.entry_id] = entry
    return entry


@pytest.fixture
def entry(hass: HomeAssistant, service: StandIn) -> ConfigEntry:
    """An entry that is paired with the stand-in."""
    data = {
        "host": "127.0.0.1",
        "port": service.port,
        "ssl": False,
        "verify_ssl": True,
        "path": "/api/v1",
        "token": TOKEN,
        "instance": "kitchen",
        "service_id": service.listing["id"],
    }
    return known(hass, "roastwatch", title="kitchen", unique_id="kitchen", data=data)


@pytest.fixture
async def running(hass: HomeAssistant, entry: ConfigEntry) -> ConfigEntry:
    """The entry, set up."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


@dataclass
class Web:
    """Home Assistant's own HTTP server, with the entry behind it."""

    hass: HomeAssistant
    entry: ConfigEntry
    session: ClientSession
    """Of a browser: it keeps cookies."""

    async def token(self, group: str = "system-admin") -> str:
        """The access token of a new person."""
        user = await self.hass.auth.async_create_user("Ann", group_ids=[group])
        refresh = await self.hass.auth.async_create_refresh_token(user, "http://roastwatch.test/")
        return self.hass.auth.async_create_access_token(refresh)

    @property
    def page(self) -> str:
        """Where the panel's page is."""
        return f"/api/roastwatch/panel/{self.entry.entry_id}/"

    async def begin(self, token: str) -> int:
        """Fetch the panel's cookie; the status."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self.session.post(self.page.removesuffix("/"), headers=headers) as answer:
            return answer.status


@pytest.fixture
async def web(hass: HomeAssistant, entry: ConfigEntry) -> AsyncIterator[Web]:
    for name in ("http", "media_source"):
        assert await async_setup_component(hass, name, {})
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    server = TestServer(hass.http.app)
    await server.start_server()
    session = ClientSession(server.make_url("/"), cookie_jar=CookieJar(unsafe=True))
    try:
        yield Web(hass, entry, session)
    finally:
        await session.close()
        await server.close()
