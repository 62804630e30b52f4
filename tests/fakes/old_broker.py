"""A broker of MQTT 3.1.1 only, as it looks on the wire: a guard before a real Mosquitto.

MQTT 3.1.1, 3.1.2.2: a server that does not support the protocol level must answer CONNACK with
return code 1 and close; some close at once instead. What speaks 3.1.1 is passed on as it is.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

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
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


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
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(guard.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    guard.port = server.sockets[0].getsockname()[1]
    try:
        yield guard
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
