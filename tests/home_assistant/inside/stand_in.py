"""A peer that speaks the protocol of the service, for what the real one does too rarely."""

import asyncio
import copy
from typing import Any

from aiohttp import WSCloseCode, web

TOKEN, PASSWORD, CODE = "paired-token", "abcd-efgh-jkmn-pqrs", "ab2d-ef3h"


class StandIn:
    """Answers as the service does, from the real service's description of itself."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.listing: dict[str, Any] = copy.deepcopy(described["listing"])
        self.values: dict[str, dict[str, Any]] = copy.deepcopy(described["values"])
        self.events: list[dict[str, Any]] = []
        self.level: dict[str, Any] | None = None
        self.role = "operator"
        self.status: dict[str, int] = {}
        """Path → the status of each answer."""
        self.refusal: dict[str, str] | None = None
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.files: dict[str, tuple[str, bytes]] = {}
        """Path → type and bytes of anything else that it serves."""
        self.received: list[tuple[str, str, dict[str, str], bytes]] = []
        """Method, path with query, headers and body of the requests for anything else."""
        self.port = 0
        self.tokens = {TOKEN}
        self.live_headers: dict[str, str] = {}
        self._sockets: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None
        self.connected = asyncio.Event()

    async def start(self) -> None:
        """Listen, at the same port as before."""
        app = web.Application()
        app.router.add_post("/api/v1/pair", self._pair)
        app.router.add_get("/api/v1/entities", self._entities)
        app.router.add_get("/api/v1/live", self._live)
        app.router.add_get("/api/v1/stations/{station}/picture", self._picture)
        app.router.add_post("/api/v1/stations/{station}/set/{key}", self._ask)
        app.router.add_post("/api/v1/stations/{station}/instruct", self._ask)
        app.router.add_route("*", "/{path:.*}", self._anything)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """End, as a killed service does: every connection is closed."""
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def send(self, message: dict[str, Any]) -> None:
        """A message to every client."""
        for socket in list(self._sockets):
            await socket.send_json(message)

    async def show(self, station: str, **values: Any) -> None:
        """Other values; a dictionary replaces the whole row."""
        rows = {
            key: value if isinstance(value, dict) else {"value": value, "available": True}
            for key, value in values.items()
        }
        self.values[station]["values"] |= rows
        await self.send(self.values[station] | {"whole": False, "values": rows})

    async def relist(self) -> None:
        """The list has changed: the next values have another revision."""
        for name, station in self.listing["stations"].items():
            station["revision"] += "x"
            message = self.values.get(name)
            if message is not None:
                message["revision"] = station["revision"]
                await self.send(message | {"whole": True})

    def _refused(self, request: web.Request) -> web.Response | None:
        name = request.path.rsplit("/", 1)[1]
        if name in self.status:
            status = self.status[name]
            return web.json_response({"error": f"It answers {status}."}, status=status)
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if name != "pair" and sent not in self.tokens:
            return web.json_response({"error": "Sign in."}, status=401)
        return None

    async def _pair(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        body = await request.json()
        self.asked.append(("pair", body))
        if body.get("password") != PASSWORD and body.get("code") != CODE:
            return web.json_response({"error": "The password is wrong."}, status=403)
        self.tokens.add(TOKEN)
        answer = {name: self.listing[name] for name in ("id", "instance")}
        answer |= {"token": TOKEN, "role": self.role}
        return web.json_response(answer, status=201)

    async def _entities(self, request: web.Request) -> web.Response:
        return self._refused(request) or web.json_response(self.listing)

    async def _picture(self, request: web.Request) -> web.Response:
        return self._refused(request) or web.Response(body=b"\x89PNG", content_type="image/png")

    async def _ask(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(("/".join(request.path.split("/")[4:]), body))
        if self.refusal is not None:
            return web.json_response(self.refusal, status=409)
        return self._refused(request) or web.json_response({"outcome": "applied"})

    async def _anything(self, request: web.Request) -> web.StreamResponse:
        body, headers = await request.read(), dict(request.headers)
        self.received.append((request.method, request.path_qs, headers, body))
        if request.path not in self.files:
            return web.json_response({"error": "There is nothing at this path."}, status=404)
        media, content = self.files[request.path]
        answer = web.Response(body=content, content_type=media)
        answer.headers.update({"ETag": 'W/"1"', "Set-Cookie": "session=secret"})
        return answer

    async def _live(self, request: web.Request) -> web.StreamResponse:
        if (refused := self._refused(request)) is not None:
            return refused
        self.live_headers = dict(request.headers)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            await socket.send_json(self._snapshot())
            async for message in socket:
                if message.json() == {"type": "subscribe", "entities": True}:
                    for one in self.values.values():
                        await socket.send_json(one)
                    self.connected.set()
        finally:
            self._sockets.discard(socket)
        return socket

    def _snapshot(self) -> dict[str, Any]:
        stations = {
            name: {
                "number": 0,
                "events": [one for one in self.events if one["station"] == name],
                "level": self.level,
            }
            for name in self.listing["stations"]
        }
        return {"type": "snapshot", "stations": stations}
