"""The same link over a WebSocket: `ws://host:port/path`."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Self

import aiohttp

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.transport.latest_value import defect
from roastwatch.roaster.transport.serial import SerialLink


class WebSocketWire(SerialLink):
    """A machine behind a WebSocket; each message is text, with or without a line end."""

    def __init__(self, port: str, *, machine: str, on_bytes: Callable[[bytes], object]) -> None:
        super().__init__(port, machine, on_bytes)
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._outgoing: asyncio.Queue[str] = asyncio.Queue(64)

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            LostError: nothing replies.
            BadInputError: the server is not a WebSocket, or the address is invalid.
        """
        self._outgoing = asyncio.Queue(64)
        self._session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(4.0):
                self._socket = await self._session.ws_connect(self.port, autoping=True)
        except aiohttp.WSServerHandshakeError as error:
            await self._session.close()
            raise BadInputError(
                f"{self.port} replies, but not as a {self.machine}'s WebSocket "
                f"(HTTP {error.status}): check `port` and its path, such as /ws."
            ) from error
        except aiohttp.InvalidURL as error:
            await self._session.close()
            raise BadInputError(
                f"{self.port} is no valid address: write ws://host:80/ws."
            ) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            await self._session.close()
            raise LostError(
                f"Nothing replies at {self.port}: check that the {self.machine} is on and in this "
                "network."
            ) from error
        self._gone = None
        self._tasks = [
            asyncio.create_task(self._receive(self._socket), name="websocket in"),
            asyncio.create_task(self._send(self._socket), name="websocket out"),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._gone is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await self._outgoing.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._socket is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._socket.close()
        if self._session is not None:
            await self._session.close()
        self.closed("closed")

    def write(self, data: bytes) -> None:
        """Send one message."""
        self.check()
        try:
            self._outgoing.put_nowait(data.decode("ascii"))
        except asyncio.QueueFull:
            raise LostError(f"The {self.machine} on {self.port} no longer accepts data.") from None

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            while True:
                text = await self._outgoing.get()
                await socket.send_str(text)
                self._outgoing.task_done()
        except (aiohttp.ClientError, OSError) as error:
            self.closed(error)
        except Exception as error:  # noqa: BLE001 - a defect must not leave the machine alone
            self.closed(defect(self.machine, error))

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.arrived(message.data.encode("utf-8", "replace") + b"\n")
                elif message.type is aiohttp.WSMsgType.BINARY:
                    self.arrived(message.data + b"\n")
        except Exception as error:  # noqa: BLE001 - a defect must not leave the machine alone
            self.closed(defect(self.machine, error))
        self.closed(socket.exception() or "closed by the machine")
