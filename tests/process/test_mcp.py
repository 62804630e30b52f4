"""The official MCP client, by both of its transports, in a roast of the whole service."""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import CallToolResult, TextContent

from roastwatch.roastlog.store import Store
from tests.process.test_web_service import browser, post, running
from tests.support.guarded import guarded
from tests.support.http import free_port
from tests.support.made_roasts import made_roast
from tests.support.mcp_http import http_agent
from tests.support.until import until

KITCHEN = {
    "source": {"type": "demo", "seed": 3, "speed": 6, "first_crack_at_s": 60, "fooling_per_h": 0},
    "model": {"type": "transients"},
    "roast": {"begins": "sound"},
}
TOKENS = {"token": "person's", "agent_token": "agent's"}
EARLIER = "made-0"
Connects = Callable[[Path, int], contextlib.AbstractAsyncContextManager[Client]]


def over_stdio(folder: Path, port: int) -> Client:
    """An agent that starts `roastwatch mcp` by itself."""
    file = folder / "agent.token"
    file.write_text(TOKENS["agent_token"] + "\n")
    words = ("mcp", "--url", f"http://127.0.0.1:{port}", "--token-file", str(file))
    return Client(
        stdio_client(
            StdioServerParameters(command=sys.executable, args=["-m", "roastwatch", *words])
        )
    )


def over_http(_folder: Path, port: int) -> contextlib.AbstractAsyncContextManager[Client]:
    """An agent that connects to the service."""
    return http_agent(port, TOKENS["agent_token"])


def sentence(result: CallToolResult) -> str:
    assert result.is_error, result
    [text] = result.content
    assert isinstance(text, TextContent)
    return text.text


async def call(agent: Client, tool: str, **arguments: Any) -> Any:
    result = await agent.call_tool(tool, arguments)
    assert not result.is_error, result
    return result.structured_content


async def reads_the_log(agent: Client, roast_id: str) -> None:
    """The roast that has just been dropped, and how it compares with an earlier one."""

    async def roast() -> dict[str, Any]:
        result = await agent.call_tool("read_roast", {"roast_id": roast_id, "points": 20})
        return {} if result.is_error else result.structured_content or {}

    async def whole() -> dict[str, Any]:
        found = await roast()
        return found if {"first_crack", "drop"} <= {e["kind"] for e in found["events"]} else {}

    found = await until(whole, 30.0)
    [crack] = [one for one in found["events"] if one["kind"] == "first_crack"]
    assert (crack["level"], crack["label"]) == ("certain", None)  # an agent hears nothing
    assert "smells of bread" in [one["text"] for one in found["controls"]]
    assert all(len(one["at_s"]) <= 20 for one in found["curves"])
    listed = await call(agent, "list_roasts", limit=1)
    assert listed["total"] == 2
    assert [one["roast_id"] for one in listed["roasts"]] == [roast_id]
    compared = await call(agent, "compare_roasts", roast_ids=[EARLIER, roast_id])
    beans_c = compared["figures"]["first_crack_c"]
    assert beans_c["values"][1] == pytest.approx(crack["bean_temp_c"], abs=0.1)
    assert beans_c["against_first"] == [
        0,
        pytest.approx(beans_c["values"][1] - beans_c["values"][0]),
    ]
    # Its charge is unknown, so seconds would count from another moment than the earlier roast's.
    assert compared["figures"]["first_crack_s"]["values"] == [495, None]
    assert "no id of a roast" in sentence(
        await agent.call_tool("read_roast", {"roast_id": "../me"})
    )


@pytest.mark.parametrize("connects", [over_stdio, over_http])
def test_an_agent_waits_for_first_crack_confirms_lowers_heat_and_drops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connects: Connects
) -> None:
    asyncio.run(_roast(tmp_path, monkeypatch, connects))


async def _roast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connects: Connects) -> None:
    port = free_port()
    with Store(tmp_path / "log.db", create=True) as log:
        log.import_record(made_roast())
    roaster = {"type": "simulated", "drum_c": 120}
    station = KITCHEN | {"roaster": roaster, "roaster_limits": {"agent_drop": True}}
    async with guarded() as place:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        async with contextlib.AsyncExitStack() as stack:
            if connects is over_stdio:  # it is there before the service
                agent = await stack.enter_async_context(connects(tmp_path, port))
            service = await stack.enter_async_context(
                running(tmp_path, station, port=port, mcp=True, **TOKENS)
            )
            person = await stack.enter_async_context(browser(port))
            if connects is over_http:
                agent = await stack.enter_async_context(connects(tmp_path, port))
            person.headers["Authorization"] = f"Bearer {TOKENS['token']}"
            kitchen = service.stations["kitchen"]
            reported: list[str] = []

            async def progress(progress: float, total: float | None, message: str | None) -> None:
                reported.append(message or "")

            async with asyncio.timeout(60):
                while (await agent.call_tool("show_station", {"station": "kitchen"})).is_error:
                    await asyncio.sleep(0.1)
            uri = "roastwatch://stations/kitchen"
            async with asyncio.timeout(60), agent.listen(resource_subscriptions=[uri]) as changes:
                assert "phase" in (await agent.read_resource(uri)).contents[0].text
                async for change in changes:
                    assert change.uri == uri
                    break
            waiting = asyncio.create_task(
                agent.call_tool(
                    "wait_for_first_crack",
                    {"station": "kitchen", "timeout_s": 120},
                    progress_callback=progress,
                )
            )
            # Only a person arms and raises heat.
            assert "can't arm" in sentence(
                await agent.call_tool("ask_to_arm", {"station": "kitchen"})
            )
            await until(lambda: kitchen.reading is not None, 60.0)
            heat = {"station": "kitchen", "percent": 50}
            assert "not armed" in sentence(await agent.call_tool("set_heat", heat))

            async def heating() -> None:
                """On a loaded computer, the guardian may take the lease: then it is armed again."""
                async with asyncio.timeout(60):
                    while True:
                        await post(person, "stations/kitchen/instruct", kind="arm", value=600)
                        await until(lambda: kitchen.snapshot().roaster.armed, 30.0)
                        done = await post(
                            person, "stations/kitchen/command", actuator="heater", percent=50
                        )
                        if done[0] == 200:
                            return

            async def with_heat(tool: str, **arguments: Any) -> CallToolResult:
                """Call a tool while the roaster is armed and heats."""
                while True:
                    await heating()
                    result = await agent.call_tool(tool, {"station": "kitchen", **arguments})
                    if kitchen.snapshot().roaster.armed:
                        return result

            listed = await call(agent, "list_roasts")
            assert EARLIER in [one["roast_id"] for one in listed["roasts"]]
            refusal = sentence(await with_heat("set_heat", percent=80))
            assert "agent may not raise heat" in refusal
            assert "agent_raise" in refusal
            lowered = await with_heat("set_heat", percent=30)
            assert lowered.structured_content["applied"] == 30

            cracked = (await waiting).structured_content
            assert cracked["first_crack"]
            assert cracked["event"]["kind"] == "first_crack"
            assert reported
            confirmed = await call(agent, "confirm_first_crack", station="kitchen")
            assert confirmed["state"]["first_crack_level"] == "certain"
            await call(agent, "add_note", station="kitchen", text="smells of bread")

            dropped = (await with_heat("drop_beans")).structured_content
            assert "drop" in [one["event_type"] for one in dropped["new_events"]]
            await until(lambda: kitchen.reading.heater_percent == 0, 30.0)
            events = await call(agent, "read_events", station="kitchen")
            types = [one["event_type"] for one in events["result"]]
            assert types.index("first_crack_certain") < types.index("drop")
            roast_id = cracked["event"]["roast_id"]
            await reads_the_log(agent, roast_id)
    with Store(tmp_path / "log.db") as log:
        noted = [one.text for one in log.record(roast_id).controls if one.what == "note"]
        rows = log.connection.execute(
            "SELECT actuator, outcome, reason FROM commands WHERE origin = 'agent'"
        ).fetchall()
    by = "agent mcp: "  # the name by which the official client introduces itself
    assert f"{by}confirm_crack: accepted." in noted
    assert any(one.startswith(f"{by}drop: accepted") for one in noted)
    assert ("heater", "applied", by) in rows
    assert {("arm", "refused"), ("heater", "refused"), ("drop", "accepted")} <= {
        row[:2] for row in rows
    }
