"""Pairing a program: tokens for a password or a code, their limits, and their end."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSCloseCode, WSMsgType
from click.testing import CliRunner

from roastwatch.cli.programs import command as programs_command
from roastwatch.errors import RefusedError
from roastwatch.vocabulary import InstructionKind
from roastwatch.web import accounts
from roastwatch.web.accounts import CODE_S, MOST_PROGRAMS, Accounts, Role
from tests.support.http import serving
from tests.unit.test_web_live import checked
from tests.unit.test_web_sign_in import instructs, role_of, sign_in, signing

NAME = "Home Assistant"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same function with less work: what is tested does not depend on it."""
    monkeypatch.setattr(accounts, "_N", 2**10)
    monkeypatch.setattr(accounts, "_P", 1)


async def pair(session: aiohttp.ClientSession, **more: object) -> tuple[int, dict[str, Any]]:
    body: dict[str, object] = {"name": NAME} | more
    async with session.post("/api/v1/pair", json=body) as answer:
        return answer.status, await answer.json()


async def status(session: aiohttp.ClientSession, method: str, path: str, token: str = "") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body: dict[str, object] | None = None if method == "GET" else {}
    async with session.request(method, f"/api/v1/{path}", json=body, headers=headers) as answer:
        return answer.status


async def test_a_password_gives_a_token_of_its_role(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with signing(caplog, tmp_path) as (api, session, passwords):
        said, paired = await pair(session, password=passwords["operator"])
        assert (said, set(paired)) == (201, {"token", "instance", "id", "role"})
        assert (paired["instance"], paired["role"]) == ("roastwatch", "operator")
        assert paired["id"] == (tmp_path / "roastwatch.id").read_text().strip()
        said, viewer = await pair(session, password=passwords["viewer"])
        assert (said, viewer["role"]) == (201, "viewer")
        assert await instructs(session) == 401
        assert await instructs(session, Authorization=f"Bearer {viewer['token']}") == 403
        assert await instructs(session, Authorization=f"Bearer {paired['token']}") == 202
        assert api.person.asked[0].by.startswith(NAME)
        path = tmp_path / f"web-{api.port}.json"
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one["name"] for one in json.loads(text)["programs"]] == [NAME, NAME]
    for token in (paired["token"], viewer["token"]):
        assert token not in text
        assert token not in caplog.text


async def test_the_operators_token_pairs_as_a_code_and_no_other_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The app of Home Assistant hands it to the integration, which gets a token of its own."""
    async with signing(caplog, token="beans", viewer_token="leaves") as (_, session, _passwords):
        said, paired = await pair(session, code="beans")
        assert (said, paired["role"]) == (201, "operator")
        assert await instructs(session, Authorization=f"Bearer {paired['token']}") == 202
        assert (await pair(session, code="leaves"))[0] == 403
        assert (await pair(session, password="beans"))[0] == 403


async def test_a_code_pairs_once_however_it_is_written(caplog: pytest.LogCaptureFixture) -> None:
    async with signing(caplog) as (_, session, passwords):
        assert await status(session, "POST", "pairing-code") == 401
        await sign_in(session, passwords["viewer"])
        assert await status(session, "POST", "pairing-code") == 403
        await sign_in(session, passwords["operator"])
        async with session.post("/api/v1/pairing-code", json={}) as answer:
            made = await answer.json()
            assert (answer.status, made["valid_s"]) == (201, CODE_S)
        session.cookie_jar.clear()
        code = made["code"].upper().replace("-", " ")
        said, paired = await pair(session, code=code)
        assert (said, paired["role"]) == (201, "operator")
        assert (await pair(session, code=code))[0] == 403


def test_a_code_is_valid_for_a_while_only() -> None:
    now_s = 0.0
    kept = Accounts(None, lambda: now_s)
    code = kept.new_code()
    now_s = CODE_S
    assert not kept.pair(code)
    first, second = kept.new_code(), kept.new_code()
    assert not kept.pair(first)
    assert kept.pair(second)
    assert not kept.pair("")


@pytest.mark.parametrize(
    "body",
    [{}, {"password": "a", "code": "b"}, {"password": 1}, {"code": ""}, {"code": "b", "name": " "},
     {"code": "b", "name": "a\n"}, {"code": "b", "name": "a" * 61}, {"code": "b", "name": None}],
)  # fmt: skip
async def test_a_malformed_pairing_is_refused(
    body: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    async with signing(caplog) as (_, session, _passwords):
        said, answer = await pair(session, **body)
        assert (said, set(answer)) == (400, {"error"})


async def test_guesses_of_codes_and_passwords_are_slowed_together(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with signing(caplog) as (_, session, passwords):
        await sign_in(session, passwords["operator"])
        async with session.post("/api/v1/pairing-code", json={}) as answer:
            code = (await answer.json())["code"]
        session.cookie_jar.clear()
        found = [(await pair(session, code=f"aaaa-aaa{n}"))[0] for n in range(3)]
        found += [(await pair(session, password=f"guess {n}"))[0] for n in range(3)]
        assert found == [403] * 5 + [429]
        assert (await pair(session, code=code))[0] == 429  # even the right one has to wait
        assert await sign_in(session, passwords["operator"]) == 429


async def test_other_sites_and_open_apis_pair_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with signing(caplog) as (_, session, passwords):
        body = {"name": NAME, "password": passwords["operator"]}
        for headers in ({"Origin": "http://evil"}, {"Sec-Fetch-Site": "cross-site"}):
            async with session.post("/api/v1/pair", json=body, headers=headers) as answer:
                assert answer.status == 415
        async with session.post("/api/v1/pair", json=body, headers={"Host": "evil.org"}) as answer:
            assert answer.status == 403
    async with serving(token=None) as api, aiohttp.ClientSession(api.url) as session:
        assert (await pair(session, password="x"))[0] == 409
        assert await status(session, "GET", "me") == 200  # no token is needed
        assert await status(session, "GET", "programs") == 200


async def test_a_program_can_neither_pair_nor_revoke_nor_change_passwords(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with signing(caplog) as (_, session, passwords):
        _, paired = await pair(session, password=passwords["operator"])
        token = paired["token"]
        assert await status(session, "GET", "programs", token) == 200
        assert await status(session, "POST", "pairing-code", token) == 403
        assert await status(session, "POST", "password", token) == 403
        headers = {"Authorization": f"Bearer {token}"}
        async with session.get("/api/v1/programs", headers=headers) as answer:
            (row,) = (await answer.json())["programs"]
        assert (row["name"], row["role"], set(row)) == (
            NAME, "operator", {"id", "name", "role", "paired_at"},
        )  # fmt: skip
        assert await status(session, "DELETE", f"programs/{row['id']}", token) == 403


async def test_an_instruction_of_a_program_arms_in_two_steps(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with signing(caplog) as (api, session, passwords):
        _, paired = await pair(session, password=passwords["operator"])
        headers, base = {"Authorization": f"Bearer {paired['token']}"}, "/api/v1/stations/kitchen/"
        body = {"kind": "arm", "value": 60}
        async with session.post(base + "instruct", json=body, headers=headers) as answer:
            assert (answer.status, (await answer.json())["outcome"]) == (202, "unconfirmed")
        assert not api.person.asked
        async with session.post(base + "set/confirm_arming", json={}, headers=headers) as answer:
            assert answer.status == 202
        assert [one.kind for one in api.person.asked] == [InstructionKind.ARM]


async def test_a_revoked_token_is_refused_and_its_sockets_are_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with signing(caplog) as (api, session, passwords):
        _, paired = await pair(session, password=passwords["operator"])
        _, other = await pair(session, password=passwords["operator"])
        headers = {"Authorization": f"Bearer {paired['token']}"}
        kept = {"Authorization": f"Bearer {other['token']}"}
        async with (
            aiohttp.ClientSession(api.url) as program,
            program.ws_connect("/api/v1/live", headers=headers) as socket,
            program.ws_connect("/api/v1/live", headers=kept) as staying,
        ):
            await socket.receive_str()
            await staying.receive_str()
            await sign_in(session, passwords["operator"])
            async with session.get("/api/v1/programs") as answer:
                first, second = (one["id"] for one in (await answer.json())["programs"])
            assert first != second
            assert await status(session, "DELETE", f"programs/{first}") == 200
            async with asyncio.timeout(5):  # at once, not before the next message
                assert checked(await socket.receive_str())["type"] == "error"
                closing = await socket.receive()
            assert (closing.type, closing.data) == (WSMsgType.CLOSE, WSCloseCode.POLICY_VIOLATION)
            assert not staying.closed
            session.cookie_jar.clear()
            assert await instructs(session, **headers) == 401
            assert await instructs(session, **kept) == 202
            assert await role_of(session) is None
        await sign_in(session, passwords["operator"])
        assert await status(session, "DELETE", f"programs/{first}") == 404


async def test_the_command_revokes_while_the_service_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with signing(caplog, tmp_path) as (_, session, passwords):
        _, paired = await pair(session, password=passwords["operator"], name="Hütte")
        headers = {"Authorization": f"Bearer {paired['token']}"}
        folder = ["--data-dir", str(tmp_path)]
        listed = await asyncio.to_thread(CliRunner().invoke, programs_command, folder)
        name = listed.output.split()[0]
        assert "operator" in listed.output
        assert listed.output.endswith("Hütte\n")
        assert await instructs(session, **headers) == 202
        done = await asyncio.to_thread(
            CliRunner().invoke, programs_command, [*folder, "--revoke", name]
        )
        assert done.output == "Revoked.\n"
        assert await instructs(session, **headers) == 401
        assert await sign_in(session, passwords["operator"]) == 200  # the rest holds
        again = await asyncio.to_thread(
            CliRunner().invoke, programs_command, [*folder, "--revoke", name]
        )
        assert "No program has the id" in str(again.exception)
        listed = await asyncio.to_thread(CliRunner().invoke, programs_command, folder)
        assert listed.output == "No program is paired.\n"


async def test_tokens_outlive_the_service_and_are_limited(tmp_path: Path) -> None:
    path = tmp_path / "web-1.json"
    kept = Accounts(path)
    tokens = [await kept.pair_program(Role.VIEWER, f"{n}") for n in range(MOST_PROGRAMS)]
    with pytest.raises(RefusedError, match="revoke one"):
        await kept.pair_program(Role.VIEWER, "one more")
    again = Accounts(path)
    assert [one.name for one in again.programs()] == [f"{n}" for n in range(MOST_PROGRAMS)]
    found = again.program(tokens[3])
    assert found is not None
    assert await again.revoke(found.id)
    assert kept.program(tokens[3]) is None  # it looks at the file
    assert kept.program(tokens[4]) is not None
    assert again.program("") is None
