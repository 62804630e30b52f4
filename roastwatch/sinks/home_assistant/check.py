"""For `roastwatch doctor`: log in to Home Assistant, and try what the sinks do there."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from roastwatch.errors import BadInputError, LostError
from roastwatch.inbound import Mishaps
from roastwatch.sinks.sink import Finding

if TYPE_CHECKING:
    from roastwatch.sinks.home_assistant.link import HomeAssistantLink

_log = logging.getLogger(__name__)
_EVENT = "roastwatch_doctor"
_HEARD_WITHIN_S = 5.0


async def check_bus(link_to: "Callable[[], HomeAssistantLink]", place: str) -> list[Finding]:
    """Whether the token allows firing and receiving an event, as the sink does."""
    mine, heard = uuid.uuid4().hex, asyncio.Event()
    mishaps = Mishaps(_log, lambda _counter: None)

    async def hear(fired: dict[str, Any]) -> None:
        if fired.get("session") == mine:
            heard.set()

    try:
        async with link_to() as link:
            listening = asyncio.create_task(link.listen(_EVENT, hear, mishaps))
            waiting = asyncio.create_task(heard.wait())
            try:
                async with asyncio.timeout(_HEARD_WITHIN_S):
                    while not waiting.done() and not listening.done():
                        await link.fire(_EVENT, {"session": mine})
                        await asyncio.wait(
                            {listening, waiting},
                            timeout=0.5,
                            return_when=asyncio.FIRST_COMPLETED,
                        )
                if listening.done():
                    await listening
            finally:
                waiting.cancel()
                listening.cancel()
                await asyncio.gather(waiting, listening, return_exceptions=True)
    except (LostError, BadInputError) as error:
        return [Finding(False, str(error))]
    except TimeoutError:
        return [
            Finding(
                False,
                f"{place}: the token is accepted, but fired events do not arrive on the WebSocket: "
                "does a proxy in between block it?",
            )
        ]
    return [Finding(True, f"{place}: the token is accepted, events are fired and received")]


async def check_names(
    link_to: "Callable[[], HomeAssistantLink]",
    place: str,
    services: Collection[str],
    scenes: Collection[str],
) -> list[Finding]:
    """Whether Home Assistant has these services and scenes."""
    try:
        async with link_to() as link:
            missing = sorted(set(services) - await link.services())
            missing += sorted(set(scenes) - await link.entities()) if scenes else []
    except (LostError, BadInputError) as error:
        return [Finding(False, str(error))]
    if missing:
        text = f"Home Assistant has no {', '.join(missing)}: is the name right?"
        return [Finding(False, text)]
    named = ", ".join([*services, *scenes])
    return [Finding(True, f"{place}: the token is accepted, and there is {named}")]
