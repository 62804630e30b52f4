"""Version 1 of the API: its OpenAPI document, tags, compression, path prefixes, roles."""

import contextlib
import json
import re
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import aiohttp
import jsonschema
import pytest
from aiohttp import web

from roastwatch.errors import SettingsError
from roastwatch.settings.model import chosen
from roastwatch.sinks.sink import SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import Phase, Snapshot
from roastwatch.web.access import Access
from roastwatch.web.accounts import Role
from roastwatch.web.api import Api, Known
from roastwatch.web.live import Live
from roastwatch.web.live_client import LiveClients
from roastwatch.web.route import BASE, BYTES
from roastwatch.web.routes import ROUTES
from tests.support.events import event
from tests.support.http import Person, Served, free_port, request, send, serving

TOKEN = {"Authorization": "Bearer beans"}
VIEWER = {"Authorization": "Bearer look"}


@contextlib.asynccontextmanager
async def client(**options: Any) -> AsyncIterator[tuple[Served, aiohttp.ClientSession]]:
    async with serving(**options) as api, aiohttp.ClientSession(api.url, headers=TOKEN) as session:
        yield api, session


async def document(session: aiohttp.ClientSession) -> dict[str, Any]:
    async with session.get("/api/v1/openapi.json") as answer:
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


def served_routes() -> set[tuple[str, str]]:
    """What the application itself answers."""
    context = SinkContext("roastwatch", ["kitchen"], "en", Person(), ComponentHealth("rest"))
    clients = LiveClients(Live(["kitchen"], {}))
    known = Known(dict, deque())
    app = Api(context, known, Access({}, None, "c"), clients).application(())
    routes = ((one.method, one.resource.canonical) for one in app.router.routes() if one.resource)
    return {(method, path) for method, path in routes if method != "HEAD"}


async def test_the_openapi_document_names_exactly_the_routes() -> None:
    async with client() as (_, session):
        paths = (await document(session))["paths"]
    documented = {(method.upper(), BASE + path) for path, of in paths.items() for method in of}
    old = {(one.method, one.old_path) for one in ROUTES if one.old_path}
    assert documented | old == served_routes() - {("GET", "/")}  # the page
    assert old == {
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("GET", "/api/stations"),
        ("GET", "/api/events"),
        ("POST", "/api/stations/{station}/instruct"),
        ("POST", "/api/stations/{station}/command"),
    }


async def test_every_reference_of_the_document_leads_somewhere() -> None:
    async with client() as (_, session):
        whole = await document(session)
    schemas = whole["components"]["schemas"]
    for name, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert f'"#/components/schemas/{name}"' in json.dumps(whole), name
    used = {
        word.rpartition("/")[2]
        for word in json.dumps(whole).split('"')
        if word.startswith("#/components/schemas/")
    }
    assert used == set(schemas)
    ids = [operation["operationId"] for of in whole["paths"].values() for operation in of.values()]
    assert len(set(ids)) == len(ids)


def validator(whole: dict[str, Any], path: str, method: str, status: int) -> Any:
    """What checks an answer as the document says."""
    answer = whole["paths"][path][method]["responses"][str(status)]
    schema = answer["content"]["application/json"]["schema"]
    return jsonschema.Draft202012Validator(schema | {"components": whole["components"]})


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("get", "/health", None, 200),
        ("get", "/stations", None, 200),
        ("get", "/stations/{station}", None, 200),
        ("get", "/stations/{station}/picture", None, 404),
        ("get", "/entities", None, 200),
        ("get", "/events", None, 200),
        ("get", "/me", None, 200),
        ("get", "/live", None, 426),
        ("get", "/openapi.json", None, 200),
        ("get", "/live.schema.json", None, 200),
        ("post", "/stations/{station}/instruct", {"kind": "charge"}, 202),
        ("post", "/stations/{station}/instruct", {"kind": "dance"}, 400),
        ("post", "/stations/{station}/command", {"actuator": "fan", "percent": 5}, 409),
        ("post", "/stations/{station}/set/drop", {}, 202),
        ("post", "/stations/{station}/set/arm", {"value": True}, 202),
        ("post", "/stations/{station}/set/confirm_arming", {}, 409),
        ("post", "/stations/{station}/set/fan", {"value": 5}, 409),
        ("post", "/stations/{station}/set/fan", {"value": 500}, 400),
        ("post", "/sign-in", {"password": "x"}, 409),
        ("post", "/pair", {"password": "x", "name": "y"}, 409),
        ("post", "/pairing-code", {}, 409),
        ("get", "/programs", None, 200),
        ("delete", "/programs/{program}", {}, 404),
        ("post", "/sign-out", {}, 200),
        ("post", "/password", {}, 409),
    ],
)
async def test_answers_are_what_the_document_says(
    method: str, path: str, body: Any, status: int
) -> None:
    async with client() as (api, session):
        whole = await document(session)
        api.events.put(event())
        await api.events.settled()
        url = "/api/v1" + path.replace("{station}", "kitchen").replace("{program}", "0123abcd")
        path = re.sub("/set/.*", "/set/{key}", path)
        async with session.request(method, url, json=body) as answer:
            assert answer.status == status
            validator(whole, path, method, status).validate(await answer.json())


async def test_old_paths_answer_as_the_new_ones() -> None:
    async with client() as (api, session):
        api.events.put(event())
        await api.events.settled()
        for route in ROUTES:
            if route.old_path is None or route.name == "metrics":
                continue
            body = {"kind": "charge"} if route.method == "POST" else None
            answers = []
            for path in (route.old_path, route.full_path):
                url = path.replace("{station}", "kitchen")
                async with session.request(route.method, url, json=body) as answer:
                    answers.append((answer.status, await answer.text()))
            assert answers[0] == answers[1], route


async def test_an_unchanged_answer_is_not_sent_again() -> None:
    async with client() as (api, session):
        async with session.get("/api/v1/stations") as answer:
            tag = answer.headers["ETag"]
            assert "no-cache" in answer.headers["Cache-Control"]
        for sent in (tag, f'"other", {tag}', tag.removeprefix("W/")):
            async with session.get("/api/v1/stations", headers={"If-None-Match": sent}) as answer:
                assert answer.status == 304
                assert await answer.read() == b""
                assert answer.headers["ETag"] == tag
        snapshot = (api.latest.value or {})["kitchen"]
        api.latest.set({"kitchen": replace(snapshot, phase=Phase.COOLING)})
        async with session.get("/api/v1/stations", headers={"If-None-Match": tag}) as answer:
            assert answer.status == 200
            assert (await answer.json())["kitchen"]["phase"] == "cooling"


@pytest.mark.parametrize("sent", ['"', "W/", "x" * 5000, '"\xff"', ", ,", "*"])
async def test_a_malformed_tag_is_no_tag(sent: str) -> None:
    async with serving() as api:
        raw = request("/api/v1/stations", b"", "GET", If_None_Match=sent.encode("latin-1"))
        answer = await send(api.port, raw)
        assert answer.status == 200
        assert json.loads(answer.body)["kitchen"]["phase"] == "roasting"


async def test_a_long_answer_is_compressed_for_those_who_take_it() -> None:
    async with serving() as api:
        path = "/api/v1/openapi.json"
        plain = await send(api.port, request(path, b"", "GET"))
        packed = await send(api.port, request(path, b"", "GET", Accept_Encoding="gzip"))
        assert json.loads(plain.body)["openapi"] == "3.1.0"
        assert len(packed.body) * 3 < len(plain.body)


@contextlib.asynccontextmanager
async def proxied(target: str, prefix: str) -> AsyncIterator[str]:
    """A proxy that serves another server below a path, and removes that path."""

    async def forward(request: web.Request) -> web.StreamResponse:
        headers = {key: value for key, value in request.headers.items() if key != "Host"}
        headers |= {"X-Forwarded-Host": request.host, "X-Ingress-Path": prefix}
        url = target + request.path_qs.removeprefix(prefix)
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, url, headers=headers, data=await request.read()
            ) as answer,
        ):
            kept = answer.headers.copy()
            kept.popall("Transfer-Encoding", None)
            kept.popall("Content-Length", None)
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    app = web.Application()
    app.router.add_route("*", prefix + "/{rest:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def test_it_works_below_a_path_of_a_proxy() -> None:
    async with (
        serving() as api,
        proxied(api.url, "/api/hassio_ingress/x1") as outside,
        aiohttp.ClientSession(headers=TOKEN) as session,
    ):
        where = f"{outside}/api/hassio_ingress/x1/api/v1/openapi.json"
        async with session.get(where) as answer:
            whole = await answer.json()
        base = urljoin(where, whole["servers"][0]["url"])
        assert base == f"{outside}/api/hassio_ingress/x1/api/v1"
        async with session.get(f"{base}/stations") as answer:
            assert "kitchen" in await answer.json()
        # A page of ours has the origin of the proxy; another one is refused.
        url = f"{base}/stations/kitchen/instruct"
        for origin, status in ((outside, 202), ("http://evil.example", 415)):
            headers = {"Origin": origin}
            async with session.post(url, json={"kind": "charge"}, headers=headers) as answer:
                assert answer.status == status, await answer.text()
        assert [asked.kind.value for asked in api.person.asked] == ["charge"]


async def test_a_page_of_our_own_may_press_a_button() -> None:
    async with client() as (api, session):
        url = "/api/v1/stations/kitchen/instruct"
        headers = {"Origin": api.url, "Sec-Fetch-Site": "same-origin"}
        async with session.post(url, json={"kind": "drop"}, headers=headers) as answer:
            assert answer.status == 202


async def test_a_viewer_reads_and_changes_nothing() -> None:
    async with serving(viewer_token="look") as api:
        async with aiohttp.ClientSession(api.url, headers=VIEWER) as session:
            for route in ROUTES:
                if route.name == "live":
                    continue
                url = re.sub(r"{\w+}", "kitchen", route.full_path)
                body = {"kind": "emergency_stop", "actuator": "heater", "percent": 1}
                sent: dict[str, Any] = {} if route.method == "GET" else {"json": body}
                if route.body_media == BYTES:
                    sent = {"data": b"a file", "headers": {"Content-Type": BYTES}}
                async with session.request(route.method, url, **sent) as answer:
                    expected = 403 if route.needs is Role.OPERATOR else answer.status
                    assert answer.status == expected, route
                    assert answer.status in (200, 400, 403, 404, 409), route
            async with session.get("/api/v1/me") as answer:
                assert await answer.json() == {"role": "viewer", "session": False}
        assert not api.person.asked
        assert not api.person.commands


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": "0.0.0.0", "viewer_token": "look"}, "set a token"),
        ({"viewer_token": "look"}, "for operators too"),
        ({"viewer_token": "same", "token": "same"}, "another one"),
    ],
)
def test_a_viewer_token_needs_an_operator(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        chosen("sinks", "rest", **options)


async def test_health_is_open_and_503_before_the_first_snapshot() -> None:
    async with serving() as api, aiohttp.ClientSession(api.url) as session:
        async with session.get("/api/v1/health") as answer:
            assert (answer.status, await answer.json()) == (200, {"problems": 0})
        api.latest.set({})
        async with session.get("/api/v1/health") as answer:
            assert answer.status == 503


async def test_an_unknown_station_is_named_with_the_known_ones() -> None:
    async with client() as (api, session):
        api.latest.set({"kitchen": Snapshot("kitchen", datetime.now(UTC))})
        async with session.get("/api/v1/stations/attic") as answer:
            assert answer.status == 404
            assert "kitchen" in (await answer.json())["error"]
