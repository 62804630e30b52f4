"""A stand-in for Home Assistant's Supervisor: the part of its API that an app may use, and ingress.

Written from the developers' documentation (Supervisor endpoints, app communication, presenting
your app: ingress). It listens at one address and connects to the app from another, as the real
one does from 172.30.32.2.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

GATEWAY = "127.0.0.2"
"""From here it connects to the app."""
TOKEN = "supervisor-token-of-the-app"
_HOP = {
    *("connection", "upgrade", "content-length", "content-encoding", "transfer-encoding"),
    *("x-remote-user-id", "x-remote-user-name", "x-remote-user-display-name", "cookie"),
}
_SOCKET = "sec-websocket"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class FakeSupervisor:
    """What it knows, what it was sent, and how it behaves."""

    url: str = ""
    port: int = 0
    mqtt: dict[str, Any] | None = None
    """None: no app offers a broker."""
    core: dict[str, Any] | None = field(
        default_factory=lambda: {
            "language": "de",
            "time_zone": "Europe/Berlin",
            "unit_system": {"temperature": "°C", "length": "km"},
        }
    )
    """Home Assistant's configuration; None: it does not run."""
    actions: tuple[str, ...] = ("notify.persistent_notification", "light.turn_on")
    """Home Assistant's actions."""
    time_zone: str = "Europe/Vienna"
    discovered: list[dict[str, Any]] = field(default_factory=list)
    app: str = ""
    """Address of the app, for ingress."""
    user: dict[str, str] = field(
        default_factory=lambda: {"Id": "0123", "Name": "ada", "Display-Name": "Ada Lovelace"}
    )
    fails: int = 0
    """Requests that are answered with 502 first."""
    prefix: str = field(default_factory=lambda: f"/api/hassio_ingress/{secrets.token_urlsafe(8)}")


def _ok(data: object) -> web.Response:
    return web.json_response({"result": "ok", "data": data})


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"result": "error", "message": message}, status=status)


class _Api:
    def __init__(self, state: FakeSupervisor) -> None:
        self.state = state

    @web.middleware
    async def guard(self, request: web.Request, handler: Answer) -> web.StreamResponse:
        if request.path.startswith("/api/hassio_ingress/"):
            return await handler(request)
        if self.state.fails > 0:
            self.state.fails -= 1
            return web.Response(status=502)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error(401, "Unauthorized")
        return await handler(request)

    async def mqtt(self, _: web.Request) -> web.Response:
        if self.state.mqtt is None:
            return _error(400, "Service not enabled")
        return _ok(self.state.mqtt)

    async def info(self, _: web.Request) -> web.Response:
        return _ok({"supervisor": "2026.11.0", "arch": "amd64", "timezone": self.state.time_zone})

    async def core(self, _: web.Request) -> web.Response:
        if self.state.core is None:
            return web.Response(status=502)
        return web.json_response(self.state.core)  # Home Assistant's own answer has no envelope

    async def services(self, _: web.Request) -> web.Response:
        if self.state.core is None:
            return web.Response(status=502)
        found: dict[str, dict[str, Any]] = {}
        for action in self.state.actions:
            domain, name = action.split(".")
            found.setdefault(domain, {})[name] = {"description": "", "fields": {}}
        return web.json_response([{"domain": k, "services": v} for k, v in found.items()])

    async def discovery(self, request: web.Request) -> web.Response:
        said = await request.json()
        if set(said) != {"service", "config"} or said["service"] != "roastwatch":
            return _error(403, "Apps must list services they provide via discovery!")
        self.state.discovered.append(said)
        return _ok({"uuid": secrets.token_hex(16)})


class _Ingress:
    """A signed-in person's requests, below the path of the app's ingress."""

    def __init__(self, state: FakeSupervisor, session: aiohttp.ClientSession) -> None:
        self.state = state
        self.session = session

    async def answer(self, request: web.Request) -> web.StreamResponse:
        url = self.state.app + request.raw_path.removeprefix(self.state.prefix)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        headers = {k: v for k, v in headers.items() if not k.lower().startswith(_SOCKET)}
        headers |= {f"X-Remote-User-{name}": value for name, value in self.state.user.items()}
        headers["X-Ingress-Path"] = self.state.prefix
        headers["X-Forwarded-Host"] = request.host
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._socket(request, url, headers)
            return await self._answered(request, url, headers)
        except aiohttp.ClientConnectionError as error:  # the app does not run
            raise web.HTTPBadGateway from error

    async def _answered(
        self, request: web.Request, url: str, headers: dict[str, str]
    ) -> web.Response:
        streamed = request.content if request.method == "POST" else await request.read()
        async with self.session.request(
            request.method, url, headers=headers, data=streamed, allow_redirects=False
        ) as said:
            kept = {k: v for k, v in said.headers.items() if k.lower() not in _HOP}
            return web.Response(status=said.status, body=await said.read(), headers=kept)

    async def _socket(
        self, request: web.Request, url: str, headers: dict[str, str]
    ) -> web.WebSocketResponse:
        person = web.WebSocketResponse(timeout=1.0, autoping=False)
        limit = aiohttp.ClientWSTimeout(ws_close=1)
        try:
            app = await self.session.ws_connect(url, headers=headers, timeout=limit)
        except aiohttp.WSServerHandshakeError as refused:
            raise web.HTTPBadGateway from refused
        async with app:
            await person.prepare(request)
            up = asyncio.create_task(_pass(person, app))
            try:
                await _pass(app, person)
            finally:
                up.cancel()
                await asyncio.gather(up, return_exceptions=True)
        await person.close()
        return person


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pass(source: Socket, target: Socket) -> None:
    async for message in source:
        if message.type is WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await target.send_bytes(message.data)
        elif message.type is WSMsgType.PING:
            await target.ping(message.data)
        elif message.type is WSMsgType.PONG:
            await target.pong(message.data)


@contextlib.asynccontextmanager
async def supervising(
    *, listens: int = 0, address: str = GATEWAY, **known: Any
) -> AsyncIterator[FakeSupervisor]:
    """A Supervisor on this machine: its port (0: a free one), and from where it connects."""
    state = FakeSupervisor(**known)
    connector = aiohttp.TCPConnector(local_addr=(address, 0), force_close=True)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        api, ingress = _Api(state), _Ingress(state, session)
        app = web.Application(middlewares=[api.guard])
        app.router.add_get("/services/mqtt", api.mqtt)
        app.router.add_get("/info", api.info)
        app.router.add_get("/core/api/config", api.core)
        app.router.add_get("/core/api/services", api.services)
        app.router.add_post("/discovery", api.discovery)
        app.router.add_route("*", state.prefix + "/{path:.*}", ingress.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", listens)
            await site.start()
            state.port = runner.addresses[0][1]
            state.url = f"http://127.0.0.1:{state.port}"
            yield state
        finally:
            await runner.cleanup()
