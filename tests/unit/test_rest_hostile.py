"""The HTTP API against requests that no honest client sends: refused in JSON, never a 500."""

import gzip
import itertools
import json
import logging
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roastwatch.vocabulary import InstructionKind
from tests.support.http import Person, request, send, serving

ROUTES = (
    "/health",
    "/metrics",
    "/api/stations",
    "/api/events",
    "/api/stations/kitchen/instruct",
    "/api/stations/kitchen/command",
    "/api/stations/attic/instruct",
    "/api/stations/%ff%00/instruct",
    "/nothing",
    "/%2e%2e/%2e%2e/etc/passwd",
)
READING = (
    "/api/v1/health",
    "/api/v1/metrics",
    "/api/v1/stations",
    "/api/v1/stations/kitchen",
    "/api/v1/stations/attic",
    "/api/v1/events",
    "/api/v1/live",
    "/api/v1/me",
)
ACTING = (
    "/api/v1/stations/kitchen/instruct",
    "/api/v1/stations/kitchen/command",
    "/api/v1/sign-in",
    "/api/v1/password",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "deep": b'{"kind":' + b"[" * 60_000,
    "huge number": b'{"kind":"sensitivity","value":' + b"9" * 400 + b"}",
    "huger number": b'{"actuator":"heater","percent":' + b"9" * 5000 + b"}",
    "infinite": b'{"actuator":"heater","percent":Infinity}',
    "NaN": b'{"actuator":"heater","percent":NaN}',
    "overflow": b'{"kind":"sensitivity","value":1e999}',
    "surrogate": b'{"kind":"note","value":"\\ud800"}',
    "NUL": b'{"kind":"note","value":"\\u0000"}',
    "escape": b'{"kind":"note","value":"\\u001b[2J"}',
    "two keys": b'{"kind":"note","kind":"charge"}',
    "not UTF-8": b'{"kind":"\xff\xfe"}',
    "UTF-16": '{"kind":"charge"}'.encode("utf-16"),
    "gzip": gzip.compress(b'{"kind":"charge"}'),
    "too large": b'{"kind":"note","value":"' + b"x" * 70_000 + b'"}',
    "list": b'["kind","charge"]',
    "text": b'"charge"',
}
PATHS = {
    f"{base} {name}": f"{base}/stations/kitchen/{name}"
    for base in ("/api", "/api/v1")
    for name in ("instruct", "command")
}


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def assert_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    assert not [record for record in caplog.records if record.exc_info]
    assert len(caplog.text) < 20_000


@pytest.mark.parametrize("routes", [ROUTES, READING, ACTING], ids=["old", "reading", "acting"])
async def test_bad_methods_and_bodies_are_refused_on_every_route(
    routes: tuple[str, ...], quiet: pytest.LogCaptureFixture
) -> None:
    async with serving() as api:
        for path, method, (name, body) in itertools.product(routes, METHODS, BODIES.items()):
            answer = await send(api.port, request(path, body, method))
            case = (path, method, name, answer)
            assert 200 <= answer.status < 500, case
            if answer.status >= 400 and method not in ("HEAD", "BREW"):
                assert answer.error, case
            if method == "POST":
                assert answer.status in (400, 404, 405, 409, 413), case
        assert not api.person.asked
        assert not api.person.commands
    assert_no_traceback(quiet)


@pytest.mark.parametrize("path", PATHS.values())
@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"Authorization": None}, 401, "token"),
        ({"Authorization": ""}, 401, "token"),
        ({"Authorization": "Bearer"}, 401, "token"),
        ({"Authorization": "Bearer "}, 401, "token"),
        ({"Authorization": "beans"}, 401, "token"),
        ({"Authorization": "Basic beans"}, 401, "token"),
        ({"Authorization": "Bearer b\u00f6hnen"}, 401, "token"),
        ({"Authorization": b"Bearer \xff\xfe"}, 401, "token"),
        ({"Authorization": "Bearer beans\r\nAuthorization: Bearer x"}, 401, "token"),
        ({"Host": "evil.example"}, 403, "evil.example"),
        ({"Host": "localhost.evil.example"}, 403, "evil.example"),
        ({"Host": "127.0.0.1.evil.example:8099"}, 403, "evil.example"),
        ({"Host": ""}, 400, "Host"),
        ({"Host": "localhost:8099:80"}, 403, "localhost:8099:80"),
        ({"Host": "local\xe4host"}, 400, "Host"),
        ({"Host": "localhost\r\nHost: evil.example"}, 400, "Host"),
        ({"Origin": "http://evil.example"}, 415, "web page"),
        ({"Origin": "null"}, 415, "web page"),
        ({"Origin": "http://localhost:8100"}, 415, "web page"),
        ({"Origin": "https://localhost:80"}, 415, "web page"),
        ({"Origin": "localhost"}, 415, "web page"),
        ({"Origin": "file://localhost"}, 415, "web page"),
        ({"Origin": "http://"}, 415, "web page"),
        ({"Origin": "http://localhost\r\nOrigin: http://evil.example"}, 415, "web page"),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"}, 415, "web page"),
        ({"Sec-Fetch-Site": "cross-site"}, 415, "web page"),
        ({"Content-Type": "text/plain"}, 415, "web page"),
        ({"Content-Type": "application/json; charset=klingon"}, 415, "UTF-8"),
        ({"Content-Type": "application/json; charset=utf-16"}, 415, "UTF-8"),
        ({"Content-Type": b"application/json; charset=\xff"}, 415, "UTF-8"),
        ({"Content-Encoding": "gzip"}, 415, "compressed"),
        ({"Content-Encoding": "gzip, gzip, br"}, 415, "compressed"),
    ],
)
async def test_a_bad_header_is_refused_and_changes_nothing(
    path: str,
    headers: dict[str, Any],
    status: int,
    said: str,
    quiet: pytest.LogCaptureFixture,
) -> None:
    body = {"kind": "arm", "actuator": "heater", "percent": 100}
    async with serving() as api:
        answer = await send(api.port, request(path, body, **headers))
        assert answer.status == status, answer
        if answer.body.startswith(b"{"):
            assert said in answer.error
        assert not api.person.asked
        assert not api.person.commands
        # The same without what spoils it is taken: the refusal was for that.
        assert (await send(api.port, request(path, body))).status in (202, 409)
    assert_no_traceback(quiet)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.:1", "127.0.0.1:8099", "[::1]:8099", "192.168.1.7", "roast.lan"],
)
async def test_our_own_names_and_addresses_are_served(host: str) -> None:
    async with serving(allowed_hosts=["roast.lan"]) as api:
        raw = request("/api/stations", b"", "GET", Host=host)
        assert (await send(api.port, raw)).status == 200


async def test_a_gzip_bomb_is_refused_without_unpacking() -> None:
    bomb = gzip.compress(gzip.compress(b"[" * 300_000_000))
    async with serving() as api:
        for body in (bomb, gzip.compress(b"[" * 10_000_000)):
            answer = await send(api.port, request(body=body, Content_Encoding="gzip"))
            assert answer.status == 415


async def test_invalid_http_is_logged_in_one_line(quiet: pytest.LogCaptureFixture) -> None:
    async with serving() as api:
        for raw in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"POST /health HTTP/9.9\r\n\r\n",
            request(Content_Length="-1"),
            request(Content_Length=None, Transfer_Encoding="chunked", body=b"zz\r\nbad\r\n"),
            request(Content_Length=None, Transfer_Encoding="chunked, gzip", body=b"1\r\nx\r\n"),
            b"GET / HTTP/1.1\r\n" + b"A: " + b"x" * 20_000 + b"\r\n\r\n",
        ):
            answer = await send(api.port, raw)
            assert 400 <= answer.status < 500, (raw[:60], answer)
        assert (await send(api.port, request(body={"kind": "charge"}))).status == 202
    assert_no_traceback(quiet)


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.just(10**400)
    | st.text(st.characters(codec=None, categories=None), max_size=300)
    | st.sampled_from([kind.value for kind in InstructionKind] + ["heater", "lid", math.inf]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


KIND = st.sampled_from([kind.value for kind in InstructionKind]) | ODD


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={"kind": KIND, "value": ODD, "actuator": ODD, "percent": ODD, "other": ODD},
        ),
        min_size=20,
        max_size=20,
    )
)
async def test_any_type_in_any_field_is_accepted_or_refused(bodies: list[dict[str, Any]]) -> None:
    async with serving() as api:
        for path, body in itertools.product(PATHS.values(), bodies):
            answer = await send(api.port, request(path, body))
            assert answer.status in (202, 400, 409, 413), (path, body, answer)
            json.loads(answer.body)
        for asked in api.person.asked:
            assert asked.station == "kitchen"
            if isinstance(asked.value, str):
                assert asked.value.encode("utf-8").decode() == asked.value
                assert len(asked.value) <= 255
            else:
                assert asked.value is None or 0 <= asked.value <= 86_400
        for command in api.person.commands:
            assert 0 <= command.target <= 100


@pytest.mark.parametrize("kind", ["emergency_stop", "disarm", "stop"])
async def test_a_superfluous_value_does_not_refuse_a_stop(kind: str) -> None:
    async with serving(Person()) as api:
        answer = await send(api.port, request(body={"kind": kind, "value": {"odd": [1]}}))
        assert answer.status == 202
        assert [asked.value for asked in api.person.asked] == [None]
