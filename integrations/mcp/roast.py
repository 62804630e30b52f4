"""A whole roast by a scripted agent: what it may do, and what is refused (docs/how-to/agents.md).

Run it where roastwatch runs: `python roast.py agent.token`. A language model calls the same tools.
"""

import asyncio
import sys
from typing import Any

from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import TextContent

STATION = "kitchen"


async def call(agent: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool and print what became of it."""
    result = await agent.call_tool(tool, {"station": STATION, **arguments})
    shown = ", ".join(f"{name}={value}" for name, value in arguments.items())
    if result.is_error:
        said = " ".join(one.text for one in result.content if isinstance(one, TextContent))
        print(f"{tool}({shown}): REFUSED: {said.partition(': ')[2]}")
        return {}
    found: dict[str, Any] = result.structured_content or {}
    print(f"{tool}({shown}): {found.get('outcome') or found.get('summary')}")
    return found


async def roast(agent: Client) -> None:
    """Begin, wait for first crack, confirm, lower heat, drop, cool."""
    await call(agent, "ask_to_arm")
    print("Waiting for a person to arm the roaster and to set the heat …")
    while not (await state(agent)).get("heater"):
        await asyncio.sleep(2)
    await call(agent, "begin_roast")
    await call(agent, "set_heat", percent=100)  # more than the person set
    cracked = await call(agent, "wait_for_first_crack", timeout_s=1200)
    if not cracked.get("first_crack"):
        await call(agent, "emergency_stop")
        return
    await call(agent, "confirm_first_crack", event_id=cracked["event"]["event_id"])
    await call(agent, "set_heat", percent=20)
    await call(agent, "set_fan", percent=60)
    await call(agent, "watch_roast", for_s=20)
    if await call(agent, "drop_beans"):
        await call(agent, "set_cooling", percent=100)
    else:
        await call(agent, "add_note", text="Please drop: 20 s of development.")


async def state(agent: Client) -> dict[str, Any]:
    """The station's values."""
    result = await agent.call_tool("show_station", {"station": STATION})
    found: dict[str, Any] = (result.structured_content or {}).get("state", {})
    return found


async def main() -> None:
    """Start `roastwatch mcp` and roast."""
    words = ["mcp", "--token-file", *sys.argv[1:]]
    server = StdioServerParameters(command="roastwatch", args=words)
    async with Client(stdio_client(server)) as agent:
        await roast(agent)


if __name__ == "__main__":
    asyncio.run(main())
