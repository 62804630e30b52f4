"""A broker of MQTT 3.1.1 only, as it looks on the wire: a guard before a real Mosquitto.

MQTT 3.1.1, 3.1.2.2: a server that does not support the protocol level must answer CONNACK with
return code 1 and close; some close at once instead. What speaks 3.1.1 is passed on as it is.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field

from tests.support.streams import Accept, serving_streams

_REFUSED = bytes([0x20, 2, 0, 1])
_LEVEL_3_1_1 = 4


@dataclass
class OldBroker:
    """The guard, and which protocol levels clients have tried."""

    behind: int
    answers: bool = True
    levels: list[int] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        try:
            head = await reader.readexactly(2)
            while head[-1] & 0x80:  # the rest of the remaining length
                head += await reader.readexactly(1)
            name = await reader.readexactly(2 + 4)  # a length, and "MQTT"
            level = await reader.readexactly(1)
            self.levels.append(level[0])
            if level[0] != _LEVEL_3_1_1:
                if self.answers:
                    writer.write(_REFUSED)
                return
            inner, outer = await asyncio.open_connection("127.0.0.1", self.behind)
            outer.write(head + name + level)
            await asyncio.gather(_pass_on(reader, outer), _pass_on(inner, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def old_broker(behind: int, *, answers: bool = True) -> AsyncIterator[OldBroker]:
    """A guard before a Mosquitto's port."""
    guard = OldBroker(behind, answers)

    def start(accept: Accept) -> Awaitable[asyncio.Server]:
        return asyncio.start_server(accept, "127.0.0.1", 0)

    async with serving_streams(start, guard.serve) as server:
        guard.port = server.sockets[0].getsockname()[1]
        yield guard
