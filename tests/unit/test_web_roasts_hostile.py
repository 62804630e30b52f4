"""The routes of recorded roasts against what no honest client sends: refused, never a 500."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from roastwatch.roastlog.store import Store
from roastwatch.web.accounts import Role
from roastwatch.web.roasts.routes import ROAST_ROUTES
from roastwatch.web.route import BYTES
from tests.support.checked_client import IDLE
from tests.support.http import request, send, serving
from tests.support.recorded_roasts import recorded

IDS = ("%00", "%ff%fe", "..%2F..%2Fetc%2Fpasswd", "x" * 2000, "last", "r", "'%20OR%20'1'='1",
       "%F0%9F%98%80", "sound:1:%00", "event:", "-1", "1e9", "%7Broast_id%7D")  # fmt: skip
QUERIES = ("from=1&to=2", "from=&to=", "from=%00&to=1", "limit=-1", "limit=1e9", "sort=%27", "x=1",
           "search=%25%5F%27%22", "points=0", "format=../../x", "name=..", "name=%2F%00",
           "roast=%00", "since=0000-00-00", "offset=99999999999999999999",
           "search=%ED%A0%80")  # fmt: skip
BODIES: tuple[bytes, ...] = (
    b"", b"null", b"[]", b"{", b'{"a":' * 50, b'{"title":"\\ud800"}', b'{"title":"\\u0000"}',
    b'{"events":{"drop":1e999}}', b'{"events":{"drop":true}}', b'{"events":[]}',
    b'{"properties":{"notes":7}}', b'{"properties":{"rating":NaN}}', b'{"lot_id":["x"]}',
    b'{"attributes":{"":1}}', b'{"tasted_on":"9999-99-99"}', b'{"bought_g":-1,"name":"x"}',
    b'{"name":{"a":1}}', b'{"station":"../../x"}', b'{"station":5}', b'{"label":{}}',
    '{"title":"x"}'.encode("utf-16"),
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recorded(tmp_path)
    return tmp_path


def dump(folder: Path) -> list[str]:
    """Everything in the log."""
    with Store(folder / "roasts.db") as store:
        return list(store.connection.iterdump())


async def test_hostile_requests_are_refused_and_change_nothing(folder: Path) -> None:
    async with serving(snapshots=IDLE, folder=folder, log=folder / "roasts.db") as api:
        await send(api.port, request("/api/v1/roasts", b"", "GET"))  # keeps its figures
        before = dump(folder)
        for route in ROAST_ROUTES:
            if route.name in ("learn", "import_roast", "add_lot", "roast_picture"):
                continue  # they would do something, or start a process
            for given in (*IDS, "r0"):
                path = re.sub(r"{\w+}", given, route.full_path)
                tried: tuple[Any, ...] = BODIES if route.body else QUERIES
                for one in tried if given == "r0" else tried[:2]:
                    body = one if route.body else b"{}"
                    query = "" if route.body else f"?{one}"
                    if route.method == "DELETE" and given == "r0":
                        continue
                    raw = request(path + query, body, route.method)
                    answer = await send(api.port, raw)
                    assert 200 <= answer.status < 500, (raw, answer)
                    if route.method != "GET":
                        assert answer.status >= 400, (raw, answer)
                    if answer.status >= 400:
                        assert json.loads(answer.body)["error"], raw
        assert dump(folder) == before


async def test_pages_of_other_sites_and_viewers_change_nothing(folder: Path) -> None:
    async with serving(
        snapshots=IDLE, folder=folder, log=folder / "roasts.db", viewer_token="look"
    ) as api:
        for route in ROAST_ROUTES:
            path = re.sub(r"{\w+}", "r0", route.full_path)
            if route.method == "GET":
                assert route.needs is Role.VIEWER
                continue
            media = BYTES if route.body_media == BYTES else "application/json"
            for status, headers in (
                (415, {"Origin": "http://evil.example"}),
                (415, {"Sec_Fetch_Site": "cross-site"}),
                (415, {"Content_Type": "text/plain"}),
                (415, {"Content_Type": "multipart/form-data; boundary=x"}),
                (415, {"Content_Encoding": "gzip"}),
                (403, {"Authorization": "Bearer look"}),
                (401, {"Authorization": None}),
                (403, {"Host": "evil.example"}),
            ):
                given = {"Content_Type": media} | headers
                raw = request(path, b"{}", route.method, **given)
                assert (await send(api.port, raw)).status == status, raw
