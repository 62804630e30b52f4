"""MCP over HTTP, at the API's own server: who may do what, and how much of it."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from roastwatch.errors import MissingExtraError
from roastwatch.vocabulary import Origin
from roastwatch.web.agents import MCP_PATH, AgentLimits, need_library
from tests.support.events import snapshot
from tests.support.http import Served, free_port, request, send, serving
from tests.support.mcp_http import http_agent
from tests.support.until import until

KITCHEN = {"station": "kitchen"}
NOTE = {**KITCHEN, "text": "smells of bread"}
TOKENS = {"token": "beans", "viewer_token": "look", "agent_token": "helper"}
HELLO: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "claude", "version": "1"},
    },
}
TAKES: dict[str, Any] = {"Accept": "application/json, text/event-stream"}


@contextlib.asynccontextmanager
async def offered(**options: Any) -> AsyncIterator[Served]:
    """An API that offers MCP, as soon as it answers."""
    async with serving(mcp=True, **TOKENS | options) as served:
        await until(lambda: answers(served), 20.0)
        yield served


async def answers(served: Served) -> bool:
    return (await send(served.port, request(MCP_PATH, HELLO, **TAKES))).status == 200


def said(result: Any) -> str:
    return " ".join(one.text for one in result.content)


async def test_the_token_decides_and_every_caller_stays_an_agent() -> None:
    async with offered() as served:
        for token in TOKENS.values():
            async with http_agent(served.port, token) as agent:
                assert not (await agent.call_tool("show_station", KITCHEN)).is_error
                noted = await agent.call_tool("add_note", NOTE)
                assert noted.is_error == (token == "look")
                if noted.is_error:
                    assert "A viewer can't do this" in said(noted)
                heat = await agent.call_tool("set_heat", {**KITCHEN, "percent": 5})
                assert heat.is_error
        assert [one.origin for one in served.person.asked] == [Origin.AGENT] * 2
        assert [one.by for one in served.person.commands] == ["agent mcp"] * 2


async def test_an_agent_without_a_name_stays_one() -> None:
    """An empty header once made a person of it."""
    async with offered() as served:
        body = {"kind": "note", "value": "hello"}
        for name in ("", " ", "\t"):
            await send(served.port, request(body=body, Roastwatch_Agent=name))
        async with aiohttp.ClientSession(headers=TAKES | bearer("beans")) as session:
            params = {**HELLO["params"], "clientInfo": {"name": "\r\nX: y", "version": "1"}}
            url = served.url + MCP_PATH
            async with session.post(url, json=HELLO | {"params": params}) as answer:
                session.headers["Mcp-Session-Id"] = answer.headers["Mcp-Session-Id"]
            call = {"name": "add_note", "arguments": NOTE}
            sent = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}
            async with session.post(url, json=sent) as answer:
                assert 'isError":false' in await answer.text()
        assert {one.origin for one in served.person.asked} == {Origin.AGENT}
        by = [one.by for one in served.person.asked]
        assert by == ["agent without a name"] * 3 + ["agent \\r\\nX: y"]


async def test_who_has_no_token_or_comes_from_a_web_page_is_refused() -> None:
    async with offered() as served:

        async def status(body: object = HELLO, method: str = "POST", **headers: Any) -> int:
            raw = request(MCP_PATH, body, method, **TAKES | headers)
            return (await send(served.port, raw)).status

        assert await status(Authorization=None) == 401
        assert await status(Authorization="Bearer guess") == 401
        assert await status(Host="evil.example") == 403
        assert await status(Host="192.0.2.7") == 403
        assert await status(Origin="https://evil.example") == 415
        assert await status(method="GET", body=b"", Origin="https://evil.example") == 403
        assert await status(Content_Type="text/plain") == 415
        assert await status([HELLO, HELLO]) == 400
        assert await status(b"{" * 50_000) == 400
        assert await status(b'{"a":"' + b"b" * 70_000 + b'"}') == 413
        assert await status(method="PUT") == 405
        assert await status() == 200


async def test_a_session_is_only_open_to_its_token_and_ends() -> None:
    async with offered() as served, aiohttp.ClientSession(headers=TAKES) as session:
        url = served.url + MCP_PATH
        async with session.post(url, json=HELLO, headers=bearer("helper")) as answer:
            own = {"Mcp-Session-Id": answer.headers["Mcp-Session-Id"]}
        asks = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        for token, expected in (("beans", 404), ("look", 404), ("helper", 200)):
            async with session.post(url, json=asks, headers=own | bearer(token)) as answer:
                assert answer.status == expected
        async with session.delete(url, headers=own | bearer("helper")) as answer:
            assert answer.status == 200
        async with session.post(url, json=asks, headers=own | bearer("helper")) as answer:
            assert answer.status == 404


async def test_sessions_are_bounded() -> None:
    async with offered() as served:
        opened = [await answers(served) for _ in range(AgentLimits().sessions + 1)]
        assert opened.count(True) == AgentLimits().sessions - 1  # one is that of `offered`
        assert not opened[-1]
        assert (await send(served.port, request("/api/v1/me", method="GET"))).status == 200


async def test_waiting_calls_are_bounded_and_end_with_their_client() -> None:
    async with offered() as served:
        async with http_agent(served.port, "helper") as agent:
            waits = {**KITCHEN, "timeout_s": 600}
            started: set[int] = set()

            async def wait(number: int) -> None:
                async def report(progress: float, total: float | None, message: str | None) -> None:
                    started.add(number)

                await agent.call_tool("wait_for_first_crack", waits, progress_callback=report)

            most = AgentLimits().requests
            tasks = [asyncio.create_task(wait(number)) for number in range(most)]
            await until(lambda: len(started) == most, 20.0)
            refused = await send(served.port, request(MCP_PATH, HELLO, **TAKES))
            assert (refused.status, "Too many MCP" in refused.error) == (503, True)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: answers(served), 20.0)


async def test_a_subscription_reports_changes_and_ends_with_the_server() -> None:
    uri = "roastwatch://stations/kitchen"
    async with offered(ends=True) as served, contextlib.AsyncExitStack() as stack:
        agent = await stack.enter_async_context(http_agent(served.port, "look"))
        async with agent.listen(resource_subscriptions=[uri]) as changes:
            served.latest.set({"kitchen": snapshot("kitchen", elapsed_s=70.0)})
            async for change in changes:
                assert change.uri == uri
                break
            read = json.loads((await agent.read_resource(uri)).contents[0].text)
            assert read["state"]["elapsed"] == 70.0
        hearing = await stack.enter_async_context(agent.listen(resource_subscriptions=[uri]))
        served.task.cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(served.task, return_exceptions=True)
            with contextlib.suppress(Exception):
                async for _change in hearing:
                    pass


async def test_it_is_off_unless_set() -> None:
    async with serving() as served:
        assert (await send(served.port, request(MCP_PATH, HELLO, **TAKES))).status == 404


def test_without_its_library_the_setting_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "roastwatch.mcp.server", None)
    with pytest.raises(MissingExtraError, match=r"roastwatch\[mcp\]"):
        need_library()


async def test_without_tokens_programs_of_this_machine_are_agents() -> None:
    port = free_port()
    async with serving(mcp=True, token=None, port=port) as served:
        await until(lambda: answers(served), 20.0)
        async with http_agent(port, None) as agent:
            assert not (await agent.call_tool("add_note", NOTE)).is_error
        [note] = served.person.asked
        assert note.origin is Origin.AGENT


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
