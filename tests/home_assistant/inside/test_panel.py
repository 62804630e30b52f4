"""The service's page in the sidebar: who sees it, and what reaches the service."""

import asyncio

import pytest
from aiohttp import WSMsgType
from conftest import Web
from homeassistant.components.frontend import DATA_PANELS
from homeassistant.components.http.ban import KEY_FAILED_LOGIN_ATTEMPTS
from homeassistant.config_entries import ConfigEntry
from stand_in import TOKEN, StandIn

PANEL = "roastwatch-kitchen"


@pytest.fixture
def page(service: StandIn) -> StandIn:
    """The stand-in, with a page."""
    service.files = {
        "/": ("text/html", b"<p>roasting</p>" * 100),
        "/api/v1/me": ("application/json", b"{}"),
        "/api/v1/stations/a%2Fb/curve": ("application/json", b"{}"),
        "/api/v1/stations/roaster/note": ("application/json", b"{}"),
    }
    return service


async def test_the_page_is_in_the_sidebar_while_the_entry_is_loaded(web: Web) -> None:
    panel = web.hass.data[DATA_PANELS][PANEL]
    assert (panel.sidebar_title, panel.require_admin) == ("roastwatch", False)
    assert panel.config["page"] == web.page
    async with web.session.get(panel.config["_panel_custom"]["module_url"]) as answer:
        assert "customElements.define('roastwatch-panel'" in await answer.text()
    await web.hass.config_entries.async_unload(web.entry.entry_id)
    assert PANEL not in web.hass.data[DATA_PANELS]


async def test_an_option_takes_it_out_of_the_sidebar(web: Web, page: StandIn) -> None:
    flow = await web.hass.config_entries.options.async_init(web.entry.entry_id)
    assert flow["step_id"] == "init"
    await web.begin(await web.token())
    done = await web.hass.config_entries.options.async_configure(flow["flow_id"], {"panel": False})
    await web.hass.async_block_till_done()
    assert done["type"] == "create_entry"
    assert PANEL not in web.hass.data[DATA_PANELS]
    assert await web.begin(await web.token()) == 404
    assert (await web.session.get(web.page)).status == 502
    assert page.received == []


async def test_nobody_gets_it_without_a_login(web: Web, page: StandIn) -> None:
    for token in ("", "wrong"):
        assert await web.begin(token) == 401
    web.hass.http.app[KEY_FAILED_LOGIN_ATTEMPTS].clear()
    for path in ("", "api/v1/me", "api/v1/live"):
        for headers in ({}, {"Authorization": f"Bearer {await web.token()}"}):
            async with web.session.get(web.page + path, headers=headers) as answer:
                assert answer.status == 401
    async with web.session.get(web.page, headers={"Cookie": "roastwatch_panel=guess"}) as answer:
        assert answer.status == 503
    assert page.received == []
    assert not web.hass.http.app[KEY_FAILED_LOGIN_ATTEMPTS], "an old page would ban its person"


async def test_the_page_comes_with_the_token_that_stays_here(web: Web, page: StandIn) -> None:
    token = await web.token()
    assert await web.begin(token) == 200
    [cookie] = web.session.cookie_jar
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"]) == ("Strict", web.page.removesuffix("/"))
    sent = {"If-None-Match": 'W/"0"', "Roastwatch-Agent": "x", "X-Other": "y"}
    async with web.session.get(web.page + "?a=1", headers=sent) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert await answer.read() == page.files["/"][1]
        assert answer.headers["ETag"] == 'W/"1"'
        assert answer.headers["Content-Encoding"] in ("gzip", "deflate")
        assert "Set-Cookie" not in answer.headers
    [(method, path, headers, _)] = page.received
    assert (method, path) == ("GET", "/?a=1")
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["If-None-Match"] == 'W/"0"'
    assert not {"Cookie", "Roastwatch-Agent", "Roastwatch-Role", "X-Other"} & headers.keys()


async def test_administrators_operate_and_others_only_watch(web: Web, page: StandIn) -> None:
    await web.begin(await web.token())
    note = web.page + "api/v1/stations/roaster/note"
    async with web.session.post(note, json={"text": "ö"}) as answer:
        assert answer.status == 200
    assert page.received.pop()[3] == b'{"text": "\\u00f6"}'
    web.session.cookie_jar.clear()
    await web.begin(await web.token("system-users"))
    async with web.session.post(note, json={}) as answer:
        assert answer.status == 403
        assert "administrator" in (await answer.json())["error"]
    assert page.received == []
    async with web.session.get(web.page + "api/v1/me") as answer:
        assert answer.status == 200
    assert page.received.pop()[2]["Roastwatch-Role"] == "viewer"
    async with web.session.ws_connect(web.page + "api/v1/live"):
        assert page.live_headers["Roastwatch-Role"] == "viewer"


async def test_a_sign_out_ends_the_session_and_its_connection(web: Web, page: StandIn) -> None:
    token = await web.token()
    await web.begin(token)
    async with web.session.ws_connect(web.page + "api/v1/live") as socket:
        assert (await socket.receive_json())["type"] == "snapshot"
        await socket.send_json({"type": "subscribe", "entities": True})
        assert (await socket.receive_json())["type"] == "entities"
        await page.send({"type": "beat"})
        assert (await socket.receive_json())["type"] == "beat"
        web.hass.auth.async_remove_refresh_token(web.hass.auth.async_validate_access_token(token))
        async with asyncio.timeout(5):
            assert (await socket.receive()).type is WSMsgType.CLOSE
    assert (await web.session.get(web.page)).status == 503


async def test_an_entry_that_is_unloaded_closes_its_connections(web: Web, page: StandIn) -> None:
    await web.begin(await web.token())
    async with web.session.ws_connect(web.page + "api/v1/live") as socket:
        await socket.receive_json()
        await web.hass.config_entries.async_unload(web.entry.entry_id)
        async with asyncio.timeout(5):
            assert (await socket.receive()).type is WSMsgType.CLOSE


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://127.0.0.1:1"}]
)
async def test_pages_of_other_sites_are_refused(
    web: Web, page: StandIn, headers: dict[str, str]
) -> None:
    await web.begin(await web.token())
    async with web.session.get(web.page + "api/v1/me", headers=headers) as answer:
        assert answer.status == 401
    assert page.received == []


@pytest.mark.parametrize(
    "path", ["%2e%2e/secret", "api/v1/..%2f..%2fsecret", "api/v1/%252e%252e/%252e%252e/secret"]
)
async def test_no_path_leads_out_of_the_page(web: Web, page: StandIn, path: str) -> None:
    page.files["/secret"] = ("text/plain", b"secret")
    await web.begin(await web.token())
    url = web.session._base_url.joinpath(web.page[1:] + path, encoded=True)
    async with web.session.get(url) as answer:
        assert answer.status in (400, 404)
        assert b"secret" not in await answer.read()


async def test_a_killed_service_is_named(web: Web, page: StandIn) -> None:
    await web.begin(await web.token())
    await page.stop()
    async with web.session.get(web.page, headers={"Accept": "text/html"}) as answer:
        assert answer.status == 502
        assert "roastwatch does not answer" in await answer.text()
        assert 'http-equiv="refresh"' in await answer.text()
    async with web.session.get(web.page + "api/v1/me") as answer:
        assert answer.status == 502
        assert "roastwatch does not answer" in (await answer.json())["error"]


async def test_one_panel_does_not_open_another(web: Web, page: StandIn, entry: ConfigEntry) -> None:
    await web.begin(await web.token())
    [cookie] = web.session.cookie_jar
    other = web.page.replace(entry.entry_id, "other")
    headers = {"Cookie": f"roastwatch_panel={cookie.value}"}
    assert (await web.session.get(other, headers=headers)).status == 503
