"""Home Assistant's ingress over real HTTP: who is signed in by it, and that nobody else is."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from roastwatch.errors import SettingsError
from roastwatch.settings.model import chosen
from roastwatch.vocabulary import Origin
from tests.fakes.supervisor import GATEWAY, FakeSupervisor, supervising
from tests.support.http import Person, serving
from tests.unit.test_web_live import Follower

INGRESS = {"gateway": GATEWAY}
FORGED = {"X-Ingress-Path": "/api/hassio_ingress/x", "X-Remote-User-Name": "mallory"}
STOP = {"kind": "emergency_stop"}


@contextlib.asynccontextmanager
async def calling(base: str, address: str = "127.0.0.1") -> AsyncIterator[aiohttp.ClientSession]:
    """A client that connects from this address."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0), force_close=True)
    async with aiohttp.ClientSession(base, connector=connector) as session:
        yield session


@contextlib.asynccontextmanager
async def through(
    person: Person | None = None, **options: Any
) -> AsyncIterator[tuple[FakeSupervisor, aiohttp.ClientSession]]:
    """A browser in Home Assistant, in front of an API with these options of the ingress."""
    async with (
        serving(person, token="beans", ingress=INGRESS | options) as api,
        supervising(app=api.url) as supervisor,
        calling(f"{supervisor.url}{supervisor.prefix}/api/v1/") as browser,
    ):
        yield supervisor, browser


async def test_person_through_ingress_operates_under_home_assistants_name() -> None:
    person = Person()
    async with through(person) as (_, browser):
        elsewhere = {"Host": "my-home.ui.example.org"}
        async with browser.get("me", headers=elsewhere) as answer:
            assert (answer.status, (await answer.json())["role"]) == (200, "operator")
        path = "stations/kitchen/instruct"
        origin = {"Origin": "https://my-home.ui.example.org", "Sec-Fetch-Site": "same-origin"}
        async with browser.post(path, json=STOP, headers=elsewhere | origin) as answer:
            assert answer.status == 202
        foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        async with browser.post(path, json=STOP, headers=elsewhere | foreign) as answer:
            assert answer.status == 415
    assert [(one.by, one.origin) for one in person.asked] == [
        ("home assistant Ada Lovelace", Origin.PERSON)
    ]


async def test_live_changes_pass_through_ingress() -> None:
    async with through() as (_, browser), browser.ws_connect("live") as socket:
        follower = Follower(socket)
        await follower.next()
        assert follower.state["elapsed"] == 61


async def test_ingress_may_make_everybody_a_viewer() -> None:
    async with through(role="viewer") as (_, browser):
        async with browser.get("me") as answer:
            assert (await answer.json())["role"] == "viewer"
        async with browser.post("stations/kitchen/instruct", json=STOP) as answer:
            assert answer.status == 403


@pytest.mark.parametrize("path", ["me", "stations", "live"])
async def test_forged_headers_from_another_address_are_refused(path: str) -> None:
    async with (
        serving(token="beans", ingress=INGRESS) as api,
        calling(f"{api.url}/api/v1/") as stranger,
        stranger.get(path, headers=FORGED) as answer,
    ):
        assert answer.status == 401
        assert "Open the page in Home Assistant" in (await answer.json())["error"]


async def test_forged_headers_do_not_open_other_host_names() -> None:
    elsewhere = FORGED | {"Host": "evil.example", "Authorization": "Bearer beans"}
    async with (
        serving(token="beans", ingress=INGRESS) as api,
        calling(f"{api.url}/api/v1/") as stranger,
        stranger.get("me", headers=elsewhere) as answer,
    ):
        assert answer.status == 403


async def test_ingress_headers_mean_nothing_outside_the_app() -> None:
    async with (
        serving(token="beans") as api,
        calling(f"{api.url}/api/v1/", GATEWAY) as stranger,
        stranger.get("me", headers=FORGED) as answer,
    ):
        assert answer.status == 401


async def test_supervisor_itself_sees_health_only() -> None:
    """Its watchdog comes from the address of the ingress, without a person."""
    async with (
        serving(token="beans", ingress=INGRESS) as api,
        calling(f"{api.url}/", GATEWAY) as watchdog,
    ):
        async with watchdog.get("health") as answer:
            assert (answer.status, await answer.json()) == (200, {"problems": 0})
        async with watchdog.get("api/v1/stations") as answer:
            assert answer.status == 401


async def test_without_a_token_only_ingress_gets_in() -> None:
    async with (
        serving(token=None, ingress=INGRESS) as api,
        calling(f"{api.url}/api/v1/") as stranger,
        calling(f"{api.url}/api/v1/", GATEWAY) as gateway,
    ):
        async with stranger.get("me") as answer:
            assert answer.status == 401
        async with gateway.get("me", headers=FORGED) as answer:
            assert answer.status == 200


def test_gateway_is_an_address() -> None:
    with pytest.raises(SettingsError, match="write an address"):
        chosen("sinks", "rest", "sinks[0]", ingress={"gateway": "supervisor"})
