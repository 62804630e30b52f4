"""A small HTTP server for a few Artisans: bounded in connections, clients, messages and time."""

import asyncio
import contextlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import ClientConnectionError, WSCloseCode, WSMsgType, web

from roastwatch import inbound
from roastwatch.errors import BadInputError, LostError
from roastwatch.inbound import Mishaps
from roastwatch.sinks.artisan.commands import LIMITS, Request, answer, number_of, request
from roastwatch.vocabulary import Command

MOST_CLIENTS, _MOST_CONNECTIONS = 4, 16
_HEAD_WITHIN_S = 10.0
"""A connection that has not become a WebSocket by then is closed."""
_PING_S = 15.0
_MESSAGES, _WITHIN_S = 300, 10.0
"""How many messages a client may send in which time: Artisan sends at most 10 a second."""
_WAITING = 64
_COMMANDS = 8
_log = logging.getLogger(__name__)


class Client:
    """One Artisan that is connected, and what waits to be sent to it."""

    def __init__(
        self, station: str, socket: web.WebSocketResponse, transport: asyncio.Transport | None
    ) -> None:
        self.station = station
        self.socket = socket
        self._transport = transport
        self.waiting: asyncio.Queue[str] = asyncio.Queue(_WAITING)
        self.commands: asyncio.Queue[Request] = asyncio.Queue(_COMMANDS)

    def put(self, message: Mapping[str, Any]) -> None:
        """Send a message soon; a client that reads nothing is disconnected."""
        try:
            self.waiting.put_nowait(json.dumps(message))
        except asyncio.QueueFull:
            if self._transport is not None:
                self._transport.abort()


class Server:
    """Serves each Artisan its station: `/WebSocket`, or `/WebSocket/<station>`."""

    def __init__(
        self,
        stations: Mapping[str, str],
        token: str | None,
        count: Callable[[str], None],
        handle: Callable[[Client, Request], Awaitable[None]],
        welcome: Callable[[Client], None],
        page: Callable[[str, str], str],
    ) -> None:
        """Nothing is opened yet.

        Args:
            stations: path → station.
            token: what `?token=` must be; None: nothing is asked.
            count: adds to a counter.
            handle: carries out a request, and answers it by `Client.put`.
            welcome: called for each new client.
            page: host with port, and path → the settings file of Artisan for it.
        """
        self._stations = stations
        self._token = token
        self._count = count
        self._handle = handle
        self._welcome = welcome
        self._page = page
        self._mishaps = Mishaps(_log, count)
        self.clients: list[Client] = []
        self._upgraded: set[object] = set()

    async def serve(self, host: str, port: int, opened: Callable[[], None]) -> None:
        """Serve until cancelled.

        Raises:
            LostError: the port is in use.
        """
        app = web.Application(client_max_size=LIMITS.size)
        app.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=5.0, shutdown_timeout=1.0)
        await runner.setup()
        assert runner.server is not None
        make = runner.server
        loop = asyncio.get_running_loop()

        def accept() -> asyncio.Protocol:
            if len(make.connections) >= _MOST_CONNECTIONS:
                self._count("connections_refused")
                return _Refused()
            protocol = make()
            loop.call_later(_HEAD_WITHIN_S, self._close_unless_upgraded, protocol)
            return protocol

        try:
            try:
                listening = await loop.create_server(accept, host, port)
            except OSError as error:
                raise LostError(
                    f"Artisan can't be served on {host}:{port} ({error.strerror})."
                ) from error
            try:
                opened()
                await asyncio.Event().wait()
            finally:
                listening.close()
                ends = b"roastwatch has ended"
                closing = (
                    client.socket.close(code=WSCloseCode.GOING_AWAY, message=ends)
                    for client in list(self.clients)
                )
                await asyncio.gather(*closing, return_exceptions=True)
        finally:
            await runner.cleanup()

    def _close_unless_upgraded(self, protocol: web.RequestHandler) -> None:
        if protocol not in self._upgraded and protocol.transport is not None:
            protocol.transport.abort()

    async def _answer(self, http: web.Request) -> web.StreamResponse:
        path = http.match_info["path"].strip("/")
        token = http.query.get("token", "")
        wanted = self._token
        if wanted is not None and not hmac.compare_digest(token.encode(), wanted.encode()):
            self._count("connections_refused")
            return web.Response(status=401, text="The token is missing or wrong.")
        name, _, suffix = path.rpartition(".")
        if suffix == "aset" and name in self._stations:
            return self._file(http, name)
        station = self._stations.get(path)
        if station is None:
            known = ", ".join(f"/{one}" for one in self._stations)
            return web.Response(status=404, text=f"There is nothing here: use {known}.")
        if _of_a_web_page(http):
            return web.Response(status=403, text="This is for Artisan, not for web pages.")
        if not web.WebSocketResponse().can_prepare(http).ok:
            said = f"Connect Artisan's WebSocket device here. Its settings: /{path}.aset"
            return web.Response(status=426, text=said)
        if len(self.clients) >= MOST_CLIENTS:
            self._count("connections_refused")
            return web.Response(status=503, text=f"{MOST_CLIENTS} programs are connected.")
        return await self._serve(http, station)

    def _file(self, http: web.Request, path: str) -> web.Response:
        """Artisan's settings for this very address."""
        if self._token is not None:
            path += f"?token={self._token}"
        headers = {"Content-Disposition": 'attachment; filename="roastwatch.aset"'}
        try:
            return web.Response(text=self._page(http.host, path), headers=headers)
        except BadInputError as error:
            return web.Response(status=400, text=str(error))

    async def _serve(self, http: web.Request, station: str) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            heartbeat=_PING_S, max_msg_size=LIMITS.size, compress=False, timeout=1.0
        )
        await socket.prepare(http)
        client = Client(station, socket, http.transport)
        self._upgraded.add(http.protocol)
        self.clients.append(client)
        self._welcome(client)
        tasks = [
            asyncio.create_task(self._send(client), name="artisan:send"),
            asyncio.create_task(self._carry_out(client), name="artisan:commands"),
        ]
        try:
            await self._receive(client)
        finally:
            self.clients.remove(client)
            self._upgraded.discard(http.protocol)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return socket

    async def _send(self, client: Client) -> None:
        with contextlib.suppress(ClientConnectionError, ConnectionError):
            while True:
                await client.socket.send_str(await client.waiting.get())

    async def _receive(self, client: Client) -> None:
        loop = asyncio.get_running_loop()
        since_s, number = loop.time(), 0
        async for message in client.socket:
            if loop.time() - since_s > _WITHIN_S:
                since_s, number = loop.time(), 0
            number += 1
            if message.type is not WSMsgType.TEXT or number > _MESSAGES:
                self._count("connections_cut")
                said = b"Send JSON as text, and not so often."
                await client.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=said)
                return
            with self._mishaps.contained("A message of Artisan"):
                await self._take(client, message.data)

    async def _take(self, client: Client, text: str) -> None:
        """Carry out a request at once; a command waits for the one before it."""
        message = inbound.json_object(text, "The message", LIMITS)
        number = number_of(message)
        try:
            asked = request(client.station, message)
            if isinstance(asked.wish, Command):
                if client.commands.full():
                    raise BadInputError("Too many commands at once.")
                client.commands.put_nowait(asked)
                return
        except BadInputError as error:
            if number is not None:
                client.put(answer(number, False, f"Refused: {error}"))
            raise
        await self._handle(client, asked)

    async def _carry_out(self, client: Client) -> None:
        while True:
            asked = await client.commands.get()
            with self._mishaps.contained("A command of Artisan"):
                await self._handle(client, asked)


class _Refused(asyncio.Protocol):
    """A connection for which there is no room."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()


def _of_a_web_page(http: web.Request) -> bool:
    """Whether a browser sent it: it always names its page and itself, and a page can't forge that.

    Artisan sends an origin too, the name of its computer.
    """
    agent = http.headers.get("User-Agent", "")
    return "Origin" in http.headers and not agent.startswith("Artisan/")
