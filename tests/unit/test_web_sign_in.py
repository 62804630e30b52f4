"""Sign-in over real HTTP: passwords shown once, cookies, roles, limits, and what is stored."""

import asyncio
import contextlib
import json
import logging
import re
import stat
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from roastwatch.errors import BadInputError, SettingsError
from roastwatch.web import accounts
from roastwatch.web.accounts import SESSION_S, Accounts, PasswordHash, Role
from roastwatch.web.attempts import Attempts
from tests.support.http import Served, free_port, serving
from tests.unit.test_web_live import Follower

SHOWN = re.compile(r"(operator|viewer) +(\S+)")
"""A line of the file of new passwords."""


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same function with less work: what is tested does not depend on it."""
    monkeypatch.setattr(accounts, "_N", 2**10)
    monkeypatch.setattr(accounts, "_P", 1)


@contextlib.asynccontextmanager
async def signing(
    caplog: pytest.LogCaptureFixture, folder: Path | None = None, **options: Any
) -> AsyncIterator[tuple[Served, aiohttp.ClientSession, dict[str, str]]]:
    """An API with sign-in, a browser that has not signed in, and the passwords that were shown."""
    caplog.set_level(logging.INFO)
    with tempfile.TemporaryDirectory() as own:
        folder = folder or Path(own)
        async with (
            serving(folder=folder, **({"sign_in": True, "token": None} | options)) as api,
            aiohttp.ClientSession(api.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        ):
            yield api, session, shown(folder, api.port)


def shown(folder: Path, port: int) -> dict[str, str]:
    """The new passwords that were stored for the owner; the file is deleted, as people should."""
    file = folder / f"web-{port}.passwords"
    if not file.exists():
        return {}
    text = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()
    return dict(SHOWN.findall(text))


async def sign_in(session: aiohttp.ClientSession, password: object, **headers: str) -> int:
    body = {"password": password}
    async with session.post("/api/v1/sign-in", json=body, headers=headers) as answer:
        found = await answer.json()
        assert set(found) == ({"role"} if answer.status == 200 else {"error"})
        return answer.status


async def role_of(session: aiohttp.ClientSession) -> str | None:
    async with session.get("/api/v1/me") as answer:
        return str((await answer.json())["role"]) if answer.status == 200 else None


async def instructs(session: aiohttp.ClientSession, **headers: str) -> int:
    url, body = "/api/v1/stations/kitchen/instruct", {"kind": "emergency_stop"}
    async with session.post(url, json=body, headers=headers) as answer:
        return answer.status


async def test_both_passwords_are_shown_once_and_give_their_role(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    async with signing(caplog, tmp_path, port=port) as (api, session, passwords):
        assert set(passwords) == {"operator", "viewer"}
        assert await role_of(session) is None
        assert await instructs(session) == 401
        assert await sign_in(session, passwords["viewer"]) == 200
        assert await role_of(session) == "viewer"
        assert await instructs(session) == 403
        assert await sign_in(session, passwords["operator"]) == 200
        assert await role_of(session) == "operator"
        assert await instructs(session) == 202
        assert len(api.person.asked) == 1
    caplog.clear()
    async with signing(caplog, tmp_path, port=port) as (_, session, again):
        assert again == {}
        assert await sign_in(session, passwords["operator"]) == 200


async def test_a_session_outlives_the_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{port}", cookie_jar=aiohttp.CookieJar(unsafe=True)
    ) as browser:
        async with signing(caplog, tmp_path, port=port) as (_, _session, passwords):
            assert await sign_in(browser, passwords["operator"]) == 200
        async with signing(caplog, tmp_path, port=port):
            assert await role_of(browser) == "operator"
            async with browser.post("/api/v1/sign-out", json={}) as answer:
                assert answer.status == 200
            assert await role_of(browser) is None


async def test_the_cookie_is_kept_from_scripts_and_other_sites(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with signing(caplog) as (_, session, passwords):
        body = {"password": passwords["operator"]}
        async with session.post("/api/v1/sign-in", json=body) as answer:
            cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("roastwatch_roastwatch=")
        assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
        assert "Path" not in cookie  # that of the request, below whatever prefix
        assert "Secure" not in cookie
        headers = {"Origin": "https://roast.lan", "X-Forwarded-Host": "roast.lan"}
        async with session.post("/api/v1/sign-in", json=body, headers=headers) as answer:
            assert "Secure" in answer.headers["Set-Cookie"].split("; ")


async def test_only_hashes_are_stored_for_the_owner_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with signing(caplog, tmp_path) as (api, session, passwords):
        assert await sign_in(session, passwords["operator"]) == 200
        path = tmp_path / f"web-{api.port}.json"
        token = next(iter(session.cookie_jar)).value
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert len(json.loads(text)["sessions"]) == 1
    for secret in (*passwords.values(), token):
        assert secret not in text
        assert secret.encode().hex() not in text
    assert token not in caplog.text


@pytest.mark.parametrize(
    "text", ["", "[]", '{"passwords": {"king": {}}}', '{"x": 1}', "[" * 60_000, "\x00"]
)
def test_a_file_that_is_not_ours_is_refused_with_what_to_do(tmp_path: Path, text: str) -> None:
    path = tmp_path / "web.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match="delete it to have new passwords"):
        Accounts(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(SettingsError, match="can't be read"):
        Accounts(path)


async def test_a_full_disk_keeps_the_passwords_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "web.json.part" / "in the way").mkdir(parents=True)
    kept = Accounts(tmp_path / "web.json")
    passwords = await kept.create_missing()
    assert "can't be stored" in caplog.text
    assert await kept.role_of(passwords[Role.VIEWER]) is Role.VIEWER


@pytest.mark.parametrize("password", [None, 5, "", [], {"a": 1}, "x" * 201, "a\nb", "\ud800"])
async def test_a_password_of_the_wrong_type_is_refused(
    password: object, caplog: pytest.LogCaptureFixture
) -> None:
    async with signing(caplog) as (_, session, _passwords):
        assert await sign_in(session, password) == 400


async def test_wrong_passwords_are_slowed_down_also_in_parallel(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with signing(caplog) as (_, session, passwords):
        tries = await asyncio.gather(*(sign_in(session, "wrong") for _ in range(30)))
        assert tries.count(403) == 5
        assert set(tries) == {403, 429, 503}
        body = {"password": passwords["operator"]}
        async with session.post("/api/v1/sign-in", json=body) as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) >= 1
            assert "try again in" in (await answer.json())["error"]


async def test_a_viewer_can_not_guess_the_operators_password_faster(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with signing(caplog) as (_, session, passwords):
        statuses = []
        for _ in range(5):
            statuses.append(await sign_in(session, "wrong"))
            statuses.append(await sign_in(session, passwords["viewer"]))
        assert statuses[:9] == [403, 200] * 4 + [403]
        assert statuses[9] == 429


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
    ],
)
async def test_another_site_can_neither_sign_in_nor_use_a_session(
    headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with signing(caplog) as (api, session, passwords):
        assert await sign_in(session, passwords["operator"], **headers) == 415
        assert await sign_in(session, passwords["operator"]) == 200
        assert await instructs(session, **headers) == 415
        assert not api.person.asked
        if "Content-Type" not in headers:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                await session.ws_connect("/api/v1/live", headers=headers)
            assert refusal.value.status == 403


@pytest.mark.parametrize("cookie", ["", "x", "x" * 4000, "ö", '"', "a; roastwatch_roastwatch=b"])
async def test_a_made_up_cookie_is_nobody(cookie: str, caplog: pytest.LogCaptureFixture) -> None:
    async with signing(caplog) as (_, session, _passwords):
        headers = {"Cookie": f"roastwatch_roastwatch={cookie}"}
        assert await instructs(session, **headers) == 401


async def test_a_token_counts_beside_sign_in_and_a_wrong_one_hides_the_cookie(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with signing(caplog, token="beans", viewer_token="look") as (_, session, passwords):
        assert await instructs(session, Authorization="Bearer beans") == 202
        assert await instructs(session, Authorization="Bearer look") == 403
        assert await sign_in(session, passwords["operator"]) == 200
        assert await instructs(session, Authorization="Bearer x") == 401


async def change(session: aiohttp.ClientSession, **body: object) -> int:
    async with session.post("/api/v1/password", json=body) as answer:
        return answer.status


async def test_a_changed_password_ends_the_sessions_of_its_role(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        signing(caplog, tmp_path) as (api, operator, passwords),
        aiohttp.ClientSession(api.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as viewer,
    ):
        assert await sign_in(operator, passwords["operator"]) == 200
        assert await sign_in(viewer, passwords["viewer"]) == 200
        own = passwords["operator"]
        assert await change(viewer, role="viewer", password="a new password", current=own) == 403
        assert await change(operator, role="viewer", password="short", current=own) == 400
        assert await change(operator, role="king", password="a new password", current=own) == 400
        assert await change(operator, role="viewer", password=own, current=own) == 400
        wrong = passwords["viewer"]
        assert (
            await change(operator, role="viewer", password="a new password", current=wrong) == 403
        )
        assert await role_of(viewer) == "viewer"
        assert await change(operator, role="viewer", password="a new password", current=own) == 200
        assert (await role_of(viewer), await role_of(operator)) == (None, "operator")
        assert await sign_in(viewer, passwords["viewer"]) == 403
        assert await sign_in(viewer, "a new password") == 200
        assert "a new password" not in caplog.text


async def test_signing_out_ends_the_live_connection(caplog: pytest.LogCaptureFixture) -> None:
    async with signing(caplog) as (api, session, passwords):
        assert await sign_in(session, passwords["viewer"]) == 200
        async with session.ws_connect("/api/v1/live") as socket:
            follower = Follower(socket)
            await follower.next()
            async with session.post("/api/v1/sign-out", json={}) as answer:
                assert answer.status == 200
            kitchen = (api.latest.value or {})["kitchen"]
            api.latest.set({"kitchen": replace(kitchen, elapsed_s=1000.0)})
            assert await follower.next() == {"type": "error", "error": "Sign in again."}
            await socket.receive()
            assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_sessions_end_by_time_and_are_bounded() -> None:
    now_s = [1000.0]
    kept = Accounts(None, lambda: now_s[0])
    tokens = [await kept.begin(Role.VIEWER) for _ in range(70)]
    assert [kept.session(token) is not None for token in tokens] == [False] * 6 + [True] * 64
    now_s[0] += SESSION_S + 1
    assert kept.session(tokens[-1]) is None


async def test_one_role_can_not_take_the_password_of_the_other() -> None:
    kept = Accounts(None)
    passwords = await kept.create_missing()
    with pytest.raises(BadInputError, match="other role"):
        await kept.change(Role.VIEWER, passwords[Role.OPERATOR])


def test_attempts_double_their_wait_and_are_forgotten() -> None:
    now_s = [0.0]
    attempts = Attempts(lambda: now_s[0])
    for _ in range(4):
        attempts.failed("192.0.2.1")
    assert attempts.wait_s("192.0.2.1") == 0
    waits = []
    for _ in range(9):
        attempts.failed("192.0.2.1")
        waits.append(attempts.wait_s("192.0.2.1"))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert attempts.wait_s("192.0.2.2") == 0
    now_s[0] += 901
    assert attempts.wait_s("192.0.2.1") == 0


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "192.0.2.1", False),
    ],
)
def test_addresses_of_one_network_share_their_attempts(first: str, second: str, same: bool) -> None:
    attempts = Attempts(lambda: 0.0)
    for _ in range(6):
        attempts.failed(first)
    assert (attempts.wait_s(second) > 0) is same


def test_many_addresses_together_wait_too_and_cost_little() -> None:
    now_s = [0.0]
    attempts = Attempts(lambda: now_s[0])
    for number in range(5000):
        attempts.failed(f"10.0.{number // 256}.{number % 256}")
    assert len(attempts._failed) == 1024
    assert attempts.wait_s("192.0.2.9") == 60
    now_s[0] += 60
    assert attempts.wait_s("192.0.2.9") == 0


async def test_sign_in_serves_beyond_this_machine_only_with_passwords(tmp_path: Path) -> None:
    """The passwords exist before the first connection is accepted."""
    async with serving(folder=tmp_path, token=None, sign_in=True, host="0.0.0.0") as api:
        stored = json.loads((tmp_path / f"web-{api.port}.json").read_text())
        assert set(stored["passwords"]) == {"operator", "viewer"}


def test_the_shipped_hash_costs_an_attacker_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """OWASP's minimum for scrypt: N=2^14, r=8, p=5 or the like."""
    monkeypatch.undo()
    hashed = PasswordHash.of("béans")
    assert (hashed.n, hashed.r, hashed.p) == (2**14, 8, 5)
    assert hashed.fits("béans")
    assert not hashed.model_copy(update={"p": 4}).fits("béans")
