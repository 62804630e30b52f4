"""The files of the page over HTTP: codings, tags, caching, security, and no other file."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from roastwatch.web import page_files
from tests.support.http import send, serving
from tests.support.page_folder import page_folder

Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def client(folder: Path) -> AsyncIterator[Client]:
    app = web.Application()
    page_files.add_page(app, page_files.page_files(folder))
    async with TestClient(TestServer(app), auto_decompress=False) as found:
        yield found


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("", None),
        ("zstd", None),
    ],
)
async def test_a_file_comes_in_the_best_coding_the_client_takes(
    tmp_path: Path, accepts: str, coding: str | None
) -> None:
    async with client(page_folder(tmp_path)) as found:
        answer = await found.get("/assets/index-1a2b.js", headers={"Accept-Encoding": accepts})
        body = await answer.read()
    assert answer.headers.get("Content-Encoding") == coding
    assert answer.headers["Vary"] == "Accept-Encoding"
    expected = {"br": b"brotli", "gzip": gzip.compress(b"js", mtime=0), None: b"js"}
    assert body == expected[coding]


async def test_hashed_names_are_cached_for_ever_and_the_index_never(tmp_path: Path) -> None:
    async with client(page_folder(tmp_path)) as found:
        asset, index = await found.get("/assets/index-1a2b.js"), await found.get("/")
        assert "immutable" in asset.headers["Cache-Control"]
        assert index.headers["Cache-Control"] == "no-cache"
        assert index.content_type == "text/html"
        tagged = {"If-None-Match": index.headers["ETag"]}
        again = await found.get("/", headers=tagged)
        assert (again.status, await again.read()) == (304, b"")
        assert (await found.head("/")).status == 200


async def test_every_file_carries_a_strict_policy(tmp_path: Path) -> None:
    async with client(page_folder(tmp_path)) as found:
        for path in ("/", "/assets/index-1a2b.js", "/icon.svg"):
            headers = (await found.get(path)).headers
            policy = dict(
                part.strip().partition(" ")[::2]
                for part in headers["Content-Security-Policy"].split(";")
            )
            assert policy["default-src"] == "'none'"
            assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
            assert policy["frame-ancestors"] == "'self'"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.html",
        "/assets/../../secret.html",
        "/%2e%2e/secret.html",
        "/assets/%2e%2e%2f%2e%2e%2fsecret.html",
        "/..%5csecret.html",
        "//secret.html",
        "/assets/",
        "/index-1a2b.js",
        "/sources.sha256",
        "/assets/index-1a2b.js.br",
    ],
)
async def test_nothing_but_the_files_of_the_page_is_served(tmp_path: Path, path: str) -> None:
    folder = page_folder(tmp_path / "page")
    (tmp_path / "secret.html").write_text("secret")
    async with client(folder) as found:
        port = found.server.port
        assert port is not None
        answer = await send(port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert answer.status == 404
    assert b"secret" not in answer.body


async def test_the_page_needs_no_sign_in_but_the_host_must_be_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = page_folder(tmp_path)
    monkeypatch.setattr("roastwatch.web.sink.page_files", lambda: page_files.page_files(folder))
    async with serving() as served:
        for path, host, status in (
            ("/", "localhost", 200),
            ("/assets/index-1a2b.js", "localhost", 200),
            ("/", "evil.example", 403),
            ("/api/v1/stations", "localhost", 401),
        ):
            request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"
            assert (await send(served.port, request.encode())).status == status


async def test_without_a_page_its_address_says_how_to_build_it(tmp_path: Path) -> None:
    async with client(tmp_path / "none") as found:
        answer = await found.get("/")
        assert answer.status == 404
        assert "web/build.py" in (await answer.json())["error"]
