"""A server of streams that leaves no connection behind, however a test ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Accept = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]
_TURNS_TO_ACCEPT = 3
"""Turns of the loop until a connection of the kernel is one of the server."""


@contextlib.asynccontextmanager
async def serving_streams(
    start: Callable[[Accept], Awaitable[asyncio.Server]], serve: Serve
) -> AsyncIterator[asyncio.Server]:
    """Serve connections until the end; a client may come as late as it likes."""
    tasks: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                await serve(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            writers.discard(writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        task = asyncio.create_task(one(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await start(accept)
    try:
        yield server
    finally:
        server.close()
        for _ in range(_TURNS_TO_ACCEPT):
            await asyncio.sleep(0)
        for _ in range(2):  # the second cancels a task that was cancelled before it began to close
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for writer in list(writers):  # of a task that was cancelled before its first step
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
